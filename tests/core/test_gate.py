"""Gates: windows, doors, other runs, and looking ahead.

Long, because each kind of limit is a promise of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from runner.core.circuit import FAILURES
from runner.core.door import HELD, HOLDS
from runner.core.gate import EARLY, GLANCE, LEAD, Gate, Others, Use
from runner.core.pace import CEILING, START
from runner.core.standby import TAKEN_BACK
from runner.core.windows import GUARD
from runner.records import Limits, Step, Window
from runner.verdicts import Barred, Broken, Busy, Queued

# --- windows


@pytest.mark.parametrize("window", [Window(0, 1.0), Window(-1, 1.0), Window(5, 0.0), Window(5, float("nan"))])
def test_a_window_that_lets_nothing_through_is_refused(window: Window) -> None:
    """A limit of nothing would hang the run; it is a mistake and says so."""
    with pytest.raises(ValueError, match="lets nothing through"):
        Gate(Limits(rate=(window,)))


@pytest.mark.parametrize("limits", [Limits(concurrent=0), Limits(queued=0), Limits(queued=-3)])
def test_caps_that_let_nothing_through_are_refused(limits: Limits) -> None:
    """The same goes for concurrency and queue."""
    with pytest.raises(ValueError, match="at least 1"):
        Gate(limits)


@pytest.mark.parametrize(
    ("polls_count", "step", "counts"),
    [(True, "submit", True), (True, "poll", True), (True, "fetch", False), (False, "submit", True), (False, "poll", False)],
)
def test_what_uses_up_a_window(polls_count: bool, step: Step, counts: bool) -> None:
    """Submits always do, polls where the vendor counts them, downloads never: they go to another host."""
    gate = Gate(Limits(rate=(Window(1, 60.0),), polls_count=polls_count))
    gate.sent(step, 100.0)
    assert gate.opens_at("submit", 100.0) == (160.0 if counts else 100.0)


def test_the_strictest_window_rules() -> None:
    """With several windows all must agree."""
    gate = Gate(Limits(rate=(Window(2, 1.0), Window(3, 60.0))))
    for at in (100.0, 100.0):
        gate.sent("submit", at)
    assert gate.opens_at("submit", 100.0) == 101.0
    gate.sent("submit", 101.0)
    assert gate.opens_at("submit", 101.0) == 160.0


def test_earlier_sends_are_remembered_without_being_in_flight() -> None:
    """After a restart the windows know what was sent before, the doors do not."""
    gate = Gate(Limits(rate=(Window(1, 60.0),), concurrent=1))
    gate.remember("submit", 100.0)
    assert gate.opens_at("submit", 130.0) == 160.0
    assert gate.api.flying == 0


# --- decided before its moment

SECOND = Limits(rate=(Window(1, 1.0),), concurrent=2)


@pytest.mark.parametrize(
    ("limits", "lead"),
    [
        (SECOND, LEAD),
        (Limits(rate=(Window(600, 60.0), Window(2, 0.1))), pytest.approx(0.1 * EARLY)),
        (Limits(concurrent=9), 0.0),
        (Limits(tokens=(Window(9, 1.0),)), 0.0),
        (Limits(), 0.0),
    ],
)
def test_only_a_declared_rate_gives_a_lead(limits: Limits, lead: float) -> None:
    """What is learned is learned from when calls leave; a short window gives a short one; downloads have no window."""
    gate = Gate(limits)
    assert (gate.lead("submit", 1.0), gate.lead("fetch", 1.0)) == (lead, 0.0)


def fail(gate: Gate) -> None:
    """As many calls in a row go wrong as make a lane rest."""
    for _ in range(FAILURES):
        gate.sent("submit", 0.0, "r")
        gate.answered("submit", 0.0, "r", Broken("no route"))


TROUBLES: Mapping[str, Callable[[Gate], object]] = {
    "held": lambda gate: gate.answered("submit", 0.5, "r1", Busy(60.0)),
    "resting": fail,
    "shared": lambda gate: gate.share(Others(1)),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_may_change_before_its_moment_is_not_decided_before(trouble: str) -> None:
    """A hold, an illness, another run: then it is decided as late as can be, and nothing goes on standing by."""
    gate = Gate(SECOND)
    gate.sent("submit", 0.0, "r1")
    assert gate.keeps(0.5)
    TROUBLES[trouble](gate)
    assert gate.lead("submit", 0.5) == 0.0
    assert not gate.keeps(0.5)


def test_a_call_decided_early_is_planned_for_its_moment() -> None:
    """It counts from then, others are told that moment, and how late it is on the disk is what there is to learn of the journal."""
    gate = Gate(SECOND)
    gate.share(Others())
    gate.sent("submit", 0.0, "r1")
    gate.answered("submit", 0.001, "r1", Queued("t"))
    opens_at = gate.opens_at("submit", 0.99)
    assert opens_at == pytest.approx(1.0 + 0.001 + GUARD)
    gate.sent("submit", 0.99, "r2")
    assert gate.use(0.99, {}).sent == (0.0, opens_at)
    assert gate.leaves_at("r2", 0.995) == opens_at
    assert gate.lag == pytest.approx(0.005)
    gate.left("r2", opens_at)
    assert gate.lag == pytest.approx(0.005, abs=0.001)


def test_a_call_that_is_written_after_its_moment_leaves_at_once() -> None:
    """A slow disk makes it late, not lost."""
    gate = Gate(SECOND)
    gate.sent("submit", 0.0, "r1")
    gate.answered("submit", 0.001, "r1", Queued("t"))
    gate.sent("submit", 0.99, "r2")
    assert gate.leaves_at("r2", 1.5) == 1.5


def test_an_answer_counts_from_when_it_came() -> None:
    """Its fact waits for the disk; that is no delay of the way to the vendor."""
    prompt, late = Gate(SECOND), Gate(SECOND)
    for gate in (prompt, late):
        gate.sent("submit", 0.0, "r1")
    prompt.came("r1", lambda: 0.002)
    for gate in (prompt, late):
        gate.answered("submit", 0.2, "r1", Queued("t"))
    assert prompt.opens_at("submit", 1.0) == pytest.approx(1.002 + GUARD)
    assert late.opens_at("submit", 1.1) == pytest.approx(1.2 + GUARD)


@pytest.mark.parametrize(("seconds", "opens"), [(0.001, True), (0.5, False)])
def test_what_stands_by_takes_no_place_where_answers_are_quick(seconds: float, opens: bool) -> None:
    """A place is free again before it has to leave; where answers take their time, it may not be."""
    gate = Gate(Limits(rate=(Window(1, 1.0),), concurrent=1))
    gate.sent("submit", 0.0, "r1")
    gate.answered("submit", seconds, "r1", Queued("t"))
    at = gate.opens_at("submit", 1.0)
    assert at is not None
    gate.sent("submit", at - LEAD / 2, "r2")
    assert (gate.opens_at("submit", at - LEAD / 2) is not None) == opens
    gate.left("r2", at)
    assert gate.opens_at("submit", at) is None


def test_a_call_taken_back_gives_back_its_place_in_the_windows() -> None:
    """It never left, so the vendor never counts it."""
    gate = Gate(Limits(rate=(Window(1, 1.0),), tokens=(Window(10, 1.0),)))
    gate.sent("submit", 0.0, "r1", 10)
    gate.answered("submit", 0.1, "r1", TAKEN_BACK)
    assert gate.opens_at("submit", 0.1, 10) == 0.1


# --- concurrency and queue


def test_submits_and_polls_share_one_cap() -> None:
    """Both are calls to the vendor's API; what is full waits for an answer, not for time."""
    gate = Gate(Limits(concurrent=2))
    gate.sent("submit", 1.0)
    gate.sent("poll", 1.0)
    assert gate.opens_at("submit", 1.0) is None
    assert gate.opens_at("poll", 1.0) is None
    gate.answered("poll", 2.0, "r1", Queued("t"))
    assert gate.opens_at("submit", 2.0) == 2.0


def test_downloads_have_twice_the_room_of_their_own() -> None:
    """A full API does not stop downloads, nor the other way round."""
    gate = Gate(Limits(concurrent=1))
    gate.sent("submit", 1.0)
    for _ in range(2):
        assert gate.opens_at("fetch", 1.0) == 1.0
        gate.sent("fetch", 1.0)
    assert gate.opens_at("fetch", 1.0) is None


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (Limits(), START),
        (Limits(queued=500), START),
        (Limits(concurrent=200), 200),
        (Limits(rate=(Window(500, 1.0),)), CEILING),
        (Limits(tokens=(Window(500, 1.0),)), CEILING),
    ],
)
def test_where_nothing_is_declared_a_lane_begins_modestly(limits: Limits, most: int) -> None:
    """A few calls at once where nothing at all is known; all that may be where a rate is declared; what is declared is obeyed."""
    gate = Gate(limits)
    for number in range(most):
        assert gate.opens_at("submit", 1.0) == 1.0
        gate.sent("submit", 1.0, f"r{number}")
    assert gate.opens_at("submit", 1.0) is None


def test_a_full_queue_stops_submits_only() -> None:
    """Open tickets at the vendor limit what is bought, not what is asked."""
    gate = Gate(Limits(queued=2))
    gate.tickets = 2
    assert gate.opens_at("submit", 1.0) is None
    assert gate.opens_at("poll", 1.0) == 1.0
    assert gate.opens_at("fetch", 1.0) == 1.0


# --- holds


def test_busy_holds_the_door_as_long_as_the_vendor_says() -> None:
    """Submits and polls wait, at most a tenth longer than asked; downloads go on."""
    gate = Gate(Limits())
    gate.sent("submit", 99.0)
    gate.answered("submit", 100.0, "r1", Busy(20.0))
    opens_at = gate.opens_at("submit", 100.0)
    assert opens_at is not None
    assert 120.0 <= opens_at <= 121.0
    assert gate.opens_at("poll", 100.0) == opens_at
    assert gate.opens_at("fetch", 100.0) == 100.0


def test_busy_downloads_do_not_hold_the_api() -> None:
    """A crowded file host says nothing about the vendor's API."""
    gate = Gate(Limits())
    gate.sent("fetch", 99.0)
    gate.answered("fetch", 100.0, "r1", Busy(20.0))
    assert gate.opens_at("submit", 100.0) == 100.0
    assert gate.opens_at("fetch", 100.0) != 100.0


# --- closing


@pytest.mark.parametrize(
    ("step", "shut"),
    [("submit", {"submit"}), ("poll", {"submit", "poll"}), ("fetch", {"submit", "poll", "fetch"})],
)
def test_a_barred_step_shuts_itself_and_what_leads_to_it(step: Step, shut: set[Step]) -> None:
    """What can no longer be asked for or downloaded is not bought either; what is paid for may still come home."""
    gate = Gate(Limits())
    gate.sent(step, 1.0)
    gate.answered(step, 2.0, "r1", Barred("402: no credits"))
    assert set(gate.shut) == shut
    assert gate.barred == "402: no credits"
    assert {each for each in ("submit", "poll", "fetch") if gate.opens_at(each, 9.0) is None} == shut


def test_the_first_reason_stays() -> None:
    """Later bars do not overwrite why the lane closed."""
    gate = Gate(Limits())
    for why in ("401: key rejected", "402: later"):
        gate.sent("submit", 1.0)
        gate.answered("submit", 2.0, "r1", Barred(why))
    assert (gate.barred, gate.shut["submit"]) == ("401: key rejected", "401: key rejected")


def test_a_snapshot_shows_every_change() -> None:
    """Two gates with the same past compare equal, any further event makes them differ."""
    gates = [Gate(Limits(rate=(Window(3, 1.0),))) for _ in range(2)]
    for gate in gates:
        gate.sent("submit", 1.0)
    assert gates[0].snapshot() == gates[1].snapshot()
    gates[0].answered("submit", 2.0, "r1", Busy(1.0))
    assert gates[0].snapshot() != gates[1].snapshot()


# --- lanes that are given up


def test_a_lane_that_is_given_up_is_shut_and_says_why() -> None:
    """When the probes have failed, nothing more is sent in this run; that is not the same as being barred."""
    gate, now = Gate(Limits()), 100.0
    while not gate.failing:
        gate.sent("submit", now)
        gate.answered("submit", now, "r1", Broken("no route"))
        now = max(now, gate.api.circuit.rest_until)
    assert gate.opens_at("submit", now) is None
    assert gate.barred == ""
    assert "calls in a row went wrong, the last: no route" in gate.failing


@pytest.mark.parametrize("after", [None, 1.0, 60.0, 3600.0])
def test_a_lane_that_is_always_too_fast_is_given_up(after: float | None) -> None:
    """Holding for nothing is given up, but not before twenty holds and a quarter of an hour; one other answer counts anew."""
    gate, now, heard, calm_at = Gate(Limits()), 100.0, 0, 100.0
    while not gate.failing:
        heard, now = heard + 1, max(now, gate.api.hold_until)
        calm_at = now if heard == HOLDS else calm_at
        gate.sent("submit", now)
        gate.answered("submit", now, "r1", Queued("t") if heard == HOLDS else Busy(after, "slow down"))
    assert heard > 2 * HOLDS
    assert gate.api.hold_until - calm_at > HELD
    assert gate.opens_at("submit", gate.api.hold_until) is None
    assert gate.failing == f"too fast {gate.api.streak} times in a row, whatever the wait: slow down"


# --- other runs in the lane

LIMITED = Limits((Window(3, 10.0),), concurrent=2, queued=4)


@pytest.mark.parametrize(
    ("others", "submit", "poll", "fetch"),
    [
        (Others(), 100.0, 100.0, 100.0),
        (Others(1, flying=1), 100.0, 100.0, 100.0),
        (Others(1, flying=2), None, None, 100.0),
        (Others(1, tickets=3), 100.0, 100.0, 100.0),
        (Others(1, tickets=4), None, 100.0, 100.0),
        (Others(1, sent=(95.0, 96.0)), 100.0, 100.0, 100.0),
        (Others(1, sent=(95.0, 96.0, 97.0)), 105.0, 105.0, 100.0),
        (Others(1, first=True), None, 100.0, 100.0),
    ],
)
def test_what_others_do_counts_as_ours(others: Others, submit: float | None, poll: float | None, fetch: float) -> None:
    """Their calls, tickets and moments fill the limits; downloads go elsewhere; who has waited longer is let pass by submits."""
    gate = Gate(LIMITED)
    gate.share(others)
    assert (gate.opens_at("submit", 100.0), gate.opens_at("poll", 100.0), gate.opens_at("fetch", 100.0)) == (submit, poll, fetch)


def test_what_is_not_limited_is_not_shared() -> None:
    """Our own ceiling is no limit of the vendor's, so nobody else needs to know what flies under it."""
    gate = Gate(Limits((Window(3, 10.0),)))
    gate.share(Others())
    gate.sent("submit", 100.0)
    assert gate.use(100.0, {}) == Use(0, 0, (100.0,))


def test_each_call_is_told_once() -> None:
    """The moments of calls that count are told when they are asked for, and then forgotten."""
    gate = Gate(Limits((Window(9, 10.0),), concurrent=9, polls_count=False))
    gate.share(Others(1))
    for step in ("submit", "poll", "fetch"):
        gate.sent(step, 100.0)
    assert gate.use(100.0, {}) == Use(2, 0, (100.0,))
    assert gate.use(100.0, {}) == Use(2, 0, ())


def test_without_others_earlier_runs_are_remembered_and_with_them_told() -> None:
    """What an earlier run sent is counted once: from the journal, or by whoever tells of others."""
    alone, shared = Gate(LIMITED), Gate(LIMITED)
    shared.share(Others(sent=(95.0, 96.0, 97.0)))
    for gate in (alone, shared):
        for at in (95.0, 96.0, 97.0):
            gate.remember("submit", at)
        assert gate.opens_at("submit", 100.0) == 105.0
        assert gate.opens_at("submit", 106.0) == 106.0


@pytest.mark.parametrize(
    ("others", "due", "waits"),
    [
        (Others(1), ["submit", "poll"], False),
        (Others(1, flying=2), [], False),
        (Others(1, flying=2), ["poll"], True),
        (Others(1, tickets=4), ["submit"], True),
        (Others(1, tickets=4), ["poll"], False),
        (Others(1, sent=(95.0, 96.0, 97.0)), ["submit"], True),
    ],
)
def test_a_run_waits_if_only_limits_keep_what_is_due(others: Others, due: list[Step], waits: bool) -> None:
    """To stand in line something must be due and nothing but the limits in its way."""
    gate = Gate(LIMITED)
    gate.share(others)
    assert gate.use(100.0, dict.fromkeys(due, 0)).waits == waits


@pytest.mark.parametrize("trouble", ["busy", "shut", "resting"])
def test_a_run_with_troubles_of_its_own_stands_in_no_line(trouble: str) -> None:
    """Told to slow down, shut out or resting, a run keeps nobody else waiting."""
    gate = Gate(Limits(concurrent=1))
    gate.share(Others(1, flying=1))
    assert gate.waits(100.0, {"submit": 0})
    if trouble == "shut":
        gate.close("submit", "no credits")
    for _ in range(FAILURES if trouble == "resting" else trouble == "busy"):
        gate.sent("submit", 100.0)
        gate.answered("submit", 100.0, "r1", Busy(30.0) if trouble == "busy" else Broken("no route"))
    assert not gate.waits(100.0, {"submit": 0})


@pytest.mark.parametrize(
    ("others", "reopens_at"),
    [
        (None, None),
        (Others(), None),
        (Others(1), 100.0 + GLANCE),
        (Others(1, sent=(91.0, 92.0, 93.0)), 100.0 + GLANCE),
    ],
)
def test_beside_others_a_run_looks_again_soon(others: Others | None, reopens_at: float | None) -> None:
    """Alone, only an answer opens a full gate; beside others it is looked at again, as nobody tells us when they are done."""
    gate = Gate(LIMITED)
    if others is not None:
        gate.share(others)
    gate.sent("submit", 90.0)
    gate.sent("submit", 90.0)
    assert gate.opens_at("submit", 100.0) is None
    assert gate.reopens_at("submit", 100.0) == reopens_at
    gate.close("submit", "no credits")
    assert gate.reopens_at("submit", 100.0) is None
