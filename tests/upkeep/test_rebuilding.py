"""Rebuilding: the same bytes from the state folder alone, whatever became of everything else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.decisions import Decision, save_decisions
from runner.edge.rehearsal import Stage
from runner.errors import Held, Usage
from runner.reading.study import open_study
from runner.upkeep.rebuilding import rebuild_outputs
from runner.upkeep.verification import verify_output
from tests.projects import COPY, SCENE, billed, write_project
from tests.upkeep.conftest import play


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_deleted_outputs_come_back(tmp_path: Path, stage: Stage) -> None:
    """Every file, results.jsonl, manifest and provenance: the same bytes, and nothing is sent."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    before, paid = contents(tmp_path / "out"), billed(tmp_path / "vendors")
    shutil.rmtree(tmp_path / "out")
    made = rebuild_outputs(path, stage)
    assert (made.whole, made.run, made.written, made.unchanged, made.lines) == (True, 1, 4, 0, 2)
    assert contents(tmp_path / "out") == before
    assert verify_output(tmp_path / "out").whole
    assert billed(tmp_path / "vendors") == paid


async def test_a_marked_picture_is_one_file_beside_what_was_bought(tmp_path: Path, stage: Stage) -> None:
    """Deleted, it comes back by a run, without its note, and by a rebuild: the same bytes, no blob of its own, nothing bought."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    before, paid = contents(tmp_path / "out"), billed(tmp_path / "vendors")
    picture = tmp_path / "out" / "mug" / "scene.png"
    stored = {name.rpartition("/")[2] for name in contents(tmp_path / ".adbatch" / "sandbox" / "blobs")}
    named = [file for line in before["results.jsonl"].splitlines() for file in json.loads(line)["steps"]["scene"]["files"]]
    assert {file["source"] for file in named} <= stored
    assert not {file["sha256"] for file in named} & stored
    for keeps_note in (True, False):
        picture.unlink()
        if not keeps_note:
            shutil.rmtree(tmp_path / ".adbatch" / "sandbox" / "finished")
        await play(path, stage)
        assert picture.read_bytes() == before["mug/scene.png"]
    picture.unlink()
    assert rebuild_outputs(path, stage).written == 1
    after = contents(tmp_path / "out")
    assert {name: after[name] for name in ("mug/scene.png", "results.jsonl")} == {
        name: before[name] for name in ("mug/scene.png", "results.jsonl")
    }
    assert not {file["sha256"] for file in named} & {name.rpartition("/")[2] for name in contents(tmp_path / ".adbatch")}
    assert billed(tmp_path / "vendors") == paid


async def test_what_is_not_approved_is_not_published_by_the_back_door(tmp_path: Path, stage: Stage) -> None:
    """Where only approved files are published, a rebuild holds back what the run held back."""
    path = write_project(tmp_path, COPY + SCENE, top="output: {dir: out, publish: approved}\n")
    await play(path, stage)
    line = next(json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines())
    decision = Decision(
        job="small", key=line["key"], step="scene", sha256=line["steps"]["scene"]["held"][0]["sha256"], decision="approved"
    )
    save_decisions(tmp_path / "decisions.yaml", [decision])
    await play(path, stage)
    before = contents(tmp_path / "out")
    assert len([name for name in before if name.endswith(".png") and not name.startswith("report")]) == 1
    shutil.rmtree(tmp_path / "out")
    assert rebuild_outputs(path, stage).whole
    assert contents(tmp_path / "out") == before


async def test_what_is_there_is_left_as_it_is(tmp_path: Path, stage: Stage) -> None:
    """A rebuild with nothing to do touches no file."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    picture = tmp_path / "out" / "mug" / "scene.png"
    before = picture.stat()
    made = rebuild_outputs(path, stage)
    assert (made.whole, made.written, made.unchanged) == (True, 0, 4)
    assert (picture.stat().st_ino, picture.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_job_templates_and_feed_are_those_of_the_run(tmp_path: Path, stage: Stage) -> None:
    """Whatever was edited or deleted since, the run's own are in the state folder."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "copy.j2").write_text("Headline for {{ row.title }}")
    steps = "  copy:\n    use: jivox/text\n    with: {prompt: {template: copy.j2}}\n    save: '{{ row.id }}'\n"
    path = write_project(tmp_path, steps)
    await play(path, stage)
    before = contents(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    shutil.rmtree(tmp_path / "templates")
    (tmp_path / "feed.csv").unlink()
    (tmp_path / "adbatch.yaml").write_text("version: 1\n")
    path.write_text(path.read_text().replace("row.id", "row.title").replace("copy.j2", "other.j2"))
    assert rebuild_outputs(path, stage).whole
    assert contents(tmp_path / "out") == before


async def test_a_file_that_somebody_edited_is_kept(tmp_path: Path, stage: Stage) -> None:
    """It is reported, and everything else is made."""
    path = write_project(tmp_path, COPY)
    await play(path, stage)
    (tmp_path / "out" / "mug" / "copy.txt").write_text("My own words\n")
    (tmp_path / "out" / "hat" / "copy.txt").unlink()
    made = rebuild_outputs(path, stage)
    assert (made.whole, made.same, list(made.kept), made.written) == (False, True, ["mug/copy.txt"], 1)
    assert (tmp_path / "out" / "mug" / "copy.txt").read_text() == "My own words\n"
    assert made.as_json()["kept"] == ["mug/copy.txt"]


async def test_a_run_of_a_part_is_rebuilt_as_that_part(tmp_path: Path, stage: Stage) -> None:
    """Lines that the run left out, because nothing was known of them, are left out again."""
    path = write_project(tmp_path, COPY)
    await play(path, stage, limit=1)
    before = contents(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    made = rebuild_outputs(path, stage)
    assert (made.whole, made.lines) == (True, 1)
    assert contents(tmp_path / "out") == before


async def test_bytes_that_are_gone_are_told(tmp_path: Path, stage: Stage) -> None:
    """Where the store has lost a picture the results cannot be the run's, and that is not claimed."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    shutil.rmtree(tmp_path / "out")
    shutil.rmtree(tmp_path / ".adbatch" / "sandbox" / "blobs")
    with pytest.raises(Usage, match="the state folder has lost what it was made from"):
        rebuild_outputs(path, stage)


async def test_one_picture_that_is_gone_is_told(tmp_path: Path, stage: Stage) -> None:
    """Everything else is made; the results say what is missing and are not claimed to be the run's."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path, stage)
    blobs = [blob for blob in (tmp_path / ".adbatch" / "sandbox" / "blobs").rglob("*") if blob.is_file()]
    line = json.loads((tmp_path / "out" / "results.jsonl").read_text("utf-8").splitlines()[0])
    next(blob for blob in blobs if blob.name == line["steps"]["scene"]["files"][0]["source"]).unlink()
    shutil.rmtree(tmp_path / "out")
    made = rebuild_outputs(path, stage)
    assert (made.same, made.whole, made.written) == (False, False, 3)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_there_must_have_been_a_run(tmp_path: Path) -> None:
    """Before the first run there is nothing to rebuild, and nothing is made."""
    path = write_project(tmp_path)
    with pytest.raises(Usage, match="no run of this job has ended yet"):
        rebuild_outputs(path)
    assert not (tmp_path / ".adbatch").exists()
    assert not (tmp_path / "out").exists()


async def test_a_feed_that_is_gone_is_told(tmp_path: Path, stage: Stage) -> None:
    """Without the snapshot there are no rows to rebuild."""
    path = write_project(tmp_path)
    await play(path, stage)
    shutil.rmtree(tmp_path / ".adbatch" / "sandbox" / "feeds")
    with pytest.raises(Usage, match="snapshot of the feed is gone"):
        rebuild_outputs(path, stage)


async def test_a_job_that_runs_is_not_rebuilt(tmp_path: Path, stage: Stage) -> None:
    """Whoever holds the job comes first."""
    path = write_project(tmp_path)
    await play(path, stage)
    with open_study(path, stage), pytest.raises(Held):
        rebuild_outputs(path, stage)
