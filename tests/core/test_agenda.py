"""Duties in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.agenda import NEVER, Agenda, Deadlines, Lane, Slot, is_stale
from runner.core.gate import Gate
from runner.core.lifecycle import Life, changed, fold
from runner.facts import Answered, Planned, Sent
from runner.records import Limits
from runner.verdicts import Broken, Done, Link, Queued
from tests.core.stage import ask, offer


@pytest.fixture
def lane() -> Lane:
    """A lane without limits."""
    return Lane("acme", Gate(Limits()))


def slot(lane: Lane, serial: int, life: Life | None = None) -> Slot:
    """A slot for request `r<serial>`, new at 0 unless told otherwise."""
    request = ask(f"r{serial}")
    return Slot(life or Life(request, "new", 0.0), lane, offer(), serial, (request.use, ""))


def names(agenda: Agenda, now: float) -> list[str]:
    """The requests due at `now`, in the order they go."""
    found = []
    while (entry := agenda.head(now)) is not None:
        found.append(entry[3].life.request.id)
        agenda.pop()
    return found


def test_what_is_not_due_stays(lane: Lane) -> None:
    """Nothing leaves before its moment, and the next moment is known."""
    agenda, late = Agenda(), slot(lane, 1)
    agenda.write(50.0, 1, late, 0, late.life)
    assert agenda.head(49.9) is None
    assert agenda.next_at() == 50.0
    assert agenda.head(50.0) is not None
    assert agenda.next_at() == float("-inf")


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.integers(0, 5)), max_size=30), st.floats(0.0, 10.0))
def test_the_lowest_rank_of_what_is_due_goes_first(duties: list[tuple[float, int]], now: float) -> None:
    """Among those due the rank decides, among equals who was entered first; how long something was due does not matter."""
    lane, agenda = Lane("acme", Gate(Limits())), Agenda()
    for serial, (at, rank) in enumerate(duties):
        entry = slot(lane, serial)
        agenda.write(at, rank, entry, 0, entry.life)
    due = sorted((rank, serial) for serial, (at, rank) in enumerate(duties) if at <= now)
    assert names(agenda, now) == [f"r{serial}" for _, serial in due]


def test_stale_entries_are_passed_over(lane: Lane) -> None:
    """Once a request has moved on or left, its old entries count for nothing."""
    agenda, slots = Agenda(), [slot(lane, number) for number in range(3)]
    for each in slots:
        agenda.write(0.0, each.serial, each, 0, each.life)
    slots[0].life = changed(slots[0].life, tries=1)
    slots[1].gone = True
    assert names(agenda, 1.0) == ["r2"]
    assert agenda.next_at() is None


def test_taking_leaves_the_others(lane: Lane) -> None:
    """Taking what is wanted gives the slots in order of planning and keeps the rest in order."""
    agenda, slots = Agenda(), [slot(lane, number) for number in range(6)]
    for each in reversed(slots):
        agenda.write(float(each.serial % 2) * 100, each.serial, each, 0, each.life)
    assert agenda.head(1.0) is not None
    assert [each.serial for each in agenda.take(lambda each: each.serial in (1, 2, 5))] == [1, 2, 5]
    assert names(agenda, 100.0) == ["r0", "r3", "r4"]


def test_parts_have_entries_of_their_own(lane: Lane) -> None:
    """Each link is a duty; a part that is sent makes only its own entry stale, and a broken one is entered again, later."""
    life = fold(None, Planned(0.0, ask("r1")))
    before = fold(life, Sent(0.0, "r1", "submit"))
    life = fold(before, Answered(1.0, "r1", "submit", Done((Link("https://cdn.test/0"), Link("https://cdn.test/1")))))
    entry = slot(lane, 1, life)
    lane.write(entry, before)
    fetches = lane.agendas["fetch"]
    first, second = sorted(fetches.ready, key=lambda duty: duty[4])
    entry.life = before = fold(life, Sent(1.0, "r1", "fetch", part=0))
    assert (is_stale(first), is_stale(second)) == (True, False)
    entry.life = fold(before, Answered(2.0, "r1", "fetch", Broken("reset", 5.0), 0))
    lane.write(entry, before)
    entries = sorted(fetches.ready), sorted(fetches.later)
    assert [[duty[4] for duty in heap if not is_stale(duty)] for heap in entries] == [[1], [0]]
    assert fetches.later[0][0] >= 7.0


def test_parts_of_a_life_that_polls_again_are_stale(lane: Lane) -> None:
    """When links are to be renewed, the old ones are not downloaded any more."""
    life = fold(None, Planned(0.0, ask("r1")))
    for fact in (Sent(0.0, "r1", "submit"), Answered(1.0, "r1", "submit", Done((Link("https://cdn.test/0"),)))):
        life = fold(life, fact)
    entry = slot(lane, 1, life)
    lane.write(entry, None)
    entry.life = changed(life, state="waiting")
    assert lane.agendas["fetch"].next_at() is None


def waiting(lane: Lane, serial: int, at: float) -> Slot:
    """A slot whose job was accepted at `at`; its deadline is 600 s later."""
    name = f"r{serial}"
    life = fold(fold(None, Planned(at, ask(name))), Sent(at, name, "submit"))
    return slot(lane, serial, fold(life, Answered(at, name, "submit", Queued("t"))))


def test_deadlines_come_soonest_first(lane: Lane) -> None:
    """Whatever the order of watching, the soonest deadline is known and comes first."""
    deadlines = Deadlines()
    for serial, at in enumerate([30.0, 10.0, 20.0]):
        deadlines.watch(waiting(lane, serial, at), 3)
    assert deadlines.next_at() == 610.0
    assert deadlines.pop(609.9) is None
    due = [deadlines.pop(620.0), deadlines.pop(620.0), deadlines.pop(620.0)]
    assert [each and each.serial for each in due] == [1, 2, None]


def test_a_deadline_met_is_forgotten(lane: Lane) -> None:
    """A job that ended in time is never reported."""
    deadlines, done, left = Deadlines(), waiting(lane, 1, 0.0), waiting(lane, 2, 0.0)
    for each in (done, left):
        deadlines.watch(each, 2)
    done.life = changed(done.life, state="ready")
    left.gone = True
    assert deadlines.next_at() is None
    assert deadlines.pop(9999.0) is None


def test_a_last_poll_under_way_is_awaited(lane: Lane) -> None:
    """At the deadline a job that is just being polled is not stopped; should it wait again, it is watched anew."""
    deadlines, last = Deadlines(), waiting(lane, 1, 0.0)
    deadlines.watch(last, 1)
    resting, last.life = last.life, changed(last.life, state="polling")
    assert deadlines.pop(600.0) is None
    assert last.deadline_at == NEVER
    last.life = resting
    deadlines.watch(last, 1)
    assert deadlines.pop(600.0) is last


def test_deadlines_do_not_pile_up(lane: Lane) -> None:
    """Five thousand jobs that settle long before their deadline leave a heap in proportion to the few that are open."""
    deadlines = Deadlines()
    for serial in range(5_000):
        each = waiting(lane, serial, float(serial) / 100)
        deadlines.watch(each, 10)
        each.gone = True
        assert len(deadlines) <= 1021
