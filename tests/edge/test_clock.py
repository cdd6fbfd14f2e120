"""The clock: never back, and waiting as an argument."""

from __future__ import annotations

import asyncio
import time

import pytest

from runner.edge.clock import LeapingClock, SystemClock, VirtualClock


def test_system_clock_tells_wall_time() -> None:
    """The real clock says the seconds since the epoch."""
    assert abs(SystemClock().now() - time.time()) < 1


def test_system_clock_never_goes_back() -> None:
    """A later question never gets an earlier answer."""
    clock = SystemClock()
    moments = [clock.now() for _ in range(1000)]
    assert moments == sorted(moments)


async def test_system_clock_wakes_no_earlier_than_asked() -> None:
    """Whoever slept until a moment finds it reached."""
    clock = SystemClock()
    for _ in range(20):
        at = clock.now() + 0.001
        await clock.sleep_until(at)
        assert clock.now() >= at


def test_system_clock_wakes_no_earlier_on_uvloop() -> None:
    """Its timers count in whole milliseconds, and some are over too soon."""
    uvloop, clock = pytest.importorskip("uvloop"), SystemClock()

    async def sleep() -> list[float]:
        early = []
        for number in range(60):
            at = clock.now() + 0.001 + number / 60_000
            await clock.sleep_until(at)
            early.append(at - clock.now())
        return early

    assert max(uvloop.run(sleep())) <= 0.0


async def test_system_clock_does_not_wait_for_the_past() -> None:
    """A moment that has passed, however long ago, is no reason to wait."""
    clock = SystemClock()
    began = clock.now()
    await asyncio.wait_for(clock.sleep_until(began - 1e9), 10)
    assert clock.now() - began < 10


async def test_virtual_clock_wakes_sleepers_in_the_order_of_their_moments() -> None:
    """One step over several moments wakes the earliest first."""
    clock, woken = VirtualClock(0.0), []

    async def sleep(at: float) -> None:
        await clock.sleep_until(at)
        woken.append(at)

    tasks = [asyncio.ensure_future(sleep(at)) for at in (3.0, 1.0, 2.0, 9.0)]
    await asyncio.wait(tasks, timeout=0)
    clock.advance(5.0)
    await asyncio.gather(*tasks[:3])
    assert (woken, clock.now(), tasks[3].done()) == ([1.0, 2.0, 3.0], 5.0, False)
    tasks[3].cancel()


async def test_virtual_clock_tells_the_next_moment_somebody_waits_for() -> None:
    """A sleeper who was cancelled is waited for no longer."""
    clock = VirtualClock(0.0)
    near, far = (asyncio.ensure_future(clock.sleep_until(at)) for at in (1.0, 60.0))
    await asyncio.wait([near, far], timeout=0)
    assert clock.next_at() == 1.0
    near.cancel()
    await asyncio.gather(near, return_exceptions=True)
    assert clock.next_at() == 60.0
    clock.advance(60.0)
    await far
    assert clock.next_at() is None


async def test_virtual_clock_does_not_wait_for_now() -> None:
    """Sleeping until the present returns at once."""
    clock = VirtualClock(7.0)
    await asyncio.wait_for(clock.sleep_until(7.0), 10)
    assert clock.next_at() is None


def test_virtual_clock_never_goes_back() -> None:
    """A negative step is none."""
    clock = VirtualClock(7.0)
    clock.advance(-3.0)
    assert clock.now() == 7.0


async def test_a_leaping_clock_waits_for_nobody() -> None:
    """An hour passes at once where nothing is under way, and never back."""
    clock = LeapingClock()
    began = clock.now()
    await asyncio.wait_for(clock.sleep_until(began + 3600), 5)
    assert began + 3600 <= clock.now() < began + 3700
    await clock.sleep_until(began)
    assert clock.now() >= began + 3600


async def test_a_leaping_clock_leaps_to_the_nearest_sleeper_first() -> None:
    """Who sleeps for longer is not woken before, nor does the one who sleeps for less find that it is later."""
    clock, woken = LeapingClock(), []
    began = clock.now()

    async def sleep(seconds: float) -> None:
        await clock.sleep_until(began + seconds)
        woken.append(round(clock.now() - began, -2))

    await asyncio.wait_for(asyncio.gather(*(sleep(seconds) for seconds in (7200.0, 3600.0, 9000.0))), 5)
    assert woken == [3600.0, 7200.0, 9000.0]


async def test_a_leaping_clock_does_not_leap_over_what_is_under_way() -> None:
    """Who sleeps while something is busy sleeps until that has ended, and longer if its end is the beginning of more."""
    clock = LeapingClock()
    began, first, second = clock.now(), asyncio.Event(), asyncio.Event()

    async def work(end: asyncio.Event) -> None:
        with clock.busy():
            await end.wait()

    async def two() -> None:
        await work(first)
        await work(second)

    working = asyncio.ensure_future(two())
    sleeping = asyncio.ensure_future(clock.sleep_until(began + 3600))
    for event in (first, second):
        await asyncio.wait([sleeping], timeout=0.05)
        assert (sleeping.done(), clock.now() < began + 3600) == (False, True)
        event.set()
    await asyncio.wait_for(sleeping, 5)
    await working
    assert clock.now() >= began + 3600
