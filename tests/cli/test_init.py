"""`adbatch init`: a project that works at once, and nothing overwritten."""

from __future__ import annotations

import json
from pathlib import Path

from runner.cli.init import starter_files
from tests.acceptance.conftest import Project


def test_the_first_run_of_a_new_project_succeeds(tmp_path: Path) -> None:
    """A new project passes its check, its first rehearsal makes every variant, and the second sends nothing."""
    project = Project(tmp_path)
    told = project.adbatch("init", "shop")
    assert set(told.stdout.split()) == {f"shop/{name}" for name, _ in starter_files()}
    assert "cd shop && adbatch run jobs/first.yaml --sandbox" in told.stderr
    shop = Project(tmp_path / "shop")
    assert "2 rows, 4 variants" in shop.adbatch("check", "jobs/first.yaml").stdout
    shop.adbatch("run", "jobs/first.yaml", "--sandbox")
    assert [line["status"] for line in shop.results("out/first")] == ["done"] * 4
    assert (shop.root / "out/first/mug-01/de-DE/headline.txt").exists()
    billed = len(shop.ledger())
    assert billed == 6
    shop.adbatch("run", "jobs/first.yaml", "--sandbox")
    assert len(shop.ledger()) == billed
    assert json.loads((shop.root / "out/first/manifest.json").read_text())["counts"] == {"done": 4}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Where a file of that name is, nothing is written and the file is named."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/first.yaml").write_text("mine")
    told = Project(tmp_path).adbatch("init", expect=2)
    assert "jobs/first.yaml is there already" in told.stderr
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["first.yaml"]


def test_a_new_project_keeps_state_and_output_out_of_git(tmp_path: Path) -> None:
    """The project's `.gitignore` names the state folder and the output folder."""
    assert dict(starter_files())[".gitignore"].split() == [".adbatch/", "out/"]
