"""Small blobs from everywhere, put on the disk together.

A thread for each blob is dear: thirty of them share a sync, but take turns at the interpreter for everything else, and that is most
of what a small file costs then. Here whoever comes while others are being written goes with the next lot, in one thread, with two
waits for the disk: one for the bytes, one for their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runner.records import Blob


@dataclass(slots=True)
class _Lot:
    """Blobs that go together, and the work that puts them there."""

    data: list[bytes] = field(default_factory=list)
    work: asyncio.Task[list[Blob]] | None = None


class Shelf:
    """Puts blobs away durably with `put_all`, which blocks, takes many at once and gives a blob for each. For one event loop."""

    def __init__(self, put_all: Callable[[Sequence[bytes]], list[Blob]]) -> None:
        self._put_all = put_all
        self._turn = asyncio.Lock()
        self._lot = _Lot()

    async def put(self, data: bytes) -> Blob:
        """The bytes as a blob that is on the disk. Raises what `put_all` raises; then none of the lot is promised to be there."""
        lot, place = self._lot, len(self._lot.data)
        lot.data.append(data)
        if lot.work is None:
            lot.work = asyncio.ensure_future(self._work(lot))
        return (await asyncio.shield(lot.work))[place]

    async def _work(self, lot: _Lot) -> list[Blob]:
        async with self._turn:
            self._lot = _Lot()  # who comes from now on goes with the next
            return await asyncio.to_thread(self._put_all, lot.data)
