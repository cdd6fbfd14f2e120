"""Lines of results.jsonl, made by hand for tests of the comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.edge.outputs import result_line


def line(key: str, **steps: Mapping[str, Any]) -> dict[str, Any]:
    """A variant whose steps are done unless they say otherwise."""
    told = {name: {"status": "done", **step} for name, step in steps.items()}
    return {"key": key, "row": key.partition("|")[0], "matrix": {}, "variant": 1, "status": "done", "steps": told}


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    """The file with these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(result_line, lines)))
    return path


def file_of(path: str, data: bytes, media_type: str = "image/png", **more: Any) -> dict[str, Any]:
    """A file as a line names it."""
    return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "media_type": media_type, **more}
