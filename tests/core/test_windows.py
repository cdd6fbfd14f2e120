"""Sliding windows: exact where they count, at the vendor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.gate import Gate
from runner.core.windows import GUARD, MARGIN, RESERVE, SAMPLE, Latencies, Passage, Sliding
from runner.records import Limits, Window
from runner.verdicts import Broken, Done, Queued, Text
from tests.core import traffic
from tests.core.stage import most_within
from tests.core.traffic import Road, Traffic, drive


@given(st.integers(1, 8), st.floats(0.1, 100.0), st.lists(st.floats(0.0, 30.0), max_size=80))
def test_a_window_is_never_exceeded_in_any_span(most: int, seconds: float, pauses: list[float]) -> None:
    """Sending at the first permitted moment, after any pauses, no span of the window's length holds more than it allows."""
    window, now, sent = Sliding(Window(most, seconds)), 1.7e9, []
    for pause in pauses:
        now = max(now + pause, window.opens_at(now + pause))
        window.note(now)
        sent.append(now)
    assert most_within(sent, seconds) <= most


def test_a_window_opens_exactly_when_the_oldest_leaves_it() -> None:
    """Not a bucket that refills: the first of three sends must be a full window old."""
    window = Sliding(Window(3, 10.0))
    for at in (100.0, 104.0, 109.0):
        assert window.opens_at(at) <= at
        window.note(at)
    assert window.opens_at(109.0) == 110.0
    window.note(110.0)
    assert window.opens_at(110.0) == 114.0


@given(st.lists(st.integers(0, 1000), max_size=60))
def test_a_window_counts_histories_in_any_order(moments: list[int]) -> None:
    """Histories come request by request; the window opens when fewer than it allows are younger than its length."""
    window = Sliding(Window(5, 60.0))
    for at in moments:
        window.note(float(at))
    younger = sorted(at for at in moments if at > 940)
    assert window.opens_at(1000.0) == (1000.0 if len(younger) < 5 else younger[0] + 60.0)


def test_a_clock_set_back_does_not_close_a_window() -> None:
    """Sends that an earlier run dated in our future are forgotten rather than waited for."""
    window = Sliding(Window(1, 60.0))
    window.note(5000.0)
    assert window.opens_at(1000.0) == 1000.0


def test_what_lies_a_little_ahead_is_counted() -> None:
    """Calls of other runs are dated a little ahead of now: a full window does not forget them as it does a wrong clock's."""
    window = Sliding(Window(2, 60.0))
    for _ in range(2):
        window.note(100.2)
    assert window.opens_at(100.0) == 160.2


# --- before its moment


def test_a_moment_ahead_is_exact_and_taken_once() -> None:
    """Within a lead each asks for the moment that is left by the one before, and nobody is told an earlier one after that."""
    window = Sliding(Window(3, 10.0))
    for at in (100.0, 100.01, 104.0):
        window.note(at)
    assert window.opens_at(109.98, 1, 0.025) == 110.0
    assert window.opens_at(109.98) == 110.0
    window.note(110.0)
    assert window.opens_at(109.99, 1, 0.025) == pytest.approx(110.01)
    window.note(110.01)
    assert window.opens_at(110.0, 1, 0.025) == 114.0


def test_what_is_too_far_ahead_is_not_promised() -> None:
    """Beyond the lead nothing is let go of, so the window stays as full as it is."""
    window = Sliding(Window(1, 10.0))
    window.note(100.0)
    assert window.opens_at(109.9, 1, 0.025) == 110.0
    assert window.held == 1


Journey = tuple[float, float, float]
journeys = st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.06), st.floats(0.0, 0.5))


@given(st.integers(1, 6), st.lists(journeys, max_size=60))
def test_decided_before_its_moment_no_call_leaves_before_it(most: int, calls: list[Journey]) -> None:
    """However early decided, late written and late answered, no span holds more than the window when they leave."""
    window, now, left, out = Sliding(Window(most, 1.0)), 1.7e9, [], list[tuple[float, Passage]]()
    for pause, commit, latency in calls:
        now += pause
        while (at := window.opens_at(now, 1, 0.025)) - 0.025 > now:
            now = at - 0.025
        passage = Passage(at)
        window.note(now, 1, passage)
        passage.at = max(at, now + commit)
        left.append(passage.at)
        out.append((passage.at + latency, passage))
        for answered, one in [each for each in out if each[0] <= now]:
            window.hear(one, 1, 0.0)
            out.remove((answered, one))
    assert most_within(sorted(left), 1.0) <= most


def test_what_is_taken_back_makes_room() -> None:
    """A call that was counted and never left is as good as gone, and what it reserved is there for others."""
    window, passage = Sliding(Window(1, 10.0)), Passage(100.0)
    credit = window.credit
    window.note(100.0, 1, passage)
    assert window.opens_at(100.0) != 100.0
    window.take_back(passage, 1)
    assert (window.opens_at(100.0), window.held) == (100.0, 0)
    assert window.credit == pytest.approx(credit - GUARD)
    window.note(101.0)
    assert window.opens_at(109.0) >= 110.0
    assert window.opens_at(112.0) == 112.0


# --- delays


def late(seconds: float, *, most: int = 4) -> tuple[Sliding, Passage]:
    """A full window of ten seconds, whose first call was answered so much later than the quickest."""
    window, passages = Sliding(Window(most, 10.0)), [Passage(0.0) for _ in range(most)]
    for passage in passages:
        window.note(0.0, 1, passage)
    for passage in passages:
        window.hear(passage, 1, seconds if passage is passages[0] else 0.0)
    return window, passages[0]


def test_a_call_that_was_held_up_stays_longer_by_its_delay() -> None:
    """It arrived later, so a window after its leaving is too early for the next one to take its place."""
    window, _ = late(0.5, most=1)
    assert window.opens_at(10.0) == pytest.approx(10.5 + GUARD)
    assert window.opens_at(10.51) == 10.51


def test_only_the_one_that_was_held_up_is_waited_for() -> None:
    """The others leave the window as they came in."""
    window, _ = late(0.5)
    assert window.opens_at(10.01) == 10.01
    assert (window.held, window.opens_at(10.51)) == (1, 10.51)
    assert window.held == 0


def test_what_is_not_answered_may_still_be_on_its_way() -> None:
    """Until it is answered a call stays for as long as any may."""
    window = Sliding(Window(1, 10.0))
    window.note(0.0, 1, Passage(0.0))
    assert window.opens_at(10.0) == 10.0 * (1 + RESERVE)


def test_a_call_counts_from_when_it_left() -> None:
    """A journal that took a second to write moves the call by a second."""
    window, passage = late(0.0, most=1)
    passage.at = 1.0
    assert window.opens_at(10.0) == pytest.approx(11.0 + GUARD)


@given(st.lists(st.floats(0.0, 100.0), min_size=40, max_size=200))
def test_delays_are_paid_for(delays: list[float]) -> None:
    """Whatever the latencies, over a long run the limit is used up to the margin, and no delay is longer than the reserve."""
    most, seconds = 4, 10.0
    window, now, spent = Sliding(Window(most, seconds)), 0.0, 0.0
    for delay in delays:
        now = window.opens_at(now)
        while (at := window.opens_at(now)) > now:
            now = at
        passage = Passage(now)
        window.note(now, 1, passage)
        window.hear(passage, 1, delay)
        assert 0.0 <= passage.delays[window] <= RESERVE * seconds
        spent += passage.delays[window]
    assert spent / most <= RESERVE * seconds + MARGIN * seconds * len(delays) / most + 1e-6


def test_the_least_latency_is_believed_after_a_while_and_taken_anew() -> None:
    """At first connections are opened, so nothing is deduced; later a network that became slower is noticed."""
    latencies = Latencies()
    for number in range(SAMPLE - 1):
        latencies.hear(1.0 + number)
        assert latencies.least == 0.0
    latencies.hear(2.0)
    assert latencies.least == 1.0
    for _ in range(2 * SAMPLE):
        latencies.hear(3.0)
    assert latencies.least == 3.0


def test_the_usual_latency_follows_what_is_heard() -> None:
    """Unknown at first; then an average that forgets."""
    latencies = Latencies()
    assert latencies.usual == float("inf")
    latencies.hear(4.0)
    assert latencies.usual == 4.0
    for _ in range(100):
        latencies.hear(1.0)
    assert latencies.usual == pytest.approx(1.0, abs=0.01)


# --- at the vendor


def run(most: int, seconds: float, road: Road, work: float = 0.02) -> tuple[Traffic, float]:
    """Three thousand calls to a vendor that counts what arrives, and the part of its limit that was used."""
    gate = Gate(Limits(rate=(Window(most, seconds),), concurrent=100))
    came = drive(gate, traffic.Window(most, seconds, work), count=3000, road=road)
    return came, 3000 / (max(came.arrived) - min(came.arrived)) / (most / seconds)


@pytest.mark.parametrize(
    ("road", "work"),
    [
        (Road(), 0.02),
        (Road(), 0.5),
        (Road(commit=(0.001, 0.01)), 0.02),
        (Road(way=(0.001, 0.015)), 0.02),
        (Road(way=(0.03, 0.04)), 0.5),
    ],
    ids=["calm", "slow vendor", "slow disk", "jitter", "far away"],
)
@pytest.mark.parametrize(("most", "seconds"), [(50, 1.0), (600, 60.0)])
def test_at_the_vendor_no_span_holds_too_many(most: int, seconds: float, road: Road, work: float) -> None:
    """However calls are held up, none is refused, no span at the vendor holds more than allowed, and 99 % of the limit is used."""
    came, used = run(most, seconds, road, work)
    assert came.refused == []
    assert most_within(sorted(came.arrived), seconds) == most
    assert used >= 0.99


def test_a_refusal_teaches_to_pay_more() -> None:
    """Where calls are held up more than the margin pays for, a refusal or two is enough for what follows to be in time."""
    came, used = run(50, 1.0, Road(way=(0.001, 0.06)))
    assert 1 <= len(came.refused) <= 10
    assert came.refused_within(30.0, 90.0) < 0.001
    assert used > 0.9


def test_who_does_not_tell_when_calls_left_is_refused() -> None:
    """The journal's delays alone break a window that counts from the decision: `left` is what keeps it."""
    came, _ = run(50, 1.0, Road(commit=(0.001, 0.1), tells=False))
    assert came.refused
    assert not run(50, 1.0, Road(commit=(0.001, 0.1)))[0].refused


# --- tokens


def weighing(most: int = 100) -> Gate:
    """A gate with one window of tokens."""
    return Gate(Limits(tokens=(Window(most, 60.0),), concurrent=100))


def test_tokens_fill_their_window() -> None:
    """Requests weigh what they weigh; a lighter one still fits where a heavier does not; polls weigh nothing."""
    gate = weighing()
    gate.sent("submit", 0.0, "r1", 70)
    assert gate.opens_at("submit", 1.0, 30) == 1.0
    assert gate.opens_at("submit", 1.0, 31) == 60.0
    assert gate.opens_at("poll", 1.0) == 1.0


@pytest.mark.parametrize(("used", "fits"), [(20, 80), (90, 10), (0, 30)])
def test_usage_settles_the_estimate(used: int, fits: int) -> None:
    """What the vendor counted replaces what was guessed; where it says nothing the guess stays."""
    gate = weighing()
    gate.sent("submit", 0.0, "r1", 70)
    gate.answered("submit", 1.0, "r1", Done((Text("x"),), used=used))
    assert gate.opens_at("submit", 1.0, fits) == 1.0
    assert gate.opens_at("submit", 1.0, fits + 1) != 1.0


def test_usage_told_after_the_window_changes_nothing() -> None:
    """A request that takes longer than the window has left it."""
    gate = weighing()
    gate.sent("submit", 0.0, "r1", 70)
    assert gate.opens_at("submit", 80.0, 100) == 80.0
    gate.answered("submit", 90.0, "r1", Done((Text("x"),), used=10))
    gate.sent("submit", 90.0, "r2", 70)
    assert gate.opens_at("submit", 91.0, 31) != 91.0


@given(st.lists(st.integers(1, 250), min_size=1, max_size=40))
def test_no_weight_waits_for_ever(weights: list[int]) -> None:
    """A request that weighs more than a window goes when the window is empty; the others never exceed it."""
    gate, now, sent = weighing(), 0.0, []
    for number, weight in enumerate(weights):
        while (at := gate.opens_at("submit", now, weight)) is not None and at > now:
            now = at
        gate.sent("submit", now, f"r{number}", weight)
        gate.answered("submit", now, f"r{number}", Queued("t") if number % 2 else Broken("refused"))
        sent.append((now, weight))
    for start, first in sent:
        within = sum(weight for at, weight in sent if start <= at < start + 60.0)
        assert within <= 100 or (within == first and first > 100)
