"""The gallery that a run writes: in the end if it is asked to, and on the way if somebody watches."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runner.desk import load_files, open_desk
from runner.edge.clock import SystemClock
from runner.edge.journal import Journal
from runner.edge.outputs import Outputs
from runner.edge.state import State
from runner.edge.transport import Transport
from runner.edge.worker import Worker
from runner.errors import Interrupted
from runner.report import viewing
from runner.report.page import Folder
from runner.workflow import Order, run_job
from runner.workshop import Workshop
from tests.crash.forge import hurry
from tests.projects import COPY, MEDIUM, SCENE, Listener, open_stage_here, write_project


def index(folder: Path) -> Any:
    """The index of the gallery in this output folder."""
    text = (folder / "report/data/index.js").read_text("utf-8")
    return json.loads(json.loads(text.partition(",")[2].removesuffix(");\n")))


async def test_a_run_leaves_a_gallery_if_it_is_asked_to(tmp_path: Path) -> None:
    """With rows by their titles and what was asked; a run that changes nothing leaves the same bytes."""
    path = write_project(tmp_path, COPY + SCENE)
    async with open_stage_here(tmp_path / "vendors") as stage:
        report = await run_job(Order(path, sandbox=True, stage=stage), Listener())
        assert (report.gallery, (tmp_path / "out/report").exists()) == (None, False)
        report = await run_job(Order(path, sandbox=True, stage=stage, report=True), Listener())
        assert report.gallery == tmp_path / "out/report/index.html"
        before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out/report").rglob("*")}
        await run_job(Order(path, sandbox=True, stage=stage, report=True), Listener())
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "out/report").rglob("*")}
    told = index(tmp_path / "out")
    assert told["rows"] == [["mug", "Mug"], ["hat", "Hat"]]
    assert told["about"]["job"]["mode"] == "sandbox"
    assert (tmp_path / "out/report" / "thumbs").is_dir()


async def test_a_gallery_that_cannot_be_written_is_no_failed_run(tmp_path: Path) -> None:
    """The run ends as it would have, and says what is in the way."""
    path = write_project(tmp_path)
    (tmp_path / "decisions.yaml").write_text("version: 7\n")
    listener = Listener()
    async with open_stage_here(tmp_path / "vendors") as stage:
        report = await run_job(Order(path, sandbox=True, stage=stage, report=True), listener)
    assert (report.told.exit_code, report.gallery) == (0, None)
    assert any("the gallery is not written" in line for line in listener.lines)


async def test_whoever_watches_sees_the_run_go_on(tmp_path: Path) -> None:
    """While a picture is still queued, the page has the copy that is done, and knows what is waited for."""
    path = write_project(tmp_path, COPY + MEDIUM)
    clock = hurry(4.0)
    async with open_stage_here(tmp_path / "vendors", queue=2.0) as stage:
        mark = viewing.watch_mark(State(tmp_path / ".adbatch", "sandbox"), "small")
        mark.touch()
        run = asyncio.create_task(run_job(Order(path, sandbox=True, stage=stage, report=True), Listener(), clock))
        folder = Folder(tmp_path / "out/report")
        while folder.stamp() is None and not run.done():
            await clock.sleep_until(clock.now() + 0.2)
        assert not run.done()
        assert not (tmp_path / "out/results.jsonl").exists()
        assert [step["status"] for step in index(tmp_path / "out")["steps"]] == ["dd", "qq"]
        await run
    assert [step["status"] for step in index(tmp_path / "out")["steps"]] == ["dd", "dd"]


async def test_what_is_just_being_asked_is_not_in_doubt(tmp_path: Path) -> None:
    """While the answers are out the page says `queued`; that nobody knows whether they were billed is told of ended runs only."""
    path = write_project(tmp_path)
    clock = hurry(4.0)
    async with open_stage_here(tmp_path / "vendors", latency=2.0) as stage:
        viewing.watch_mark(State(tmp_path / ".adbatch", "sandbox"), "small").touch()
        run = asyncio.create_task(run_job(Order(path, sandbox=True, stage=stage, report=True), Listener(), clock))
        folder = Folder(tmp_path / "out/report")
        while folder.stamp() is None and not run.done():
            await clock.sleep_until(clock.now() + 0.2)
        assert not run.done()
        assert [step["status"] for step in index(tmp_path / "out")["steps"]] == ["qq"]
        await run
    assert [step["status"] for step in index(tmp_path / "out")["steps"]] == ["dd"]


async def test_a_run_that_nobody_watches_writes_nothing_on_the_way(tmp_path: Path) -> None:
    """A touch that is old does not count."""
    assert viewing.FRESH > 2 * viewing.EVERY
    path = write_project(tmp_path)
    async with open_stage_here(tmp_path / "vendors") as stage:
        report = await run_job(Order(path, sandbox=True, stage=stage, report=True), Listener())
    assert report.gallery is not None
    assert not viewing.watch_mark(State(tmp_path / ".adbatch", "sandbox"), "small").exists()


async def test_a_viewing_that_is_stopped_ends(tmp_path: Path) -> None:
    """Whoever writes in another thread meets the interruption at the next look into the journal."""
    path = write_project(tmp_path)
    async with open_stage_here(tmp_path / "vendors") as stage:
        await run_job(Order(path, sandbox=True, stage=stage), Listener())
    state = State(tmp_path / ".adbatch", "sandbox")
    desk = open_desk(load_files(path))
    with Journal.open(state.journal("small"), "sandbox") as journal:
        transport = Transport({}, state.blobs(), SystemClock())
        outputs = Outputs(desk.output, state.blobs())
        shop = Workshop(desk, state, state.blobs(), journal, transport, outputs, Worker(outputs), SystemClock())
        one = viewing.Viewing(shop, lambda: iter(()))
        assert one.write().variants == 2
        one.stop()
        (tmp_path / "out/report/index.html").unlink()
        with pytest.raises(Interrupted):
            one.write()
