"""How far a run is: per lane what is done, out and failed, the money so far and in the end, the time left, and what goes wrong.

Pure: numbers from the lanes' counts, which cost a reading and nothing per request. A run plans its requests as it goes, so the
whole is what the check of the feed has counted: at most so many, for some may not be asked. What is not known is None or counted,
never guessed: a price nobody told is no zero, and a lane that finished nothing lately tells no time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Final

from runner.causes import Advice
from runner.core.tally import LaneTally
from runner.frozen import frozen
from runner.job.model import Job

CENT: Final = Decimal("0.01")


@frozen
class Progress:
    """One lane in requests: `done` and `failed` (which includes refused, damaged and uncertain) of `total`.

    `out` are calls in flight and jobs at the vendor, `waiting` those known and not sent. `pace` is requests finished per second
    over the last minute, `left` the seconds to go at that pace, None where it is not known.
    """

    done: int
    failed: int
    total: int
    out: int
    waiting: int
    pace: float
    left: float | None


@frozen
class Headway:
    """A run at a moment. Money is by currency: `spent` so far, or perhaps, and `projected` for all of it, at the highest prices.

    `unpriced` counts purchases whose price nobody told. `left` is seconds for the slowest lane, None where some lane with work left
    cannot tell. `causes` are the largest groups of what went wrong.
    """

    lanes: Mapping[str, Progress]
    spent: Mapping[str, Decimal] = field(default_factory=dict)
    projected: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0
    left: float | None = None
    causes: Sequence[Advice] = ()


def headway_of(tallies: Mapping[str, LaneTally], expected: Mapping[str, int], causes: Sequence[Advice] = ()) -> Headway:
    """The headway that these counts say; `expected` is how many requests each lane will have at most, where that is known."""
    lanes = {name: _progress(tally, expected.get(name, 0)) for name, tally in tallies.items() if tally.planned}
    spent: dict[str, Decimal] = {}
    projected: dict[str, Decimal] = {}
    for name, lane in lanes.items():
        tally = tallies[name]
        new = max(tally.planned - tally.reused, 1)
        for currency, cost in tally.cost.items():
            spent[currency] = spent.get(currency, Decimal(0)) + cost.accrued
            whole = max(cost.estimated * (lane.total - tally.reused) / new, cost.accrued)
            projected[currency] = projected.get(currency, Decimal(0)) + whole
    busy = [lane for lane in lanes.values() if lane.done + lane.failed < lane.total]
    known = [lane.left for lane in busy if lane.left is not None]
    left = max(known) if known and len(known) == len(busy) else None
    rounded = {currency: amount.quantize(CENT) for currency, amount in projected.items()}
    return Headway(lanes, spent, rounded, sum(tallies[name].unpriced for name in lanes), left, causes)


def expected_of(job: Job, requests: Mapping[str, int], reused: Mapping[str, int]) -> dict[str, int]:
    """How many requests each lane will have at most beyond those `reused`, from those of each step; by batch nobody knows."""
    counts: Counter[str] = Counter()
    if any(step.lane == "batch" for step in job.steps.values()):
        return counts
    for step, count in requests.items():
        counts[job.steps[step].provider] += count
    return counts - Counter(reused)


def _progress(tally: LaneTally, expected: int) -> Progress:
    done, failed = tally.done + tally.reused, tally.failed + tally.spoiled + tally.refused + tally.uncertain
    total = max(tally.planned, expected)
    to_do = total - done - failed
    left = to_do / tally.pace if to_do and tally.pace else None
    return Progress(done, failed, total, tally.flying + tally.queued, tally.waiting, tally.pace, left)


def told_money(headway: Headway) -> str:
    """`1.20 of about 4.80 USD, 3 of unknown price`; empty where nothing costs anything as far as is known."""
    sums = [_of(amount, headway.projected[currency], currency) for currency, amount in headway.spent.items()]
    return ", ".join([*sums, *([f"{headway.unpriced} of unknown price"] if headway.unpriced else [])])


def _of(spent: Decimal, projected: Decimal, currency: str) -> str:
    return f"{spent} of about {max(projected, spent)} {currency}"


def duration(seconds: float | None) -> str:
    """`1 h 05 min`, `2 min 10 s`, `9 s`; empty where it is not known."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
