"""What need not be done again: a step is rendered once for all the variants that cannot differ in it.

A million variants are often a hundred thousand different requests. A step whose names (its own and those of the steps it reads)
leave out the row, some axis, or the number is the same for every variant that agrees on the rest. `Scale` turns what a step reads
into a small integer key, so that remembering costs one look-up.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Final

from runner.job.matrix import Cell

BUCKETS: Final = 256


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
