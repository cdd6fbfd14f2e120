"""A way to a vendor that takes requests by batch: whom to ask, what to say, and how to wait between.

Whatever waits here waits for the end of the run as well: a run that is stopped stops at once, whatever it has in mind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import field
from typing import Final

from runner.edge.clock import Clock
from runner.fields import Polling
from runner.frozen import frozen
from runner.hands import Perform
from runner.providers.contract import Batching
from runner.providers.registry import Lane
from runner.records import Call, Reply
from runner.verdicts import Broken, Busy, Queued, Verdict

OF_FILE: Final = "of-file:"
"""Begins the ticket of requests whose batch is known by its file only: whether it was made, the vendor's list tells."""
TRIES: Final = 4
"""Tries of what is free: an upload, a look, a download."""
LATER: Final = 60.0
"""Seconds after which what went wrong every time is tried again."""


@frozen
class Rest:
    """Waiting, by the clock given, until `stop` is set."""

    clock: Clock
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        """Whether the run is stopping."""
        return self.stop.is_set()

    async def nap(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the run."""
        if seconds > 0 and not self.over:
            await self.either(self.clock.sleep_until(self.clock.now() + seconds), self.stop.wait())

    async def either(self, one: Awaitable[object], other: Awaitable[object]) -> None:
        """Wait for the first of the two."""
        waits = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def pauses(self) -> Iterator[float]:
        """Seconds before each try of what is free."""
        yield 0.0
        yield from (float(2**tries) for tries in range(TRIES - 1))


@frozen
class Way:
    """A lane whose requests can go by batch."""

    lane: Lane
    batching: Batching
    rest: Rest
    perform: Perform

    async def ask(self, call: Call) -> Reply:
        """Carry out a call for the lane, once."""
        return await self.perform(self.lane.name, call)


def pause_after(said: Verdict | None, rounds: int, pace: Polling) -> float:
    """Seconds before the next look, after so many: what the vendor named, or what `pace` says if that is longer."""
    named = said.after if isinstance(said, Busy | Broken | Queued) else None
    return max(min(pace.first * pace.factor ** min(rounds, 64), pace.cap), named or 0.0)
