"""The three example projects, each run as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, copy_project

EXAMPLES = ("feed-variants", "from-git", "cron-refresh")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_its_readme_says(name: str, tmp_path: Path) -> None:
    """Every adbatch command of the README works in order, everything is made, and the last run sends nothing."""
    project = copy_project(tmp_path, f"examples/{name}")
    here = type(project)(tmp_path / "examples" / name)
    readme = (ROOT / "examples" / name / "README.md").read_text("utf-8")
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
