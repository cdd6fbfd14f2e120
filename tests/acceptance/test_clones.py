"""Two clones of one repository: what the first bought, the second takes in and does not buy again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.edge.clock import SystemClock
from runner.edge.git import read_revision
from runner.errors import Stranger
from runner.upkeep.adoption import adopt_results
from runner.upkeep.rebuilding import rebuild_outputs
from runner.upkeep.verification import verify_output
from runner.workflow import Order, run_job
from tests.edge.test_git import git
from tests.projects import COPY, SCENE, Listener, billed, open_stage_here, write_project


async def test_a_clone_adopts_and_buys_nothing(tmp_path: Path) -> None:
    """The second clone's vendors are asked for nothing; its results, verified and rebuilt, are the first's byte for byte."""
    (tmp_path / "first").mkdir()
    first = write_project(tmp_path / "first", COPY + SCENE)
    (tmp_path / "first" / ".gitignore").write_text(".adbatch/\nout/*\n!out/results.jsonl\n")
    git(tmp_path / "first", "init", "--quiet")
    async with open_stage_here(tmp_path / "vendors-1") as stage:
        await run_job(Order(first, sandbox=True, stage=stage), Listener())
    assert billed(tmp_path / "vendors-1").total() == 4
    git(tmp_path / "first", "add", "--all")
    git(tmp_path / "first", "commit", "--quiet", "--message", "bought")
    git(tmp_path, "clone", "--quiet", "first", "second")
    second = tmp_path / "second" / "job.yaml"
    async with open_stage_here(tmp_path / "vendors-2") as stage:
        with pytest.raises(Stranger):
            await run_job(Order(second, sandbox=True, stage=stage), Listener())
        shutil.copytree(tmp_path / "first" / "out", tmp_path / "second" / "out", dirs_exist_ok=True)
        found = await adopt_results(second, stage, SystemClock(), "tester")
        assert (found.taken.total(), found.lost) == (4, {})
        report = await run_job(Order(second, sandbox=True, stage=stage), Listener())
        assert report.told.exit_code == 0
        shutil.rmtree(tmp_path / "second" / "out")
        assert rebuild_outputs(second, stage).whole
    assert billed(tmp_path / "vendors-2").total() == 0
    assert verify_output(tmp_path / "second" / "out").whole
    assert git(tmp_path / "second", "status", "--porcelain") == ""
    revision = read_revision(tmp_path / "second")
    assert report.manifest["git"] == {"commit": getattr(revision, "commit", ""), "dirty": False}
