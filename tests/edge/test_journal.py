"""The journal on real SQLite files: facts in, the same facts out, whatever happened in between.

Long, because every way a file can be damaged is a case.
"""

from __future__ import annotations

import random
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.edge.journal import Journal, Run
from runner.edge.numbers import KEPT
from runner.edge.writing import seal
from runner.errors import Held, OurSide
from runner.facts import Answered, Fact, Planned, Saved, Sent, Stopped
from runner.records import Artifact, Blob, Request, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Lost, Queued, Refused, Text
from runner.verdicts import Held as HeldItem
from runner.verdicts import Link as LinkItem

HASH = "ab" * 32


def ask(number: int = 0) -> Request:
    """The request of this number."""
    return make_request("house", "image", {"prompt": f"mug {number}", "size": [300, 250], "deep": {"a": None}})


def life_of(request: Request) -> list[Fact]:
    """A request's facts from plan to result, with every kind among them."""
    return [
        Planned(1.5, request),
        Sent(2.0, request.id, "submit"),
        Answered(3.0, request.id, "submit", Queued("t-1", 2.5)),
        Sent(4.0, request.id, "poll", 2),
        Answered(5.0, request.id, "poll", Done((LinkItem("https://x.test/1"), HeldItem(Blob(HASH, 9)), Text("hi")), "2 of 3")),
        Saved(6.0, request.id, (Artifact("file", sha256=HASH, size=9, media_type="image/png", width=1, height=2),)),
        Stopped(7.0, request.id, "spoiled", "not a picture"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal of the test is."""
    return tmp_path / "jobs" / "journal.db"


def rewrite(path: Path, sql: str) -> None:
    """Change a closed journal behind our back."""
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


def test_facts_come_back_as_they_were(path: Path) -> None:
    """Every fact of a life survives closing and opening, in order."""
    facts = life_of(ask())
    with Journal.open(path, "live") as journal:
        journal.commit(facts)
    with Journal.open(path, "live") as journal:
        assert journal.histories([ask().id]) == {ask().id: facts}
        assert list(journal.facts()) == facts


def test_queries_that_count_give_their_rows(path: Path) -> None:
    """`select` gives the rows of a named query: the requests whose last fact is not their result, the count of the others."""
    done, other = ask(1), ask(2)
    with Journal.open(path, "live") as journal:
        journal.commit([Planned(1.0, done, step="scene"), Planned(1.0, other), Saved(2.0, done.id, ())])
        assert journal.select("unsettled", 0) == [(2, bytes.fromhex(other.id))]
        assert journal.select("unsettled", 2) == []
        assert journal.select("done_by_step") == [("scene", "house/image", 1)]


VERDICTS = st.one_of(
    st.builds(Busy, st.none() | st.floats(0, 100), st.text()),
    st.builds(Broken, st.text()),
    st.builds(Lost, st.text()),
    st.builds(Refused, st.text()),
    st.builds(Barred, st.text()),
    st.builds(Queued, st.text(min_size=1), st.none() | st.floats(0, 100)),
    st.builds(Done, st.lists(st.builds(Text, st.text()) | st.builds(Data, st.integers() | st.none()), max_size=3).map(tuple)),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(verdict=VERDICTS, at=st.floats(0, 2e9))
def test_any_verdict_comes_back(path: Path, verdict: Done, at: float) -> None:
    """Whatever a vendor's answer meant, and whatever characters and numbers it held, is read as it was written."""
    fact = Answered(at, ask().id, "submit", verdict)
    with Journal.open(path, "live") as journal:
        journal.commit([fact])
        assert journal.histories([ask().id])[ask().id][-1] == fact


def test_half_a_surrogate_pair_comes_back(path: Path) -> None:
    """A vendor's text that UTF-8 cannot say stops nothing and is kept exactly."""
    fact = Answered(1.0, ask().id, "submit", Done((Text("a \ud800 b"),)))
    with Journal.open(path, "live") as journal:
        journal.commit([fact])
        assert journal.histories([ask().id]) == {ask().id: [fact]}


def test_histories_are_of_the_asked_requests_only(path: Path) -> None:
    """Requests that nobody asked about, and ids that nobody knows, are left out."""
    requests = [ask(number) for number in range(5)]
    facts = [fact for request in requests for fact in life_of(request)]
    random.Random(3).shuffle(facts)
    with Journal.open(path, "live") as journal:
        journal.commit(facts)
        found = journal.histories([requests[1].id, requests[3].id, "00" * 32])
    assert found == {name: [fact for fact in facts if fact.id == name] for name in (requests[1].id, requests[3].id)}


def test_a_new_journal_finds_what_it_was_told(path: Path) -> None:
    """Whether it began without requests or has some from before, all that was written is found, and nothing twice."""
    requests = [ask(number) for number in range(700)]
    with Journal.open(path, "live") as journal:
        assert journal.histories([request.id for request in requests]) == {}
        for some in (requests[:300], requests[200:500]):
            journal.commit([Planned(1.0, request) for request in some])
        found = journal.histories([request.id for request in requests])
        assert [len(found.get(request.id, ())) for request in requests] == [1] * 200 + [2] * 100 + [1] * 200 + [0] * 200
    with Journal.open(path, "live") as journal:
        assert journal.histories([request.id for request in requests]) == found
        journal.commit([Planned(2.0, request) for request in requests])
        assert {len(facts) for facts in journal.histories([request.id for request in requests[200:300]]).values()} == {3}


def test_requests_beyond_those_that_are_remembered_are_found(path: Path) -> None:
    """A journal that has forgotten the numbers of its first requests looks for them in its file."""
    names = [f"{number:064x}" for number in range(KEPT + 1)]
    with Journal.open(path, "live") as journal:
        journal.commit([Sent(1.0, name, "submit") for name in names])
        journal.commit([Sent(2.0, names[0], "poll"), Sent(2.0, "ff" * 32, "submit")])
        found = journal.histories([names[0], names[9], "ff" * 32, "ee" * 32])
        assert {name: len(facts) for name, facts in found.items()} == {names[0]: 2, names[9]: 1, "ff" * 32: 1}
        assert journal.select("sizes")[0][0] == KEPT + 2


def test_memory_does_not_grow_with_what_is_saved(path: Path) -> None:
    """Four times the requests, asked for and answered, leave nothing behind but their facts on the disk."""

    def buy(numbers: range) -> int:
        for start in numbers[::100]:
            lot = [ask(number) for number in range(start, start + 100)]
            assert journal.histories([request.id for request in lot]) == {}
            journal.commit([Planned(1.0, request) for request in lot])
            journal.commit([Saved(2.0, request.id, ()) for request in lot])
        return tracemalloc.get_traced_memory()[0]

    with Journal.open(path, "live") as journal:
        tracemalloc.start()
        try:
            few = buy(range(2_000))
            many = buy(range(2_000, 8_000))
        finally:
            tracemalloc.stop()
        assert many - few < 6_000 * 20
        assert len(journal.histories([ask(number).id for number in range(0, 8_000, 100)])) == 80


def test_results_are_found_by_the_last_word(path: Path) -> None:
    """Of many requests those are given whose last fact is that the result is here; ordered anew, queued or unknown ones are not."""
    requests = [ask(number) for number in range(600)]
    with Journal.open(path, "live") as journal:
        for request in requests[:599]:
            journal.commit(life_of(request)[:-1])
        journal.commit([Planned(90.0, requests[5], fresh=True), Sent(91.0, requests[6].id, "submit")])
        found = journal.saved([request.id for request in requests])
        assert found.keys() == {request.id for request in requests} - {requests[n].id for n in (5, 6, 599)}
        assert all([fact] == journal.histories([name])[name][-1:] for name, fact in list(found.items())[::50])
        assert journal.saved([]) == {}


def test_a_result_that_changed_on_the_disk_is_not_believed(path: Path) -> None:
    """The quick way checks the seal of what it reads, as the long one does."""
    with Journal.open(path, "live") as journal:
        journal.commit(life_of(ask())[:-1])
    rewrite(path, "UPDATE fact SET body = replace(body, 'image/png', 'image/gif') WHERE kind = 'saved'")
    with Journal.open(path, "live") as journal, pytest.raises(OurSide, match=r"a fact of request .* has changed"):
        journal.saved([ask().id])


def test_the_last_fact_tells_whether_something_was_learnt(path: Path) -> None:
    """Its number grows with every fact, and with nothing else."""
    with Journal.open(path, "live") as journal:
        assert journal.last() == 0
        journal.commit(life_of(ask()))
        before = journal.last()
        journal.end_run(journal.begin_run(1.0, {}), 2.0, {})
        assert journal.last() == before == len(life_of(ask()))
        journal.commit([Planned(90.0, ask(), fresh=True)])
        assert journal.last() == before + 1


def test_facts_are_read_page_by_page(path: Path) -> None:
    """More facts than fit a page come complete and in order, even while new ones are written."""
    first = [Sent(float(number), ask(number % 7).id, "poll", number) for number in range(4500)]
    later = [Sent(9.0, ask(99).id, "poll")]
    with Journal.open(path, "live") as journal:
        journal.commit(first)
        reading = journal.facts()
        read = [next(reading)]
        journal.commit(later)
        assert [*read, *reading] == first + later


def test_requests_are_numbered_once(path: Path) -> None:
    """The same request in many commits, and after a restart, is one row."""
    for _ in range(3):
        with Journal.open(path, "live") as journal:
            journal.commit(life_of(ask()))
            journal.commit(life_of(ask()))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT digest) FROM request").fetchone() == (1, 1)
        assert connection.execute("SELECT count(*) FROM fact").fetchone() == (42,)
    connection.close()


def test_nothing_is_a_fine_commit(path: Path) -> None:
    """A turn without facts costs nothing and fails nothing."""
    with Journal.open(path, "live") as journal:
        journal.commit([])
        assert list(journal.facts()) == []


def test_a_commit_is_all_or_nothing(path: Path) -> None:
    """If one fact cannot be written, none of its turn is, and the journal goes on."""
    wrong = Answered(1.0, ask(2).id, "submit", Done((Data({1, 2}),)))  # type: ignore[arg-type]
    with Journal.open(path, "live") as journal:
        with pytest.raises(TypeError):
            journal.commit([Planned(1.0, ask(1)), wrong])
        journal.commit([Planned(2.0, ask(3))])
        assert list(journal.facts()) == [Planned(2.0, ask(3))]


def test_any_thread_may_commit(path: Path) -> None:
    """The engine's writer thread is not the one that opened the journal, and readers may ask meanwhile."""
    with Journal.open(path, "live") as journal:

        def write(number: int) -> None:
            for at in range(20):
                journal.commit([Sent(float(at), ask(number).id, "poll")])

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            journal.histories([ask(n).id for n in range(4)])
        assert {len(facts) for facts in journal.histories([ask(n).id for n in range(4)]).values()} == {20}


UNSETTLED: dict[str, tuple[list[Fact], bool]] = {
    "sent and never answered": ([Planned(1, ask()), Sent(2, ask().id, "submit")], True),
    "answered, but lost": ([Planned(1, ask()), Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Lost("reset"))], True),
    "lost, then planned by the next run": (
        [Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Lost("reset")), Planned(4, ask())],
        True,
    ),
    "lost, then bought anew on purpose": (
        [Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Lost("reset")), Planned(4, ask(), fresh=True)],
        False,
    ),
    "queued": ([Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Queued("t"))], False),
    "a poll in flight": (
        [Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Queued("t")), Sent(4, ask().id, "poll")],
        False,
    ),
    "left with a ticket": ([Planned(1, ask()), Sent(2, ask().id, "submit", ticket="f")], False),
    "its ticket told nothing": (
        [Sent(2, ask().id, "submit", ticket="f"), Answered(3, ask().id, "poll", Lost("not listed", final=True)), Planned(4, ask())],
        True,
    ),
    "a lost poll": ([Sent(2, ask().id, "submit", ticket="f"), Answered(3, ask().id, "poll", Lost("reset"))], False),
    "too fast": ([Sent(2, ask().id, "submit"), Answered(3, ask().id, "submit", Busy(1.0))], False),
    "sent again": ([Answered(3, ask().id, "submit", Broken("x")), Sent(4, ask().id, "submit", 2)], True),
    "saved": (life_of(ask())[:-1], False),
    "planned only": ([Planned(1, ask())], False),
}


@pytest.mark.parametrize("case", UNSETTLED)
def test_uncertain_requests_are_found(path: Path, case: str) -> None:
    """A request is uncertain while the last word about it is a submit without an answer, or a lost one."""
    facts, uncertain = UNSETTLED[case]
    with Journal.open(path, "live") as journal:
        journal.commit(life_of(ask(1))[:-1])
        journal.commit(facts)
        assert list(journal.uncertain()) == ([(ask().id, facts)] if uncertain else [])


def test_runs_are_counted(path: Path) -> None:
    """Each run has a number, a beginning, and an end unless it was killed."""
    with Journal.open(path, "live") as journal:
        first = journal.begin_run(10.0, {"command": "run"})
        second = journal.begin_run(20.0, {})
        journal.end_run(first, 15.0, {"command": "run", "exit": 0})
        assert (first, second) == (1, 2)
        assert journal.runs() == [Run(1, 10.0, 15.0, {"command": "run", "exit": 0}), Run(2, 20.0, None, {})]


def test_a_journal_keeps_its_name(path: Path) -> None:
    """The journal id is made at birth and stays."""
    with Journal.open(path, "live") as journal:
        name = journal.id
    with Journal.open(path, "live") as journal:
        assert journal.id == name
    assert re.fullmatch("[0-9a-f]{32}", name)


def test_the_file_is_private(path: Path) -> None:
    """Journal and write-ahead log are readable by their owner only."""
    with Journal.open(path, "live") as journal:
        journal.commit(life_of(ask()))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600}


def test_commits_are_synchronous(path: Path) -> None:
    """The connection syncs fully and lets nobody else in: what was acknowledged survives a power cut."""
    with Journal.open(path, "live") as journal:
        settings = {name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    assert settings == SETTINGS


SETTINGS = {"synchronous": 2, "journal_mode": "wal", "locking_mode": "exclusive", "mmap_size": 0}


def test_a_killed_run_keeps_what_was_acknowledged(path: Path) -> None:
    """After SIGKILL in the middle of commits, every fact whose commit had returned is there, and the journal opens."""
    code = f"""
import os, signal, sys, threading
from pathlib import Path
from runner.edge.journal import Journal
from runner.facts import Sent
journal = Journal.open(Path({str(path)!r}), "live")
number = 0
while True:
    journal.commit([Sent(float(number), f"{{number % 50:064x}}", "poll", number + 1)])
    os.write(1, b"%d\\n" % number)
    number += 1
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    seen = [int(child.stdout.readline()) for _ in range(100)]
    child.kill()
    seen += [int(line) for line in child.stdout.read().splitlines() if line]
    child.stdout.close()
    child.wait()
    with Journal.open(path, "live") as journal:
        kept = [fact.attempt - 1 for fact in journal.facts() if isinstance(fact, Sent)]
    assert kept[: len(seen)] == seen
    assert len(kept) <= len(seen) + 1


def test_birth_is_atomic(path: Path) -> None:
    """A birth that was killed leaves no journal of that name, and the next one is not disturbed by its rest."""
    path.parent.mkdir(parents=True)
    (path.parent / ".journal.db.0123").write_bytes(b"half")
    with Journal.open(path, "live") as journal:
        assert list(journal.facts()) == []


def test_a_second_process_is_told_that_it_is_open(path: Path) -> None:
    """Nobody else can open a journal that is in use."""
    with Journal.open(path, "live"), pytest.raises(Held, match=r"journal.db: another process has this journal open"):
        Journal.open(path, "live", patience=0.05)


def test_the_other_mode_is_refused(path: Path) -> None:
    """What was played in the sandbox never mixes with what was bought."""
    Journal.open(path, "sandbox").close()
    with pytest.raises(OurSide, match="this is a sandbox journal and this is a live run"):
        Journal.open(path, "live")


def test_a_newer_format_is_refused(path: Path) -> None:
    """A journal that a later version wrote is not guessed at."""
    Journal.open(path, "live").close()
    rewrite(path, "UPDATE meta SET value = '99' WHERE name = 'format'")
    with pytest.raises(OurSide, match=r"newer adbatch \(format 99, this one reads 1\); upgrade"):
        Journal.open(path, "live")


def test_an_unknown_fact_is_refused(path: Path) -> None:
    """A fact this version does not know is never skipped."""
    with Journal.open(path, "live") as journal:
        journal.commit([Planned(1.0, ask())])
    sealed = seal(ask().id, 1.0, "dreamt", "{}")
    rewrite(path, f"UPDATE fact SET kind = 'dreamt', body = '{{}}', seal = {sealed}")
    with Journal.open(path, "live") as journal, pytest.raises(OurSide, match=r"unknown fact 'dreamt'.*upgrade adbatch"):
        journal.histories([ask().id])


def test_a_changed_letter_is_noticed(path: Path) -> None:
    """A fact that is not what was written, by a single letter, is damage, though SQLite finds nothing wrong."""
    with Journal.open(path, "live") as journal:
        journal.commit([Sent(1.0, ask().id, "submit"), Stopped(2.0, ask().id, "failed", "too late")])
    rewrite(path, "UPDATE fact SET body = replace(body, 'late', 'lame')")
    with Journal.open(path, "live") as journal, pytest.raises(OurSide, match=r"damaged .*has changed.*adbatch journal recover"):
        list(journal.facts())


@pytest.mark.parametrize(
    "content", [b"", b"not a database, but long enough to be read as one" * 40, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_what_is_no_journal_is_refused(path: Path, content: bytes) -> None:
    """A file that is empty, of another kind, or damaged in its head is named, with the remedy."""
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(OurSide, match=r"journal\.db: not a journal, or a damaged one .* restore it from a backup"):
        Journal.open(path, "live")


def test_another_sqlite_file_is_refused(path: Path) -> None:
    """A healthy database of somebody else is not taken for a journal."""
    path.parent.mkdir(parents=True)
    rewrite(path, "CREATE TABLE cats (name TEXT)")
    with pytest.raises(OurSide, match="not a journal"):
        Journal.open(path, "live")


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_found(path: Path, seed: int) -> None:
    """A journal with 200 flipped bytes is refused, at its opening or where it is read, with the remedy."""
    written = [fact for number in range(60) for fact in life_of(ask(number))]
    with Journal.open(path, "live") as journal:
        journal.commit(written)
    data, dice = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(200):
        data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    path.write_bytes(data)
    with pytest.raises(OurSide, match="restore it from a backup"), Journal.open(path, "live") as journal:
        list(journal.facts())


def test_a_cut_journal_is_refused(path: Path) -> None:
    """A file that lost its second half is damaged, and says so."""
    with Journal.open(path, "live") as journal:
        journal.commit([fact for number in range(200) for fact in life_of(ask(number))])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(OurSide, match="damaged"):
        Journal.open(path, "live")


def test_a_folder_in_the_way_is_our_failure(path: Path) -> None:
    """A path that cannot be a journal says what to check."""
    path.mkdir(parents=True)
    with pytest.raises(OurSide, match=r"journal\.db: the journal cannot be opened .* check the permissions"):
        Journal.open(path, "live")


def test_a_folder_that_cannot_be_made_is_our_failure(tmp_path: Path) -> None:
    """A file where the job's folder should be is named."""
    (tmp_path / "jobs").write_text("x")
    with pytest.raises(OurSide, match="jobs/a: cannot make this folder"):
        Journal.open(tmp_path / "jobs" / "a" / "journal.db", "live")


def test_after_a_full_disk_nothing_more_is_written(path: Path) -> None:
    """A commit that the disk refuses is our failure; the journal then refuses everything, and the next run finds the rest whole."""
    code = f"""
import resource
from pathlib import Path
from runner.edge.journal import Journal
from runner.errors import OurSide
from runner.facts import Sent, Stopped
journal = Journal.open(Path({str(path)!r}), "live")
journal.commit([Sent(1.0, "ab" * 32, "poll")])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for fact in (Stopped(2.0, "ab" * 32, "failed", "x" * 90_000), Sent(3.0, "ab" * 32, "poll")):
    try:
        journal.commit([fact])
    except OurSide as failure:
        print(failure)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert re.search(r"journal\.db: (the disk is full|the journal failed)", first)
    assert first == second
    with Journal.open(path, "live") as journal:
        assert list(journal.facts()) == [Sent(1.0, "ab" * 32, "poll")]


@pytest.mark.parametrize("locked", ["the file", "its folder"])
def test_what_may_not_be_written_is_our_failure(locked: str) -> None:
    """A journal whose file or folder is read-only for us is named before anything is sent."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        Journal.open(path, "live").close()
        Path(folder).chmod(0o555 if locked == "its folder" else 0o777)
        path.chmod(0o444 if locked == "the file" else 0o666)
        code = f"""
import os
from pathlib import Path
from runner.edge.journal import Journal
from runner.errors import OurSide
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    Journal.open(Path({str(path)!r}), "live")
except OurSide as failure:
    print(failure)
"""
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        Path(folder).chmod(0o700)
    assert "journal.db: the journal cannot be written; check the permissions" in done.stdout
