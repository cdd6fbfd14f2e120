"""Whose output folder is this: what the sandbox drew never mixes with what was bought.

The manifest of the last run says its mode. A live run that finds the sandbox's results takes them away first, files that somebody
edited excepted; a sandbox run that finds live results refuses, because pictures that were paid for are not overwritten by drawings.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

from runner.edge.journal import Mode
from runner.edge.outputs import MANIFEST, RESULTS, read_results
from runner.errors import OurSide, Usage


def claim_output(folder: Path, mode: Mode) -> None:
    """Make `folder` fit for a run of this mode. Raises `Usage` where a sandbox run would write over live results."""
    last = _last_mode(folder)
    if last == "live" and mode == "sandbox":
        raise Usage(f"{folder} holds results of a live run; give the job another output.dir to play with, or move them away")
    if last == "sandbox" and mode == "live":
        _clear(folder)


def _last_mode(folder: Path) -> str | None:
    path = folder / MANIFEST
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OurSide(f"{path}: cannot be read ({error}); move it away, it is written anew by the next run") from error
    return told.get("mode") if isinstance(told, dict) else None


def _clear(folder: Path) -> None:
    """Remove what results.jsonl names, as far as it still is what was published, then the folders left empty."""
    results = folder / RESULTS
    if results.exists():
        for line in read_results(results):
            for step in line.get("steps", {}).values():
                for file in step.get("files", ()):
                    _remove(folder, str(file["path"]), str(file["sha256"]))
    results.unlink(missing_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)


def _remove(folder: Path, relative: str, sha256: str) -> None:
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink() or not path.is_file():
        return
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return
    path.unlink()
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            return
        parent.rmdir()
