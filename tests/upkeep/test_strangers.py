"""A run that would buy what lies here already refuses, and says what to do instead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.edge.clock import SystemClock
from runner.edge.rehearsal import Stage
from runner.errors import Stranger
from runner.planning.forecast import Question, make_forecast
from runner.upkeep.adoption import adopt_results
from tests.projects import COPY, FEED, PROJECT, SCENE, billed, write_project
from tests.upkeep.conftest import play

PRICED = PROJECT + "prices: {jivox/text: {each: 0.01, currency: USD}}\n"


async def checkout(folder: Path, stage: Stage, steps: str = COPY + SCENE, manifest: bool = False) -> Path:
    """A project as a fresh checkout has it: results, but no state, and usually no manifest."""
    path = write_project(folder, steps, project=PRICED)
    await play(path, stage)
    shutil.rmtree(folder / ".adbatch")
    if not manifest:
        (folder / "out" / "manifest.json").unlink()
    return path


@pytest.mark.parametrize("manifest", [True, False])
async def test_results_of_another_journal_stop_the_run(tmp_path: Path, stage: Stage, manifest: bool) -> None:
    """Nothing is sent and nothing written; the message counts, prices and names the ways out."""
    path = await checkout(tmp_path, stage, manifest=manifest)
    paid, results = billed(tmp_path / "vendors"), (tmp_path / "out" / "results.jsonl").read_bytes()
    with pytest.raises(Stranger) as refused:
        await play(path, stage)
    said = str(refused.value)
    assert refused.value.exit_code == 3
    assert "names 4 bought results that the state folder does not know (2 copy, 2 scene)" in said
    assert "would cost 0.02 USD + 2 of unknown price." in said
    assert f"adbatch adopt {path} --sandbox" in said
    assert "adbatch import-state" in said
    assert "--fresh all" in said
    assert billed(tmp_path / "vendors") == paid
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == results
    assert not (tmp_path / "out" / ".adbatch-run").exists()


async def test_ordering_anew_is_meant(tmp_path: Path, stage: Stage) -> None:
    """`--fresh all` buys again; with one step fresh, another's results still stop the run."""
    path = await checkout(tmp_path, stage)
    with pytest.raises(Stranger, match=r"\(2 copy\)"):
        await play(path, stage, fresh=frozenset({"scene"}))
    assert (await play(path, stage, fresh=frozenset())).told.exit_code == 0
    assert billed(tmp_path / "vendors").total() == 8


async def test_what_was_adopted_is_known(tmp_path: Path, stage: Stage) -> None:
    """After `adopt` the run goes on; what could not be adopted still stops it."""
    path = await checkout(tmp_path, stage)
    picture = tmp_path / "out" / "mug" / "scene.png"
    picture.rename(tmp_path / "kept.png")
    await adopt_results(path, stage, SystemClock(), "tester")
    with pytest.raises(Stranger, match=r"1 scene\)") as refused:
        await play(path, stage)
    assert "would cost 1 of unknown price" in str(refused.value)
    assert "copy" not in str(refused.value)
    (tmp_path / "kept.png").rename(picture)
    await adopt_results(path, stage, SystemClock(), "tester")
    assert (await play(path, stage)).told.exit_code == 0
    assert billed(tmp_path / "vendors").total() == 4


async def test_what_reads_a_fresh_step_is_not_there(tmp_path: Path, stage: Stage) -> None:
    """A new headline asks for a new scene: what was made of the old one stops nothing."""
    path = await checkout(tmp_path, stage)
    assert (await play(path, stage, fresh=frozenset({"copy"}))).told.exit_code == 0


async def test_only_what_would_be_asked_matters(tmp_path: Path, stage: Stage) -> None:
    """Results of another plan, and rows that are not selected, stop nothing."""
    path = await checkout(tmp_path, stage, COPY)
    (tmp_path / "feed.csv").write_text("id,title,picture\ncap,Cap,c.png\n" + FEED.partition("\n")[2])
    report = await play(path, stage, limit=1)
    assert (report.told.exit_code, report.manifest["providers"]["jivox"]["sent"]) == (0, 1)


async def test_a_journal_s_own_results_stop_nothing(tmp_path: Path, stage: Stage) -> None:
    """New rows, and a result whose line is there but whose journal is this one, are bought as ever."""
    path = write_project(tmp_path)
    await play(path, stage)
    (tmp_path / "feed.csv").write_text(FEED + "cap,Cap,cap.png\n")
    report = await play(path, stage)
    assert (report.told.exit_code, report.manifest["providers"]["jivox"]["sent"]) == (0, 1)


async def test_an_old_copy_of_the_state_stops_the_run(tmp_path: Path, stage: Stage) -> None:
    """A backup or a stale cache has the journal of these results, from before it bought them: it is not bought again for that."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    shutil.copytree(tmp_path / ".adbatch", tmp_path / "backup")
    (tmp_path / "feed.csv").write_text(FEED.replace("Mug", "Blue mug"), "utf-8")
    await play(path, stage)
    paid = billed(tmp_path / "vendors")
    shutil.rmtree(tmp_path / ".adbatch")
    (tmp_path / "backup").rename(tmp_path / ".adbatch")
    [note] = (await make_forecast(Question(path, stage))).document["notes"]
    assert "until `adbatch adopt` takes it in" in note
    with pytest.raises(Stranger, match=r"names 2 bought results that the state folder does not know \(1 copy, 1 scene\)"):
        await play(path, stage)
    await adopt_results(path, stage, SystemClock(), "tester")
    assert (await play(path, stage)).told.exit_code == 0
    assert billed(tmp_path / "vendors") == paid


async def test_results_that_were_pulled_stop_the_run(tmp_path: Path, stage: Stage) -> None:
    """A results.jsonl that git brought from another machine names what that machine bought."""
    path = write_project(tmp_path)
    await play(path, stage)
    (tmp_path / "elsewhere").mkdir()
    other = write_project(tmp_path / "elsewhere", feed=FEED + "cap,Cap,cap.png\n")
    await play(other, stage)
    (tmp_path / "feed.csv").write_text(FEED + "cap,Cap,cap.png\n")
    shutil.copy(other.parent / "out" / "results.jsonl", tmp_path / "out" / "results.jsonl")
    with pytest.raises(Stranger, match="names 1 bought"):
        await play(path, stage)


async def test_what_was_refused_elsewhere_is_asked_here(tmp_path: Path, stage: Stage) -> None:
    """Only results count: a line that is not done is no reason not to ask."""
    path = await checkout(tmp_path, stage, COPY)
    file = tmp_path / "out" / "results.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["steps"]["copy"] = {"status": "failed", "request": line["steps"]["copy"]["request"], "why": "no"}
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert (await play(path, stage)).told.exit_code == 0
