"""Counts for progress and manifest."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runner.core.lifecycle import Life, State, fold
from runner.core.tally import SPAN, Cost, LaneTally, Tally
from runner.facts import Answered, Fact, Planned, Saved, Sent, Stopped
from runner.records import Money
from runner.verdicts import Broken, Busy, Done, Held, Link, Lost, Queued, Refused, Verdict
from tests.core.stage import BLOB, ask

PRICE = Money(Decimal("0.05"), "USD")


def count(tally: Tally, *facts: Fact, life: Life | None = None, price: Money | None = PRICE) -> Life:
    """Note these facts of one request; the life after them."""
    for fact in facts:
        before, life = life, fold(life, fact)
        tally.note(fact, None if isinstance(fact, Planned) else before, life, price)
    assert life is not None
    return life


def submit(verdict: Verdict, name: str = "r1", at: float = 0.0) -> list[Fact]:
    """A request planned, sent, and answered a second later."""
    return [Planned(at, ask(name)), Sent(at, name, "submit"), Answered(at + 1, name, "submit", verdict)]


def test_nothing_is_all_zeros() -> None:
    """Before the first fact there is nothing to report, and nothing to divide by."""
    assert Tally().read(100.0) == LaneTally()


def test_a_request_from_plan_to_file() -> None:
    """Each fact of a queued request shows in the counts."""
    tally = Tally()
    life = count(tally, *submit(Queued("t")), Sent(5.0, "r1", "poll"))
    counts = tally.read(5.0)
    assert (counts.planned, counts.submits, counts.polls, counts.flying, counts.queued, counts.waiting) == (1, 1, 1, 1, 1, 0)
    life = count(tally, Answered(6.0, "r1", "poll", Done((Link("https://cdn.test/0"),))), Sent(6.0, "r1", "fetch"), life=life)
    life = count(tally, Answered(7.0, "r1", "fetch", Done((Held(BLOB),))), Saved(8.0, "r1", ()), life=life)
    counts = tally.read(8.0)
    assert (counts.done, counts.fetches, counts.flying, counts.queued) == (1, 1, 0, 0)
    assert (counts.first_at, counts.last_at) == (0.0, 8.0)
    assert counts.eta == 0.0


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (submit(Refused("422")), "refused"),
        (submit(Lost("timeout")), "uncertain"),
        ([Planned(0.0, ask()), Stopped(1.0, "r1", "failed", "five times")], "failed"),
        ([*submit(Queued("t")), Stopped(9.0, "r1", "overdue", "600 s")], "overdue"),
        ([*submit(Done((Held(BLOB),))), Stopped(9.0, "r1", "spoiled", "cut")], "spoiled"),
        ([*submit(Done((Held(BLOB),))), Saved(9.0, "r1", ())], "done"),
        ([Planned(0.0, ask())], "waiting"),
    ],
)
def test_each_end_is_counted_once(facts: list[Fact], field: str) -> None:
    """Every request is in exactly one place."""
    tally = Tally()
    count(tally, *facts)
    counts = tally.read(10.0)
    places = ("refused", "uncertain", "failed", "overdue", "spoiled", "done", "waiting", "queued", "reused")
    assert {place: getattr(counts, place) for place in places if getattr(counts, place)} == {field: 1}


def test_retries_and_busy_are_told_apart() -> None:
    """A second try is a retry; Busy is the lane's, and its repetition is not."""
    tally = Tally()
    life = count(tally, *submit(Busy()), Sent(2.0, "r1", "submit", 1), Answered(3.0, "r1", "submit", Broken("reset")))
    count(tally, Sent(4.0, "r1", "submit", 2), life=life)
    counts = tally.read(4.0)
    assert (counts.submits, counts.busy, counts.retries, counts.flying) == (3, 1, 1, 1)


def test_reused_results_cost_nothing() -> None:
    """What an earlier run saved is counted as reused, not as done, estimated or paced."""
    tally = Tally()
    saved = fold(fold(None, Planned(0.0, ask())), Saved(1.0, "r1", ()))
    fact = Planned(100.0, ask())
    tally.note(fact, None, fold(saved, fact), PRICE)
    counts = tally.read(100.0)
    assert (counts.planned, counts.reused, counts.done, counts.cost, counts.pace) == (1, 1, 0, {}, 0.0)


@pytest.mark.parametrize(
    ("verdict", "accrued"),
    [(Queued("t"), True), (Done((Held(BLOB),)), True), (Lost("timeout"), True), (Refused("422"), False), (Busy(), False)],
)
def test_sums_stay_apart(verdict: Verdict, accrued: bool) -> None:
    """What is planned is estimated at once; only what was, or perhaps was, accepted accrues."""
    tally = Tally()
    count(tally, *submit(verdict))
    assert tally.read(1.0).cost == {"USD": Cost(PRICE.amount, PRICE.amount if accrued else Decimal(0))}


def test_unknown_prices_are_counted_not_guessed() -> None:
    """A purchase at an unknown price is no sum of any currency."""
    tally = Tally()
    count(tally, *submit(Queued("t")), price=None)
    counts = tally.read(1.0)
    assert (counts.unpriced, counts.cost) == (1, {})


def test_currencies_are_never_added_up() -> None:
    """Dollars and credits stay apart."""
    tally = Tally()
    count(tally, *submit(Queued("t"), "r1"))
    count(tally, *submit(Queued("t"), "r2"), price=Money(Decimal(3), "credits"))
    assert {name: cost.accrued for name, cost in tally.read(1.0).cost.items()} == {"USD": PRICE.amount, "credits": Decimal(3)}


def test_pace_and_time_left() -> None:
    """The pace is what finished over the last minute, the time left what is unfinished at that pace."""
    tally = Tally()
    for number in range(300):
        count(tally, *submit(Refused("422"), f"r{number}", number))
    count(tally, Planned(300.0, ask("left")))
    counts = tally.read(300.0)
    assert counts.pace == pytest.approx(1.0, abs=0.05)
    assert counts.eta == pytest.approx(1.0, abs=0.05)
    assert len(tally.finished) <= SPAN
    assert tally.read(300.0 + 2 * SPAN).eta is None


def test_a_young_run_has_a_pace_already() -> None:
    """In the first minute the pace is over the time since the first fact, not over a whole minute."""
    tally = Tally()
    for number in range(10):
        count(tally, *submit(Refused("422"), f"r{number}", number * 0.5))
    assert tally.read(5.0).pace == pytest.approx(2.0)


def test_snapshots_compare() -> None:
    """The same facts give equal snapshots, one more fact another; states left behind and being read leave no trace."""
    one, two = Tally(), Tally()
    for tally in (one, two):
        count(tally, *submit(Queued("t")))
    assert one.read(2.0).waiting == 0
    assert one.snapshot() == two.snapshot()
    states: set[State] = set(one.states)
    assert states >= {"waiting"}
    count(one, Planned(9.0, ask("r2")))
    assert one.snapshot() != two.snapshot()
