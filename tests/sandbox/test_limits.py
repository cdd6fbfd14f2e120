from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.limits import DOCUMENTED, UNLIMITED, Allowance, Pace, Purse, queue_job
from runner.sandbox.vendor import Meter


@given(st.lists(st.floats(0, 5), min_size=1, max_size=80), st.integers(1, 5))
def test_no_span_ever_holds_more_than_allowed(gaps: list[float], most: int):
    """Of the calls let through, no 10 seconds hold more than `most`."""
    pace, now, passed = Pace(Allowance(most=most, span=10.0)), 0.0, []
    for gap in gaps:
        now += gap
        if pace.wait(now) == 0:
            passed.append(now)
    assert all(sum(start <= moment < start + 10 for moment in passed) <= most for start in passed)


def test_the_wait_is_exact():
    """A refused call learns when the oldest leaves the window, and may pass then."""
    pace = Pace(Allowance(most=1, span=60.0))
    assert pace.wait(0.0) == 0
    assert pace.wait(20.0) == 40
    assert pace.wait(60.0) == 0


def test_unlimited_is_unlimited():
    """Without an allowance everything passes at once."""
    pace = Pace(UNLIMITED)
    assert all(pace.wait(0.0) == 0 for _ in range(1000))
    assert queue_job(UNLIMITED, [(0, 9)] * 100, 1.0) == 1.0


@pytest.mark.parametrize(
    ("open_jobs", "begins"),
    [
        ([], 5.0),
        ([(0.0, 10.0)], 5.0),
        ([(0.0, 4.0), (0.0, 4.5), (0.0, 10.0)], 5.0),
        ([(0.0, 10.0), (0.0, 12.0)], 10.0),
        ([(0.0, 10.0), (0.0, 12.0), (10.0, 20.0)], 12.0),
        ([(0.0, 10.0), (0.0, 12.0), (10.0, 20.0), (12.0, 30.0)], None),
    ],
)
def test_jobs_begin_when_a_place_is_free(open_jobs: list[tuple[float, float]], begins: float | None):
    """With two places and two queue seats a job begins at once, when a place falls free, or is turned away."""
    assert queue_job(Allowance(running=2, waiting=2), open_jobs, 5.0) == begins


def test_documented_limits_are_the_vendors():
    """Sivi's General plan: 50 a minute, 4 at once, 10 queued; Imagine: 50 a minute; and so on, as the pages say."""
    assert {
        "sivi": Allowance(50, 60.0, 4, 10),
        "vyro": Allowance(50, 60.0),
        "replicate": Allowance(600, others=3000),
        "fal": Allowance(running=2),
        "bfl": Allowance(running=24, waiting=0),
        "stability": Allowance(150, 10.0),
        "openai": Allowance(500, tokens=200_000),
    } == DOCUMENTED


def test_tokens_have_a_window_of_their_own():
    """A call waits for the window that is fuller; what is refused is counted in neither; what fits no window fits an empty one."""
    pace = Pace(Allowance(most=10, tokens=100))
    assert pace.wait(0.0, tokens=60) == 0
    assert pace.wait(10.0, tokens=60) == 50
    assert pace.wait(10.0, tokens=40) == 0
    assert pace.calls is not None
    assert pace.tokens is not None
    assert (pace.calls.meter(10.0), pace.tokens.meter(10.0)) == (Meter(10, 8, 60.0), Meter(100, 0, 60.0))
    assert pace.wait(10.0, tokens=500) == 60
    assert pace.wait(70.0, tokens=500) == 0


def test_other_calls_may_have_more_room():
    """Where looking has its own limit, buying leaves room for it."""
    pace = Pace(Allowance(most=1, others=2))
    assert [pace.wait(0.0, buys=buys) for buys in (True, True, False, False, False)] == [0, 60, 0, 0, 60]


def test_a_purse_runs_out():
    """Credits are paid until there are not enough, and refused without being touched."""
    purse = Purse(2.5)
    assert [purse.pay(1), purse.pay(1), purse.pay(1), purse.pay(0.5)] == [True, True, False, True]
    assert purse.left == 0
    assert Purse().pay(10**9)
