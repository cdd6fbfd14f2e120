"""The spool: pages that one run writes for itself and reads again, in a file that nobody else can open.

The file has no name, so nothing is left of it however the process ends, and it is made when there is something to put in it. A disk
that is full keeps no more pages; whoever appends is told, and does without.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from runner.errors import OurSide

ROOM: Final = 128 << 20
"""Bytes on the disk: what a hundred thousand rows and their prompts take."""


class Spool:
    """Pages in a nameless file on the disk of `folder`, of at most `room` bytes. Use it with `with`."""

    def __init__(self, folder: Path, room: int = ROOM) -> None:
        self._folder, self._room = folder, room
        self._ends = [0]
        self._file = -1
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        """How many pages there are."""
        return len(self._ends) - 1

    def append(self, page: bytes) -> bool:
        """Write the next page; False, and nothing is changed, where there is no room for it."""
        start = self._ends[-1]
        if start + len(page) > self._room:
            return False
        try:
            if self._file < 0:
                nameless = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - closed with this
                self._file = self._stack.enter_context(nameless).fileno()
            written = 0
            while written < len(page):
                written += os.pwrite(self._file, page[written:], start + written)
        except OSError:
            return False
        self._ends.append(start + len(page))
        return True

    def read(self, number: int) -> bytes:
        """The page of this number, from 0. Raises `OurSide` where the disk fails."""
        start, end = self._ends[number : number + 2]
        try:
            page = os.pread(self._file, end - start, start)
        except OSError:
            page = b""
        if len(page) != end - start:
            raise OurSide(f"{self._folder}: what was put aside here could not be read again; check the disk, then run again")
        return page
