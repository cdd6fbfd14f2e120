"""`adbatch verify`: what is amiss on stdout, a summary on stderr, 1 if anything is."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Adbatch
from tests.cli.left import leave_results
from tests.projects import write_project


def test_files_are_held_against_the_results(tmp_path: Path, adbatch: Adbatch) -> None:
    """All well is 0 and one line; what is missing, changed or nobody's is named, and the first two are 1."""
    leave_results(tmp_path)
    ended = adbatch("verify", "job.yaml")
    assert (ended.code, ended.out, ended.err) == (0, "", "4 of 4 files are what results.jsonl says\n")
    (tmp_path / "out" / "mug" / "scene.png").unlink()
    (tmp_path / "out" / "hat" / "copy.txt").write_text("edited")
    (tmp_path / "out" / "notes.txt").touch()
    with (tmp_path / "out" / "results.jsonl").open("a") as file:
        file.write('{"steps": {}}\n')
    ended = adbatch("verify", "job.yaml")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "missing  mug/scene.png",
        "changed  hat/copy.txt",
        "changed  results.jsonl is not the file that manifest.json tells of",
    ]
    assert ended.err.splitlines() == [
        "named by nobody, and left alone: notes.txt",
        "2 of 4 files are what results.jsonl says; `adbatch rebuild` makes them anew from the state folder, "
        "once what somebody edited is removed",
    ]
    told = json.loads(adbatch("verify", "job.yaml", "--json").out)
    assert (told["whole"], told["files"], told["missing"]) == (False, 4, ["mug/scene.png"])
    (tmp_path / "out" / "manifest.json").unlink()
    assert "taken at its word" in adbatch("verify", "job.yaml").err


def test_nothing_to_verify(tmp_path: Path, adbatch: Adbatch) -> None:
    """Before the first run that is a mistake, and nothing is made."""
    write_project(tmp_path)
    ended = adbatch("verify", "job.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert "there is nothing to verify before the first run" in ended.err
    assert not (tmp_path / "out").exists()
