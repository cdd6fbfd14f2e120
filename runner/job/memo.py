"""What need not be done again: steps rendered once for all the variants that cannot differ in them, or once for check and run.

A million variants are often a hundred thousand different requests. A step whose names (its own and those of the steps it reads)
leave out the row, some axis, or the number is the same for every variant that agrees on the rest. `Scale` turns what a step reads
into a small integer key, so that remembering costs one look-up.

A run checks every row before it sends anything, and then needs each once more. What the check has made of the first of them is at
hand (`Beginning`), so a feed of a few thousand rows is read and rendered once; of a longer one the rest is made again, for memory
does not grow with the feed.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import orjson

from runner.job.matrix import Cell
from runner.records import Request, Row

BUCKETS: Final = 256
ROOM: Final = 5 << 20
"""Bytes of memory for the beginning of a feed: some 2,500 rows with a prompt of 500 characters each."""
OBJECTS: Final = 500
"""Bytes that a row or a request takes beside its texts."""

Rows: TypeAlias = Callable[[], Iterable[Row]]
"""Gives the rows from the beginning each time it is called."""


class Scale:
    """How finely something varies: `by_row` whether rows matter, `key` numbers the cell and repeat as far as they matter.

    `is_finest` says that no two variants of a row have one key.
    """

    def __init__(self, reads: frozenset[str], cells: Sequence[Cell], numbers: int) -> None:
        roots = {read.partition(".")[0] for read in reads}
        self.by_seed = "seed" in roots
        self.by_row = "row" in roots or self.by_seed
        self.by_number = numbers > 1 and (self.by_seed or "variant" in roots)
        self._classes = _classes(None if self.by_seed or "matrix" in reads else _axes(reads), cells)
        self._numbers = numbers + 1
        self.is_finest = len(set(self._classes)) == len(cells) and (self.by_number or numbers == 1)

    def key(self, cell: int, number: int) -> int:
        """The same for two (cell, number) of one row exactly if nothing read tells them apart."""
        return self._classes[cell] * self._numbers + (number if self.by_number else 0)


class Distinct:
    """Counts how many different 64-bit marks were seen, in eight bytes each, however often they came."""

    def __init__(self) -> None:
        self._marks = [array("Q") for _ in range(BUCKETS)]

    def add(self, mark: int) -> None:
        """Note a mark."""
        self._marks[mark % BUCKETS].append(mark)

    def __len__(self) -> int:
        return sum(len(set(marks)) for marks in self._marks)

    def count_beyond(self, others: Distinct) -> int:
        """How many different marks were seen here and not among the `others`."""
        return sum(len(set(mine).difference(theirs)) for mine, theirs in zip(self._marks, others._marks, strict=True))


class Beginning:
    """The first rows of a feed, and requests that they ask, in about so many bytes. Filled by one thread, and then only read.

    A request is found by the very row it was made for: what was made of one feed is never given for another.
    """

    def __init__(self, room: int = 0) -> None:
        self.is_whole = False
        self._left = room
        self._rows: list[Row] = []
        self._asked: dict[tuple[int, str, int], Request] = {}

    def keep(self, row: Row) -> None:
        """Keep the feed's next row while there is room."""
        self._left -= _size(row.values)
        if self._left > 0:
            self._rows.append(row)

    def put(self, row: Row, step: str, key: int, request: Request) -> None:
        """Keep what the row that was kept last asks, `key` (`Scale.key`) being which of its variants."""
        self._left -= _size(request.params)
        if self._left > 0:
            self._asked[id(row), step, key] = request

    @property
    def is_full(self) -> bool:
        """Whether no more can be kept."""
        return self._left <= 0

    def asked(self, row: Row, step: str, key: int) -> Request | None:
        """What this row asks there, if it was kept."""
        return self._asked.get((id(row), step, key))

    def rows(self, read: Rows) -> Iterator[Row]:
        """All rows, those that were kept as the same objects."""
        if self.is_whole:
            yield from self._rows
            return
        kept = iter(self._rows)
        for row in read():
            yield next(kept, row)


def _size(values: object) -> int:
    """About the bytes that JSON values take in memory; what JSON cannot say takes more than there is."""
    try:
        return OBJECTS + len(orjson.dumps(values))
    except TypeError:
        return ROOM


def _axes(reads: frozenset[str]) -> frozenset[str]:
    return frozenset(read.partition(".")[2] for read in reads if read.startswith("matrix."))


def _classes(axes: frozenset[str] | None, cells: Sequence[Cell]) -> array[int]:
    """For each cell a small number that cells with the same values on `axes` (None: on all) share."""
    if axes is None:
        return array("L", range(len(cells)))
    seen: dict[str, int] = {}
    return array("L", (seen.setdefault(_say(cell, axes), len(seen)) for cell in cells))


def _say(cell: Cell, axes: frozenset[str]) -> str:
    return json.dumps({name: value for name, value in cell.items() if name in axes}, sort_keys=True)
