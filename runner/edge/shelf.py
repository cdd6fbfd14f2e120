"""Small things from everywhere, put away together.

A thread for each file is dear: thirty of them share a sync, but take turns at the interpreter for everything else, and that is most
of what a small file costs then. Here whoever comes while others are being seen to goes with the next lot, in one thread, which
waits for the disk once for all of them. What waits for no disk may have several turns at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(slots=True)
class _Lot(Generic[Item, Made]):
    """Items that go together, and the work that puts them there."""

    items: list[Item] = field(default_factory=list)
    work: asyncio.Task[list[Made]] | None = None


class Shelf(Generic[Item, Made]):
    """Puts items away with `put_all`, which blocks, takes many at once and gives what it made of each. For one event loop.

    One lot at a time, or as many as there are `turns`, which may be shared with others; and no more than `most` items in each.
    """

    def __init__(
        self, put_all: Callable[[Sequence[Item]], list[Made]], turns: asyncio.Semaphore | None = None, most: int | None = None
    ) -> None:
        self._put_all, self._most = put_all, most
        self._turns = asyncio.Semaphore(1) if turns is None else turns
        self._lot: _Lot[Item, Made] = _Lot()

    async def put(self, item: Item) -> Made:
        """What was made of the item: a blob that is on the disk. Raises what `put_all` raises, which is told to all of the lot."""
        if len(self._lot.items) == self._most:
            self._lot = _Lot()
        lot, place = self._lot, len(self._lot.items)
        lot.items.append(item)
        if lot.work is None:
            lot.work = asyncio.ensure_future(self._work(lot))
        return (await asyncio.shield(lot.work))[place]

    async def _work(self, lot: _Lot[Item, Made]) -> list[Made]:
        async with self._turns:
            if self._lot is lot:
                self._lot = _Lot()  # who comes from now on goes with the next
            return await asyncio.to_thread(self._put_all, lot.items)
