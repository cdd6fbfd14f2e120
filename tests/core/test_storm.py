"""The whole brain under load, in virtual time."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest

from runner.core import Conductor
from runner.core.pace import CEILING
from runner.fields import Polling
from runner.records import Limits, Send, Window
from tests.core.stage import Mood, Simulator, Vendor, ask, most_within, offer

LANES = {
    "brisk": Limits(rate=(Window(100, 1.0),), concurrent=64),
    "twofold": Limits(rate=(Window(40, 1.0), Window(2000, 60.0)), queued=400),
    "slots": Limits(concurrent=48, queued=200),
    "open": Limits(),
    "apart": Limits(rate=(Window(30, 1.0),), polls_count=False),
    "narrow": Limits(rate=(Window(200, 10.0),), concurrent=8),
}
EACH = 10_000 if os.environ.get("ADBATCH_SOAK") else 3_000
RANK = {"fetch": 0, "poll": 1, "submit": 2}


class Watch:
    """Checks after every turn that the order and every cap hold, and notes how far each cap was used."""

    def __init__(self) -> None:
        self.most_flying: Counter[str] = Counter()
        self.most_queued: Counter[str] = Counter()

    def __call__(self, sim: Simulator, sends: list[Send]) -> None:
        """Check one turn."""
        for lane in {send.request.provider for send in sends}:
            ranks = [RANK[send.step] for send in sends if send.request.provider == lane]
            assert ranks == sorted(ranks), f"{lane} sent out of order: {ranks}"
        for lane, limits in LANES.items():
            self.most_flying[lane] = max(self.most_flying[lane], sim.flying[lane])
            self.most_queued[lane] = max(self.most_queued[lane], sim.queued[lane])
            assert sim.flying[lane] <= (limits.concurrent or CEILING)
            assert limits.queued is None or sim.queued[lane] <= limits.queued
        assert len(sim.conductor) + sum(sim.ends.values()) == len(LANES) * EACH


@pytest.fixture(scope="module")
def storm() -> Simulator:
    """Eighteen thousand queued requests (60,000 to soak) over six lanes, 5 % Broken, and 5 % Busy where a rate is declared.

    Elsewhere one would be learned.
    """
    dice = Random(7)
    moods = {name: Mood(busy=0.05 if limits.rate else 0.0, broken=0.05, work=(1.0, 9.0)) for name, limits in LANES.items()}
    vendors = {name: Vendor(Random(dice.random()), mood) for name, mood in moods.items()}
    conductor = Conductor(LANES, {f"{name}/image": offer(polling=Polling(5.0, 1.5, 15.0)) for name in LANES})
    sim = Simulator(conductor, vendors, now=1_700_000_000.0, check=Watch())
    sim.plan(ask(f"{name}-{number}", name) for number in range(EACH) for name in LANES)
    sim.run()
    return sim


def test_all_settle_before_their_deadline(storm: Simulator) -> None:
    """All these queued requests with 5 % Busy and 5 % Broken all come to an end, and none of them is overdue."""
    assert sum(storm.ends.values()) == len(LANES) * EACH
    assert storm.ends["overdue"] == 0
    assert storm.ends["saved"] >= len(LANES) * EACH - 5


def test_caps_are_used_but_never_exceeded(storm: Simulator) -> None:
    """At no turn were there more calls in flight or more open tickets than allowed, and the caps were reached."""
    assert isinstance(storm.check, Watch)
    assert storm.check.most_flying["slots"] == LANES["slots"].concurrent
    assert storm.check.most_flying["open"] == CEILING
    assert storm.check.most_queued["slots"] == LANES["slots"].queued


def test_nothing_is_bought_twice(storm: Simulator) -> None:
    """No vendor accepted a request more than once."""
    assert max(max(vendor.billed.values()) for vendor in storm.vendors.values()) == 1


def test_settled_requests_leave_memory(storm: Simulator) -> None:
    """At the end the conductor holds no life, no call in flight and hardly a heap entry."""
    assert len(storm.conductor) == 0
    assert storm.conductor.flying == 0
    assert storm.conductor.idle
    assert storm.conductor.wake_at(storm.now) is None


@pytest.mark.parametrize("lane", [name for name, limits in LANES.items() if limits.rate])
def test_no_span_holds_more_than_its_window(storm: Simulator, lane: str) -> None:
    """In no span of a window's length, wherever it begins, are there more sends than it allows; and the window is used."""
    limits = LANES[lane]
    steps = ("submit", "poll") if limits.polls_count else ("submit",)
    moments = sorted(at for step in steps for at in storm.calls[lane, step])
    for window in limits.rate:
        assert most_within(moments, window.seconds) <= window.most
    assert any(most_within(moments, window.seconds) == window.most for window in limits.rate)


def test_tallies_agree_with_the_world(storm: Simulator) -> None:
    """The counts of every lane equal what the vendors saw and what came to an end."""
    tallies = storm.conductor.tallies(storm.now)
    for name, tally in tallies.items():
        assert (tally.planned, tally.flying, tally.queued, tally.waiting) == (EACH, 0, 0, 0)
        assert [tally.submits, tally.polls, tally.fetches] == [len(storm.calls[name, step]) for step in ("submit", "poll", "fetch")]
    assert sum(tally.done for tally in tallies.values()) == storm.ends["saved"]
