"""Which number a request has in the journal, for as long as that is likely to be asked.

Facts stand under a request's number, so each commit asks for the numbers of what is in flight. One whose result is here is seldom
written about again: it is forgotten, and looked up should it ever be; so memory does not grow with the run. That a request never
seen is not in the file is known without a look into it, from a bit for each that is, as long as the journal began empty: there may
be more bits set than requests there, never fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

KEPT: Final = 10_000
"""Numbers remembered at most, some 2.5 MB: more than are in flight at once. Beyond, all are forgotten."""
BITS: Final = 22
"""Of an id that tell whether it may be there: half a megabyte, and of a hundred thousand requests 2 % are looked for in vain."""


class Numbers:
    """The numbers of requests in a journal whose highest is `last`."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.known: dict[str, int] = {}
        self._seen = None if last else bytearray(1 << BITS >> 3)

    def learn(self, found: Mapping[str, int]) -> None:
        """Remember the numbers of requests that the file has."""
        self.known |= found

    def give(self, names: Iterable[str]) -> list[tuple[int, str]]:
        """New numbers for those of these requests that have none, each with its request."""
        fresh = [name for name in names if name not in self.known]
        numbered = list(enumerate(fresh, self.last + 1))
        self.last += len(fresh)
        self.known |= {name: number for number, name in numbered}
        if self._seen is not None:
            for name in fresh:
                place = _place(name)
                self._seen[place >> 3] |= 1 << (place & 7)
        return numbered

    def recorded(self, names: Iterable[str]) -> list[str]:
        """Those of these requests that may be in the file."""
        if (seen := self._seen) is None:
            return list(names)
        return [name for name in names if seen[(place := _place(name)) >> 3] >> (place & 7) & 1]

    def forget(self, settled: Iterable[str]) -> None:
        """Let go of those that are not likely to be written about again, and of all where too many are left."""
        for name in settled:
            self.known.pop(name, None)
        if len(self.known) > KEPT:
            self.known = {}

    def doubt(self) -> None:
        """What was given last may be nobody's: from now on the file is asked."""
        self.known, self._seen = {}, None


def _place(name: str) -> int:
    return int(name[:8], 16) >> (32 - BITS)
