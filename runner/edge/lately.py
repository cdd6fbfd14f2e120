"""Bytes that have just been written, for whoever reads them next.

A picture is stored, decoded, marked and published within a second. To read it again each time is several turns at the disk and, in
a busy run, as many waits for a turn at the interpreter. So its bytes stay at hand until they have been used or newer ones need the
room; whoever does not find them here reads the file.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

BESIDE: Final = 512
"""Bytes that an entry takes beside what it holds, roughly: small pictures are many."""


class Lately:
    """The latest bytes by their sha256, at most `room` of them in all. May be used by several threads."""

    def __init__(self, room: int) -> None:
        self._room, self._held = room, 0
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def put(self, sha256: str, data: bytes) -> None:
        """Keep `data` at hand; the oldest make room."""
        with self._lock:
            if sha256 in self._known or len(data) + BESIDE > self._room:
                return
            self._known[sha256] = data
            self._held += len(data) + BESIDE
            while self._held > self._room:
                self._held -= len(self._known.popitem(last=False)[1]) + BESIDE

    def get(self, sha256: str) -> bytes | None:
        """The bytes, None where they are not at hand."""
        return self._known.get(sha256)

    def take(self, sha256: str) -> bytes | None:
        """The bytes for the last time."""
        with self._lock:
            data = self._known.pop(sha256, None)
            self._held -= 0 if data is None else len(data) + BESIDE
            return data
