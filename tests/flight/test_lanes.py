"""Jobs of one project side by side: at the vendor, their sum is what one run would have been allowed."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from runner.core.gate import LEAD
from runner.edge.journal import Journal
from runner.facts import Sent
from tests.flight.starter import Starter
from tests.flight.vendor import ENVIRON, Hit, Vendor, open_vendor, pause, read_results, until, write_project

JITTER = 0.2
"""Seconds by which a call may arrive earlier or later after its moment than another: commit, network and a busy machine."""


def sent_moments(project: Path, job: int) -> list[float]:
    """When each call that counts was decided, as the job's journal says: that is a `LEAD` before it may leave at most."""
    with Journal.open(project / f".adbatch/live/jobs/job-{job}/journal.db", "live") as journal:
        return [fact.at for fact in journal.facts() if isinstance(fact, Sent) and fact.step != "fetch"]


def most_in(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any span of so many seconds."""
    return max(sum(start <= at < start + seconds for at in moments) for start in moments)


async def think(hit: Hit) -> None:
    """A vendor that takes a moment for everything."""
    await pause(0.02)


@pytest.mark.parametrize(
    ("step", "limits", "rows"),
    [
        ("text", "{rate: [6/1s], concurrent: 3}", 9),
        ("text", "{rate: [], concurrent: 1}", 6),
        ("media", "{rate: [12/1s], concurrent: 2, queued: 1}", 1),
    ],
)
async def test_two_jobs_keep_the_limits_of_one(tmp_path: Path, starter: Starter, step: str, limits: str, rows: int) -> None:
    """Two jobs run at once never have more calls open, more tickets, or more calls in a window than the account allows."""
    async with open_vendor(Vendor(think, polls=0)) as vendor:
        project = write_project(tmp_path / "project", vendor, limits, jobs=2, rows=rows, step=step)
        runs = [starter.start("run", f"job-{job}.yaml", cwd=project, **ENVIRON) for job in range(2)]
        assert [await run.code() for run in runs] == [0, 0]
    assert vendor.count("submit") == 2 * rows
    assert vendor.most_open <= int(limits.partition("concurrent: ")[2][0])
    if step == "media":
        assert vendor.most_tickets == 1
    if "/1s" in limits:
        most = int(limits.partition("[")[2].partition("/")[0])
        moments = [*sent_moments(project, 0), *sent_moments(project, 1)]
        assert most_in(moments, 1.0 - LEAD - 1e-3) <= most
        assert most_in([hit.at for hit in vendor.hits if hit.step != "fetch"], 1.0 - JITTER) <= most
    assert all(line["status"] == "done" for job in range(2) for line in read_results(project, job))


async def test_two_jobs_take_turns(tmp_path: Path, starter: Starter) -> None:
    """A job that starts later does not wait for the earlier one to end."""
    async with open_vendor(Vendor(think)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 1}", jobs=2, rows=20)
        first = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        await until(lambda: vendor.count("submit") > 0)
        second = starter.start("run", "job-1.yaml", cwd=project, **ENVIRON)
        assert [await first.code(), await second.code()] == [0, 0]
    asked = [hit.asked[0] for hit in vendor.hits]
    met = asked[asked.index("1") : len(asked) - asked[::-1].index("0")]
    assert met.count("1") >= len(met) // 3, "".join(asked)


async def test_a_killed_job_frees_its_share(tmp_path: Path, starter: Starter) -> None:
    """What a killed run had in flight is not counted for ever: the other job gets all of the lane."""
    finish = asyncio.Event()

    async def hold_the_first(hit: Hit) -> None:
        if hit.asked.startswith("0"):
            await finish.wait()

    async with open_vendor(Vendor(hold_the_first)) as vendor:
        project = write_project(tmp_path / "project", vendor, "{rate: [], concurrent: 2}", jobs=2)
        first = starter.start("run", "job-0.yaml", cwd=project, **ENVIRON)
        await until(lambda: vendor.count("submit") == 2)
        second = starter.start("run", "job-1.yaml", cwd=project, **ENVIRON)
        await until(lambda: len(list((project / ".adbatch/live/lanes").glob("*.run"))) == 2)
        assert vendor.count("submit") == 2
        await first.kill(signal.SIGKILL)
        assert await second.code() == 0
        finish.set()
    assert vendor.count("submit") == 2 + 6
    assert list((project / ".adbatch/live/lanes").glob("*.run")) == []
