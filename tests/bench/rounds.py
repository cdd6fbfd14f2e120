"""One round of a scenario: a fresh project, the vendor beside it, and what it took."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.measure import Cost, measure
from tests.bench.scenarios import Scenario, write_project

ROOT: Final = Path(__file__).resolve().parents[2]
ADBATCH: Final = str(Path(sys.executable).with_name("adbatch"))
ENVIRONMENT: Final = {"BENCH_KEY": "test-key-of-the-bench", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
"""Modules are compiled once, as for anybody who has installed the program."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a command took, and what the vendor says of it."""

    cost: Cost
    told: Mapping[str, Any]


@contextmanager
def open_vendor(settings: Mapping[str, float]) -> Iterator[str]:
    """The vendor in a process of its own; gives its address."""
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "tests.bench.vendor", *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        yield str(json.loads(child.stdout.readline())["url"])
        child.stdin.close()


def ask_vendor(url: str) -> dict[str, Any]:
    """What the vendor has counted."""
    with urllib.request.urlopen(f"{url}/_stats") as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def run_ours(scenario: Scenario, folder: Path, count: int) -> Round:
    """Our own command, on a project nobody has run."""
    make_way(folder)
    with open_vendor(scenario.vendor) as url:
        write_project(folder, scenario, url, count)
        cost = adbatch(folder, "run", "job.yaml", "--quiet", "--no-report")
        return Round(cost, ask_vendor(url))


def run_raw(scenario: Scenario, folder: Path, prompts: Path) -> Round:
    """The bare client, with the same prompts."""
    make_way(folder)
    folder.mkdir(parents=True)
    with open_vendor(scenario.vendor) as url:
        words = [str(scenario.raw), url, str(prompts), str(folder / "out.jsonl")]
        return Round(
            _checked(measure([sys.executable, "-m", "tests.bench.raw", *words], folder, ENVIRONMENT), folder), ask_vendor(url)
        )


def make_way(folder: Path) -> None:
    """Put an earlier round aside, emptied and not removed, and let the disk come to rest.

    Ext4 without a journal passes over every inode that was freed in the last minutes, one by one, which made the files of the next
    round a third dearer; and what one round left to be written would be written at the cost of the next.
    """
    if folder.exists():
        aside = folder.rename(folder.with_name(f"{folder.name}-{secrets.token_hex(4)}"))
        for path in aside.rglob("*"):
            if path.is_file() and not path.is_symlink():
                os.truncate(path, 0)
    os.sync()


def adbatch(folder: Path, *words: str) -> Cost:
    """Our command in this project; it must end well."""
    return _checked(measure([ADBATCH, *words], folder, ENVIRONMENT), folder)


def _checked(cost: Cost, folder: Path) -> Cost:
    if cost.code:
        raise RuntimeError(f"exit {cost.code} in {folder}:\n{(folder / 'said.log').read_text('utf-8', 'replace')[-2000:]}")
    return cost
