"""The press: it publishes beside whoever goes on, takes what has gathered together, and stops at the first failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from runner.errors import OurSide
from runner.loom import Outcome, Woven, Yield
from runner.press import BEHIND, Press
from runner.records import Row, Variant


def variant(number: int) -> Variant:
    """A variant of a row."""
    return Variant(f"r{number}|1", Row(f"r{number}", {}, "feed.csv", number + 1), {}, 1, 1, number)


def step(number: int) -> Yield:
    """A step that was done."""
    return Yield(variant(number), "copy", Outcome("done"), {})


class Paper:
    """What came out of a press, which may have to wait for ink."""

    def __init__(self) -> None:
        self.ink = threading.Event()
        self.ink.set()
        self.sheets: list[list[int]] = []
        self.told: list[int] = []
        self.failure: Exception | None = None
        self.complaints: list[OurSide] = []

    def publish(self, ready: Sequence[Yield]) -> None:
        """Note which variants were published together."""
        self.ink.wait(10.0)
        if self.failure is not None:
            raise self.failure
        self.sheets.append([one.variant.index for one in ready])

    def tell(self, made: Sequence[Woven]) -> None:
        """Note which variants were told."""
        self.told += [one.variant.index for one in made]

    def press(self) -> Press:
        """A press with this paper."""
        return Press(self.publish, self.tell, self.complaints.append)


async def test_whoever_hands_over_goes_on() -> None:
    """While the first sheet is printed, what follows gathers and makes one sheet; variants are told after their files."""
    paper = Paper()
    paper.ink.clear()
    press = paper.press()
    for number in range(5):
        await press.put([step(number)], [Woven(variant(number))])
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0)
    assert (paper.sheets, paper.told) == ([], [])
    paper.ink.set()
    await press.finish()
    assert (paper.sheets, paper.told) == ([[0], [1, 2, 3, 4]], [0, 1, 2, 3, 4])
    await press.close()


async def test_a_press_far_behind_is_waited_for() -> None:
    """More than so many steps never wait: the next one to hand over does."""
    paper = Paper()
    press = paper.press()
    for number in range(BEHIND + 2):
        await press.put([step(number)], [])
    assert sum(map(len, paper.sheets)) >= BEHIND + 1
    await press.close()
    assert [number for sheet in paper.sheets for number in sheet] == list(range(BEHIND + 2))


async def test_a_disk_that_fails_is_told_once() -> None:
    """After it nothing more is printed, and nobody waits for it."""
    paper = Paper()
    paper.failure = OurSide("the disk is full")
    press = paper.press()
    for _ in range(2):
        await press.put([step(1)], [Woven(variant(1))])
        await press.finish()
    await press.close()
    assert ([str(failure) for failure in paper.complaints], paper.sheets, paper.told) == (["the disk is full"], [], [])


async def test_a_mistake_of_ours_is_raised() -> None:
    """What is no failure of the disk is not taken for one."""
    paper = Paper()
    paper.failure = KeyError("oops")
    press = paper.press()
    await press.put([step(1)], [])
    with pytest.raises(KeyError):
        await press.finish()
    await press.close()


async def test_nothing_is_printed_for_nothing() -> None:
    """A turn that made nothing ready starts no sheet."""
    paper = Paper()
    press = paper.press()
    await press.put([], [])
    await press.close()
    assert paper.sheets == []
