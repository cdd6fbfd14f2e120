"""Doors: a host that is too fast asked is left alone, once per episode."""

from __future__ import annotations

from runner.core.door import Door
from runner.verdicts import Broken, Busy, Queued


def test_busy_in_a_row_holds_ever_longer() -> None:
    """Without a hint: 1, 2, 4 … 60 s, each at least half of that."""
    door, at, holds = Door(1), 100.0, []
    for _ in range(8):
        door.hear(at, "r1", Busy())
        holds.append(door.hold_until - at)
        at = door.hold_until
    assert all(curve / 2 <= hold <= curve for hold, curve in zip(holds, [1, 2, 4, 8, 16, 32, 60, 60], strict=True))


def test_many_busy_at_once_are_one_episode() -> None:
    """Sixty-four calls in flight answered Busy together double nothing."""
    door = Door(64)
    for number in range(64):
        door.hear(100.0, f"r{number}", Busy())
    assert door.streak == 1
    assert door.hold_until <= 101.0


def test_a_longer_wish_within_an_episode_is_obeyed() -> None:
    """Whoever of the crowd is told to wait longest speaks for all."""
    door = Door(2)
    door.hear(100.0, "r1", Busy(5.0))
    door.hear(100.0, "r2", Busy(30.0))
    door.hear(100.0, "r3", Busy(1.0))
    assert 130.0 <= door.hold_until <= 131.0


def test_only_a_good_answer_after_the_hold_calms_down() -> None:
    """An answer to a call that left before the hold proves nothing about the pace after it."""
    door = Door(2)
    door.hear(100.0, "r1", Busy())
    door.hear(100.1, "r2", Queued("t"))
    assert door.streak == 1
    door.hear(door.hold_until, "r3", Broken("502"))
    assert door.streak == 0
