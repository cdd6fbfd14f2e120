"""The three example projects, each run as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, copy_project
from tests.acceptance.walkthrough import walk


def test_an_example_does_what_its_readme_says(tmp_path: Path) -> None:
    """Every adbatch command of the README works in order, everything is made, and the last run sends nothing."""
    copied = copy_project(tmp_path, "examples/feed-variants")
    here = type(copied)(tmp_path / "examples/feed-variants")
    readme = (here.root / "README.md").read_text("utf-8")
    commands = [line.split("#")[0].split() for line in re.findall(r"^\$? ?adbatch (.+)$", readme, re.MULTILINE)]
    runs = [words for words in commands if words[0] == "run" and "--sandbox" in words]
    assert len(runs) >= 2
    for words in commands:
        if words[0] != "run" or "--sandbox" in words:
            here.adbatch(*words)
    [manifest] = here.root.rglob("out/**/manifest.json")
    assert '"done"' in manifest.read_text("utf-8")
    billed = len(here.ledger())
    assert billed > 0
    here.adbatch(*runs[-1])
    assert len(here.ledger()) == billed


@pytest.mark.parametrize("name", ["from-git", "cron-refresh"])
def test_a_walk_through_shows_what_happens(name: str, tmp_path: Path) -> None:
    """Every line of the README's console blocks is executed in a copy of the example, and prints what stands there."""
    copy_project(tmp_path, f"examples/{name}")
    assert walk(ROOT / "examples" / name / "README.md", tmp_path / "examples" / name, tmp_path / "home") > 10
