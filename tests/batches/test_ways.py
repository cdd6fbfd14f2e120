"""Waiting that ends with the run."""

from __future__ import annotations

import asyncio

from runner.batches.ways import TRIES, Rest
from runner.edge.clock import LeapingClock, VirtualClock


async def test_a_nap_lasts_as_long_as_it_says() -> None:
    """By the clock that is given; none at all takes no time."""
    clock = LeapingClock()
    rest, began = Rest(clock), clock.now()
    await rest.nap(500)
    assert 500 <= clock.now() - began < 510
    await rest.nap(0)
    await rest.nap(-1)


async def test_nobody_sleeps_beyond_the_end_of_the_run() -> None:
    """Who naps wakes, and who comes later does not even lie down."""
    rest = Rest(VirtualClock())
    nap = asyncio.ensure_future(rest.nap(500))
    await asyncio.wait([nap], timeout=0)
    assert not nap.done()
    rest.stop.set()
    await nap
    await rest.nap(500)
    assert rest.over


def test_pauses_grow_and_the_first_try_waits_for_nothing() -> None:
    """As many as there are tries."""
    pauses = list(Rest(VirtualClock()).pauses())
    assert pauses == [0.0, 1.0, 2.0, 4.0]
    assert len(pauses) == TRIES
