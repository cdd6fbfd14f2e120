"""Waits before another try."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.retry import CAP, LONGEST, TRIES, backoff, chance, curve, spread, throttle, wished
from runner.records import Step

STEPS: tuple[Step, ...] = ("submit", "poll", "fetch")
names = st.text(max_size=20)
numbers = st.integers(0, 10_000)
waits = st.floats(allow_nan=True, allow_infinity=True)


@given(names, st.sampled_from(STEPS), numbers)
def test_chance_is_repeatable_and_in_range(name: str, step: Step, number: int) -> None:
    """The same seeds give the same number in [0, 1), so a replay waits as the run did."""
    assert chance(name, step, number) == chance(name, step, number)
    assert 0.0 <= chance(name, step, number) < 1.0


def test_chance_is_the_same_on_every_machine() -> None:
    """The number is a function of the text alone; it does not move with the process's hash seed or the platform."""
    assert chance("r1", "submit", 1) == pytest.approx(0.027149459035943235, abs=1e-12)


def test_chance_is_evenly_spread() -> None:
    """Over many requests every tenth of the range is hit about equally often."""
    tenths = [0] * 10
    for number in range(10_000):
        tenths[int(chance(f"request-{number}", "poll", 1) * 10)] += 1
    assert min(tenths) > 900
    assert max(tenths) < 1100


def test_chance_differs_by_each_seed() -> None:
    """Request, step and attempt each change the number."""
    assert len({chance(name, step, n) for name in ("a", "b") for step in STEPS for n in (1, 2)}) == 12


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (10_000, 60)]
)
def test_the_curve_doubles_up_to_its_cap(attempt: int, seconds: float) -> None:
    """1, 2, 4 … 60 seconds, and 60 for ever after, without overflow."""
    assert curve(attempt) == seconds


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(0, 0), (1.5, 1.5), (3600, 3600), (1e9, 3600), (math.inf, 3600), (-1, 0), (-math.inf, 0), (math.nan, 0)],
)
def test_a_vendors_wish_is_kept_within_an_hour(after: float, seconds: float) -> None:
    """Nonsense becomes 0 and eternity an hour: a vendor cannot make a run hang or spin."""
    assert wished(after) == seconds


@given(names, st.sampled_from(STEPS), st.integers(1, 100), waits)
def test_a_named_wait_is_never_cut_short(name: str, step: Step, attempt: int, after: float) -> None:
    """With `after`, the wait lies between the wish and a tenth (at most a second) more."""
    seconds = backoff(name, step, attempt, after)
    assert wished(after) <= seconds <= wished(after) + min(wished(after) * 0.1, 1.0)


@given(names, st.sampled_from(STEPS), st.integers(1, 100))
def test_backoff_stays_under_the_curve(name: str, step: Step, attempt: int) -> None:
    """Without `after`, the wait lies anywhere between nothing and the curve (full jitter)."""
    assert 0.0 <= backoff(name, step, attempt) <= curve(attempt) <= CAP


@given(names, st.integers(1, 100), st.none() | waits)
def test_a_lane_holds_at_least_half_the_curve(name: str, streak: int, after: float | None) -> None:
    """A hold is never next to nothing: half the curve at least, or what the vendor named."""
    seconds = throttle(name, streak, after)
    if after is None:
        assert curve(streak) / 2 <= seconds <= curve(streak)
    else:
        assert wished(after) <= seconds <= LONGEST + 1


def test_spread_of_nothing_is_nothing() -> None:
    """A vendor that says 0 is taken at its word."""
    assert spread(0.0, "r1", "submit", 1) == 0.0


def test_every_step_has_its_number_of_tries() -> None:
    """Submits and fetches go wrong five times, polls, which are free, twenty times in a row."""
    assert dict(TRIES) == {"submit": 5, "poll": 20, "fetch": 5}
