"""Gates and the purse."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.gate import CEILING, Door, Gate, Purse, Sliding
from runner.records import Limits, Money, Step, Window
from runner.verdicts import Barred, Broken, Busy, Queued
from tests.core.stage import most_within

USD = Money(Decimal("0.05"), "USD")


# --- windows


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
    """Histories come request by request; the window keeps the latest moments, sorted."""
    window = Sliding(Window(5, 60.0))
    for at in moments:
        window.note(float(at))
    assert list(window.moments) == sorted(map(float, moments))[-5:]


def test_a_clock_set_back_does_not_close_a_window() -> None:
    """Sends that an earlier run dated in our future are forgotten rather than waited for."""
    window = Sliding(Window(1, 60.0))
    window.note(5000.0)
    assert window.opens_at(1000.0) == 1000.0


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


def test_without_a_declared_limit_there_is_a_ceiling() -> None:
    """A lane without limits still has a bounded number of calls in flight."""
    gate = Gate(Limits())
    for _ in range(CEILING):
        gate.sent("submit", 1.0)
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


def test_busy_in_a_row_holds_ever_longer() -> None:
    """Without a hint: 1, 2, 4 … 60 s, each at least half of that."""
    door, at, holds = Door(1), 100.0, []
    for _ in range(8):
        door.hear(at, "r1", Busy())
        holds.append(door.hold_until - at)
        at = door.hold_until
    assert all(curve / 2 <= hold <= curve for hold, curve in zip(holds, [1, 2, 4, 8, 16, 32, 60, 60], strict=True))


def test_many_busy_at_once_are_one_episode() -> None:
    """Sixty-four calls in flight answered Busy together double nothing."""
    door = Door(64)
    for number in range(64):
        door.hear(100.0, f"r{number}", Busy())
    assert door.streak == 1
    assert door.hold_until <= 101.0


def test_a_longer_wish_within_an_episode_is_obeyed() -> None:
    """Whoever of the crowd is told to wait longest speaks for all."""
    door = Door(2)
    door.hear(100.0, "r1", Busy(5.0))
    door.hear(100.0, "r2", Busy(30.0))
    door.hear(100.0, "r3", Busy(1.0))
    assert 130.0 <= door.hold_until <= 131.0


def test_only_a_good_answer_after_the_hold_calms_down() -> None:
    """An answer to a call that left before the hold proves nothing about the pace after it."""
    door = Door(2)
    door.hear(100.0, "r1", Busy())
    door.hear(100.1, "r2", Queued("t"))
    assert door.streak == 1
    door.hear(door.hold_until, "r3", Broken("502"))
    assert door.streak == 0


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


# --- purse


def test_an_empty_purse_without_limits_pays_for_all() -> None:
    """No limits, no refusal; everything is counted all the same."""
    purse = Purse()
    purse.reserve("r1", USD)
    purse.keep("r1")
    assert not purse.limited
    assert purse.affords(USD)
    assert not purse.beyond(USD)
    assert (purse.kept, purse.spent) == (1, {"USD": Decimal("0.05")})


def test_a_reservation_counts_until_it_is_released() -> None:
    """The worst case is set aside before a submit leaves; if it was surely not accepted, it comes back."""
    purse = Purse(cost={"USD": Decimal("0.10")})
    purse.reserve("r1", USD)
    purse.reserve("r2", USD)
    assert not purse.affords(USD)
    assert not purse.beyond(USD)
    purse.release("r1")
    assert purse.affords(USD)
    purse.keep("r2")
    purse.reserve("r1", USD)
    purse.keep("r1")
    assert purse.beyond(USD)


@pytest.mark.parametrize(
    ("purse", "price", "affords"),
    [
        (Purse(requests=1), None, True),
        (Purse(requests=0), None, False),
        (Purse(cost={"USD": Decimal("0.05")}), USD, True),
        (Purse(cost={"USD": Decimal("0.04")}), USD, False),
        (Purse(cost={"EUR": Decimal("0.01")}), USD, True),
        (Purse(cost={"credits": Decimal(3)}), Money(Decimal(4), "credits"), False),
        (Purse(cost={"USD": Decimal("0.01")}), None, True),
    ],
)
def test_what_a_purse_affords(purse: Purse, price: Money | None, affords: bool) -> None:
    """A limit binds its own currency; credits are a currency; an unknown price is not a price of 0 but no sum either."""
    assert purse.affords(price) is affords
    assert purse.beyond(price) is not affords


def test_unknown_prices_are_reported() -> None:
    """What was bought at a price nobody told us is counted apart."""
    purse = Purse()
    purse.reserve("r1", None)
    purse.keep("r1")
    assert (purse.unpriced, purse.spent) == (1, {})


def test_the_reason_names_limits_and_remedy() -> None:
    """A person reads what was allowed, what is spent, and what to do."""
    purse = Purse(requests=1, cost={"USD": Decimal(20)})
    purse.reserve("r1", USD)
    purse.keep("r1")
    assert purse.why() == (
        "the budget does not allow another: 1 of 1 requests and 0.05 of 20 USD spent; raise budget: or wait for the next run"
    )


@pytest.mark.parametrize("block", range(10))
def test_a_purse_never_overshoots(block: int) -> None:
    """With 64 submits in flight at random prices and fates, spent and reserved never pass the limit (20 seeds a block)."""
    for seed in range(block * 20, block * 20 + 20):
        dice = Random(seed)
        limit, most = Decimal(dice.randint(1, 300)) / 100, dice.randint(1, 150)
        purse = Purse(most, {"USD": limit})
        flying: list[str] = []
        for number in range(400):
            price = Money(Decimal(dice.randint(0, 9)) / 100, "USD")
            if len(flying) < 64 and purse.affords(price):
                purse.reserve(f"r{number}", price)
                flying.append(f"r{number}")
            elif flying:
                settle = purse.keep if dice.random() < 0.7 else purse.release
                settle(flying.pop(dice.randrange(len(flying))))
            assert purse.spent.get("USD", 0) + purse.reserved.get("USD", 0) <= limit
            assert purse.kept + len(flying) <= most
