"""Jobs that go by batch, from feed to files, against the emulated vendor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from runner.cli import adbatch
from runner.edge.clock import GRAIN, SystemClock
from runner.engine import Engine
from runner.records import BY_BATCH, NoAnswer, Send
from runner.sandbox.behaviour import Fault
from runner.verdicts import Done, Queued, Text
from runner.workflow import Order, Report, run_job
from tests.batches.vendor import Bench, chats
from tests.projects import Listener, billed, open_stage_here, write_project

HASTE: Final = 30.0
NEVER_HEARD: Final = partial(Fault, operation="batches", step="submit", times=1)
COPY: Final = """\
  copy:
    use: openai/chat
    lane: batch
    with: {prompt: "Headline for {{ row.title }}", model: gpt-4.1-mini}
    save: "{{ row.id }}/copy"
"""
PROJECT: Final = "version: 1\nprices: {openai/chat: {each: 0.10, currency: USD}}\n"
FEED: Final = "id,title\n" + "".join(f"r{number},Thing {number}\n" for number in range(6))


class HastyClock(SystemClock):
    """A clock by which every second is worth thirty."""

    def now(self) -> float:
        """The moment, thirty times as far from its beginning."""
        return self._origin + HASTE * time.monotonic()

    async def sleep_until(self, at: float) -> None:
        """As the clock it is made of, in a thirtieth of the time."""
        if (rest := at - self.now()) > 0:
            waiter = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(rest / HASTE + GRAIN, waiter.cancel)
            await asyncio.wait([waiter])


def play(path: Path, steer: Callable[[Engine], None] | None = None, **settings: Any) -> Report:
    """Run the job once against emulated vendors in this process."""

    async def run() -> Report:
        async with open_stage_here(path.parent / ".adbatch/sandbox/vendors", **settings) as stage:
            return await run_job(Order(path, sandbox=True, stage=stage), Listener(), HastyClock(), steer)

    return asyncio.run(run())


def sent(report: Report) -> dict[str, tuple[int, int]]:
    """Submits and polls of each lane that had any."""
    told = {name: (lane["sent"], lane["polls"]) for name, lane in report.manifest["providers"].items()}
    return {name: counts for name, counts in told.items() if any(counts)}


def ledger(path: Path) -> dict[str, int]:
    """What the vendor has billed."""
    return dict(billed(path.parent / ".adbatch/sandbox/vendors"))


def results(path: Path) -> bytes:
    """What the run left."""
    return (path.parent / "out/results.jsonl").read_bytes()


def resolve(path: Path, how: str) -> object:
    """Say this of all that is uncertain; returns what the command ends with."""
    words = ["resolve", str(path), "--sandbox", "--as", how, "--request", "all"]
    return CliRunner().invoke(adbatch, words, catch_exceptions=False, standalone_mode=False).return_value


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Six rows, one step by batch."""
    return write_project(tmp_path, COPY, project=PROJECT, feed=FEED)


def test_the_same_job_at_half_the_price(job: Path) -> None:
    """One poll for each request, half of what each costs alone; to go one by one afterwards buys nothing."""
    report = play(job)
    assert report.told.exit_code == 0
    assert sent(report) == {"openai@batch": (6, 6)}
    assert Decimal(report.manifest["providers"]["openai@batch"]["cost"]["USD"]["accrued"]) == Decimal("0.30")
    assert ledger(job) == {"openai chat/completions": 6}
    before = results(job)
    job.write_text(job.read_text("utf-8").replace("    lane: batch\n", ""), encoding="utf-8")
    again = play(job)
    assert (again.told.exit_code, sent(again), results(job)) == (0, {}, before)
    assert ledger(job) == {"openai chat/completions": 6}


def test_one_by_one_and_by_batch_leave_the_same(job: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """To the byte, for a request is what it asks for."""
    other = write_project(tmp_path_factory.mktemp("direct"), COPY.replace("    lane: batch\n", ""), project=PROJECT, feed=FEED)
    play(job)
    assert sent(play(other)) == {"openai": (6, 0)}
    assert results(job) == results(other)


def test_what_expired_is_asked_anew_and_only_that(job: Path) -> None:
    """A batch that ends too early leaves out what it has not carried out; that goes into the next one."""
    report = play(job, faults=(Fault("job_expires"),))
    assert report.told.exit_code == 1  # each of its batches expires
    (lane,) = report.manifest["providers"].values()
    done, failed = lane["done"], lane["failed"]
    assert (done + failed, done > 0, failed > 0) == (6, True, True)
    assert lane["sent"] > 6
    assert ledger(job) == {"openai chat/completions": done}
    again = play(job)
    assert again.told.exit_code == 0
    assert ledger(job) == {"openai chat/completions": 6}


ONE: Final = "id,title\nr0,Thing 0\n"
"""One row: the same file at every try."""


def test_a_purchase_whose_answer_is_lost_settles_itself(tmp_path: Path) -> None:
    """Where it was made the vendor's list has it; it is billed once, and nobody is left in doubt."""
    job = write_project(tmp_path, COPY, project=PROJECT, feed=ONE)
    report = play(job, faults=(NEVER_HEARD("drop_after"),))
    assert (report.told.exit_code, report.told.results.counts) == (0, {"done": 1})
    assert ledger(job) == {"openai chat/completions": 1}


def test_a_purchase_that_is_not_listed_is_parked(tmp_path: Path) -> None:
    """Exit 4, whatever run comes, until somebody says: billed has it looked for again, not billed has it asked anew."""
    job = write_project(tmp_path, COPY, project=PROJECT, feed=ONE)
    report = play(job, faults=(NEVER_HEARD("drop_before"),))
    assert (report.told.exit_code, report.told.results.counts) == (4, {"uncertain": 1})
    assert "none with the input file file-" in results(job).decode()
    assert play(job).told.exit_code == 4
    assert resolve(job, "billed") == 0
    again = play(job)
    assert (again.told.exit_code, sent(again), ledger(job)) == (4, {"openai@batch": (0, 1)}, {})
    assert resolve(job, "not-billed") == 0
    assert (play(job).told.exit_code, ledger(job)) == (0, {"openai chat/completions": 1})


def test_who_takes_the_risk_asks_anew(tmp_path: Path) -> None:
    """In the same run, and as often as the step says."""
    job = write_project(tmp_path, COPY + "    uncertain: {retry: 1}\n", project=PROJECT, feed=ONE)
    report = play(job, faults=(NEVER_HEARD("drop_before"),))
    assert (report.told.exit_code, ledger(job)) == (0, {"openai chat/completions": 1})
    assert sent(report)["openai@batch"][0] == 2


def test_a_run_that_is_stopped_keeps_its_tickets(job: Path) -> None:
    """The first Ctrl-C does not wait for a day; the next run reads the answers and buys nothing."""

    async def stop_once_bought(engine: Engine) -> None:
        while not ledger(job):
            await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=0.02)
        engine.drain(130)

    stopping: list[asyncio.Task[None]] = []
    report = play(job, lambda engine: stopping.append(asyncio.ensure_future(stop_once_bought(engine))), queue=1.5)
    assert report.told.exit_code == 130
    assert report.told.results.counts == {"queued": 6}
    assert sent(report)["openai@batch"][0] == 6
    again = play(job)
    assert again.told.exit_code == 0
    assert sent(again) == {"openai@batch": (0, 6)}
    assert ledger(job) == {"openai chat/completions": 6}


def test_a_deadline_leaves_the_batch_to_the_next_run(job: Path) -> None:
    """With 6: nothing is lost, and asked for nothing twice."""
    project = job.parent / "adbatch.yaml"
    project.write_text(PROJECT + "providers: {openai: {limits: {deadline: 30s}}}\n", encoding="utf-8")
    report = play(job, faults=(Fault("job_never_ends"),))
    assert report.told.exit_code == 6
    assert report.told.results.counts == {"queued": 6}


def test_a_budget_counts_the_price_by_batch(job: Path) -> None:
    """Six at half a dime fit into 30 cents, and no more than that is ever spent."""
    text = job.read_text("utf-8")
    job.write_text(text.replace("output: {dir: out}\n", "output: {dir: out}\nbudget: {cost: 0.20 USD}\n"), encoding="utf-8")
    report = play(job)
    assert report.told.exit_code == 5
    assert ledger(job) == {"openai chat/completions": 4}


async def test_everything_else_goes_its_own_way(tmp_path: Path) -> None:
    """A submit on the account's own lane is a call of its own."""
    bench, (request,) = Bench(tmp_path), chats(1)
    bench.vendor.faults["POST chat"] = [NoAnswer(False, "no route")]
    told = await bench.hands.carry(Send(request, "submit"))
    assert told.verdict.why == "no route"  # type: ignore[union-attr]
    assert dict(bench.vendor.calls) == {"POST chat": 1}


async def test_many_go_and_come_as_one(tmp_path: Path) -> None:
    """Two thousand requests are a handful of calls."""
    bench, requests = Bench(tmp_path), chats(2000)
    assert {one.verdict for one in await bench.submit(*requests)} == {Queued("batch-1")}
    carried = await bench.poll("batch-1", *requests)
    assert carried[1999].verdict == Done((Text("THING 1999"),), used=7)
    assert sum(bench.vendor.calls.values()) == 6
    assert BY_BATCH in carried[0].send.lane
