"""Files that results.jsonl names no more: moved into `.retired/`, never removed, and never on the word of half a run.

What is gone is found by comparing the lines of results.jsonl before a run with those after it. Only lines that differ are read, the
others are told apart by a fingerprint, so a million lines take little memory and most runs no time. A file is retired if no line
names it now and its variant has left the plan, or has the step done (or skipped) without it, as after a changed `save:`. While a
step is still open, its last file stays where people look for it. A file that somebody edited stays too, and is told.

Before the results are replaced they are linked as `.retired/.before.jsonl`, and what a run may not retire (it was interrupted, or
restricted to a part of the plan) is noted in `.retired/.pending.jsonl`: so neither a kill nor a partial run makes the next complete
one forget. All of it is idempotent.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, cast

import orjson

from runner.census import fingerprint
from runner.edge.named import BEFORE, PENDING, Marks
from runner.edge.outputs import RESERVED, RESULTS, RETIRED, Outputs, is_relative
from runner.frozen import frozen
from runner.job.paths import fold

DRAFT: Final = ".pending.draft"
IGNORE: Final = ".gitignore"
BUCKETS: Final = 256
GOOD: Final = frozenset({"done", "skipped"})


@frozen
class Retired:
    """What came of it: how many files were moved, and the paths of those that somebody edited and that were left alone."""

    count: int = 0
    kept: tuple[str, ...] = ()


class Retirement:
    """The retirement of one run: `remember` before the results are replaced, `settle` after it. Only while no other run writes."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._results = outputs.root / RESULTS

    def remember(self) -> None:
        """Keep the results as they are now until `settle`. Raises `OurSide` when the disk fails."""
        if not self._results.is_file():
            return
        with self._outputs.shelf() as shelf:
            if _exists(shelf, BEFORE):  # of a run that was killed
                self._note(shelf)
            try:
                os.link(self._results, BEFORE, dst_dir_fd=shelf, follow_symlinks=False)
            except OSError:  # a file system without links
                with self._results.open("rb") as source, _create(shelf, BEFORE) as copy:
                    shutil.copyfileobj(source, copy)

    def settle(self, complete: bool, at: float) -> Retired:
        """Retire what is named no more, if the run was `complete`; otherwise note it for one that is.

        Raises `OurSide` when the disk fails.
        """
        if not (self._outputs.root / RETIRED).is_dir():
            return Retired()
        with self._outputs.shelf() as shelf:
            if _exists(shelf, BEFORE):
                self._note(shelf)
            if not complete or not _exists(shelf, PENDING):
                return Retired()
            return self._retire(shelf, at)

    def _note(self, shelf: int) -> None:
        """Append to the pending ones what the lines name that are not there any more, and let go of the results before."""
        with _open(shelf, BEFORE) as before, self._results.open("rb") as after:
            same = os.fstat(before.fileno()).st_ino == os.fstat(after.fileno()).st_ino
            if not same and (lost := _lost(before, after)):
                before.seek(0)
                with _open(shelf, PENDING, os.O_WRONLY | os.O_CREAT | os.O_APPEND, "ab") as pending:
                    pending.write(b"\n")  # a kill may have cut the last line off
                    for line in before:
                        if _mark(line) in lost:
                            pending.writelines(map(_dump, _named(line)))
        os.unlink(BEFORE, dir_fd=shelf)

    def _retire(self, shelf: int, at: float) -> Retired:
        named, folded, still_open = self._now()
        count, kept = 0, dict[str, None]()
        with _open(shelf, PENDING) as pending, _create(shelf, DRAFT) as left:
            for line in pending:
                path, sha256, step = _load(line)
                if not path or fingerprint(path) in named:
                    continue
                if fingerprint(fold(path)) in folded and not self._has_twin(path):
                    continue
                if fingerprint(step) in still_open:
                    left.write(line)
                    continue
                done = self._outputs.retire(sha256, path, at)
                if done == "retired":
                    count += 1
                    kept.pop(path, None)
                elif done == "kept":
                    kept.setdefault(path)
            size = left.tell()
        if count and not _exists(shelf, IGNORE):
            with _create(shelf, IGNORE) as ignore:
                ignore.write(b"*\n")
        os.rename(DRAFT, PENDING, src_dir_fd=shelf, dst_dir_fd=shelf)
        if not size:
            os.unlink(PENDING, dir_fd=shelf)
        return Retired(count, tuple(kept))

    def _now(self) -> tuple[Marks, Marks, Marks]:
        """Fingerprints of all paths that are named now, of the same folded, and of the steps that are still open."""
        named, folded, still_open = array("Q"), array("Q"), array("Q")
        with self._results.open("rb") as results:
            for line in results:
                paths = [path for path, _, _ in _named(line)]
                named.extend(map(fingerprint, paths))
                folded.extend(fingerprint(fold(path)) for path in paths)
                still_open.extend(map(fingerprint, _open_steps(line)))
        return Marks(named), Marks(folded), Marks(still_open)

    def _has_twin(self, path: str) -> bool:
        """Whether this file system keeps `path` apart from one that reads like it: somewhere on the way both names are there."""
        place = self._outputs.root
        with suppress(OSError):
            for name in path.split("/"):
                if sum(fold(other) == fold(name) for other in os.listdir(place)) > 1:  # noqa: PTH208 - names are all it needs
                    return True
                place /= name
        return False


def _lost(before: BinaryIO, after: BinaryIO) -> set[int]:
    """Fingerprints of the lines that were there and are not any more."""
    buckets = [(array("Q"), array("Q")) for _ in range(BUCKETS)]
    for which, lines in enumerate((before, after)):
        for line in lines:
            mark = _mark(line)
            buckets[mark % BUCKETS][which].append(mark)
    lost: set[int] = set()
    for old, new in buckets:
        lost |= set(old) - set(new)
    return lost


def _mark(line: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big")


def _named(line: bytes) -> Iterator[tuple[str, str, str]]:
    """Path, sha256 and step of each file that a line of results names; none where somebody wrote what we never would."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        told = orjson.loads(line)
        for step, fields in told["steps"].items():
            for file in fields.get("files", ()):
                if is_relative(file["path"]) and file["path"].split("/")[0].casefold() not in RESERVED:
                    yield str(file["path"]), str(file["sha256"]), f"{told['key']}\0{step}"


def _open_steps(line: bytes) -> Iterator[str]:
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        told = orjson.loads(line)
        for step, fields in told["steps"].items():
            if fields["status"] not in GOOD:
                yield f"{told['key']}\0{step}"


def _dump(named: tuple[str, str, str]) -> bytes:
    return orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE)


def _load(line: bytes) -> tuple[str, str, str]:
    """A line of the pending ones; nothing where a kill cut it off."""
    try:
        path, sha256, step = orjson.loads(line)
    except (ValueError, TypeError):
        return "", "", ""
    return str(path), str(sha256), str(step)


def _exists(shelf: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=shelf, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _open(shelf: int, name: str, flags: int = os.O_RDONLY, mode: str = "rb") -> BinaryIO:
    return cast("BinaryIO", os.fdopen(os.open(name, flags | os.O_NOFOLLOW, 0o666, dir_fd=shelf), mode))


def _create(shelf: int, name: str) -> BinaryIO:
    return _open(shelf, name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "wb")
