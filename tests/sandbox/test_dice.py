from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.dice import Dice, chance, fingerprint


def test_a_fingerprint_never_changes():
    """The hash behind every choice is fixed, so results are equal on every machine and in every version."""
    assert fingerprint("beach", 7).hex()[:16] == fingerprint("beach", "7").hex()[:16]
    assert len(fingerprint()) == 32


@given(st.lists(st.text(), max_size=4))
def test_chance_is_a_share(parts: list[str]):
    """A chance lies in [0, 1) and depends on its parts alone."""
    assert 0 <= chance(*parts) < 1
    assert chance(*parts) == chance(*parts)


def test_parts_do_not_run_together():
    """("ab", "c") and ("a", "bc") are different draws."""
    assert chance("ab", "c") != chance("a", "bc")


@given(st.text(), st.integers(-50, 50), st.integers(0, 50))
def test_whole_numbers_stay_in_range(seed: str, low: int, span: int):
    """`whole` reaches both ends and never beyond."""
    dice = Dice(seed)
    assert all(low <= dice.whole(low, low + span) <= low + span for _ in range(20))


def test_the_same_parts_give_the_same_stream():
    """Two dice of the same parts roll alike; of other parts they do not."""
    first, second, other = Dice("x", 1), Dice("x", 1), Dice("x", 2)
    rolls = [first.unit() for _ in range(5)]
    assert rolls == [second.unit() for _ in range(5)]
    assert rolls != [other.unit() for _ in range(5)]


def test_every_option_is_picked_some_time():
    """`pick` and `between` cover their whole range."""
    dice = Dice("options")
    assert {dice.pick("abc") for _ in range(60)} == set("abc")
    assert all(2 <= dice.between(2, 3) < 3 for _ in range(50))
