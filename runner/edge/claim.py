"""Whose output folder is this: what the sandbox drew never mixes with what was bought.

The manifest of the last run says its mode, and while a run writes here, a mark does; a run that was killed leaves its mark. A live
run that finds the sandbox's results takes them away first, files that somebody edited excepted; a sandbox run that finds live
results refuses, because pictures that were paid for are not overwritten by drawings. A replay leaves what the recorded run left, so
it counts as a run of that mode; over live results it goes only where they are the very ones that were recorded. The mark is locked:
two runs, of whatever job or mode, never write to one folder at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from runner.edge.journal import Mode
from runner.edge.outputs import MANIFEST, RESULTS, read_results
from runner.edge.published import load_manifest
from runner.errors import Held, Invalid, OurSide, Stranger, Usage

MARK: Final = ".adbatch-run"
REPEATED: Final = "repeated"
"""The last mode of a folder whose results a replay of a live run left: live ones, which a replay may write again."""


@contextmanager
def claim_output(folder: Path, mode: Mode, recorded: str | None = None) -> Iterator[None]:
    """Keep `folder` for a run of this mode while the block lasts.

    For a replay that is the recorded mode, and `recorded` the sha256 which that run's results had (empty where it is not known).
    Raises `Usage` where a sandbox run or a replay would write over live results, `Held` while another run writes there, and
    `OurSide` where what lies there cannot be read or removed.
    """
    with _held(folder) as mark:
        killed = mark.read(100).strip()
        last = killed or _last_mode(folder)
        if recorded is not None and last == "live":
            _refuse_others(folder, recorded)
        _make_fit(folder, mode, "live" if last == REPEATED else last)
        _write(mark, f"{mode}\n")
        try:
            yield
        except (Usage, Invalid, Stranger):  # nothing was written: the folder is as it was found
            _write(mark, killed)
            raise
        _write(mark, "")


def _refuse_others(folder: Path, recorded: str) -> None:
    """Raise `Usage` where live results lie that are not those with the sha256 `recorded`."""
    try:
        with (folder / RESULTS).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return
    if found != recorded:
        remedy = "give the job another output.dir to replay into, or move them away"
        raise Usage(f"{folder} holds results of another live run than the recorded one; {remedy}")


def _make_fit(folder: Path, mode: Mode, last: str | None) -> None:
    if last == "live" and mode == "sandbox":
        raise Usage(f"{folder} holds results of a live run; give the job another output.dir to play with, or move them away")
    if last == "sandbox" and mode == "live":
        try:
            _clear(folder)
        except OSError as error:
            raise OurSide(f"{folder}: the sandbox's results cannot be removed ({error.strerror}); move the folder away") from error


@contextmanager
def _held(folder: Path) -> Iterator[TextIO]:
    """The folder's mark, locked; one that is left empty is removed."""
    path = folder / MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise OurSide(f"{path}: cannot be written ({error.strerror}); check the permissions and the disk") from error
    with os.fdopen(handle, "r+", encoding="utf-8", errors="replace") as mark:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Held(f"another run writes to {folder} just now; wait for it to end") from error
        try:
            yield mark
        finally:
            if os.fstat(handle).st_size == 0:
                path.unlink(missing_ok=True)


def _write(mark: TextIO, text: str) -> None:
    mark.seek(0)
    mark.truncate()
    mark.write(text)
    mark.flush()


def _last_mode(folder: Path) -> str | None:
    told = load_manifest(folder)
    if told is None:
        return None
    if told.get("mode") != "replay":
        return told.get("mode")
    return REPEATED if told.get("recorded") == "live" else "sandbox"


def _clear(folder: Path) -> None:
    """Remove what results.jsonl names, as far as it still is what was published, then the folders left empty.

    The manifest goes last: a run that is killed here is followed by one that clears the rest.
    """
    results = folder / RESULTS
    if results.exists():
        for number, line in enumerate(read_results(results), 1):
            try:
                named = list(_named(line))
            except (KeyError, TypeError, AttributeError) as error:
                raise OurSide(f"{results}:{number}: not a line of results; move {folder} away, it is made anew") from error
            for relative, sha256 in named:
                _remove(folder.resolve(), relative, sha256)
    results.unlink(missing_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)


def _named(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and sha256 of each file that a line of results names."""
    for step in line["steps"].values():
        for file in step.get("files", ()):
            yield str(file["path"]), str(file["sha256"])


def _remove(root: Path, relative: str, sha256: str) -> None:
    """Remove a published file and the folders it leaves empty. No link is followed: nothing of ours was written through one."""
    path = root / relative
    if "\0" in relative or os.path.realpath(path) != str(path) or not path.is_relative_to(root) or not path.is_file():
        return
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return
    path.unlink()
    for parent in path.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()
