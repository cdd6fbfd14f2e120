"""The study: a job's papers, read without making or sending anything."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runner.edge.journal import Journal
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.errors import Held, Invalid, OurSide, Usage
from runner.feed import read_rows
from runner.loom import Loom
from runner.reading.study import open_study
from runner.results import weave
from runner.workflow import Order, run_job
from tests.projects import COPY, SCENE, Listener, open_stage_here, write_project


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The emulated vendors."""
    async with open_stage_here(tmp_path / "vendors") as stage:
        yield stage


def statuses(path: Path, stage: Stage | None) -> list[dict[str, str]]:
    """Per variant, the status of each step as the study knows it."""
    with open_study(path, stage) as study:
        plan = study.desk.plan
        woven = weave(Loom(plan), plan.variants(read_rows(study.source())), study.look_up)
        return [{step: outcome.status for step, outcome in each.outcomes.items()} for each in woven]


def test_reading_a_job_that_was_never_run_makes_nothing(tmp_path: Path) -> None:
    """Without a state folder the journal reads as empty, everything waits, and no file appears."""
    path = write_project(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert statuses(path, None) == [{"copy": "waiting"}] * 2
    with open_study(path) as study:
        assert (study.state, study.journal, study.blobs) == (None, None, None)
        assert not [*study.pages.facts(), *study.pages.uncertain(), *study.pages.runs(), *study.pages.histories(["ab" * 32])]
    assert sorted(tmp_path.rglob("*")) == before


async def test_what_a_run_left_is_read_without_its_vendors(tmp_path: Path, stage: Stage) -> None:
    """After a run every step is done in the study of its mode, and the other mode knows nothing."""
    path = write_project(tmp_path, COPY + SCENE)
    await run_job(Order(path, sandbox=True, stage=stage), Listener())
    assert statuses(path, stage) == [{"copy": "done", "scene": "done"}] * 2
    assert statuses(path, None)[0] == {"copy": "waiting", "scene": "blocked"}
    with open_study(path, stage) as study:
        assert [run.meta["exit"] for run in study.runs_ended()] == [0]
        assert study.mode == "sandbox"


async def test_a_result_whose_bytes_are_gone_is_not_there(tmp_path: Path, stage: Stage) -> None:
    """A done step whose blob is missing from the store is told as failed, as a run would."""
    path = write_project(tmp_path, COPY + SCENE)
    await run_job(Order(path, sandbox=True, stage=stage), Listener())
    for blob in [file for file in (tmp_path / ".adbatch/sandbox/blobs").rglob("*") if re.fullmatch("[0-9a-f]{64}", file.name)]:
        blob.unlink()
    assert statuses(path, stage) == [{"copy": "done", "scene": "failed"}] * 2


async def test_a_job_that_runs_is_not_read(tmp_path: Path, stage: Stage) -> None:
    """While another holds the job, opening its papers raises `Held`, and afterwards it works."""
    path = write_project(tmp_path)
    await run_job(Order(path, sandbox=True, stage=stage), Listener())
    with (
        State(tmp_path / ".adbatch", "sandbox").lock("small", 0.0),
        pytest.raises(Held, match="since 1970"),
        open_study(path, stage),
    ):
        pass
    with open_study(path, stage) as study:
        assert study.journal is not None


async def test_a_damaged_journal_is_told(tmp_path: Path, stage: Stage) -> None:
    """A journal that is none ends with the remedy."""
    path = write_project(tmp_path)
    await run_job(Order(path, sandbox=True, stage=stage), Listener())
    (tmp_path / ".adbatch/sandbox/jobs/small/journal.db").write_bytes(b"no journal" * 1000)
    with pytest.raises(OurSide, match="journal recover"), open_study(path, stage):
        pass


async def test_a_snapshot_is_taken_where_a_run_takes_it(tmp_path: Path) -> None:
    """A snapshot of a local feed lies in the state folder of the mode, named by its content."""
    with open_study(write_project(tmp_path)) as study:
        snapshot = await study.take_snapshot()
    assert [file.parent for file in snapshot.files] == [tmp_path / ".adbatch/live/feeds"]
    assert snapshot.files[0].name == f"{snapshot.sha256}.csv"


def test_a_feed_at_an_address_is_read_as_it_was_last_downloaded(tmp_path: Path) -> None:
    """The last run's snapshot serves; before the first download there is nothing to read, which is said."""
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("feed.csv", '"https://shop.example/feed.csv?token=test-key"'))
    with open_study(path) as study, pytest.raises(Usage, match=r"https://shop\.example/feed\.csv was not downloaded yet"):
        study.source()
    state = State(tmp_path / ".adbatch", "live")
    (state.feeds / f"{'ab' * 32}.csv").write_text("id,title\nmug,Mug\n")
    with Journal.open(state.journal("small"), "live") as journal:
        journal.begin_run(1.0, {"feed": "ab" * 32})
    with open_study(path) as study:
        assert [row.key for row in read_rows(study.source())] == ["mug"]
        assert study.source().names == ("https://shop.example/feed.csv",)


def test_a_wrong_job_is_refused_as_everywhere(tmp_path: Path) -> None:
    """Mistakes of the job are raised when its desk is laid."""
    path = write_project(tmp_path, COPY.replace("jivox/text", "jivox/texd"))
    with open_study(path) as study, pytest.raises(Invalid, match="jivox/text"):
        _ = study.desk
