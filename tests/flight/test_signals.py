"""Signals at any moment: the promised exit code, what flies is landed, nothing is lost, and the next run finishes."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from runner.edge.journal import Journal
from runner.facts import Answered, Sent
from runner.verdicts import Lost
from tests.flight.starter import Started, Starter
from tests.flight.vendor import ENVIRON, Hit, Vendor, open_vendor, read_results, until, write_project

CODES: Final = {"INT": 130, "TERM": 143, "HUP": 129}
ROWS: Final = 6


def open_submits(project: Path) -> int:
    """How many submits the journal says have left and were never answered, or nobody knows how."""
    with Journal.open(project / ".adbatch/live/jobs/job-0/journal.db", "live") as journal:
        facts = [fact for fact in journal.facts() if isinstance(fact, Sent | Answered) and fact.step == "submit"]
    lost = sum(isinstance(fact, Answered) and isinstance(fact.verdict, Lost) for fact in facts)
    return sum(1 if isinstance(fact, Sent) else -1 for fact in facts) + lost


class Moment:
    """Sends signals to a run while the vendor is at its `number`-th call, and answers a moment after the run has heard them."""

    def __init__(self, number: int, *signals: str) -> None:
        self.number, self.signals = number, signals
        self.run: Started | None = None
        self._seen = 0

    async def __call__(self, hit: Hit) -> None:
        """Count the call; at the right one, send the signals."""
        self._seen += 1
        if self._seen == self.number and self.run is not None:
            for name in self.signals:
                await self.run.kill(signal.Signals[f"SIG{name}"])
                await until(lambda: "stopping: " in self.heard)

    @property
    def heard(self) -> str:
        """What the run said."""
        assert self.run is not None
        return self.run.said


@pytest.mark.parametrize("number", [1, 3, 6, 8, 11])
@pytest.mark.parametrize("name", CODES)
async def test_the_first_signal_lands_what_flies(tmp_path: Path, starter: Starter, name: str, number: int) -> None:
    """Whatever the call it comes at, the run ends with the signal's code, every answer is kept, and the next run does the rest."""
    moment = Moment(number, name)
    async with open_vendor(Vendor(moment)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 2}", rows=ROWS, step="image")
        moment.run = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        assert await moment.run.code() == CODES[name], moment.heard
        assert "resumable" in moment.heard
        assert open_submits(project) == 0
        kept = read_results(project)
        assert len(kept) == ROWS
        assert {line["status"] for line in kept} <= {"done", "queued", "waiting"}
        assert (await starter.run("run", "job-0.yaml", cwd=project, **ENVIRON))[0] == 0
    assert max(vendor.asked_for.values()) == 1
    assert vendor.count("submit") == ROWS
    assert [line["status"] for line in read_results(project)] == ["done"] * ROWS


@pytest.mark.parametrize("number", [1, 4, 6, 9, 12])
async def test_the_second_signal_ends_at_once(tmp_path: Path, starter: Starter, number: int) -> None:
    """Twice Ctrl-C ends with 130 without waiting for the vendor; at most what flew is uncertain, and nothing is bought twice."""
    finish = asyncio.Event()
    moment = Moment(number, "INT", "INT")

    async def stall(hit: Hit) -> None:
        await moment(hit)
        if vendor.count("submit", "fetch") >= number and not finish.is_set():
            await finish.wait()

    async with open_vendor(Vendor(stall)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 2}", rows=ROWS, step="image")
        moment.run = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        assert await moment.run.code() == 130, moment.heard
        uncertain = open_submits(project)
        assert uncertain <= 2
        read_results(project)
        finish.set()
        code, _ = await starter.run("run", "job-0.yaml", cwd=project, **ENVIRON)
        assert code == (4 if uncertain else 0)
    assert max(vendor.asked_for.values()) == 1
    statuses = [line["status"] for line in read_results(project)]
    assert (statuses.count("uncertain"), statuses.count("done")) == (uncertain, ROWS - uncertain)


@pytest.mark.parametrize("name", CODES)
async def test_before_anything_is_sent_the_first_signal_is_enough(tmp_path: Path, starter: Starter, name: str) -> None:
    """While a run waits for another there is nothing to land: it ends at once, with its code."""
    finish = asyncio.Event()

    async def stall(hit: Hit) -> None:
        await finish.wait()

    async with open_vendor(Vendor(stall)) as vendor:
        project = write_project(tmp_path / "project", vendor)
        first = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        await until(lambda: vendor.count("submit") > 0)
        second = starter.start("run", "job-0.yaml", "--wait", "60", cwd=project, **ENVIRON)
        await until(lambda: second.pid.done() and (second.folder / "stderr").exists() and "waiting up to" in second.said)
        await second.kill(signal.Signals[f"SIG{name}"])
        assert (await second.code(), "before anything was sent" in second.said) == (CODES[name], True)
        finish.set()
        assert await first.code() == 0


@pytest.mark.parametrize("words", [(), ("--json",)])
async def test_nobody_reading_stops_nothing(tmp_path: Path, starter: Starter, words: tuple[str, ...]) -> None:
    """A run whose output goes to a closed pipe does all its work and ends with 0."""
    async with open_vendor(Vendor()) as vendor:
        project = write_project(tmp_path / "project", vendor)
        run = starter.start("run", "job-0.yaml", *words, cwd=project, stdout="broken", **ENVIRON)
        assert await run.code() == 0, run.said
    assert [line["status"] for line in read_results(project)] == ["done"] * ROWS


async def test_a_terminal_that_closes_hangs_up_the_run(tmp_path: Path) -> None:
    """The run on a terminal that goes away lands what flies and ends with 129, though nobody can be told."""
    gone = asyncio.Event()

    async def stall(hit: Hit) -> None:
        await gone.wait()

    async with open_vendor(Vendor(stall)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 2}")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(project)
            os.execvpe("python", ["python", "-m", "runner.cli", "run", "job-0.yaml"], _environ())
        await until(lambda: vendor.count("submit") == 2)
        os.close(terminal)
        gone.set()
        _, status = await asyncio.to_thread(os.waitpid, pid, 0)
        asked = vendor.count("submit")
    assert os.waitstatus_to_exitcode(status) == 129
    assert open_submits(project) == 0
    statuses = [line["status"] for line in read_results(project)]
    assert (statuses.count("done"), statuses.count("waiting")) == (asked, 6 - asked)
    assert asked < 6  # an answer may be read in the very turn of the loop that hears of the terminal, and make room for others


def _environ() -> dict[str, str]:
    folder = str(Path(sys.executable).parent)
    return {**os.environ, **ENVIRON, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}


async def test_a_run_under_nohup_is_not_hung_up(tmp_path: Path) -> None:
    """Where whoever started us has hang-ups ignored, they stay ignored."""
    heard = asyncio.Event()

    async def stall(hit: Hit) -> None:
        await heard.wait()

    async with open_vendor(Vendor(stall)) as vendor:
        project = write_project(tmp_path / "project", vendor)
        argv = ["-c", 'trap "" HUP; exec python -m runner.cli run job-0.yaml --quiet']
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", *argv, cwd=project, env=_environ(), stderr=asyncio.subprocess.PIPE
        )
        await until(lambda: vendor.count("submit") > 0)
        process.send_signal(signal.SIGHUP)
        heard.set()
        await process.communicate()
    assert process.returncode == 0
    assert [line["status"] for line in read_results(project)] == ["done"] * ROWS


async def test_a_signal_ends_all_jobs_of_the_command(tmp_path: Path, starter: Starter) -> None:
    """Of several jobs, those after the one that was interrupted are not begun."""
    moment = Moment(2, "INT")
    async with open_vendor(Vendor(moment)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 1}", jobs=2)
        moment.run = starter.start("run", "job-0.yaml", "job-1.yaml", cwd=project, **ENVIRON)
        assert await moment.run.code() == 130
    assert not any(asked.startswith("1") for asked in vendor.asked_for)
