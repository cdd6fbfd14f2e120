"""Small feeds on disk, written by each test with the quirks it is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Complaint
from runner.feed.source import Source


@pytest.fixture
def feed(tmp_path: Path) -> Callable[..., Source]:
    """`feed("a.csv", content, key="id")` writes the file and is a Source of it, under that name."""

    def write(name: str, content: str | bytes, **options: Any) -> Source:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Source((path,), (name,), **options)

    return write


@pytest.fixture
def blamed() -> list[Complaint]:
    """Where a reader's complaints go: pass `blamed.append`."""
    return []
