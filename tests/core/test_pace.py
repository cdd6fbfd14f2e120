"""Pace: what nobody declared is learned from answers."""

from __future__ import annotations

import pytest

from runner.core.gate import Gate
from runner.core.pace import CEILING, CUT, FIRST_SPAN, LONGEST_SPAN, START, Crowd, Curve, Rate
from runner.records import Limits
from runner.records import Window as Declared
from runner.verdicts import Broken, Busy, Lost
from tests.core.traffic import OK, Bucket, Desks, Ill, Server, Traffic, Window, drive

UNDECLARED = Limits()
"""What a user who knows nothing of a vendor declares."""


# --- servers that do not tell their limits


@pytest.mark.parametrize(
    ("server", "limit", "share", "refused"),
    [
        (Window(50, 1.0), 50, 0.92, 0.005),
        (Window(50, 1.0, after=1.0), 50, 0.92, 0.005),
        (Window(50, 1.0, work=0.5), 50, 0.92, 0.005),
        (Window(200, 1.0), 200, 0.92, 0.005),
        (Bucket(50, 50), 50, 0.95, 0.01),
        (Bucket(50, 500), 50, 0.95, 0.01),
        (Bucket(10, 2), 10, 0.75, 0.02),
        (Desks(20), 200, 0.85, 0.005),
        (Desks(4), 40, 0.80, 0.005),
        (Ill(Window(50, 1.0)), 75, 0.85, 0.005),
    ],
    ids=[
        "window",
        "window that tells",
        "slow window",
        "wide window",
        "bucket",
        "large bucket",
        "small bucket",
        "desks",
        "few desks",
        "ill",
    ],
)
def test_a_hidden_limit_is_found_and_used(server: Server, limit: float, share: float, refused: float) -> None:
    """After ten seconds nearly all that the server allows is used, and hardly a call is refused."""
    came = drive(Gate(UNDECLARED), server, until=70.0)
    assert came.accepted_within(10, 70) >= share * limit
    assert came.refused_within(10, 70) <= refused


def test_a_limit_by_the_minute_is_found_in_minutes() -> None:
    """A window of a minute is used up at once, is heard of for a minute, and is then kept with few refusals."""
    came = drive(Gate(UNDECLARED), Window(600, 60.0), until=600.0)
    assert came.accepted_within(0, 600) >= 0.85 * 10
    assert came.refused_within(10, 600) < 0.01


def test_a_server_that_queues_is_not_flooded() -> None:
    """Where more calls at once only wait for each other, the crowd stops growing, and the server is busy all the time."""
    came = drive(Gate(UNDECLARED), Desks(10, queues=True), until=20.0)
    assert came.accepted_within(2, 20) >= 0.98 * 100
    assert came.most_flying <= 80


def test_a_free_server_is_soon_used_by_all_calls_that_may_be() -> None:
    """From a few calls at once to the ceiling within two seconds, if answers are quick."""
    came = drive(Gate(UNDECLARED), Desks(10_000, 0.02), until=2.0)
    assert came.most_flying == CEILING


def test_a_storm_of_errors_teaches_nothing() -> None:
    """5xx and lost answers neither shrink the crowd nor slow anything down."""
    gate = Gate(UNDECLARED)
    for number in range(200):
        gate.sent("submit", number * 1.0, "r")
        gate.answered("submit", number + 0.5, "r", Broken("503") if number % 3 else Lost("reset"))
        if number % 5 == 4:
            gate.sent("submit", number + 0.6, "r")
            gate.answered("submit", number + 0.7, "r", OK)
    assert gate.crowd is not None
    assert gate.rate is not None
    assert (gate.crowd.most, gate.rate.curve) == (START, None)


@pytest.mark.parametrize(
    ("limits", "crowd", "rate"),
    [
        (Limits(), True, True),
        (Limits(concurrent=4), False, True),
        (Limits(rate=(Declared(5, 1.0),)), True, False),
        (Limits(rate=(Declared(5, 1.0),), concurrent=4), False, False),
    ],
)
def test_what_is_declared_is_not_learned(limits: Limits, crowd: bool, rate: bool) -> None:
    """A declared limit switches the learning of its kind off."""
    gate = Gate(limits)
    assert (gate.crowd is not None, gate.rate is not None) == (crowd, rate)


def test_it_all_follows_from_the_facts() -> None:
    """The same calls and answers teach two gates the same."""
    first, second = (Gate(UNDECLARED) for _ in range(2))
    came: list[Traffic] = [drive(gate, Window(50, 1.0), until=20.0) for gate in (first, second)]
    assert came[0] == came[1]
    assert first.snapshot() == second.snapshot()


# --- the curve


def test_a_curve_comes_back_and_goes_beyond() -> None:
    """It begins a tenth below its ceiling, is back after its span, stays near for a while, and then goes on."""
    curve = Curve(100.0)
    values = []
    for _ in range(12):
        values.append(curve.value)
        curve.grow(1.0)
    assert values[0] == pytest.approx(100.0 * (1 - CUT))
    assert values[int(FIRST_SPAN)] == pytest.approx(100.0)
    assert values == sorted(values)
    assert values[5] - values[3] < 1.0 < values[11] - values[9]


def test_a_ceiling_that_proves_right_is_probed_ever_more_seldom() -> None:
    """Found again at the same height its span grows up to a minute; found elsewhere it shrinks."""
    curve, spans = Curve(100.0), []
    for _ in range(4):
        curve.grow(curve.span)
        curve.find(101.0)
        spans.append(curve.span)
    assert spans == [5 * FIRST_SPAN, LONGEST_SPAN, LONGEST_SPAN, LONGEST_SPAN]
    curve.grow(curve.span)
    curve.find(50.0)
    assert curve.span == LONGEST_SPAN / 5


# --- the rate


def test_one_busy_is_no_pattern() -> None:
    """After a single 429 calls go on as before; the second one teaches a rate, from what left in the last second."""
    rate = Rate()
    for number in range(40):
        rate.sent(number / 40)
    rate.refuse(1.0, 1.0, 40, True)
    assert rate.opens_at(5.0) == 5.0
    for number in range(40):
        rate.sent(2.0 + number / 40)
    rate.refuse(3.0, 3.0, 40, True)
    assert rate.curve is not None
    assert rate.curve.ceiling == pytest.approx(40.0, abs=1.0)


def test_a_rate_spaces_calls_out() -> None:
    """Between calls lies the interval; what was late is caught up with, but no pause is saved up."""
    rate = Rate()
    rate.curve = Curve(10.0 / (1 - CUT))
    rate.sent(100.0)
    assert rate.opens_at(100.0) == pytest.approx(100.08)
    rate.sent(100.085)
    assert rate.opens_at(100.085) == pytest.approx(100.18, abs=0.005)
    rate.sent(200.0)
    assert rate.opens_at(200.0) == pytest.approx(200.08, abs=0.01)


def test_a_refusal_right_after_the_pause_lowers_the_rate_to_the_mean() -> None:
    """Nothing was accepted since: what was accepted before is spread over all of the time since, so slow windows are found."""
    rate = Rate()
    for number in range(100):
        rate.sent(number / 100)
    rate.refuse(1.0, 1.0, 100, True)
    rate.refuse(2.0, 2.0, 0, True)
    for at, ceiling in ((10.0, 10.0), (40.0, 2.5)):
        rate.refuse(at, at, 0, True)
        assert rate.curve is not None
        assert rate.curve.ceiling == pytest.approx(ceiling)
        assert rate.curve.span == max(FIRST_SPAN, at)


# --- the crowd


def test_the_crowd_grows_by_an_eighth_a_round_while_it_is_full() -> None:
    """Good answers let it grow, but only those to calls that filled more than half of it."""
    crowd = Crowd(START)
    for flying in range(1, START + 1):
        crowd.accept(flying, 0.0)
    assert crowd.most == START + START // 8
    for _ in range(100):
        crowd.accept(START // 2, 0.0)
    assert crowd.most == START + START // 8


def test_many_refused_together_are_one_episode() -> None:
    """A burst of a hundred of which twenty were accepted shrinks the crowd once, by at most half."""
    gate = Gate(Limits(rate=(Declared(1000, 1.0),)))
    for number in range(100):
        gate.sent("submit", 0.0, f"r{number}")
    for number in range(20, 100):
        gate.answered("submit", 0.1, f"r{number}", Busy())
    assert gate.crowd is not None
    assert gate.crowd.most == pytest.approx(100 / 2 * (1 - CUT), abs=1)


def test_a_refusal_in_a_lane_less_full_than_proven_is_not_the_crowds_fault() -> None:
    """What was accepted in a fuller lane cannot be too much; what comes back again and again is not the crowd's fault either."""
    crowd = Crowd(CEILING)
    crowd.accept(50, 0.0)
    assert not crowd.refuse(1.0, 10, 9)
    assert crowd.refuse(1.0, 60, 59)
    assert [crowd.refuse(1.0 + n, 60, 59) for n in range(1, 4)] == [True, True, False]
