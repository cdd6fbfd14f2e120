"""Budgets: what a run may spend is kept whatever flies, what it cannot see is refused, and what it does not cost goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from runner.budgets import check_budgets, purses_of, risk_of
from runner.core.purse import Purse
from runner.desk import Desk, load_files, open_desk
from runner.edge.clock import Clock
from runner.errors import Invalid
from runner.inspection import check_job
from runner.loom import Ask
from runner.records import make_request
from runner.sandbox.behaviour import Fault
from runner.workflow import Order, Report, run_job
from tests.crash.forge import hurry
from tests.edge.conftest import Hit, open_vendor
from tests.projects import COPY, MEDIUM, PROJECT, Listener, billed, open_stage_here, said, write_project

PRICES: Final = """\
prices:
  jivox/text: {each: 0.05, currency: USD}
  vyro/text-to-image: {each: 0.04, currency: USD}
  sivi/media: {each: 3, currency: credits}
"""
PRICED: Final = PROJECT + PRICES
OUT: Final = "output: {dir: out}\n"


def desk_of(folder: Path, steps: str = COPY, top: str = "", project: str = PRICED) -> Desk:
    """The desk of a job with this budget at its top."""
    return open_desk(load_files(write_project(folder, steps, top + OUT, project)))


def limits_of(purse: Purse) -> tuple[int | None, dict[str, str]]:
    """What a purse holds, readable."""
    return purse.requests, {currency: str(most) for currency, most in purse.cost.items()}


async def play(path: Path, faults: tuple[Fault, ...] = (), clock: Clock | None = None, **order: Any) -> Report:
    """Run the job against emulated vendors in this process."""
    async with open_stage_here(vendors(path), faults=faults) as stage:
        return await run_job(Order(path, sandbox=True, stage=stage, **order), Listener(), clock)


def vendors(path: Path) -> Path:
    """The state folder of the emulated vendors."""
    return path.parent / ".adbatch" / "sandbox" / "vendors"


def mistakes(desk: Desk, **more: bool) -> list[str]:
    """What is wrong with the budgets."""
    with pytest.raises(Invalid) as raised:
        check_budgets(desk, **more)
    return said(raised.value)


@pytest.mark.parametrize(
    ("job", "project", "limits"),
    [
        ("", "", (None, {})),
        ("budget: {requests: 5}\n", "", (5, {})),
        ("", "budget: {requests: 5, cost: 2 USD}\n", (5, {"USD": "2"})),
        ("budget: {requests: 5, cost: 3 USD}\n", "budget: {requests: 9, cost: 2 USD}\n", (5, {"USD": "2"})),
        ("budget: {requests: 9}\n", "budget: {requests: 5}\n", (5, {})),
        ("budget: {cost: 3 USD}\n", "budget: {cost: 7 credits}\n", (None, {"USD": "3", "credits": "7"})),
        ("budget: {requests: 0}\n", "", (0, {})),
    ],
)
def test_a_run_may_spend_what_job_and_project_both_allow(
    tmp_path: Path, job: str, project: str, limits: tuple[int | None, dict[str, str]]
) -> None:
    """A job lowers the project's ceilings and never raises them; each currency has its own."""
    assert limits_of(purses_of(desk_of(tmp_path, top=job, project=PRICED + project)).run) == limits


def test_providers_and_steps_have_budgets_of_their_own(tmp_path: Path) -> None:
    """They stand beside the run's, and each says whose it is."""
    steps = COPY + "    budget: {requests: 3}\n" + MEDIUM
    purses = purses_of(desk_of(tmp_path, steps, "budget: {requests: 9, providers: {sivi: {cost: 6 credits}}}\n"))
    assert [purse.whose for purse in purses.of("jivox", "copy")] == ["the run", "step copy"]
    assert [purse.whose for purse in purses.of("sivi", "medium")] == ["the run", "sivi"]
    assert (limits_of(purses.lanes["sivi"]), limits_of(purses.steps["copy"])) == ((None, {"credits": "6"}), (3, {}))


def test_a_budget_of_a_provider_nobody_asks_is_a_mistake(tmp_path: Path) -> None:
    """It would hold nothing; most likely its name is wrong."""
    desk = desk_of(tmp_path, COPY + MEDIUM, "budget: {providers: {siwi: {requests: 1}}}\n")
    assert mistakes(desk, allow_unpriced=True) == [
        "job.yaml:4:28 budget.providers.siwi: no step uses siwi; steps use jivox, sivi",
    ]


REMEDY: Final = "write prices: {{{}: {{each: …, currency: {}}}}} in adbatch.yaml, or run with --allow-unpriced"


@pytest.mark.parametrize(
    ("top", "project", "found"),
    [
        (
            "budget: {cost: 1 USD}\n",
            PROJECT,
            "the price of jivox/text is unknown, so the budget in USD cannot hold it; " + REMEDY.format("jivox/text", "USD"),
        ),
        (
            "budget: {cost: 1 EUR}\n",
            PRICED,
            "jivox/text is priced in USD, which the budget in EUR does not count; " + REMEDY.format("jivox/text", "EUR"),
        ),
        (
            "budget: {providers: {jivox: {cost: 9 credits}}}\n",
            PROJECT + "budget: {cost: 1 USD}\n",
            "the price of jivox/text is unknown, so the budget in USD and credits cannot hold it; "
            + REMEDY.format("jivox/text", "USD"),
        ),
    ],
)
def test_a_price_the_budget_cannot_see_refuses_the_run(tmp_path: Path, top: str, project: str, found: str) -> None:
    """Unknown is never zero: the step is named with its place and the remedy, unless the user takes the risk."""
    desk = desk_of(tmp_path, top=top, project=project)
    assert mistakes(desk) == [f"job.yaml:8:10 steps.copy.use: {found}"]
    check_budgets(desk, allow_unpriced=True)


@pytest.mark.parametrize(
    ("top", "project"),
    [("", PROJECT), ("budget: {requests: 1}\n", PROJECT), ("budget: {cost: 1 USD}\n", PRICED), ("budget: {cost: 5 USD}\n", PRICED)],
)
def test_what_a_budget_sees_is_no_mistake(tmp_path: Path, top: str, project: str) -> None:
    """A known price in the budget's currency, or a budget in requests, or none."""
    check_budgets(desk_of(tmp_path, top=top, project=project))


def test_a_step_with_a_budget_of_its_own_must_be_priced(tmp_path: Path) -> None:
    """Only the steps that a budget in money pays for need a price."""
    desk = desk_of(tmp_path, COPY + "    budget: {cost: 1 USD}\n" + MEDIUM, project=PROJECT)
    assert [line.partition(";")[0] for line in mistakes(desk)] == [
        "job.yaml:7:10 steps.copy.use: the price of jivox/text is unknown, so the budget in USD cannot hold it",
    ]


async def test_an_unpriced_run_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """A check passes, for a user may take the risk; a run does not, until the user does."""
    path = write_project(tmp_path, COPY, "budget: {cost: 1 USD}\n" + OUT)
    assert check_job(path) is not None
    with pytest.raises(Invalid, match="--allow-unpriced"):
        await play(path)
    assert billed(vendors(path)).total() == 0
    report = await play(path, allow_unpriced=True)
    assert (report.told.exit_code, report.manifest["providers"]["jivox"]["unpriced"]) == (0, 2)


PICTURE: Final = """\
  picture:
    use: vyro/text-to-image
    with: {prompt: "{{ row.title }}", style: realistic}
    save: "{{ row.id }}/picture"
"""
BOTH: Final = COPY + PICTURE


@pytest.mark.parametrize(
    ("steps", "budgets", "bill", "whose"),
    [
        (BOTH, ("budget: {requests: 3}\n", ""), {"jivox textGen": 2, "vyro image/generations": 1}, "the run"),
        (COPY, ("budget: {cost: 0.09 USD}\n", ""), {"jivox textGen": 1}, "the run"),
        (BOTH, ("budget: {providers: {vyro: {requests: 1}}}\n", ""), {"jivox textGen": 2, "vyro image/generations": 1}, "vyro"),
        (BOTH, ("budget: {providers: {vyro: {cost: 0.04 USD}}}\n", ""), {"jivox textGen": 2, "vyro image/generations": 1}, "vyro"),
        (BOTH + "    budget: {requests: 1}\n", ("", ""), {"jivox textGen": 2, "vyro image/generations": 1}, "step picture"),
        (COPY + MEDIUM + "    budget: {requests: 1}\n", ("", ""), {"jivox textGen": 2, "sivi media/generate": 1}, "step medium"),
        (BOTH + "    budget: {cost: 0.07 USD}\n", ("", ""), {"jivox textGen": 2, "vyro image/generations": 1}, "step picture"),
        (COPY, ("budget: {requests: 9}\n", "budget: {requests: 1}\n"), {"jivox textGen": 1}, "the run"),
        (COPY, ("", "budget: {cost: 0.05 USD}\n"), {"jivox textGen": 1}, "the run"),
    ],
)
async def test_a_spent_budget_stops_only_what_costs(
    tmp_path: Path, steps: str, budgets: tuple[str, str], bill: dict[str, int], whose: str
) -> None:
    """No more is billed than is allowed, what was bought is polled and downloaded, the others go on, and the code is 5."""
    path = write_project(tmp_path, steps, budgets[0] + OUT, PRICED + budgets[1])
    report = await play(path, clock=hurry())
    assert billed(vendors(path)) == bill
    [why] = report.told.ending.spent
    assert (report.told.exit_code, why.startswith(f"the budget of {whose} allows no more: ")) == (5, True)
    assert sum(lane["done"] for lane in report.manifest["providers"].values()) == sum(bill.values())
    assert len([file for file in (tmp_path / "out").rglob("*.*") if file.suffix in (".txt", ".jpg", ".png")]) == sum(bill.values())


async def test_the_next_run_goes_on_with_a_fresh_budget(tmp_path: Path) -> None:
    """A budget is a run's: three runs of one request each make three rows, and the last has nothing left to stop for."""
    path = write_project(tmp_path, COPY, "budget: {requests: 1}\n" + OUT, feed="id,title\na,A\nb,B\nc,C\n")
    assert [(await play(path)).told.exit_code for _ in range(4)] == [5, 5, 0, 0]
    assert billed(vendors(path)) == {"jivox textGen": 3}


@pytest.mark.parametrize("budget", ["requests: 1", "cost: 0.09 USD"])
async def test_what_is_perhaps_billed_keeps_its_reservation(tmp_path: Path, budget: str) -> None:
    """A purchase of whose answer nobody knows counts as spent: nothing is bought in its place."""
    path = write_project(tmp_path, COPY, f"budget: {{{budget}}}\n{OUT}", PRICED)
    report = await play(path, (Fault("drop_after", times=1),))
    assert (report.told.exit_code, billed(vendors(path)).total()) == (4, 1)
    assert report.manifest["providers"]["jivox"]["cost"]["USD"]["accrued"] == "0.05"
    assert dict(report.told.results.counts) == {"uncertain": 1, "waiting": 1}


@pytest.mark.parametrize("kind", ["error", "busy"])
async def test_what_is_surely_not_billed_gives_its_reservation_back(tmp_path: Path, kind: Any) -> None:
    """A refusal costs nothing: what was set aside for it buys another."""
    fault = Fault(kind, times=1, step="submit", status=422 if kind == "error" else None, retry_after="0", chance=0.5)
    path = write_project(
        tmp_path, COPY, "budget: {requests: 4}\n" + OUT, feed="id,title\n" + "".join(f"r{n},T{n}\n" for n in range(12))
    )
    report = await play(path, (fault,))
    assert (report.told.exit_code, billed(vendors(path)).total()) == (5, 4)
    assert report.manifest["providers"]["jivox"]["sent"] > 4


@pytest.mark.parametrize(
    ("policy", "faults", "bill", "ends"),
    [
        ("retry", 1, 4, (0, {"done": 2})),
        ("retry", 9, 4, (4, {"uncertain": 2})),
        ("{retry: 2}", 9, 6, (4, {"uncertain": 2})),
        ("{retry: 2, max_cost: 0.10 USD}", 9, 4, (4, {"uncertain": 2})),
        ("{retry: 1, max_cost: 0.09 USD}", 1, 2, (4, {"uncertain": 2})),
        ("report", 1, 2, (4, {"uncertain": 2})),
    ],
)
async def test_the_uncertain_is_asked_again_within_its_risk(
    tmp_path: Path, policy: str, faults: int, bill: int, ends: tuple[int, dict[str, int]]
) -> None:
    """As often as the step allows, and only while all tries together, each of them billed, stay within `max_cost`."""
    path = write_project(tmp_path, COPY + f"    uncertain: {policy}\n", project=PRICED)
    report = await play(path, (Fault("drop_after", times=faults),))
    assert (report.told.exit_code, dict(report.told.results.counts)) == ends
    assert billed(vendors(path)).total() == bill


async def test_what_cannot_be_asked_again_stays_uncertain(tmp_path: Path) -> None:
    """Where the budget is spent no other try is ordered: the request is told as perhaps billed, until a run can afford it."""
    path = write_project(tmp_path, COPY + "    uncertain: retry\n", "budget: {requests: 1}\n" + OUT, feed="id,title\nmug,Mug\n")
    report = await play(path, (Fault("drop_after", times=1),))
    assert (report.told.exit_code, dict(report.told.results.counts)) == (4, {"uncertain": 1})
    report = await play(path, (Fault("drop_after", times=1),))
    assert (report.told.exit_code, dict(report.told.results.counts), billed(vendors(path)).total()) == (0, {"done": 1}, 2)


@pytest.mark.parametrize(
    ("policy", "project", "allowed"),
    [
        ("report", PRICED, 0),
        ("{retry: 3}", PRICED, 3),
        ("{retry: 3}", PROJECT, 3),
        ("{retry: 3, max_cost: 0.10 USD}", PRICED, 1),
        ("{retry: 3, max_cost: 0.149 USD}", PRICED, 1),
        ("{retry: 3, max_cost: 0.15 USD}", PRICED, 2),
        ("{retry: 3, max_cost: 9 USD}", PRICED, 3),
        ("{retry: 3, max_cost: 9 EUR}", PRICED, 0),
        ("{retry: 3, max_cost: 9 USD}", PROJECT, 0),
    ],
)
def test_a_risk_is_bounded_by_tries_and_money(tmp_path: Path, policy: str, project: str, allowed: int) -> None:
    """An unknown price, or one in another currency, allows no risk that has a limit in money."""
    desk = desk_of(tmp_path, COPY + f"    uncertain: {policy}\n", project=project)
    risk, ask = risk_of(desk), Ask(make_request("jivox", "text", {"prompt": "x"}), "copy")
    assert [risk(ask, tries) for tries in range(6)] == [tries < allowed for tries in range(6)]
    assert not risk(Ask(ask.request, "another"), 0)


class Till:
    """A vendor that lets nobody through before so many are there; every fifth it turns away, every eleventh it leaves in doubt."""

    def __init__(self, crowd: int) -> None:
        self.crowd = crowd
        self.flying = self.peak = 0
        self.said: Counter[int] = Counter()
        self.full = asyncio.Event()

    async def answer(self, hit: Hit, writer: asyncio.StreamWriter) -> None:
        """Wait for the crowd, then answer."""
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        number = self.said.total() + self.flying
        if self.flying >= self.crowd:
            self.full.set()
        await asyncio.wait_for(self.full.wait(), 20)
        status = 422 if number % 5 == 0 else 500 if number % 11 == 0 else 200
        self.flying -= 1
        self.said[status] += 1
        body = b'{"text": "Hello"}'
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.mark.parametrize("budget", ["requests: 90", "cost: 4.52 USD"])
async def test_sixty_four_at_once_do_not_overshoot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: str) -> None:
    """With 64 calls under way and answers of every kind, live over HTTP, exactly the budget is spent, what is in doubt included."""
    monkeypatch.setenv("ADBATCH_TEST_KEY", "test-key")
    till = Till(64)
    async with open_vendor(till.answer) as vendor:
        account = f'{{account: "7", key: {{env: ADBATCH_TEST_KEY}}, base_url: "{vendor.url}", limits: {{concurrent: 64}}}}'
        feed = "id,title\n" + "".join(f"r{n},T{n}\n" for n in range(200))
        project = f"version: 1\nproviders:\n  jivox: {account}\n{PRICES}"
        path = write_project(tmp_path, COPY, f"budget: {{{budget}}}\n{OUT}", project, feed)
        report = await run_job(Order(path), Listener())
    assert till.peak == 64
    assert till.said[200] + till.said[500] == 90
    assert till.said[422] > 0
    assert (report.told.exit_code, report.manifest["providers"]["jivox"]["cost"]["USD"]["accrued"]) == (4, str(Decimal("4.50")))
    assert len(report.told.ending.spent) == 1
