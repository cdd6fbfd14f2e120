"""`adbatch adopt`: what was taken in, what was not and why, and what to do about it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.conftest import Adbatch
from tests.cli.left import leave_results


def test_results_are_taken_in(tmp_path: Path, adbatch: Adbatch) -> None:
    """Everything is counted; a file that is missing is named with both remedies and ends with 1."""
    leave_results(tmp_path)
    shutil.rmtree(tmp_path / ".adbatch")
    picture = tmp_path / "out" / "mug" / "scene.png"
    picture.rename(tmp_path / "kept.png")
    ended = adbatch("adopt", "job.yaml", "--sandbox")
    assert (ended.code, ended.out) == (1, "")
    first, second, third = ended.err.splitlines()
    assert first.startswith("not adopted: ")
    assert first.endswith(" scene: mug/scene.png is missing")
    assert second == "3 results adopted (2 copy, 1 scene), with 1 file"
    assert third == ("to have the rest, bring the files and adopt again; or remove out/results.jsonl, and the next run buys them")
    (tmp_path / "kept.png").rename(picture)
    (tmp_path / "out" / "manifest.json").unlink()
    with (tmp_path / "feed.csv").open("a") as feed:
        feed.write("cap,Cap,cap.png\n")
    ended = adbatch("adopt", "job.yaml", "--sandbox", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["adopted"] == {"scene": 1}
    assert ended.err.splitlines() == [
        "1 result adopted (1 scene), with 1 file; 3 were known already",
        "there is no manifest.json, so they were taken for sandbox results, as you say",
        "1 request of the job without a result there; the next run asks",
    ]


def test_sandbox_results_are_not_live_ones(tmp_path: Path, adbatch: Adbatch) -> None:
    """What emulated vendors drew is never taken for what was bought."""
    leave_results(tmp_path)
    ended = adbatch("adopt", "job.yaml")
    assert ended.code == 2
    assert "results of a sandbox run; they are adopted with --sandbox" in ended.err
