"""Purses: reserved before, settled after, never overshot."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from runner.core.purse import Purse, Purses
from runner.records import Money

USD = Money(Decimal("0.05"), "USD")


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
        "the budget of the run allows no more: 1 of 1 requests and 0.05 of 20 USD spent; raise it, or run again to go on"
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


def test_a_submit_is_paid_from_every_purse_it_belongs_to() -> None:
    """The run's budget, its lane's and its step's all count; those without a limit are left out."""
    run, lane, step = Purse(requests=9), Purse(requests=5), Purse(cost={"USD": Decimal(1)})
    purses = Purses(run, {"sivi": lane, "jivox": Purse()}, {"ad": step})
    assert purses.of("sivi", "ad") == (run, lane, step)
    assert purses.of("jivox", "headline") == (run,)
    assert Purses().of("sivi", "ad") == ()


def test_a_snapshot_of_all_purses_shows_every_change() -> None:
    """What is reserved in any of them is seen in the snapshot."""
    lane = Purse(requests=5)
    purses = Purses(lanes={"sivi": lane})
    before = purses.snapshot()
    lane.reserve("r1", USD)
    assert purses.snapshot() != before
