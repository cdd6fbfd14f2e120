"""Pace: what nobody declared is learned from answers."""

from __future__ import annotations

import pytest

from runner.core.gate import Gate
from runner.core.pace import CEILING, CUT, FIRST_SPAN, LONGEST_SPAN, SMOOTH, START, Crowd, Curve, Rate
from runner.core.windows import Passage
from runner.records import Limits
from runner.records import Window as Declared
from runner.verdicts import Broken, Busy, Lost
from tests.core.traffic import OK, Bucket, Crew, Desks, Fixed, Ill, Road, Server, Traffic, Uneven, Window, drive

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
        (Bucket(10, 2), 10, 0.70, 0.02),
        (Desks(20), 200, 0.85, 0.005),
        (Desks(4), 40, 0.75, 0.01),
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


SHAPES: dict[str, tuple[Server, float]] = {
    f"{kind.__name__} {most}/{seconds:g}s, {work:g}s": (kind(most, seconds, work), most / seconds)
    for kind in (Fixed, Window)
    for most, seconds, works in ((10, 1.0, (0.02, 2.0)), (50, 1.0, (0.02, 0.2, 2.0)), (300, 60.0, (0.02, 2.0)))
    for work in works
} | {f"Bucket {rate}/s, {work:g}s": (Bucket(rate, 2 * rate, work), rate) for rate in (10, 50) for work in (0.02, 2.0)}
"""Servers, and what they allow a second."""


@pytest.mark.parametrize("name", SHAPES)
def test_a_whole_run_finds_what_nobody_declared(name: str) -> None:
    """Of the time of 3,000 calls, all but the first ten seconds: nearly all is used, less than one call in a hundred is refused.

    A minute's window, whose first fill is gone at once, is judged from the first call on; where answers take two seconds,
    calls at once have to grow to a hundred first.
    """
    server, allowed = SHAPES[name]
    until = 3000 / allowed
    came = Crew(UNDECLARED, Uneven(server), 3300).run(10**9, until)
    since = 0.0 if allowed < 10 else 20.0 if name.endswith(" 2s") else 10.0
    assert came.accepted_within(since, until) >= (0.90 if allowed < 10 else 0.92) * allowed
    assert came.refused_within(10.0, until) < 0.01


def test_a_limit_by_the_minute_is_found_in_minutes() -> None:
    """A window of a minute is used up at once, is heard of for a minute, and is then kept with few refusals."""
    came = drive(Gate(UNDECLARED), Window(600, 60.0), until=600.0)
    assert came.accepted_within(0, 600) >= 0.85 * 10
    assert came.refused_within(10, 600) < 0.01


def test_a_slow_disk_is_no_ceiling() -> None:
    """Commits that now and then take long make calls late, and bursts of them: the limit is found nevertheless."""
    crew = Crew(UNDECLARED, Window(50, 1.0, 0.1), 3300)
    crew.road = Road(commit=(0.0, 0.03))
    came = crew.run(10**9, 60.0)
    assert came.accepted_within(10, 60) >= 0.945 * 50
    assert came.refused_within(10, 60) <= 0.002


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
    assert values[3] - values[1] < 3.0 < values[11] - values[9]


def test_a_ceiling_that_proves_right_is_probed_ever_more_seldom() -> None:
    """Found again at the same height its span grows up to a minute; found elsewhere it shrinks."""
    curve, spans = Curve(100.0), []
    for _ in range(4):
        curve.grow(curve.span)
        curve.find(101.0)
        spans.append(curve.span)
    assert spans == [5 * FIRST_SPAN, 25 * FIRST_SPAN, LONGEST_SPAN, LONGEST_SPAN]
    curve.grow(curve.span)
    curve.find(50.0)
    assert curve.span == LONGEST_SPAN / 5


# --- the rate


def refuse(rate: Rate, at: float) -> None:
    """A call leaves and is refused at once."""
    rate.sent(Passage(at), at)
    rate.episode(at)
    rate.refuse(at, at)


def test_a_rate_is_read_off_what_was_accepted() -> None:
    """Forty were accepted within the second before the refusal, so forty a second is the ceiling."""
    rate = Rate()
    for number in range(40):
        rate.sent(Passage(number / 40), 0.0)
    refuse(rate, 1.0)
    assert rate.curve is not None
    assert rate.curve.ceiling == pytest.approx(40.0, abs=1.0)


def test_a_few_calls_teach_no_rate() -> None:
    """A handful of refusals in a lane with few calls is waited out; nothing is spaced for it."""
    rate = Rate()
    for at in (0.0, 1.0, 8.0, 30.0, 90.0, 150.0):
        refuse(rate, at)
        rate.sent(Passage(at + 0.5), at)
    assert rate.curve is None
    assert rate.opens_at(200.0) == 200.0


def test_a_rate_spaces_calls_out() -> None:
    """Between calls lies the interval; what was late is caught up with, but no pause is saved up."""
    rate = Rate()
    rate.curve = Curve(10.0 / (1 - CUT))
    rate.sent(Passage(100.0), 0.0)
    assert rate.opens_at(100.0) == pytest.approx(100.08)
    rate.sent(Passage(100.085), 0.0)
    assert rate.opens_at(100.085) == pytest.approx(100.18, abs=0.005)
    rate.sent(Passage(200.0), 0.0)
    assert rate.opens_at(200.0) == pytest.approx(200.08, abs=0.01)


def test_what_is_caught_up_with_must_fit_into_the_span() -> None:
    """Ten a second at most: while the tenth last is in the span by when it really left, nobody leaves, whatever is due."""
    rate = Rate()
    rate.curve = Curve(10.0)
    passages = [Passage(100.0 + number / 10) for number in range(10)]
    for passage in passages:
        rate.sent(passage, 0.0)
    assert rate.opens_at(100.9) < 101.1
    passages[0].at += 0.3
    assert rate.opens_at(100.9) == pytest.approx(101.3)


def test_a_refusal_of_an_empty_span_finds_a_longer_one() -> None:
    """A minute's fill was accepted in a second: refused with an empty second behind it, the vendor must count for longer."""
    rate = Rate()
    for number in range(300):
        rate.sent(Passage(number / 300), 0.0)
    ceilings = []
    for at in (1.0, 2.5, 5.0, 10.5, 21.0, 52.0):
        refuse(rate, at)
        assert rate.curve is not None
        ceilings.append((rate.span, round(rate.curve.ceiling)))
    assert ceilings[0][0] == 1.0
    assert ceilings[-1] == (60.0, 5)
    assert [ceiling for _, ceiling in ceilings] == sorted((ceiling for _, ceiling in ceilings), reverse=True)


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
    assert not crowd.refuse(1.0, 10, 9, fast=False)
    crowd.accept(50, 2.0)
    assert crowd.refuse(2.0, 60, 59, fast=False)
    assert [crowd.refuse(2.0 + n / 2, 60, 59, fast=False) for n in range(1, 4)] == [True, True, False]


def test_where_the_rate_may_be_to_blame_the_crowd_must_have_been_fuller_thrice() -> None:
    """More out is what faster means: only a ceiling met again and again by the number out is the crowd's."""
    crowd, blamed = Crowd(CEILING), []
    for episode in range(3):
        for _ in range(SMOOTH):
            crowd.accept(20, 10.0 * episode + 1)
        blamed.append(crowd.refuse(10.0 * episode + 5, 21, 20, fast=True))
    assert blamed == [False, False, True]
