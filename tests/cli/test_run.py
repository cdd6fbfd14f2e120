"""`adbatch run`: exit codes, what goes to which stream, and what a signal does to a run that has sent something."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from runner.edge.clock import SystemClock
from runner.edge.outputs import read_results
from runner.edge.state import State
from tests.cli.conftest import Adbatch, Slow, open_slow, start
from tests.projects import COPY, PROJECT, write_project

STOPPING = "stopping: what flies may land, the rest waits for the next run; once more stops now\n"


async def line_of(stream: IO[str] | None) -> str:
    """The next line, waited for off the loop."""
    assert stream is not None
    return await asyncio.wait_for(asyncio.to_thread(stream.readline), 20)


async def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code and whatever was not read yet of stdout and stderr."""
    out, err = await asyncio.to_thread(process.communicate, None, 20)
    return process.returncode, out, err


def statuses(folder: Path) -> list[str]:
    """The status of each variant in the results."""
    return [line["status"] for line in read_results(folder / "out" / "results.jsonl")]


def test_a_run_narrates_on_stderr_and_gives_its_manifest_on_stdout(tmp_path: Path, adbatch: Adbatch) -> None:
    """With --json stdout is the manifest and nothing else; narration and summary are on stderr, in plain lines."""
    write_project(tmp_path)
    ended = adbatch("run", "job.yaml", "--sandbox", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["counts"] == {"done": 2}
    assert ended.err.splitlines() == [
        "small: 2 rows, 2 variants, at most 2 requests",
        "all done (exit 0): sent jivox 2 (2 of unknown price)",
        "files: out/   one line a variant: out/results.jsonl",
    ]


def test_a_quiet_night_is_three_lines(tmp_path: Path, adbatch: Adbatch) -> None:
    """With --quiet too, a run in which all is well says what, result and where; nothing on stdout."""
    write_project(tmp_path)
    where = "files: out/   one line a variant: out/results.jsonl"
    first = adbatch("run", "job.yaml", "--sandbox")
    made = "all done (exit 0): sent jivox 2 (2 of unknown price)"
    assert (first.out, first.err.splitlines()[1:]) == ("", [made, where])
    quiet = adbatch("run", "job.yaml", "--sandbox", "--quiet")
    nothing = "nothing to do (exit 0): sent nothing, reused 2"
    assert (quiet.out, quiet.err.splitlines()) == ("", ["small: 2 rows, variants: 2 done", nothing, where])


def test_a_run_starts_without_what_few_runs_need() -> None:
    """Pillow, gallery, plans, layout of banners, described vendors and the terminal's progress are imported by who wants them.

    So are feeds in XML, figures in copy, what is known of marks in pictures, and the words for what is wrong.
    """
    rare: tuple[str, ...] = ("PIL", "rich", "runner.report.gallery", "runner.planning.forecast", "runner.compose.render")
    rare += ("runner.job.vendor", "runner.feed.merchant", "runner.job.figures", "runner.edge.marks", "runner.job.mending")
    code = f"import sys, runner.cli.closing, runner.cli.progress, runner.workflow; print([n for n in {rare} if n in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_several_jobs_end_with_the_gravest_code(tmp_path: Path, adbatch: Adbatch) -> None:
    """Jobs run one after the other; quiet leaves only their summaries; faults can be ordered from a file."""
    write_project(tmp_path)
    other = COPY.replace("Headline for", "Claim for")
    text = (tmp_path / "job.yaml").read_text()
    (tmp_path / "other.yaml").write_text(
        text.replace("name: small", "name: other").replace("dir: out", "dir: more").replace(COPY, other)
    )
    (tmp_path / "faults.json").write_text('[{"kind": "drop_after", "times": 1}]')
    ended = adbatch("run", "job.yaml", "other.yaml", "--sandbox", "--quiet", "--limit", "1", "--faults", "faults.json")
    assert (ended.code, ended.out) == (4, "")
    told = ended.err.splitlines()
    assert [line for line in told if line.startswith("variants:")] == ["variants: 1 uncertain", "variants: 1 uncertain"]
    assert not [line for line in told if "at most" in line]


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["jop.yaml"], 2, "adbatch: jop.yaml: no such file; did you mean job.yaml?\n"),
        (["gone/job.yaml"], 2, "adbatch: gone/job.yaml: no such file\n"),
        (["."], 2, "adbatch: . is a folder; name a job file in it; there is adbatch.yaml, job.yaml\n"),
        (["job.yaml", "--fresh", "cpoy", "--sandbox"], 2, "adbatch: job.yaml has no step cpoy to buy anew; did you mean copy?\n"),
        (["job.yaml", "--faults", "rainy"], 2, "adbatch: --faults goes with --sandbox; real vendors fail by themselves\n"),
        (
            ["job.yaml", "--sandbox", "--faults", "rain"],
            2,
            "adbatch: --faults rain: no such file, and not one of none, rainy, stormy\n",
        ),
        (["job.yaml", "--limit", "0"], 2, "Invalid value for '--limit'"),
        (["job.yaml", "--sandbox", "--shard", "3/2"], 2, "adbatch: --shard 3/2: 2 shards are numbered 1 to 2\n"),
        ([], 2, "adbatch: name a job: adbatch run jobs/NAME.yaml\n"),
        (["job.yaml"], 3, "adbatch: adbatch.yaml:3: jivox: no key: environment variable ADBATCH_TEST_UNSET is not set"),
    ],
)
def test_what_cannot_be_run_is_explained(tmp_path: Path, adbatch: Adbatch, argv: list[str], code: int, told: str) -> None:
    """A wrong command line and a missing key end at once with their code and a remedy, and nothing on stdout."""
    write_project(tmp_path, project=PROJECT.replace('"1042"', '"1042", key: {env: ADBATCH_TEST_UNSET}'))
    ended = adbatch("run", *argv)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def test_a_mistake_in_a_selector_ends_with_2(tmp_path: Path, adbatch: Adbatch) -> None:
    """An expression that takes nothing is shown with a caret below the value, and what is near it; nothing is sent."""
    write_project(tmp_path)
    ended = adbatch("run", "job.yaml", "--sandbox", "--step", "copy", "--only", "row.id in ['mgu']")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[1:] == [
        "--only:1:13: no row has id 'mgu'; did you mean mug?",
        "    1 | row.id in ['mgu']",
        "      |             ^",
        "1 mistake; nothing was sent.",
    ]


def test_a_held_job_ends_with_75(tmp_path: Path, adbatch: Adbatch) -> None:
    """While somebody else runs the job the code is 75, and who it is is told."""
    write_project(tmp_path)
    with State(tmp_path / ".adbatch", "sandbox").lock("small", SystemClock().now()):
        ended = adbatch("run", "job.yaml", "--sandbox")
    assert (ended.code, ended.out) == (75, "")
    assert ended.err.startswith(f"adbatch: job small is held by process {os.getpid()} on ")


def test_mistakes_in_the_job_end_with_2(tmp_path: Path, adbatch: Adbatch) -> None:
    """A run finds the mistakes that a check finds, tells them the same way, and sends nothing."""
    write_project(tmp_path, '  copy: {use: jivox/text, with: {promt: "x"}}\n')
    ran, looked = adbatch("run", "job.yaml", "--sandbox"), adbatch("check", "job.yaml")
    assert ran == looked
    assert (ran.code, "did you mean prompt?" in ran.err) == (2, True)


async def begin(folder: Path, slow: Slow, *argv: str) -> subprocess.Popen[str]:
    """A run in a process of its own whose first request is at the vendor and not answered."""
    process = start(folder, "run", *(argv or ("job.yaml",)))
    assert await line_of(process.stderr) == "small: 2 rows, 2 variants, at most 2 requests\n"
    await slow.next_hit()
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_the_first_signal_lets_what_flies_land(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """After one signal nothing else is sent; the answer that was under way is kept, results are written."""
    async with open_slow(tmp_path) as slow:
        process = await begin(tmp_path, slow)
        process.send_signal(number)
        assert await line_of(process.stderr) == STOPPING
        slow.release.set()
        ended, out, err = await end(process)
        assert (ended, out, len(slow.hits)) == (code, "", 1)
        assert "variants: 1 done, 1 waiting\n" in err
        assert statuses(tmp_path) == ["done", "waiting"]


async def test_the_second_signal_stops_now(tmp_path: Path) -> None:
    """After two signals the run ends without the answer; what was sent is uncertain then and is not sent again."""
    async with open_slow(tmp_path) as slow:
        process = await begin(tmp_path, slow)
        process.send_signal(signal.SIGINT)
        assert await line_of(process.stderr) == STOPPING
        process.send_signal(signal.SIGINT)
        ended, _, err = await end(process)
        assert (ended, "Traceback" in err) == (130, False)
        slow.release.set()
        again, _, told = await end(start(tmp_path, "run", "job.yaml"))
        assert (again, len(slow.hits), statuses(tmp_path)) == (4, 2, ["uncertain", "done"])
        assert "  1 uncertain at jivox (copy): " in told


async def test_an_interrupted_job_is_the_last(tmp_path: Path) -> None:
    """Ctrl-C is meant for the command, not for one of its jobs: those after it are not begun."""
    async with open_slow(tmp_path) as slow:
        (tmp_path / "other.yaml").write_text((tmp_path / "job.yaml").read_text().replace("name: small", "name: other"))
        process = await begin(tmp_path, slow, "job.yaml", "other.yaml")
        process.send_signal(signal.SIGINT)
        assert await line_of(process.stderr) == STOPPING
        slow.release.set()
        ended, _, err = await end(process)
    assert (ended, err.count("variants:"), len(slow.hits)) == (130, 1, 1)


async def test_nobody_listening_stops_no_run(tmp_path: Path) -> None:
    """A run whose stderr nobody reads any more makes everything all the same."""
    async with open_slow(tmp_path) as slow:
        slow.release.set()
        reader, writer = os.pipe()
        os.close(reader)
        process = start(tmp_path, "run", "job.yaml", stderr=writer)
        os.close(writer)
        ended, _, _ = await end(process)
    assert (ended, statuses(tmp_path)) == (0, ["done", "done"])
