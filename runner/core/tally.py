"""Counts per lane, for the progress a person watches and the manifest a run leaves.

A pure fold: each fact is noted with the life before and after it, so counting needs no memory of single requests and costs the
same for the first and the millionth. Sums of money stay apart by kind: what is planned at most (`estimated`) and what was accepted
or perhaps accepted (`accrued`). A price nobody told us is counted (`unpriced`), never guessed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Final

from runner.core.lifecycle import SETTLED, Life, State
from runner.facts import Answered, Fact, Sent
from runner.frozen import frozen
from runner.records import Money, Step
from runner.verdicts import Busy, is_bought

SPAN: Final = 60
"""Seconds over which the pace is measured."""


@frozen
class Cost:
    """Exact sums in one currency: the most that all planned purchases can cost, and what was (perhaps) bought so far."""

    estimated: Decimal = Decimal(0)
    accrued: Decimal = Decimal(0)


@frozen
class LaneTally:
    """One lane in numbers.

    Requests: `planned` is the sum of `reused` (saved by an earlier run), `done`, `refused`, `failed`, `spoiled`, `uncertain`,
    `overdue`, and those unfinished. `flying` counts calls in flight, `queued` jobs open at the vendor, `waiting` requests not sent.
    Calls: `submits`, `polls`, `fetches`, of which `retries` were not the first try; `busy` counts answers that said so.
    `unpriced` counts accepted submits of unknown price. `pace` is requests finished per second over the last minute, `eta` the
    seconds left at that pace (None where nothing finished lately). `first_at` and `last_at` are the first and last fact.
    """

    planned: int = 0
    reused: int = 0
    done: int = 0
    refused: int = 0
    failed: int = 0
    spoiled: int = 0
    uncertain: int = 0
    overdue: int = 0
    flying: int = 0
    queued: int = 0
    waiting: int = 0
    submits: int = 0
    polls: int = 0
    fetches: int = 0
    retries: int = 0
    busy: int = 0
    unpriced: int = 0
    cost: Mapping[str, Cost] = field(default_factory=dict)
    first_at: float | None = None
    last_at: float | None = None
    pace: float = 0.0
    eta: float | None = None


class Tally:
    """The running counts of one lane."""

    def __init__(self) -> None:
        self.states: defaultdict[State, int] = defaultdict(int)  # a Counter takes several times as long to count one
        self.sends: defaultdict[Step, int] = defaultdict(int)
        self.planned = self.reused = self.flying = self.retries = self.busy = self.unpriced = 0
        self.estimated: dict[str, Decimal] = {}
        self.accrued: dict[str, Decimal] = {}
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.finished: deque[tuple[int, int]] = deque()

    def note(self, fact: Fact, before: Life | None, after: Life, price: Money | None) -> None:
        """Count `fact`, which turned `before` (None: it was planned) into `after`; `price` is the highest of one submit."""
        if self.first_at is None:
            self.first_at = fact.at
        self.last_at = fact.at
        self.states[after.state] += 1
        if before is None:
            self._plan(after, price)
            return
        self.states[before.state] -= 1
        if isinstance(fact, Sent):
            self.sends[fact.step] += 1
            self.flying += 1
            self.retries += fact.attempt > 1
            return
        if isinstance(fact, Answered):
            self._hear(fact, before, price)
        if after.state in SETTLED:
            self._finish(int(fact.at))

    def read(self, now: float) -> LaneTally:
        """The counts as of `now` (seconds since the epoch)."""
        states = self.states
        settled = sum(states[state] for state in SETTLED)
        recent = sum(count for second, count in self.finished if second > now - SPAN)
        lately = min(max(now - (now if self.first_at is None else self.first_at), 1.0), float(SPAN))
        pace = recent / lately
        left = self.planned - settled
        return LaneTally(
            planned=self.planned,
            reused=self.reused,
            done=states["saved"] - self.reused,
            refused=states["refused"],
            failed=states["failed"],
            spoiled=states["spoiled"],
            uncertain=states["uncertain"],
            overdue=states["overdue"],
            flying=self.flying,
            queued=states["waiting"] + states["polling"],
            waiting=states["new"],
            submits=self.sends["submit"],
            polls=self.sends["poll"],
            fetches=self.sends["fetch"],
            retries=self.retries,
            busy=self.busy,
            unpriced=self.unpriced,
            cost=self._cost(),
            first_at=self.first_at,
            last_at=self.last_at,
            pace=pace,
            eta=left / pace if pace else None,
        )

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        counts = (self.planned, self.reused, self.flying, self.retries, self.busy, self.unpriced)
        told = [{what: count for what, count in counted.items() if count} for counted in (self.states, self.sends)]
        return *told, counts, self._cost(), self.first_at, self.last_at, tuple(self.finished)

    def _plan(self, life: Life, price: Money | None) -> None:
        self.planned += 1
        self.reused += life.state == "saved"
        if life.state == "new" and price is not None and price.amount:
            _add(self.estimated, price)

    def _hear(self, fact: Answered, before: Life, price: Money | None) -> None:
        self.flying -= before.flies(fact.step, fact.part)
        if isinstance(fact.verdict, Busy):
            self.busy += not fact.verdict.unsent
            self.sends[fact.step] -= fact.verdict.unsent
        if fact.step != "submit" or not is_bought(fact.verdict):
            return
        if price is None:
            self.unpriced += 1
        elif price.amount:
            _add(self.accrued, price)

    def _finish(self, second: int) -> None:
        if self.finished and self.finished[-1][0] == second:
            self.finished[-1] = (second, self.finished[-1][1] + 1)
            return
        self.finished.append((second, 1))
        while self.finished[0][0] <= second - SPAN:
            self.finished.popleft()

    def _cost(self) -> dict[str, Cost]:
        currencies = sorted({*self.estimated, *self.accrued})
        return {name: Cost(self.estimated.get(name, Decimal(0)), self.accrued.get(name, Decimal(0))) for name in currencies}


def _add(sums: dict[str, Decimal], money: Money) -> None:
    sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
