"""Pruning: what nobody needs is shown, and removed only when that is wished; nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.clock import SystemClock
from runner.edge.outputs import read_results
from runner.edge.state import State
from runner.errors import Held
from runner.upkeep.pruning import DAY, Heap, Pruned, Wish, prune
from runner.workflow import Order, Report, run_job
from tests.crash.forge import hurry
from tests.projects import COPY, FEED, MEDIUM, Listener, billed, open_stage_here, write_project

ONE: Final = "id,title,picture\nmug,Mug,mug.png\n"
LATER: Final = 10 * DAY


async def play(folder: Path, feed: str = FEED, **more: Any) -> Report:
    """Run the project's job in the sandbox, with this feed, and with time in a hurry: polls are not waited for."""
    path = write_project(folder, COPY + MEDIUM, feed=feed)
    async with open_stage_here(folder / ".adbatch/sandbox/vendors") as stage:
        return await run_job(Order(path, sandbox=True, stage=stage, **more), Listener(), hurry())


def look(folder: Path, older: float = 0.0, remove: bool = False, after: float = LATER) -> Pruned:
    """What prune says of it ten days later."""
    state = State(folder / ".adbatch", "sandbox")
    return prune(state, "small", folder / "out", Wish(SystemClock().now() + after, older, remove))


def everything(folder: Path) -> dict[str, bytes]:
    """All files of the project with their bytes, except the journal's own."""
    files = (path for path in folder.rglob("*") if path.is_file() and "journal.db" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def test_rows_that_leave_the_feed_are_retired_and_pruned(tmp_path: Path) -> None:
    """Their files are moved aside and counted; prune shows them, removes them when told, and nothing that is still wanted."""
    await play(tmp_path)
    report = await play(tmp_path, ONE)
    assert (report.told.retired, report.manifest["retired"], report.told.exit_code) == (2, 2, 0)
    assert (tmp_path / "out/.retired/hat/copy.txt").exists()
    before, shown = everything(tmp_path), look(tmp_path)
    assert (shown.retired.files, shown.feeds.files, shown.blobs.files, shown.left) == (2, 1, 0, "")
    assert everything(tmp_path) == before
    assert look(tmp_path, remove=True).files == 3
    gone = before.keys() - everything(tmp_path).keys()
    assert {str(Path(name).with_suffix("")) for name in gone if "feeds" not in name} == {
        "out/.retired/hat/copy",
        "out/.retired/hat/medium",
        "out/.retired/.gitignore",
    }
    assert not (tmp_path / "out/.retired").exists()
    assert look(tmp_path) == Pruned(Heap(), Heap(), Heap())
    await play(tmp_path, ONE)
    assert billed(tmp_path / ".adbatch/sandbox/vendors").total() == 4


async def test_a_row_that_returns_is_published_and_not_bought(tmp_path: Path) -> None:
    """After its files were retired, even pruned, a variant that comes back is made from the state folder."""
    await play(tmp_path)
    before = (tmp_path / "out/results.jsonl").read_bytes()
    await play(tmp_path, ONE)
    look(tmp_path, remove=True)
    await play(tmp_path)
    assert billed(tmp_path / ".adbatch/sandbox/vendors").total() == 4
    assert (tmp_path / "out/results.jsonl").read_bytes() == before
    for line in read_results(tmp_path / "out/results.jsonl"):
        for step in line["steps"].values():
            assert all((tmp_path / "out" / file["path"]).exists() for file in step["files"])


async def test_a_restricted_run_retires_nothing(tmp_path: Path) -> None:
    """With a limit the files of rows that left the feed stay; the next whole run retires them."""
    await play(tmp_path)
    assert (await play(tmp_path, ONE, limit=1)).told.retired == 0
    assert (tmp_path / "out/hat/copy.txt").exists()
    assert (await play(tmp_path, ONE)).told.retired == 2


async def test_what_is_young_stays(tmp_path: Path) -> None:
    """In the state folder nothing of the last day is touched, and nothing at all that is not `older`."""
    await play(tmp_path)
    await play(tmp_path, ONE)
    assert (look(tmp_path, after=60.0).retired.files, look(tmp_path, after=60.0).feeds.files) == (2, 0)
    assert look(tmp_path, older=11 * DAY).files == 0
    assert look(tmp_path, older=9 * DAY).files == 3


async def test_strays_are_found_and_all_else_is_left(tmp_path: Path) -> None:
    """Blobs and snapshots that no journal names are shown; other files, links, and what was set aside are not."""
    await play(tmp_path)
    state = State(tmp_path / ".adbatch", "sandbox")
    stray = state.blobs().put(b"nobody's")
    (state.feeds / f"{'cd' * 32}.csv.gz").write_bytes(b"an old feed")
    aside = state.blobs().path(stray.sha256).with_name(stray.sha256 + ".rejected")
    aside.write_bytes(b"?")
    (state.feeds / "notes.txt").write_text("mine")
    (state.feeds / f"{'ef' * 32}.csv").symlink_to("notes.txt")
    shown = look(tmp_path, remove=True)
    assert (shown.blobs.files, shown.blobs.size, shown.feeds.files, shown.feeds.size) == (1, 8, 1, 11)
    assert not state.blobs().has(stray.sha256)
    assert aside.exists()
    assert sorted(path.suffix for path in state.feeds.iterdir()) == [".csv", ".csv", ".txt"]
    before = billed(tmp_path / ".adbatch/sandbox/vendors")
    await play(tmp_path)
    assert billed(tmp_path / ".adbatch/sandbox/vendors") == before


async def test_another_jobs_journal_counts(tmp_path: Path) -> None:
    """What another job of the folder names is wanted; while one is in use or damaged, the state folder is left alone."""
    await play(tmp_path)
    state = State(tmp_path / ".adbatch", "sandbox")
    (state.home / "jobs/small").rename(state.home / "jobs/other")
    assert look(tmp_path).files == 0
    state.blobs().put(b"nobody's")
    assert look(tmp_path).blobs.files == 1
    with state.lock("other", 0.0):
        assert (look(tmp_path, remove=True).left, look(tmp_path).blobs.files) == ("job other is in use", 0)
    os.truncate(state.journal("other"), 5000)
    assert "journal" in look(tmp_path, remove=True).left


async def test_the_job_itself_must_be_free(tmp_path: Path) -> None:
    """While a run holds the job nothing is even looked at."""
    state = State(tmp_path / ".adbatch", "sandbox")
    with state.lock("small", 0.0), pytest.raises(Held):
        look(tmp_path)


def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
    """A link in the place of `.retired/`, or in it, leads nowhere."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file.png").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.retired").symlink_to(mine)
    assert look(tmp_path, remove=True).files == 0
    (tmp_path / "out/.retired").unlink()
    (tmp_path / "out/.retired").mkdir()
    (tmp_path / "out/.retired/linked").symlink_to(mine)
    (tmp_path / "out/.retired/old.png").write_text("old")
    assert look(tmp_path, remove=True).retired.files == 1
    assert (mine / "file.png").read_text() == "mine"
