"""Calls that stand by, for a place or their moment: never more out than the lane allows, and taken back when anything is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.core import Conductor
from runner.core.agenda import NEVER
from runner.core.circuit import FAILURES
from runner.core.gate import LEAD, MANY, Gate, Others
from runner.core.standby import TAKEN_BACK, Standby
from runner.facts import Answered, Planned
from runner.records import Limits, Send, Window
from runner.verdicts import Barred, Broken, Busy, Done, Link, Text, Verdict
from tests.core.stage import ask, offer

CAP = 2 * MANY
OK = Done((Text("here"),))


class Line:
    """One lane in which all that is out comes back together; `standby` says what leaves."""

    def __init__(self, limits: Limits | None = None, requests: int = 20 * CAP) -> None:
        self.conductor = Conductor({"acme": limits or Limits(concurrent=CAP)}, {"acme/image": offer()})
        self.standby, self.now = Standby(self.conductor.gate), 0.0
        self.out: list[Send] = []
        for number in range(requests):
            self.conductor.feed(Planned(0.0, ask(f"r{number}")))

    @property
    def gate(self) -> Gate:
        """The lane's gate."""
        return self.conductor.gate("acme")

    def turn(self) -> list[Answered]:
        """What stands by is taken back if need be, and what may leaves."""
        back = self.standby.turn(self.now)
        for fact in back:
            self.conductor.feed(fact)
        self.out += self.standby.leave(self.conductor.due(self.now), self.now)
        return back

    def answer(self, count: int, verdict: Verdict = OK) -> list[Send]:
        """So many come back, the earliest first; what leaves in their place."""
        back, self.out = self.out[:count], self.out[count:]
        places = [self.standby.relieve(send, lambda: self.now) for send in back]
        followers = [send for send in places if send is not None]
        self.out += followers
        for send in back:
            self.conductor.feed(Answered(self.now, send.request.id, send.step, verdict, send.part))
        return followers


def test_as_many_stand_by_as_came_back() -> None:
    """What leaves before the next turn is written down in this one, and each place that becomes free is taken at once."""
    line = Line()
    line.turn()
    assert (len(line.out), line.standby.ids()) == (CAP, [])
    assert line.answer(MANY) == []
    line.turn()
    assert (len(line.out), len(line.standby.ids())) == (CAP, MANY)
    waiting = line.standby.ids()
    assert [send.request.id for send in line.answer(3)] == waiting[:3]
    assert (len(line.out), line.standby.ids()) == (CAP, waiting[3:])


def test_never_more_are_out_than_the_lane_allows() -> None:
    """However many stand by, and whatever comes back when."""
    line = Line()
    for count in (MANY, CAP, 0, CAP, 3, CAP - 1, 15, 40):
        line.turn()
        assert len(line.out) <= CAP
        line.answer(count)
        assert len(line.out) <= CAP


def test_nobody_stands_by_where_few_come_back() -> None:
    """Where answers take their time, a crash leaves no more uncertain than were out."""
    line = Line()
    line.turn()
    line.answer(MANY - 1)
    line.turn()
    assert (len(line.out), line.standby.ids()) == (CAP, [])


def test_a_call_that_stood_by_counts_from_when_it_left() -> None:
    """What the vendor took for it does not include that it stood by."""
    line = Line()
    line.turn()
    line.answer(MANY)
    line.turn()
    line.now = 7.0
    [follower] = line.answer(1)
    assert line.gate.passages[follower.request.id].at == 7.0


@pytest.mark.parametrize(
    "limits",
    [Limits(), Limits((Window(5 * CAP, 60.0),), concurrent=CAP), Limits(concurrent=CAP, tokens=(Window(10**6, 60.0),))],
)
def test_a_lane_with_a_pace_of_its_own_has_nobody_stand_by(limits: Limits) -> None:
    """Where a limit is kept or learned it matters when a call leaves, so it is decided as late as can be."""
    line = Line(limits)
    for _ in range(4):
        line.turn()
        assert line.standby.ids() == []
        line.answer(len(line.out))


TROUBLES: dict[str, Callable[[Line], object]] = {
    "too fast": lambda line: line.answer(1, Busy()),
    "barred": lambda line: line.answer(1, Barred("401")),
    "ill": lambda line: line.answer(FAILURES, Broken("no route")),
    "shared": lambda line: line.gate.share(Others(runs=1)),
    "stopping": lambda line: line.conductor.drain(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_stands_by_is_taken_back_when_the_lane_is_not_calm(trouble: str) -> None:
    """It does not leave, its fact says so, and its request is as it was: not sent, and not tried."""
    line = Line()
    line.turn()
    line.answer(MANY)
    line.turn()
    TROUBLES[trouble](line)
    waiting, sent = line.standby.ids(), line.conductor.tallies(0.0)["acme"].submits
    assert waiting
    assert line.answer(1, Broken("no route")) == []
    facts = line.standby.turn(0.0)
    assert [(fact.id, fact.verdict) for fact in facts] == [(name, TAKEN_BACK) for name in waiting]
    for fact in facts:
        line.conductor.feed(fact)
    assert (line.standby.ids(), line.standby.turn(0.0)) == ([], [])
    counts = line.conductor.tallies(0.0)["acme"]
    assert (counts.submits, counts.busy) == (sent - len(waiting), trouble == "too fast")
    released = {life.request.id: life for life in line.conductor.released()}
    lives = [line.conductor.life(name) or released[name] for name in waiting]
    assert {(life.state, life.tries) for life in lives} == {("new", 0)}
    assert line.gate.api.flying == len(line.out)


def test_what_was_decided_before_the_lane_was_shut_does_not_leave() -> None:
    """Between deciding and leaving a turn is written: a lane that is shut meanwhile takes nothing any more."""
    line = Line()
    sends = line.conductor.due(0.0)
    line.conductor.drain()
    assert line.standby.leave(sends, 0.0) == []
    assert [fact.id for fact in line.standby.turn(0.0)] == [send.request.id for send in sends]


def test_what_was_taken_back_leaves_again() -> None:
    """When the other run is gone, its request is sent as if for the first time, and nothing was learned of the vendor."""
    line = Line()
    line.turn()
    line.answer(MANY)
    line.turn()
    waiting = line.standby.ids()
    line.gate.share(Others(runs=1))
    assert {fact.id for fact in line.turn()} == set(waiting)
    line.gate.share(Others())
    line.answer(CAP)
    line.turn()
    attempts = {send.request.id: send.attempt for send in line.out}
    assert [attempts[name] for name in waiting] == [1] * MANY


# --- for their moment

PACED = Limits((Window(3, 1.0),), concurrent=2)


def paced() -> Line:
    """A lane whose window is full, its calls answered one a millisecond, a moment before it opens again."""
    line = Line(PACED)
    line.turn()
    while line.out:
        line.now += 0.001
        line.answer(1)
        line.turn()
    line.now = 0.99
    line.turn()
    return line


def test_a_call_leaves_at_the_moment_for_which_it_is_planned() -> None:
    """It is written down by then, and none leaves before."""
    line = paced()
    waiting, at = line.standby.ids(), line.standby.next_at()
    assert (line.out, len(waiting)) == ([], 3)
    assert 1.0 < at < 1.0 + LEAD
    assert line.standby.depart(at - 0.0001) == []
    [send] = line.standby.depart(at)
    assert send.request.id == waiting[0]
    assert line.gate.passages[waiting[0]].at == at
    assert line.standby.ids() == waiting[1:]


def test_what_has_no_place_at_its_moment_takes_the_next() -> None:
    """More may be planned than the lane has places where answers are quick; never more are out."""
    line = paced()
    last = line.standby.ids()[2]
    line.now = 2.0
    line.out = line.standby.depart(line.now)
    assert len(line.out) == 2
    assert (line.standby.turn(line.now), line.standby.next_at()) == ([], NEVER)
    assert [send.request.id for send in line.answer(1)] == [last]
    assert line.standby.ids() == []


@pytest.mark.parametrize("trouble", ["too fast", "barred", "stopping"])
def test_what_may_not_leave_at_its_moment_is_taken_back(trouble: str) -> None:
    """Between its decision and its moment a lane may be shut, or held; its request is as it was then."""
    line = paced()
    waiting = line.standby.ids()
    if trouble == "stopping":
        line.conductor.drain()
    else:
        [first] = line.out = line.standby.depart(line.standby.next_at())
        waiting.remove(first.request.id)
        line.answer(1, Busy() if trouble == "too fast" else Barred("401"))
    assert line.standby.depart(1.2) == []
    facts = line.standby.turn(1.2)
    assert [(fact.id, fact.verdict) for fact in facts] == [(name, TAKEN_BACK) for name in waiting]
    for fact in facts:
        line.conductor.feed(fact)
    assert (line.standby.ids(), line.gate.api.flying) == ([], 0)


def test_a_hold_that_is_over_at_once_keeps_nothing_for_ever() -> None:
    """What was kept back though there was a place is taken back, whatever the lane looks like then."""
    line = paced()
    line.gate.api.hold_until = 1.2
    assert line.standby.depart(1.1) == []
    assert len(line.standby.turn(1.3)) == 3


def test_downloads_never_stand_by() -> None:
    """They go to other hosts, and their links expire."""
    line = Line()
    line.turn()
    line.answer(CAP, Done((Link("https://cdn.test/0"),)))
    line.turn()
    assert sum(send.step == "fetch" for send in line.out) == CAP
    assert sum(send.step == "submit" for send in line.out) == CAP
    assert len(line.standby.ids()) == CAP
