"""The clock as an argument: moments that never go back, and waiting for one.

Pace, backoff and deadlines must survive a wall clock that jumps (NTP, a suspended laptop, a daylight-saving change), so a moment is
the wall time at the start of the process plus what the monotonic clock has counted since. `VirtualClock` is shipped beside the real
one: with it an hour of waiting is a test of milliseconds.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

GRAIN: Final = 1e-6
"""Seconds slept longer than asked: a moment as a float is good to a quarter of a microsecond, and nobody may wake early."""
TURNS: Final = 16
"""Turns of the event loop after which whoever brings the end of something has been heard, and who slept for it sleeps no more."""


class Clock(Protocol):
    """What the engine needs to know about time."""

    def now(self) -> float:
        """The moment, in seconds since the epoch (UTC); never less than an earlier answer."""

    async def sleep_until(self, at: float) -> None:
        """Return once `now()` is at least `at`; at once if it already is."""


class SystemClock:
    """The real clock: wall time at birth, monotonic from there on."""

    def __init__(self) -> None:
        self._origin = time.time() - time.monotonic()

    def now(self) -> float:
        """The moment, in seconds since the epoch."""
        return self._origin + time.monotonic()

    async def sleep_until(self, at: float) -> None:
        """Return once `now()` is at least `at`: a timer of uvloop may be a millisecond early."""
        while (rest := at - self.now()) > 0:  # noqa: ASYNC110 - no event but time
            await asyncio.sleep(rest + GRAIN)


class LeapingClock(SystemClock):
    """The real clock for who waits for nobody: it leaps over every sleep as soon as nothing is `busy`, the shortest first."""

    def __init__(self) -> None:
        super().__init__()
        self._busy = 0
        self._asleep: list[float] = []
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While the block lasts something is under way whose end may change who sleeps for what: nobody leaps."""
        self._busy += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def sleep_until(self, at: float) -> None:
        """Leap to `at` once all that was busy has ended and whoever waited for it was heard."""
        self._asleep.append(at)
        try:
            while self.now() < at:
                await self._idle.wait()
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                if self._idle.is_set() and at == min(self._asleep):
                    self._origin += max(0.0, at - self.now())
        finally:
            self._asleep.remove(at)


class VirtualClock:
    """A clock that moves only when told to. Sleepers wake in the order of their moments."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def now(self) -> float:
        """The moment it was set to."""
        return self._now

    async def sleep_until(self, at: float) -> None:
        """Wait until somebody advances the clock to `at`."""
        if at <= self._now:
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at, next(self._count), woken))
        await woken

    def next_at(self) -> float | None:
        """The earliest moment somebody waits for, None if nobody does."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` and wake everyone whose moment has come."""
        self._now += max(seconds, 0.0)
        while (at := self.next_at()) is not None and at <= self._now:
            heapq.heappop(self._sleepers)[2].set_result(None)
