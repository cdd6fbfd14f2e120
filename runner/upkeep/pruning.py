"""What nobody needs any more: retired files, and in the state folder the snapshots and blobs that no journal names.

Looking is the rule, removing an order. Only three kinds of files are ever touched: those in the job's `.retired/`, and in the state
folder of one mode those that are named like a snapshot or a blob, that no journal of any job names, and that are older than a day
(a run that is just beginning, or a plan made today, may want them). For that all journals must be readable and held, so that
nothing begins meanwhile; where one is in use or damaged, the state folder is left alone. A snapshot counts as named only by the
last run that ended: of every night's feed only the newest is kept.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.edge.finisher import derived
from runner.edge.journal import Journal
from runner.edge.named import BEFORE, PENDING
from runner.edge.outputs import RETIRED
from runner.edge.retirement import DRAFT, IGNORE
from runner.edge.state import State
from runner.errors import AdbatchError, Held, OurSide
from runner.frozen import frozen
from runner.manifest import moment
from runner.upkeep.holdings import NAMED, Holdings

DAY: Final = 86_400.0
OURS: Final = frozenset({BEFORE, PENDING, DRAFT, IGNORE})
"""Files in `.retired/` that are about it, not in it."""


@dataclass(slots=True)
class Heap:
    """Files of one kind that nobody needs: how many, their bytes, and the times (seconds since the epoch) of oldest and newest."""

    files: int = 0
    size: int = 0
    oldest: float | None = None
    newest: float | None = None

    def add(self, found: os.stat_result) -> None:
        """One more."""
        self.files, self.size = self.files + 1, self.size + found.st_size
        self.oldest = min(self.oldest if self.oldest is not None else found.st_mtime, found.st_mtime)
        self.newest = max(self.newest or 0.0, found.st_mtime)

    def as_json(self) -> dict[str, Any]:
        """The heap as JSON, its times in RFC 3339."""
        times = {name: None if at is None else moment(at) for name, at in (("oldest", self.oldest), ("newest", self.newest))}
        return {"files": self.files, "bytes": self.size, **times}


@dataclass(slots=True)
class Pruned:
    """What was found, and removed if that was ordered. `left` says why the state folder was left alone, empty if it was not."""

    retired: Heap
    feeds: Heap
    blobs: Heap
    left: str = ""
    removed: bool = False

    @property
    def files(self) -> int:
        """How many files in all."""
        return self.retired.files + self.feeds.files + self.blobs.files

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        heaps = {name: heap.as_json() for name, heap in (("retired", self.retired), ("feeds", self.feeds), ("blobs", self.blobs))}
        return {**heaps, "left": self.left or None, "removed": self.removed}


@frozen
class Wish:
    """What is wished at the moment `now`: to see what has not been touched for `older` seconds, and perhaps to `remove` it."""

    now: float
    older: float = 0.0
    remove: bool = False


def prune(state: State, job: str, output: Path, wish: Wish) -> Pruned:
    """Look for what is needed by nobody; remove it if that is wished.

    Raises `Held` while a run holds the job, `OurSide` when the disk fails.
    """
    pruned = Pruned(Heap(), Heap(), Heap(), removed=wish.remove)
    with ExitStack() as stack:
        stack.enter_context(state.lock(job, wish.now))
        try:
            _walk_retired(output / RETIRED, wish.now - wish.older, pruned.retired, wish.remove)
            with Holdings() as holdings:
                pruned.left = _note_all(stack, state, job, holdings, wish.now)
                holdings.note_derived(derived(state.blobs()))
                if not pruned.left:
                    _walk_state(state, holdings, wish.now - max(wish.older, DAY), pruned)
        except OSError as error:
            raise OurSide(f"{error.filename}: cannot be removed ({error.strerror}); check the permissions and the disk") from error
    return pruned


def _note_all(stack: ExitStack, state: State, job: str, holdings: Holdings, now: float) -> str:
    """Hold every job of the state folder and note what its journal names; or say why that cannot be."""
    for folder in sorted((state.home / "jobs").iterdir()):
        name = folder.name
        try:
            if name != job:
                stack.enter_context(state.lock(name, now))
            if state.journal(name).exists():
                with Journal.open(state.journal(name), state.mode) as journal:
                    holdings.note(journal)
            elif any(folder.glob("journal.db.*")):
                return f"the journal of job {name} is damaged"
        except Held:
            return f"job {name} is in use"
        except AdbatchError as failure:
            return str(failure)
    return ""


def _walk_retired(folder: Path, before: float, heap: Heap, remove: bool) -> None:
    """Every retired file; no link is followed. What was there is removed with the folders it leaves empty."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for place, folders, files, handle in os.fwalk(folder, topdown=False, follow_symlinks=False):
        ours = OURS if Path(place) == folder else frozenset()
        _sweep([name for name in files if name not in ours], handle, before, heap, remove)
        for name in folders if remove else ():
            with suppress(OSError):
                os.rmdir(name, dir_fd=handle)
    if remove and {entry.name for entry in folder.iterdir()} == {IGNORE}:
        (folder / IGNORE).unlink()
        folder.rmdir()


def _walk_state(state: State, holdings: Holdings, before: float, pruned: Pruned) -> None:
    """Snapshots and blobs that no journal names."""
    for folder, heap in ((state.feeds, pruned.feeds), *((folder, pruned.blobs) for folder in _folders(state.blobs().root))):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            with os.scandir(handle) as entries:
                names = [entry.name for entry in entries if _is_stray(entry.name, heap is pruned.feeds, holdings)]
            _sweep(names, handle, before, heap, pruned.removed)
        finally:
            os.close(handle)


def _is_stray(name: str, is_feed: bool, holdings: Holdings) -> bool:
    match = NAMED.fullmatch(name)
    return match is not None and (is_feed or name == match[1]) and match[1] not in holdings


def _folders(root: Path) -> Iterator[Path]:
    """The folders of the store: two hex digits each."""
    yield from sorted(path for path in root.iterdir() if len(path.name) == 2 and path.is_dir() and not path.is_symlink())


def _sweep(names: list[str], folder: int, before: float, heap: Heap, remove: bool) -> None:
    for name in names:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_mtime <= before:
            heap.add(found)
            if remove:
                os.unlink(name, dir_fd=folder)
