"""What results have named, or is stamped: by that, too, a file in the output folder is known to be ours.

A published file may be replaced if the store has its bytes. But where outputs are committed and the state is not, or comes as an
archive, the store of a new machine never had them: what it was told of is what the plan asks for now. A row that has changed since
would keep its old file for ever, as if somebody had edited it. So what results.jsonl names, or what is still to be retired, was
ours as well: byte for byte, for an edited file has another sha256. Its bytes were paid for and may be the only copy, so the store
takes them before they are replaced: whoever adopts these results later finds them there. It all blocks, and reads only when asked.

A run that was killed has published what no results name. What it bought is in the store; what can be made again is not, but a file
whose time is stamped with the name of its own bytes was written by us and not edited since.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.edge.blobs import Blobs, is_stamped

BEFORE: Final = ".before.jsonl"
"""In the folder of what is retired: the results as they were before a run that was killed."""
PENDING: Final = ".pending.jsonl"
"""There as well: the files that the next whole run retires."""
PIECE: Final = 1 << 20
DIGEST: Final = re.compile(rb'"([0-9a-f]{64})"')


class Marks:
    """A set of fingerprints in eight bytes each."""

    def __init__(self, marks: Iterable[int]) -> None:
        self._marks = array("Q", sorted(marks))

    def __contains__(self, mark: int) -> bool:
        place = bisect_left(self._marks, mark)
        return place < len(self._marks) and self._marks[place] == mark


class Named:
    """The bytes that `results` and what is noted on the `shelf` name, as they were when this was first asked; `blobs` take them."""

    def __init__(self, results: Path, shelf: Path, blobs: Blobs) -> None:
        self._files, self._blobs = (results, shelf / BEFORE, shelf / PENDING), blobs
        self._marks: Marks | None = None

    def has(self, sha256: str) -> bool:
        """Whether a line names these bytes."""
        if self._marks is None:
            self._marks = Marks(mark for file in self._files for mark in _digests(file))
        return int(sha256[:16], 16) in self._marks

    def take(self, sha256: str, folder: int, name: str, saved: list[bytes] | None = None) -> bool:
        """Whether these bytes, which the file `name` in the open `folder` holds, are ours; then the store has them, too.

        Small ones are only put to `saved`, where that is given, for whoever stores many at once.
        """
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
            found = os.fstat(file.fileno())
            if not (is_stamped(found, sha256) or self.has(sha256)):
                return False
            if saved is not None and found.st_size <= PIECE:
                saved.append(data := file.read())
                return hashlib.sha256(data).hexdigest() == sha256
            with self._blobs.sink() as sink:
                shutil.copyfileobj(file, sink, PIECE)
                return sink.finish().sha256 == sha256


def _digests(path: Path) -> Iterator[int]:
    """The first half of every digest in the plain file at `path`; none where there is no such file or it cannot be read."""
    with suppress(OSError), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            for line in file:
                yield from (int(digest[:16], 16) for digest in DIGEST.findall(line))
