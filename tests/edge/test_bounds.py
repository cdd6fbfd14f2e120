"""Bounds: whatever takes too long is cut short, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from runner.edge.bounds import Bounds

FOREVER = 30.0


@pytest.fixture
async def bounds() -> Bounds:
    """Bounds of the loop that runs."""
    return Bounds()


async def hang(bounds: Bounds, seconds: float | None) -> str:
    """What came of waiting for nothing."""
    try:
        with bounds.within(seconds):
            await asyncio.Event().wait()
    except TimeoutError:
        return "too long"
    return "done"


async def test_what_takes_too_long_is_cut_short(bounds: Bounds) -> None:
    """The shorter bound ends first, whichever began first, and nothing stays behind."""
    ended: list[str] = []

    async def one(name: str, seconds: float) -> None:
        ended.append(f"{name}: {await hang(bounds, seconds)}")

    await asyncio.gather(one("long", 0.06), one("short", 0.01), one("middle", 0.03))
    assert ended == ["short: too long", "middle: too long", "long: too long"]
    assert len(bounds) == 0


async def test_what_ends_in_time_is_left_alone(bounds: Bounds) -> None:
    """A block that ends, or fails by itself, is no timeout; neither is what follows it."""
    with bounds.within(0.01):
        pass
    with pytest.raises(KeyError), bounds.within(FOREVER):
        raise KeyError
    assert (len(bounds), await hang(bounds, 0.01)) == (0, "too long")


async def test_a_task_that_is_cancelled_is_cancelled(bounds: Bounds) -> None:
    """Somebody else's cancelling goes through, bounded or not, also in the moment in which the time is over."""
    for seconds in (None, FOREVER, 0.0):
        task = asyncio.ensure_future(hang(bounds, seconds))
        await asyncio.wait([task], timeout=0.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_no_bound_is_none(bounds: Bounds) -> None:
    """None waits as long as it takes, and sets no timer."""
    task = asyncio.ensure_future(hang(bounds, None))
    await asyncio.wait([task], timeout=0.01)
    assert (task.done(), len(bounds)) == (False, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bounds.close()
    assert len(bounds) == 0
