"""A copy of this project in a temporary folder, and the real command run in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ADBATCH: Final = str(Path(sys.executable).with_name("adbatch"))


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder and what its runs left."""

    root: Path

    def adbatch(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command here; it must end with `expect`."""
        done = subprocess.run([ADBATCH, *words], cwd=self.root, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == expect, done.stderr
        return done

    def ledger(self) -> list[dict[str, Any]]:
        """What the emulated vendors billed, oldest first."""
        path = self.root / ".adbatch/sandbox/vendors/ledger.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def results(self, output: str) -> list[dict[str, Any]]:
        """The lines of results.jsonl."""
        return [json.loads(line) for line in (self.root / output / "results.jsonl").read_text("utf-8").splitlines()]

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file; each must be there."""
        file = self.root / path
        text = file.read_text("utf-8")
        for old, new in changes:
            assert old in text, f"{path} does not hold {old!r}"
            text = text.replace(old, new)
        file.write_text(text, "utf-8")


def copy_project(folder: Path, *parts: str) -> Project:
    """Copies of these parts of the repository under `folder`."""
    for part in parts:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(".adbatch", "out", "__pycache__"))
        else:
            shutil.copy2(source, target)
    return Project(folder)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo's project with one product instead of eight, after its first run."""
    project = copy_project(tmp_path_factory.mktemp("demo"), "adbatch.yaml", "jobs", "templates", "examples/feeds")
    project.edit("jobs/summer-sale.yaml", ("limit: 8 ", "limit: 1 "))
    project.adbatch("run", "jobs/summer-sale.yaml", "--sandbox")
    return project
