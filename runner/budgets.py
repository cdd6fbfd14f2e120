"""What a run may spend: the budgets of job and project as purses, what they cannot see, and which risks a step accepts.

A budget in money only holds if every price is known. A capped run with an operation of unknown price, or priced in a currency the
cap does not name, is therefore refused before anything is sent, unless the user says `--allow-unpriced`: unknown is never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from runner.core.purse import Purse, Purses
from runner.desk import Desk
from runner.errors import Complaint, Invalid
from runner.job.model import Budget, Retry
from runner.loom import Ask
from runner.records import Money


def purses_of(desk: Desk) -> Purses:
    """The run's budget (the job's, never above the project's), and those of single providers and steps."""
    job, project = desk.job_file.job, desk.project_file.project
    run = _purse([budget for budget in (job.budget, project.budget) if budget], "the run")
    lanes = {name: _purse([budget], name) for name, budget in (job.budget.providers if job.budget else {}).items()}
    steps = {name: _purse([step.budget], f"step {name}") for name, step in job.steps.items() if step.budget}
    return Purses(run, lanes, steps)


def check_budgets(desk: Desk, allow_unpriced: bool = False) -> None:
    """Raise `Invalid` for budgets that would hold nothing: of a provider no step uses, or blind to a step's price."""
    complaints = [*_idle(desk), *(() if allow_unpriced else _unseen(desk))]
    if complaints:
        raise Invalid(complaints)


def risk_of(desk: Desk) -> Callable[[Ask, int], bool]:
    """Whether an uncertain request, asked again so many times already, may be asked once more (`uncertain: {retry: n}`).

    What nobody bills for may always.
    `max_cost` bounds what all tries together can cost if each of them was billed; with an unknown price it allows none.
    """
    local = {name for name, step in desk.job_file.job.steps.items() if is_free(desk, step.use)}
    policies = {name: step.uncertain for name, step in desk.job_file.job.steps.items() if isinstance(step.uncertain, Retry)}

    def risk(ask: Ask, tries: int) -> bool:
        if ask.step in local:
            return True
        policy = policies.get(ask.step)
        if policy is None or tries >= policy.retry:
            return False
        return policy.max_cost is None or _fits(_price(desk, ask.step), tries + 2, policy.max_cost)

    return risk


def is_free(desk: Desk, use: str) -> bool:
    """Whether nobody bills for it: it is carried out here, and can be carried out again."""
    offer = desk.catalog.offers.get(use)
    return offer is not None and offer.operation.local


def _fits(price: Money | None, times: int, most: Money) -> bool:
    return price is not None and price.currency == most.currency and price.amount * times <= most.amount


def _price(desk: Desk, name: str) -> Money | None:
    step = desk.job_file.job.steps[name]
    return desk.catalog.offers[step.use].by(step.lane).price


def _idle(desk: Desk) -> Iterator[Complaint]:
    job = desk.job_file.job
    used = {step.provider for step in job.steps.values()}
    for name in job.budget.providers if job.budget else ():
        if name not in used:
            yield desk.complaint(f"no step uses {name}; steps use {', '.join(sorted(used))}", "budget", "providers", name)


def _unseen(desk: Desk) -> Iterator[Complaint]:
    purses = purses_of(desk)
    for name, step in desk.job_file.job.steps.items():
        if is_free(desk, step.use):
            continue
        price = _price(desk, name)
        caps = {currency for purse in purses.of(step.provider, name) for currency in purse.cost}
        if not caps:
            continue
        if price is None:
            lacking = f"the price of {step.use} is unknown, so the budget in {_list(caps)} cannot hold it"
        elif price.currency not in caps:
            lacking = f"{step.use} is priced in {price.currency}, which the budget in {_list(caps)} does not count"
        else:
            continue
        remedy = f"write prices: {{{step.use}: {{each: …, currency: {min(caps)}}}}} in adbatch.yaml, or run with --allow-unpriced"
        yield desk.complaint(f"{lacking}; {remedy}", "steps", name, "use")


def _list(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


def _purse(budgets: list[Budget], whose: str) -> Purse:
    """One purse that is as tight as the tightest of the budgets."""
    requests = min((budget.requests for budget in budgets if budget.requests is not None), default=None)
    cost: Mapping[str, Decimal] = {}
    for money in (budget.cost for budget in budgets if budget.cost is not None):
        cost = {**cost, money.currency: min(money.amount, cost.get(money.currency, money.amount))}
    return Purse(requests, cost, whose)
