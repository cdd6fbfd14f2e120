"""What a run would cost and how long it would take, as far as that can be told beforehand.

Money is exact decimals in an interval: what is asked at once, and what may be asked once answers are there, each repeated as
often as its step accepts. What has no known price is counted, never added as nothing. Time is a guess and says so: each lane is at
least as slow as its limits, and the steps that read each other follow one another.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from runner.budgets import check_budgets, purses_of
from runner.core.purse import Purse
from runner.desk import Desk
from runner.errors import Invalid
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.fields import Operation
from runner.frozen import frozen
from runner.job.model import Retry, StepSpec
from runner.planning.preview import Preview
from runner.records import Limits, Money
from runner.verdicts import Done

SAMPLE: Final = 200
"""Requests, the last ones saved, whose durations say what is usual."""


@frozen
class Span:
    """From the least to the most: requests, or an amount of money in one currency."""

    least: Decimal = Decimal(0)
    most: Decimal = Decimal(0)

    def __add__(self, other: Span) -> Span:
        return Span(self.least + other.least, self.most + other.most)


@frozen
class Usual:
    """How a request of some operation usually goes: seconds from submit to result, polls, and tokens where the vendor told them."""

    seconds: float
    polls: float = 0.0
    tokens: float = 0.0


@frozen
class Estimate:
    """Requests, money by currency, requests of unknown price, what the budgets have to say, and seconds by lane and in all.

    `at_least` says that some duration is not known, so it may take longer; `otherwise` what it would cost on another lane.
    """

    requests: Span
    cost: Mapping[str, Span]
    unpriced: Span
    budgets: tuple[str, ...]
    lanes: Mapping[str, float]
    seconds: float
    at_least: bool
    otherwise: str = ""


def estimate(desk: Desk, preview: Preview, usual: Mapping[str, Usual]) -> Estimate:
    """What the previewed run amounts to; `usual` says by use what was observed."""
    steps = desk.job_file.job.steps
    requests = {name: _requests(steps[name], preview, name, _price(desk, name)) for name in preview.steps}
    prices = {name: _price(desk, name) for name in preview.steps}
    work = {name: preview.steps[name].asked + _waiting(preview, name) for name in preview.steps}
    paces = {name: _usual(desk, name, usual) for name in preview.steps}
    lanes = {lane: _busy(desk, lane, work, paces) for lane in dict.fromkeys(step.provider for step in steps.values())}
    seconds = max(lanes.values(), default=0.0) + _longest(desk, work, paces)
    at_least = any(work[name] and steps[name].use not in usual for name in work)
    return Estimate(
        sum(requests.values(), Span()),
        _cost(requests, prices),
        sum((span for name, span in requests.items() if _price(desk, name) is None), Span()),
        tuple(_warnings(desk, requests)),
        lanes,
        seconds if any(work.values()) else 0.0,
        at_least,
        _otherwise(desk, requests),
    )


def usual_paces(histories: Iterable[Sequence[Fact]]) -> dict[str, Usual]:
    """The median seconds, mean polls and mean tokens of the operations in these histories, by use."""
    seen: dict[str, list[tuple[float, int, int]]] = {}
    for history in histories:
        use = next((fact.request.use for fact in history if isinstance(fact, Planned)), None)
        sent = [fact.at for fact in history if isinstance(fact, Sent) and fact.step == "submit"]
        saved = [fact.at for fact in history if isinstance(fact, Saved)]
        if use and sent and saved and saved[-1] >= sent[-1]:
            polls = sum(isinstance(fact, Answered) and fact.step == "poll" and fact.at >= sent[-1] for fact in history)
            answers = (fact.verdict for fact in history if isinstance(fact, Answered))
            tokens = max((verdict.used for verdict in answers if isinstance(verdict, Done)), default=0)
            seen.setdefault(use, []).append((saved[-1] - sent[-1], polls, tokens))
    return {
        use: Usual(statistics.median(told[0] for told in all_), *(statistics.fmean(told[n] for told in all_) for n in (1, 2)))
        for use, all_ in seen.items()
    }


def _price(desk: Desk, step: str) -> Money | None:
    return _operation(desk, step).price


def _operation(desk: Desk, step: str) -> Operation:
    spec = desk.job_file.job.steps[step]
    return desk.catalog.offers[spec.use].by(spec.lane)


def _waiting(preview: Preview, step: str) -> int:
    counts = preview.steps[step].counts
    return counts["blocked"] + counts["resumed"]


def _requests(spec: StepSpec, preview: Preview, name: str, price: Money | None) -> Span:
    """Purchases of a step: those asked at once, and at most those after them, each as often as the step accepts."""
    asked, blocked = preview.steps[name].asked, preview.steps[name].counts["blocked"]
    return Span(Decimal(asked), Decimal((asked + blocked) * (1 + _repeats(spec, price))))


def _repeats(spec: StepSpec, price: Money | None) -> int:
    """How often one purchase may be repeated when nobody can tell whether it was accepted."""
    policy = spec.uncertain
    if not isinstance(policy, Retry):
        return 0
    if policy.max_cost is None:
        return policy.retry
    if price is None or price.currency != policy.max_cost.currency or price.amount <= 0:
        return 0
    return max(0, min(policy.retry, int(policy.max_cost.amount / price.amount) - 1))


def _otherwise(desk: Desk, requests: Mapping[str, Span]) -> str:
    """What the same would cost on the other lane, for the steps that could go there: all by batch, or what goes by batch alone."""
    steps, offers = desk.job_file.job.steps, desk.catalog.offers
    able = [name for name, span in requests.items() if span.most and offers[steps[name].use].batch is not None]
    direct = [name for name in able if steps[name].lane == "direct"]
    turned, lane = (direct, "batch") if direct else (able, "direct")
    if not turned:
        return ""
    prices = {name: offers[steps[name].use].by(lane if name in turned else steps[name].lane).price for name in requests}
    cost = " + ".join(f"{_said(span)} {currency}" for currency, span in sorted(_cost(requests, prices).items()))
    by = f"with `lane: batch` on {' and '.join(turned)}" if direct else f"without `lane: batch` on {' and '.join(turned)}"
    unpriced = any(prices[name] is None for name in turned)
    if direct:
        cheaper = "at the vendor's lower price" if unpriced else cost
        return f"as a batch: {cheaper}, answered within a day ({by})"
    slow = "batches are answered within a day"
    return slow if unpriced else f"{slow}; one by one: {cost} ({by})"


def _said(span: Span) -> str:
    return str(span.least) if span.least == span.most else f"{span.least} to {span.most}"


def _cost(requests: Mapping[str, Span], prices: Mapping[str, Money | None]) -> dict[str, Span]:
    cost: dict[str, Span] = {}
    for name, span in requests.items():
        price = prices[name]
        if price is not None and span.most:
            each = Span(span.least * price.amount, span.most * price.amount)
            cost[price.currency] = cost.get(price.currency, Span()) + each
    return cost


def _warnings(desk: Desk, requests: Mapping[str, Span]) -> Iterator[str]:
    """What the budgets would refuse, or stop on the way."""
    try:
        check_budgets(desk)
    except Invalid as refused:
        yield from (f"the run would refuse: {complaint.message}" for complaint in refused.complaints)
    steps, purses = desk.job_file.job.steps, purses_of(desk)
    yield from _of_purse(desk, purses.run, requests)
    for lane, purse in purses.lanes.items():
        yield from _of_purse(desk, purse, {name: span for name, span in requests.items() if steps[name].provider == lane})
    for step, purse in purses.steps.items():
        yield from _of_purse(desk, purse, {step: requests[step]})


def _of_purse(desk: Desk, purse: Purse, requests: Mapping[str, Span]) -> Iterator[str]:
    whole = sum(requests.values(), Span())
    if purse.requests is not None:
        yield from _against(f"the budget of {purse.whose} is {purse.requests} requests", Decimal(purse.requests), whole, "requests")
    cost = _cost(requests, {name: _price(desk, name) for name in requests})
    for currency, most in purse.cost.items():
        yield from _against(f"the budget of {purse.whose} is {most} {currency}", most, cost.get(currency, Span()), currency)


def _against(budget: str, cap: Decimal, span: Span, unit: str) -> Iterator[str]:
    if span.least > cap:
        yield f"{budget}, this is at least {span.least} {unit}: the run will stop on the way"
    elif span.most > cap:
        yield f"{budget}, this is up to {span.most} {unit}: the run may stop on the way"


def _usual(desk: Desk, step: str, usual: Mapping[str, Usual]) -> Usual:
    use = desk.job_file.job.steps[step].use
    return usual.get(use) or Usual(_operation(desk, step).polling.first)


def _busy(desk: Desk, lane: str, work: Mapping[str, int], paces: Mapping[str, Usual]) -> float:
    """Seconds a lane needs at the least for what passes through it."""
    limits = desk.catalog.lanes[lane].limits
    steps = desk.job_file.job.steps
    here = [name for name, step in steps.items() if (step.provider, step.lane) == (lane, "direct") and work.get(name)]
    mine = [(work[name], paces[name]) for name in here]
    calls = sum(count * (1 + (pace.polls if limits.polls_count else 0)) for count, pace in mine)
    tokens = sum(count * pace.tokens for count, pace in mine)
    counted = [*((calls, window) for window in limits.rate), *((tokens, window) for window in limits.tokens)]
    windows = (max(math.ceil(amount / window.most) - 1, 0) * window.seconds for amount, window in counted)
    return max([*windows, sum(count * pace.seconds / _slots(limits, pace) for count, pace in mine), 0.0])


def _slots(limits: Limits, pace: Usual) -> float:
    """How many requests of this kind can be under way at once."""
    slots = limits.queued if pace.polls else limits.concurrent
    return float(slots) if slots else math.inf


def _longest(desk: Desk, work: Mapping[str, int], paces: Mapping[str, Usual]) -> float:
    """Seconds of the longest way through steps that read one another, for one variant."""
    ways: dict[str, float] = {}
    for step in desk.plan.steps:
        before = max((ways.get(need, 0.0) for need in step.needs), default=0.0)
        ways[step.name] = before + (paces[step.name].seconds if work.get(step.name) else 0.0)
    return max(ways.values(), default=0.0)
