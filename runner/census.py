"""Who was seen twice, among millions, in sixteen bytes each.

Keys of a feed and paths of a plan must be unique, and a plan may hold millions of them. A set of strings would grow with the feed
(some 100 bytes each); a census keeps 64-bit fingerprints with their owners in buckets and looks for repeats one bucket at a time.
It answers with fingerprints only: the caller walks its input a second time to name the culprits, which costs time only when there
are any.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import Final

BUCKETS: Final = 256
EMPTY: Final = hashlib.blake2b(digest_size=8)
"""The digest of nothing yet: a copy takes less than one made anew."""


def fingerprint(name: str) -> int:
    """A 64-bit fingerprint of `name`; two different names of ten million share one with a chance below 3 in a million."""
    digest = EMPTY.copy()
    digest.update(name.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big")


class Census:
    """Fingerprints of names, each with its owner. A name may come again from the same owner; from another it is a repeat."""

    def __init__(self) -> None:
        self._names = [array("Q") for _ in range(BUCKETS)]
        self._owners = [array("Q") for _ in range(BUCKETS)]

    def __len__(self) -> int:
        return sum(map(len, self._names))

    def add(self, name: str, owner: int) -> None:
        """Note that `owner` (0 to 2^64-1, such as another fingerprint or a counter) has `name`."""
        mark = fingerprint(name)
        bucket = mark % BUCKETS
        self._names[bucket].append(mark)
        self._owners[bucket].append(owner)

    def repeated(self) -> set[int]:
        """Fingerprints of the names that two different owners have."""
        twice: set[int] = set()
        for names, owners in zip(self._names, self._owners, strict=True):
            first: dict[int, int] = {}
            for mark, owner in zip(names, owners, strict=True):
                if first.setdefault(mark, owner) != owner:
                    twice.add(mark)
        return twice
