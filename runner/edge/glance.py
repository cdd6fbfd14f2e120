"""Whether published files are right, told by two `stat` calls each: of the file, and of the blob it was made from, if it was.

`Outputs.publish` opens every folder on the way to a file; over a million files that have not changed this costs minutes. A glance
goes through the files in the order of the plan, where neighbours lie in one folder, and keeps the folders it came through open. No
symbolic link is followed here either. It only ever says that a file is right; of all others `publish` decides.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final

from runner.edge.blobs import Blobs, is_stamped

OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
MOST_KNOWN: Final = 5_000
"""Blobs whose size is remembered: many files may be made from one."""


class Glance:
    """Looks at files below `root` that were published from `blobs`. A context manager: it holds folders open."""

    def __init__(self, root: Path, blobs: Blobs) -> None:
        self._root = root
        self._store = str(blobs.root)
        self._way: list[str] = []
        self._handles: list[int] = []
        self._known: dict[str, int] = {}

    def __enter__(self) -> Glance:
        self._handles = [os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._go_back(0)
        os.close(self._handles.pop())

    def holds(self, sha256: str) -> bool:
        """Whether the store has this blob."""
        return self._blob(sha256) is not None

    def is_right(self, sha256: str, relative: str, size: int | None = None) -> bool:
        """Whether `relative` (with `/`, below the root) is surely the blob, untouched since it was published.

        With `size`, in bytes, no blob is asked for: what can be made again needs none.
        """
        size = self._blob(sha256) if size is None else size
        if size is None:
            return False
        *folders, name = relative.split("/")
        try:
            self._go(folders)
            found = os.stat(name, dir_fd=self._handles[-1], follow_symlinks=False)
        except OSError:
            return False
        return found.st_size == size and is_stamped(found, sha256) and stat.S_ISREG(found.st_mode)

    def _blob(self, sha256: str) -> int | None:
        """Size of the blob, None where it is not there; what is not there may come."""
        known = self._known.get(sha256)
        if known is not None:
            return known
        try:
            found = os.stat(f"{self._store}/{sha256[:2]}/{sha256}")  # noqa: PTH116 - a million Paths take their time
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[sha256] = found.st_size
        return self._known[sha256]

    def _go(self, folders: list[str]) -> None:
        """Have the handle of `folders` last, leaving and opening no more than what differs. Raises `OSError`."""
        if folders == self._way:
            return
        shared = next((n for n, (one, other) in enumerate(zip(self._way, folders, strict=False)) if one != other), None)
        self._go_back(min(len(self._way), len(folders)) if shared is None else shared)
        for folder in folders[len(self._way) :]:
            self._handles.append(os.open(folder, OPEN, dir_fd=self._handles[-1]))
            self._way.append(folder)

    def _go_back(self, depth: int) -> None:
        while len(self._way) > depth:
            self._way.pop()
            os.close(self._handles.pop())
