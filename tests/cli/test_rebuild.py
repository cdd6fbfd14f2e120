"""`adbatch rebuild`: everything again from the state folder, and how much of it there was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.conftest import Adbatch
from tests.cli.left import leave_results
from tests.projects import write_project


def test_outputs_are_made_again(tmp_path: Path, adbatch: Adbatch) -> None:
    """Deleted outputs come back; a file that somebody edited is named and ends with 1."""
    leave_results(tmp_path)
    results = (tmp_path / "out" / "results.jsonl").read_bytes()
    shutil.rmtree(tmp_path / "out")
    ended = adbatch("rebuild", "job.yaml", "--sandbox")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "run 1 in out/: 4 written, 0 there already",
        "results.jsonl has the run's 2 lines, byte for byte",
    ]
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == results
    (tmp_path / "out" / "mug" / "copy.txt").write_text("My own")
    ended = adbatch("rebuild", "job.yaml", "--sandbox", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["kept"] == ["mug/copy.txt"]
    assert "left as somebody edited it: mug/copy.txt; remove it and rebuild" in ended.err
    for blob in (tmp_path / ".adbatch" / "sandbox" / "blobs").rglob("*"):
        if blob.is_file() and blob.read_bytes().startswith(b"\x89PNG"):  # as bought, and as published
            blob.unlink()
    assert "is not what the run wrote" in adbatch("rebuild", "job.yaml", "--sandbox").err


def test_the_other_mode_has_nothing(tmp_path: Path, adbatch: Adbatch) -> None:
    """Without a run there is nothing to rebuild."""
    write_project(tmp_path)
    ended = adbatch("rebuild", "job.yaml")
    assert ended.code == 2
    assert "no run of this job has ended yet" in ended.err
