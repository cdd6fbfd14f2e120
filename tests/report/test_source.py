"""From a job to what its gallery is made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli.backdrop import paint_stage
from runner.desk import catalog_of, load_files
from runner.edge.clock import SystemClock
from runner.edge.state import State
from runner.errors import Held, Usage
from runner.report.source import make_report, prices_in
from runner.workflow import Order, run_job
from tests.projects import COPY, PROJECT, SCENE, Listener, open_stage_here, write_project


@pytest.fixture
async def job(tmp_path: Path) -> Path:
    """A small job after its sandbox run."""
    path = write_project(tmp_path, COPY + SCENE)
    async with open_stage_here(tmp_path / "vendors") as stage:
        await run_job(Order(path, sandbox=True, stage=stage), Listener())
    return path


def data(folder: Path, name: str) -> Any:
    """What a data file of the gallery holds."""
    return json.loads(json.loads((folder / f"data/{name}.js").read_text("utf-8").partition(",")[2].removesuffix(");\n")))


def test_a_gallery_tells_what_the_journal_knows(job: Path) -> None:
    """Titles from the feed, prompts and tries from the journal, and no trace of a key."""
    made = make_report(job, paint_stage())
    folder = made.page.parent
    assert (made.variants, made.pictures) == (2, 2)
    assert data(folder, "index")["rows"] == [["mug", "Mug"], ["hat", "Hat"]]
    chunk = data(folder, "chunk-0")
    asked = chunk["requests"][chunk["variants"][0]["steps"]["copy"]["request"]]
    assert (asked["prompt"], asked["attempts"]) == ("Headline for Mug", 1)
    assert "test-key" not in json.dumps(chunk)
    assert make_report(job, paint_stage()).current


def test_titles_are_those_of_the_run(job: Path) -> None:
    """A feed that was edited since, or is gone, changes nothing: the run's own snapshot is read."""
    (job.parent / "feed.csv").unlink()
    assert data(make_report(job, paint_stage()).page.parent, "index")["rows"] == [["mug", "Mug"], ["hat", "Hat"]]


def test_it_needs_no_state_folder(job: Path) -> None:
    """In a fresh checkout results and files are enough; what the journal knew is not told."""
    (job.parent / ".adbatch").rename(job.parent / "elsewhere")
    made = make_report(job, paint_stage(), job.parent / "mail")
    chunk = data(made.page.parent, "chunk-0")
    assert chunk["requests"] == {}
    assert made.pictures == 2
    assert (made.page.parent / chunk["variants"][0]["steps"]["scene"]["parts"][0]["href"]).is_file()


def test_a_single_file_is_written_where_it_is_wanted(job: Path) -> None:
    """One file, and no folder beside it."""
    made = make_report(job, paint_stage(), single=job.parent / "mail.html")
    assert made.page.is_file()
    assert not (job.parent / "out/report").exists()


def test_the_other_modes_results_are_not_told(job: Path) -> None:
    """Live papers do not go with a sandbox run's results; the message says what to add."""
    with pytest.raises(Usage, match="add --sandbox"):
        make_report(job, None)


def test_a_run_is_not_disturbed(job: Path) -> None:
    """While a run holds the job nobody reads its journal."""
    with State(job.parent / ".adbatch", "sandbox").lock("small", SystemClock().now()), pytest.raises(Held):
        make_report(job, paint_stage())


def test_prices_are_the_projects(tmp_path: Path) -> None:
    """What the project file says a request costs; nothing where nobody says."""
    prices = "prices:\n  jivox/text: {each: 0.01, currency: USD}\n"
    files = load_files(write_project(tmp_path, project=PROJECT + prices))
    price = prices_in(catalog_of(files[0]))
    assert (str(price("jivox/text")), price("jivox/image"), price("gone/away")) == ("0.01 USD", None, None)
