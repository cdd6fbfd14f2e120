"""What may leave now: one gate per lane, and the purse all lanes share.

A gate answers one question, `opens_at`: from when may this step leave, as far as this lane is concerned? It never waits and never
looks at a clock. Its windows are exact and sliding ("never more than N in any span of W", not a bucket that refills), because a
vendor counts that way. Downloads go to other hosts than the vendor's API, so they have a door, a cap and a hold of their own.

A new kind of limit (spacing, tokens, adaptive concurrency, a circuit) is one more opinion inside `opens_at`.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from runner.core.retry import throttle
from runner.records import Limits, Money, Step, Window
from runner.verdicts import Barred, Busy, Verdict

STEPS: Final[tuple[Step, ...]] = ("submit", "poll", "fetch")

CEILING: Final = 100
"""Calls in flight where no limit is declared: sockets are finite, and a crash leaves every submit in flight uncertain."""

FETCHES: Final = 2
"""Downloads in flight for each call the API may have in flight."""


class Sliding:
    """The moments of the last sends, as many as one window allows."""

    def __init__(self, window: Window) -> None:
        if window.most < 1 or not window.seconds > 0:
            raise ValueError(
                f"a window of {window.most} in {window.seconds} s lets nothing through; use at least 1 and more than 0 s"
            )
        self.window = window
        self.moments: deque[float] = deque()

    def opens_at(self, now: float) -> float:
        """The moment from which one more fits; in the past if it fits now."""
        while self.moments and self.moments[-1] > now:  # an earlier run's clock was ahead of this one's
            self.moments.pop()
        return self.moments[0] + self.window.seconds if len(self.moments) >= self.window.most else now

    def note(self, at: float) -> None:
        """Count a send at `at`, which may lie before others already counted (histories come request by request)."""
        if not self.moments or at >= self.moments[-1]:
            self.moments.append(at)
        elif len(self.moments) < self.window.most or at > self.moments[0]:
            bisect.insort(self.moments, at)
        if len(self.moments) > self.window.most:
            self.moments.popleft()


class Door:
    """One host's share of a gate: calls in flight, their cap, and how long to hold after a Busy."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.flying = 0
        self.hold_until = float("-inf")
        self.streak = 0

    def hear(self, at: float, id: str, verdict: Verdict) -> None:
        """Hold on Busy, calm down on anything else. What arrives during a hold left before it and belongs to the same episode."""
        fresh = at >= self.hold_until
        if not isinstance(verdict, Busy):
            self.streak = 0 if fresh else self.streak
            return
        self.streak = self.streak + 1 if fresh else max(self.streak, 1)
        if fresh or verdict.after is not None:
            self.hold_until = max(self.hold_until, at + throttle(id, self.streak, verdict.after))


class Gate:
    """One lane's limits and what they have seen. Raises `ValueError` for limits that would let nothing through."""

    def __init__(self, limits: Limits) -> None:
        for name, most in (("concurrent", limits.concurrent), ("queued", limits.queued)):
            if most is not None and most < 1:
                raise ValueError(f"{name}: {most} lets nothing through; use at least 1, or leave it out for no limit")
        cap = CEILING if limits.concurrent is None else limits.concurrent
        self.limits = limits
        self.windows = [Sliding(window) for window in limits.rate]
        self.api = Door(cap)
        self.files = Door(cap * FETCHES)
        self.tickets = 0
        self.shut: dict[Step, str] = {}
        self.barred = ""

    def opens_at(self, step: Step, now: float) -> float | None:
        """The moment from which `step` may leave; None while that depends on an answer, not on time (or never: it is shut)."""
        door = self.door(step)
        if step in self.shut or door.flying >= door.cap:
            return None
        if step == "submit" and self.limits.queued is not None and self.tickets >= self.limits.queued:
            return None
        opens_at = max(now, door.hold_until)
        if self.windows and self._counts(step):
            opens_at = max(opens_at, *(window.opens_at(now) for window in self.windows))
        return opens_at

    def door(self, step: Step) -> Door:
        """The door this step leaves through."""
        return self.files if step == "fetch" else self.api

    def sent(self, step: Step, at: float) -> None:
        """Count a call that leaves."""
        self.door(step).flying += 1
        self.remember(step, at)

    def remember(self, step: Step, at: float) -> None:
        """Count a call of an earlier run: the vendor's windows do not know that we were restarted."""
        if self._counts(step):
            for window in self.windows:
                window.note(at)

    def answered(self, step: Step, at: float, id: str, verdict: Verdict) -> None:
        """Take back a call in flight and hear what its answer means for the lane."""
        door = self.door(step)
        door.flying -= 1
        door.hear(at, id, verdict)
        if isinstance(verdict, Barred):
            self.barred = self.barred or verdict.why
            self.close(step, verdict.why)

    def close(self, step: Step, why: str) -> None:
        """Shut `step` and all before it: what can no longer be asked for or downloaded must not be bought either.

        What comes after stays open: when credits run out, paid jobs may still be polled, and links downloaded.
        """
        for earlier in STEPS[: STEPS.index(step) + 1]:
            self.shut.setdefault(earlier, why)

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        doors = tuple((door.flying, door.hold_until, door.streak) for door in (self.api, self.files))
        return tuple(tuple(window.moments) for window in self.windows), doors, self.tickets, dict(self.shut), self.barred

    def _counts(self, step: Step) -> bool:
        return step == "submit" or (step == "poll" and self.limits.polls_count)


class Purse:
    """A budget for submits: at most `requests` of them, and per currency at most `cost`. None or no entry: no limit.

    The worst case is reserved before a submit leaves and settled by its answer: kept where it was, or perhaps was, accepted.
    A price nobody told us counts as unknown (`unpriced`), never as 0 of some currency; it still counts as a request.
    """

    def __init__(self, requests: int | None = None, cost: Mapping[str, Decimal] | None = None) -> None:
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
        return f"the budget does not allow another: {' and '.join(limits)} spent; raise budget: or wait for the next run"

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
