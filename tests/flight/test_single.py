"""Single flight: one run per job, and whoever comes second is told by whom it is held."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections import Counter
from pathlib import Path

from tests.flight.starter import Starter
from tests.flight.vendor import ENVIRON, Hit, Vendor, open_vendor, read_results, until, write_project

STARTS = 50


async def test_of_fifty_starts_one_runs(tmp_path: Path, starter: Starter) -> None:
    """Fifty runs of one job started at once: one buys everything, once; the others end with 75 and say who holds it since when."""
    finish = asyncio.Event()

    async def wait_for_the_others(hit: Hit) -> None:
        await finish.wait()

    async with open_vendor(Vendor(wait_for_the_others)) as vendor:
        project = write_project(tmp_path / "project", vendor)
        runs = [starter.start("run", "job-0.yaml", cwd=project, **ENVIRON) for _ in range(STARTS)]
        await until(lambda: sum(run.ended.done() for run in runs) == STARTS - 1)
        finish.set()
        assert Counter([await run.code() for run in runs]) == {0: 1, 75: STARTS - 1}
    [winner] = [run for run in runs if run.ended.result() == 0]
    told = rf"adbatch: job job-0 is held by process {winner.pid.result()} on {os.uname().nodename} since 20[-\dT:]+Z; wait for"
    assert all(re.search(told, run.said) for run in runs if run is not winner)
    assert vendor.asked_for == {f"0: Thing {n}": 1 for n in range(6)}
    assert [line["status"] for line in read_results(project)] == ["done"] * 6


async def test_a_second_run_may_wait(tmp_path: Path, starter: Starter) -> None:
    """With --wait the second run begins when the first has ended, finds everything done, and buys nothing."""
    finish = asyncio.Event()

    async def wait_for_the_second(hit: Hit) -> None:
        await finish.wait()

    async with open_vendor(Vendor(wait_for_the_second)) as vendor:
        project = write_project(tmp_path / "project", vendor)
        first = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        await until(lambda: vendor.count("submit") > 0)
        second = starter.start("run", "job-0.yaml", "--wait", "60", cwd=project, **ENVIRON)
        await until(lambda: "waiting up to 60 s: job job-0 is held by process" in second.said if second.pid.done() else False)
        assert not second.ended.done()
        finish.set()
        assert [await first.code(), await second.code()] == [0, 0]
    assert vendor.count("submit") == 6


async def test_patience_ends(tmp_path: Path, starter: Starter) -> None:
    """A run that waits longer than it was told to ends with 75, and Ctrl-C ends its waiting at once."""
    finish = asyncio.Event()

    async def wait_for_both(hit: Hit) -> None:
        await finish.wait()

    async with open_vendor(Vendor(wait_for_both)) as vendor:
        project = write_project(tmp_path / "project", vendor)
        first = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        await until(lambda: vendor.count("submit") > 0)
        second = starter.start("run", "job-0.yaml", "--wait", "0.3", cwd=project, **ENVIRON)
        assert await second.code() == 75
        third = starter.start("run", "job-0.yaml", "--wait", "60", cwd=project, **ENVIRON)
        await until(lambda: third.pid.done() and (third.folder / "stderr").exists() and "waiting up to" in third.said)
        await third.kill(signal.SIGINT)
        assert await third.code() == 130
        assert "stopped before anything was sent" in third.said
        finish.set()
        assert await first.code() == 0


async def test_what_a_killed_run_leaves_holds_nobody(tmp_path: Path, starter: Starter) -> None:
    """The lock's file and what it says are not the lock; whoever wrote them may be gone."""
    async with open_vendor(Vendor()) as vendor:
        project = write_project(tmp_path / "project", vendor)
        folder = project / ".adbatch/live/jobs/job-0"
        folder.mkdir(parents=True)
        (folder / "lock").touch()
        (folder / "holder").write_text(json.dumps({"pid": 1, "host": "gone", "since": "2020-01-01T00:00:00Z"}))
        code, _ = await starter.run("run", "job-0.yaml", cwd=project, **ENVIRON)
    assert code == 0
