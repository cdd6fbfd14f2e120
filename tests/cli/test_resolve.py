"""`adbatch resolve`: uncertain requests are listed with what they can have cost, and settled by what a person knows."""

from __future__ import annotations

import getpass
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.edge.clock import SystemClock
from runner.edge.journal import Journal
from runner.edge.outputs import read_results
from runner.edge.state import State
from runner.facts import Resolved
from tests.cli.conftest import ENVIRON, Adbatch, start
from tests.projects import COPY, MEDIUM, write_project

PRICES: Final = "version: 1\nprices: {jivox/text: {each: 0.05, currency: USD}}\n"
FEED: Final = "id,title\nmug,Mug\n"
LISTED: Final = re.compile(r"([0-9a-f]{16})  (\S+)  at most (.+)\n    sent \S+Z: \S.*\n    .+\n")


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after a run in which both vendors billed and then hung up, without a setting or a key of ours."""
    folder = tmp_path_factory.mktemp("storm")
    write_project(folder, COPY + MEDIUM, project=PRICES, feed=FEED)
    (folder / "faults.json").write_text('[{"kind": "drop_after", "times": 1}]')
    process = start(folder, "run", "job.yaml", "--sandbox", "--quiet", "--faults", "faults.json")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "1 uncertain" in err) == (4, True)
    return folder


@pytest.fixture
def folder(storm: Path, tmp_path: Path) -> Path:
    """A copy of that project, where the command stands."""
    shutil.copytree(storm, tmp_path, dirs_exist_ok=True)
    return tmp_path


def ids(folder: Path) -> dict[str, str]:
    """The ids of the two requests, by vendor."""
    [line] = read_results(folder / "out" / "results.jsonl")
    return {step["provider"]: step["request"] for step in line["steps"].values()}


def words(folder: Path) -> list[Resolved]:
    """What was said, as the journal has it."""
    with Journal.open(folder / ".adbatch/sandbox/jobs/small/journal.db", "sandbox") as journal:
        return [fact for fact in journal.facts() if isinstance(fact, Resolved)]


def bill(folder: Path) -> Counter[str]:
    """How often each vendor billed."""
    lines = (folder / ".adbatch/sandbox/vendors/ledger.jsonl").read_text("utf-8").splitlines()
    return Counter(json.loads(line)["vendor"] for line in lines)


def ticket(folder: Path) -> str:
    """The id under which Sivi has the job that was billed: what a person reads in its dashboard."""
    lines = (folder / ".adbatch/sandbox/vendors/ledger.jsonl").read_text("utf-8").splitlines()
    [entry] = [entry for entry in map(json.loads, lines) if entry["vendor"] == "sivi"]
    return str(entry["ticket"])


def statuses(folder: Path) -> dict[str, str]:
    """How each step stands in the results."""
    [line] = read_results(folder / "out" / "results.jsonl")
    return {name: step["status"] for name, step in line["steps"].items()}


def test_without_a_terminal_they_are_listed(folder: Path, adbatch: Adbatch) -> None:
    """On stdout each with its id, what it asks and what it can have cost; the code says that some are left, nothing is written."""
    ended = adbatch("resolve", "job.yaml", "--sandbox")
    assert ended.code == 4
    assert LISTED.findall(ended.out) == [
        (ids(folder)["jivox"][:16], "jivox/text", "0.05 USD"),
        (ids(folder)["sivi"][:16], "sivi/media", "1 submit of unknown price"),
    ]
    assert ended.err.splitlines() == [
        "settle one with: --as billed|not-billed|again --request ID",
        "2 uncertain, at most 0.05 USD + 1 submit of unknown price",
    ]
    assert words(folder) == []


@pytest.mark.parametrize(("how", "word"), [("not-billed", "not_billed"), ("again", "again"), ("billed", "billed")])
def test_one_is_settled_by_the_beginning_of_its_id(folder: Path, adbatch: Adbatch, how: str, word: str) -> None:
    """Who, when and why are in the journal; the other stays as it is, and so does the code."""
    before, whole = SystemClock().now(), ids(folder)["jivox"]
    ended = adbatch("resolve", "job.yaml", "--sandbox", "--as", how, "--request", whole[:10], "--why", "seen in the dashboard")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.splitlines() == [
        "1 settled; the next run goes on from there",
        "1 uncertain, at most 1 submit of unknown price",
    ]
    [fact] = words(folder)
    assert (fact.id, fact.how, fact.who, fact.why) == (whole, word, getpass.getuser(), "seen in the dashboard")
    assert before <= fact.at <= SystemClock().now()


def test_what_was_not_billed_is_bought_once_by_the_next_run(folder: Path, adbatch: Adbatch) -> None:
    """All at once; the run after it buys each once more, and the one after that nothing."""
    settled = adbatch("resolve", "job.yaml", "--sandbox", "--as", "not-billed", "--request", "all")
    assert (settled.code, settled.err.splitlines()[-1]) == (0, "no request is uncertain")
    assert bill(folder) == {"jivox": 1, "sivi": 1}
    for _ in range(2):
        assert adbatch("run", "job.yaml", "--sandbox").code == 0
        assert (bill(folder), statuses(folder)) == ({"jivox": 2, "sivi": 2}, {"copy": "done", "medium": "done"})


def test_what_was_billed_is_fetched_and_not_bought(folder: Path, adbatch: Adbatch) -> None:
    """With its ticket the next run asks for the job, with a file it is there already; nobody bills anything."""
    (folder / "copy.txt").write_text("A mug for life\n")
    shared = ("resolve", "job.yaml", "--sandbox", "--as", "billed", "--request")
    assert adbatch(*shared, ids(folder)["sivi"], "--ticket", ticket(folder)).code == 4
    assert adbatch(*shared, ids(folder)["jivox"], "--file", "copy.txt").code == 0
    ended = adbatch("run", "job.yaml", "--sandbox", "--json")
    lanes = json.loads(ended.out)["providers"]
    assert (ended.code, statuses(folder)) == (0, {"copy": "done", "medium": "done"})
    assert {name: (lane["sent"], lane["polls"] > 0) for name, lane in lanes.items()} == {"jivox": (0, False), "sivi": (0, True)}
    assert bill(folder) == {"jivox": 1, "sivi": 1}
    assert (folder / "out/mug/copy.txt").read_text() == "A mug for life\n"
    assert len(list((folder / "out/mug").glob("medium.*"))) == 1


def test_what_was_billed_and_is_lost_stays_lost(folder: Path, adbatch: Adbatch) -> None:
    """Billed with neither ticket nor file is failed for good: told with its reason, not bought again."""
    adbatch("resolve", "job.yaml", "--sandbox", "--as", "billed", "--request", "all", "--why", "the link has expired")
    ended = adbatch("run", "job.yaml", "--sandbox")
    assert (ended.code, bill(folder)) == (1, {"jivox": 1, "sivi": 1})
    assert "  1 failed at jivox (copy): billed, but its result is lost: the link has expired; job.yaml:" in ended.err


def test_a_job_without_doubts_says_so(tmp_path: Path, adbatch: Adbatch) -> None:
    """Nothing to settle is success, also for a job that never ran."""
    write_project(tmp_path)
    assert adbatch("resolve", "job.yaml") == adbatch("resolve", "job.yaml", "--as", "again", "--request", "all")
    assert adbatch("resolve", "job.yaml").err == "no request is uncertain\n"
    assert adbatch("resolve", "job.yaml").code == 0


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--as", "billed"], "--as and --request go together: --as billed|not-billed|again --request ID (or all)"),
        (["--request", "all"], "--as and --request go together"),
        (["--ticket", "7"], "--as and --request go together"),
        (
            ["--as", "billed", "--request", "all", "--ticket", "7"],
            "--ticket and --file settle one request; name it with --request ID",
        ),
        (["--as", "billed", "--request", "all", "--file", "x"], "--ticket and --file settle one request"),
        (["--as", "again", "--request", "SIVI", "--ticket", "7"], "a ticket or a file proves that it was billed"),
        (["--as", "billed", "--request", "SIVI", "--ticket", ""], "the ticket is empty"),
        (["--as", "billed", "--request", "JIVOX", "--ticket", "7"], "jivox/text answers at once and gives no ticket"),
        (["--as", "billed", "--request", "SIVI", "--file", "feed.csv"], "feed.csv: "),
        (["--as", "billed", "--request", "SIVI", "--file", "gone.png"], "gone.png: cannot be read (No such file or directory)"),
        (["--as", "billed", "--request", "xyz"], "no uncertain request begins with 'xyz'; uncertain are: JIVOX, SIVI"),
        (["--as", "refunded", "--request", "all"], "'refunded' is not one of 'billed', 'not-billed', 'again'"),
    ],
)
def test_what_cannot_be_meant_settles_nothing(folder: Path, adbatch: Adbatch, argv: list[str], told: str) -> None:
    """A wrong command line ends with 2 and a remedy, and nothing is written."""
    for vendor, whole in ids(folder).items():
        argv = [whole if word == vendor.upper() else word for word in argv]
        told = told.replace(vendor.upper(), whole[:12])
    ended = adbatch("resolve", "job.yaml", "--sandbox", *argv)
    assert (ended.code, ended.out, words(folder)) == (2, "", [])
    assert told in ended.err


def test_a_request_that_is_settled_is_no_longer_found(folder: Path, adbatch: Adbatch) -> None:
    """Saying it twice is a mistake, told as one; a live request is not looked for among the sandbox's."""
    argv = ("resolve", "job.yaml", "--as", "again", "--request", ids(folder)["jivox"][:12])
    assert adbatch(*argv, "--sandbox").code == 4
    again = adbatch(*argv, "--sandbox")
    assert (again.code, f"uncertain are: {ids(folder)['sivi'][:12]}\n" in again.err) == (2, True)
    assert (adbatch(*argv).code, len(words(folder))) == (2, 1)


def test_an_answer_that_could_not_be_read_is_shown(tmp_path: Path, adbatch: Adbatch) -> None:
    """What the vendor said to a purchase is kept for whoever settles it, and the list says where."""
    write_project(tmp_path, feed=FEED)
    (tmp_path / "faults.json").write_text('[{"kind": "html200", "step": "submit"}]')
    assert adbatch("run", "job.yaml", "--sandbox", "--faults", "faults.json").code == 4
    listed = adbatch("resolve", "job.yaml", "--sandbox").out
    [path] = re.findall(r"what the vendor answered is in (\S+)\n", listed)
    assert (tmp_path / path).read_bytes().lstrip().lower().startswith((b"<!doctype", b"<html"))


def test_a_run_holds_what_would_be_settled(folder: Path, adbatch: Adbatch) -> None:
    """While a run has the job, nothing is settled under its hands."""
    with State(folder / ".adbatch", "sandbox").lock("small", SystemClock().now()):
        ended = adbatch("resolve", "job.yaml", "--sandbox", "--as", "again", "--request", "all")
    assert (ended.code, words(folder)) == (75, [])


class Terminal:
    """The command on a terminal of its own, and a person at it."""

    def __init__(self, folder: Path, *argv: str) -> None:
        self.master, slave = pty.openpty()
        self.process = start(folder, "resolve", "job.yaml", "--sandbox", *argv, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.seen = ""

    def hear(self, prompt: str) -> None:
        """Wait until the terminal shows this."""
        until = time.monotonic() + 20
        while prompt not in self.seen:
            assert time.monotonic() < until, self.seen
            self.seen += os.read(self.master, 4096).decode()
        self.seen = self.seen.partition(prompt)[2]

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self.master, f"{line}\n".encode())

    def end(self) -> int:
        """The exit code, once the person has nothing more to say."""
        return self.process.wait(20)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are put away afterwards."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.master)


def test_on_a_terminal_each_is_asked_about(folder: Path, terminals: list[Terminal]) -> None:
    """A word for each; a billed one is asked for its ticket or its file, and a mistake is told and asked about again."""
    (folder / "copy.txt").write_text("A mug for life\n")
    terminal = Terminal(folder, "--why", "asked them")
    terminals.append(terminal)
    for prompt, line in (
        ("skip? (b, n, a, s): ", "perhaps"),
        ("skip? (b, n, a, s): ", "b"),
        ("the path of what the vendor made, or Enter if there is none: ", "gone.txt"),
        ("gone.txt: cannot be read", ""),
        ("skip? (b, n, a, s): ", "b"),
        ("the path of what the vendor made, or Enter if there is none: ", "copy.txt"),
        ("sivi/media", ""),
        ("skip? (b, n, a, s): ", "b"),
        ("the vendor's ticket of it, or Enter if there is none: ", ticket(folder)),
        ("no request is uncertain", ""),
    ):
        terminal.hear(prompt)
        if line:
            terminal.type(line)
    assert terminal.end() == 0
    first, second = words(folder)
    assert (first.id, first.artifacts[0].text, first.why) == (ids(folder)["jivox"], "A mug for life", "asked them")
    assert (second.id, second.ticket) == (ids(folder)["sivi"], ticket(folder))


def test_on_a_terminal_one_may_be_left(folder: Path, terminals: list[Terminal]) -> None:
    """What is skipped stays uncertain, and the code says so; the other is settled."""
    terminal = Terminal(folder)
    terminals.append(terminal)
    for line in ("s", "n"):
        terminal.hear("skip? (b, n, a, s): ")
        terminal.type(line)
    terminal.hear("1 uncertain, at most 0.05 USD")
    assert (terminal.end(), [fact.id for fact in words(folder)]) == (4, [ids(folder)["sivi"]])


NAMELESS: Final = """\
import os
os.setresuid(54321, 0, 0)
from runner.cli.resolve import name_of_user
print(name_of_user())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a user that no file knows")
def test_somebody_without_a_name_is_known_by_number() -> None:
    """A container may run as a user that no file knows; what is said is written down all the same."""
    environ = {name: value for name, value in ENVIRON.items() if name not in ("LOGNAME", "USER", "LNAME", "USERNAME")}
    done = subprocess.run([sys.executable, "-c", NAMELESS], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "uid 54321\n"
