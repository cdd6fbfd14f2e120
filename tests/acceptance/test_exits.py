"""Every exit code, reached by the real command as a shell sees it; the table of `runner.errors` has no other."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.clock import SystemClock
from runner.edge.state import State
from runner.errors import EXITS
from tests.acceptance.conftest import ADBATCH, Project
from tests.cli.conftest import ENVIRON, open_slow
from tests.projects import COPY, MEDIUM, write_project

FEED: Final = "id,title\nmug,Mug\nhat,Hat\n"
SIVI: Final = "version: 1\nproviders:\n  sivi: {limits: {deadline: 1s}}\n"
RUN: Final = ("run", "job.yaml", "--sandbox")

Scenario = Callable[[Project], Awaitable[str]]
"""Something that happens to a project of two rows; returns what the command said on stderr."""


def ordered(project: Project, *faults: Mapping[str, object]) -> tuple[str, ...]:
    """The command that runs the job against vendors with these faults."""
    (project.root / "faults.json").write_text(json.dumps(faults))
    return (*RUN, "--faults", "faults.json")


async def all_is_well(project: Project) -> str:
    """The vendors do what they are asked."""
    return project.adbatch(*RUN, expect=0).stderr


async def a_vendor_refuses(project: Project) -> str:
    """A request is refused in a documented way."""
    words = ordered(project, {"kind": "error", "status": 422, "step": "submit"})
    return project.adbatch(*words, expect=1).stderr


async def the_feed_is_empty(project: Project) -> str:
    """The file that should hold products holds none."""
    (project.root / "feed.csv").write_text("id,title\n")
    told = project.adbatch(*RUN, expect=2).stderr
    assert (project.ledger(), (project.root / "out/results.jsonl").exists()) == ([], False)
    return told


async def a_key_is_missing(project: Project) -> str:
    """A live run has no key."""
    write_project(
        project.root, project="version: 1\nproviders:\n  jivox: {account: '7', key: {env: ADBATCH_TEST_UNSET}}\n", feed=FEED
    )
    return project.adbatch("run", "job.yaml", expect=3).stderr


async def an_answer_is_lost(project: Project) -> str:
    """A vendor bills and hangs up."""
    return project.adbatch(*ordered(project, {"kind": "drop_after"}), expect=4).stderr


async def a_budget_is_spent(project: Project) -> str:
    """The job may buy one thing and wants two."""
    write_project(project.root, COPY, "budget: {requests: 1}\noutput: {dir: out}\n", feed=FEED)
    return project.adbatch(*RUN, expect=5).stderr


async def a_job_never_ends(project: Project) -> str:
    """A vendor takes a job and never finishes it; the project allows it a second. What it has, the next run asks for."""
    write_project(project.root, MEDIUM, project=SIVI, feed=FEED)
    told = project.adbatch(*ordered(project, {"kind": "job_never_ends"}), expect=6).stderr
    assert [line["status"] for line in project.results("out")] == ["queued", "queued"]
    return told


async def another_run_holds_the_job(project: Project) -> str:
    """Somebody else runs the very job."""
    with State(project.root / ".adbatch", "sandbox").lock("small", SystemClock().now()):
        return project.adbatch(*RUN, expect=75).stderr


@contextmanager
def heard(number: signal.Signals) -> Iterator[None]:
    """What is started here hears the signal, even if whoever started these tests has set it to be ignored (`nohup`, `&`)."""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


def signalled(number: signal.Signals) -> Scenario:
    """A signal comes while a purchase is under way; its answer is waited for."""

    async def scenario(project: Project) -> str:
        async with open_slow(project.root) as slow:
            streams: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE, "env": ENVIRON}
            with heard(number):
                process = await asyncio.create_subprocess_exec(ADBATCH, "run", "job.yaml", cwd=project.root, **streams)
            assert process.stderr is not None
            await slow.next_hit()
            process.send_signal(number)
            told = ""
            while "stopping" not in told:
                told += (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
            slow.release.set()
            _, rest = await process.communicate()
        assert (process.returncode, len(slow.hits)) == (128 + number, 1)
        return told + rest.decode()

    return scenario


SCENARIOS: Final[Mapping[int, Scenario]] = {
    0: all_is_well,
    1: a_vendor_refuses,
    2: the_feed_is_empty,
    3: a_key_is_missing,
    4: an_answer_is_lost,
    5: a_budget_is_spent,
    6: a_job_never_ends,
    75: another_run_holds_the_job,
    129: signalled(signal.SIGHUP),
    130: signalled(signal.SIGINT),
    143: signalled(signal.SIGTERM),
}
NO_RUN: Final = (2, 3, 75)
"""Codes of commands that never came to run anything: a complaint is all they say."""


@pytest.mark.parametrize("code", SCENARIOS)
async def test_each_code_is_reached(tmp_path: Path, code: int) -> None:
    """The command ends with the code that the table gives to what happened, and says so in the table's words."""
    write_project(tmp_path, feed=FEED)
    told = await SCENARIOS[code](Project(tmp_path))
    assert "Traceback" not in told
    meaning = EXITS[code] if code else "all done"  # three lines have no room for "or nothing to do"
    assert (f"{meaning} (exit {code})" in told) is (code not in NO_RUN)


def test_the_table_is_complete() -> None:
    """There is no exit code that nothing reaches, and no scenario for one that is not told."""
    assert dict.fromkeys(SCENARIOS) == dict.fromkeys(EXITS)


async def test_an_overdue_job_is_asked_for_by_the_next_run(tmp_path: Path) -> None:
    """What was queued at the deadline is not bought again: the next run polls and downloads it."""
    project = Project(tmp_path)
    write_project(tmp_path, feed=FEED)
    await a_job_never_ends(project)
    bill = project.ledger()
    project.edit("adbatch.yaml", ("deadline: 1s", "deadline: 1m"))
    project.adbatch(*RUN)
    assert [line["status"] for line in project.results("out")] == ["done", "done"]
    assert project.ledger() == bill
