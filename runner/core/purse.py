"""What may be spent: budgets that reserve before a submit leaves and settle by its answer.

A run has a budget of its own, and single lanes and steps may have theirs; a submit must fit into each it belongs to. The worst case
is reserved while an answer is out, so however many fly at once, no limit is ever overshot. What is perhaps bought counts as bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal

from runner.frozen import frozen
from runner.records import Money


class Purse:
    """A budget for submits: at most `requests` of them, and per currency at most `cost`. None or no entry: no limit.

    The worst case is reserved before a submit leaves and settled by its answer: kept where it was, or perhaps was, accepted.
    A price nobody told us counts as unknown (`unpriced`), never as 0 of some currency; it still counts as a request. `whose` it is
    (the run, a provider, a step) is for people.
    """

    def __init__(self, requests: int | None = None, cost: Mapping[str, Decimal] | None = None, whose: str = "the run") -> None:
        self.whose = whose
        self.requests = requests
        self.cost = dict(cost or {})
        self.kept = 0
        self.unpriced = 0
        self.spent: dict[str, Decimal] = {}
        self.reserved: dict[str, Decimal] = {}
        self._held: dict[str, Money | None] = {}

    @property
    def limited(self) -> bool:
        """Whether there is anything it could refuse."""
        return self.requests is not None or bool(self.cost)

    def affords(self, price: Money | None) -> bool:
        """Whether a submit at `price` fits beside all that is spent and reserved."""
        if self.requests is not None and self.kept + len(self._held) >= self.requests:
            return False
        return price is None or self._fits(price, self.reserved.get(price.currency, Decimal(0)))

    def beyond(self, price: Money | None) -> bool:
        """Whether a submit at `price` will never fit again, even if every reservation comes back."""
        if self.requests is not None and self.kept >= self.requests:
            return True
        return price is not None and not self._fits(price, Decimal(0))

    def reserve(self, id: str, price: Money | None) -> None:
        """Set aside the price of request `id`, which is about to leave."""
        self._held[id] = price
        if price is not None:
            self.reserved[price.currency] = self.reserved.get(price.currency, Decimal(0)) + price.amount

    def keep(self, id: str) -> None:
        """Request `id` was accepted, or perhaps was: its reservation is spent."""
        price = self._take(id)
        self.kept += 1
        if price is None:
            self.unpriced += 1
        else:
            self.spent[price.currency] = self.spent.get(price.currency, Decimal(0)) + price.amount

    def release(self, id: str) -> None:
        """Request `id` was surely not accepted: its reservation comes back."""
        self._take(id)

    def why(self) -> str:
        """What is spent, for a person."""
        limits = [] if self.requests is None else [f"{self.kept} of {self.requests} requests"]
        limits += [f"{self.spent.get(currency, Decimal(0))} of {most} {currency}" for currency, most in sorted(self.cost.items())]
        return f"the budget of {self.whose} allows no more: {' and '.join(limits)} spent; raise it, or run again to go on"

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        return self.kept, self.unpriced, dict(self.spent), dict(self.reserved), dict(self._held)

    def _fits(self, price: Money, reserved: Decimal) -> bool:
        most = self.cost.get(price.currency)
        return most is None or self.spent.get(price.currency, Decimal(0)) + reserved + price.amount <= most

    def _take(self, id: str) -> Money | None:
        price = self._held.pop(id)
        if price is not None:
            self.reserved[price.currency] -= price.amount
        return price


@frozen
class Purses:
    """All budgets of a run: the run's own, those of single lanes, and those of single steps, by name."""

    run: Purse = field(default_factory=Purse)
    lanes: Mapping[str, Purse] = field(default_factory=dict)
    steps: Mapping[str, Purse] = field(default_factory=dict)

    def of(self, lane: str, step: str) -> tuple[Purse, ...]:
        """The purses that a submit of this lane for this step is paid from, those without a limit left out."""
        mine = (self.run, self.lanes.get(lane), self.steps.get(step))
        return tuple(purse for purse in mine if purse is not None and purse.limited)

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        return tuple(purse.snapshot() for purse in (self.run, *self.lanes.values(), *self.steps.values()))
