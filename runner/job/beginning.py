"""The beginning of a feed as a check has found it, rows and what each of them asks, so that a run need not make it again.

A run checks every row before it sends anything, and then needs each once more. To read back what the check has made takes a tenth
of the time in which a row is read, rendered and digested. Rows are put away many at a time, for memory does not grow with the feed;
where to is whoever runs it to say (`Pages`). What there was no room for is made again.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, Protocol, TypeAlias

import orjson

from runner.records import Json, Request, Row

LOT: Final = 64 << 10
"""Bytes of memory that rows may take before they are put away."""
LARGEST: Final = 16 * LOT
"""Bytes beyond which not even what one row asks is kept: a matrix can have a hundred thousand cells."""
OBJECTS: Final = 500
"""Bytes that a row or a request takes beside its texts."""

Rows: TypeAlias = Callable[[], Iterable[Row]]
"""Gives the rows from the beginning each time it is called."""
Asked: TypeAlias = dict[tuple[str, int], Any]
"""What a row asks by step and key: a `Request`, or what one is made of."""
Kept: TypeAlias = tuple[str, Mapping[str, Json], str, int, Asked]
"""A row's key, values, file and line, and what it asks."""


class Pages(Protocol):
    """Where lots of rows are put away. As long as there are pages in it."""

    def __len__(self) -> int: ...

    def append(self, page: bytes) -> bool:
        """Put away the next page; False where there is no room for it."""
        ...

    def read(self, number: int) -> bytes:
        """The page of this number, from 0."""
        ...


class Beginning:
    """The first rows of a feed, and requests that they ask. Filled by one thread, once, and then only read; without `pages` empty.

    A request is found by the very row that was read last: what was made of one feed is never given for another.
    """

    def __init__(self, pages: Pages | None = None) -> None:
        self.is_full, self.is_whole = pages is None, False
        self._pages = pages
        self._lot: list[Kept] = []
        self._size = 0
        self._latest: tuple[Row | None, Asked] = (None, {})

    def keep(self, row: Row) -> None:
        """Keep the feed's next row while there is room."""
        if self._size >= LOT and not self.is_full:
            self._put_away()
        if self.is_full:
            return
        asked: Asked = {}
        self._latest = row, asked
        self._size += _size(row.values)
        self._lot.append((row.key, row.values, row.file, row.line, asked))

    def put(self, row: Row, step: str, key: int, request: Request) -> None:
        """Keep what the row that was kept last asks, `key` (`Scale.key`) being which of its variants."""
        known, asked = self._latest
        if row is known and self._size < LARGEST:
            self._size += _size(request.params)
            asked[step, key] = request.id, request.provider, request.operation, request.params, request.again

    def close(self, is_whole: bool) -> None:
        """Keep nothing more. `is_whole` says that the feed has ended."""
        self.is_whole = is_whole and not self.is_full
        self.is_full = True

    def asked(self, row: Row, step: str, key: int) -> Request | None:
        """What this row asks there, if that was kept and no other row was read since."""
        known, asked = self._latest
        made = asked.get((step, key)) if row is known else None
        if type(made) is tuple:
            made = asked[step, key] = Request(*made)
        return made

    def rows(self, read: Rows) -> Iterator[Row]:
        """All rows: those that were kept as they were, the rest as `read` gives them."""
        count = 0
        for lot in self._lots():
            for key, values, file, line, asked in lot:
                row = Row(key, values, file, line)
                self._latest = row, asked
                yield row
            count += len(lot)
        if not self.is_whole:
            yield from islice(read(), count, None)

    def _lots(self) -> Iterator[list[Kept]]:
        if self._pages is not None:
            for number in range(len(self._pages)):
                yield pickle.loads(self._pages.read(number))  # noqa: S301 - we alone have written it
        yield self._lot

    def _put_away(self) -> None:
        """Let go of the lot that is complete; where there is no room for it, it is the last."""
        if self._pages is not None and self._pages.append(pickle.dumps(self._lot, pickle.HIGHEST_PROTOCOL)):
            self._lot, self._size = [], 0
        else:
            self.is_full = True


def _size(values: object) -> int:
    """About the bytes that JSON values take in memory; what JSON cannot say is seldom, and small."""
    try:
        return OBJECTS + len(orjson.dumps(values))
    except TypeError:
        return OBJECTS
