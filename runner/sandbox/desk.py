"""The front desk all emulated vendors share: admit, read, charge, write down, make, answer. And misbehave on the way, if told to.

The order of those words is the point. A submit is in the ledger before its answer leaves, and nothing that was refused is in it; so
the ledger is what a real vendor's invoice would be, whatever happens to the connection afterwards.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.sandbox.behaviour import Behaviour, Fault
from runner.sandbox.damage import refuse, replace_answer, spoil
from runner.sandbox.dice import chance, fingerprint
from runner.sandbox.intake import Ask, Made, Order, Pictures, Refusal, Reply, Wrong
from runner.sandbox.ledger import Entry, Ledger
from runner.sandbox.limits import DOCUMENTED, UNLIMITED, Allowance, Pace, Purse, queue_job
from runner.sandbox.store import Store
from runner.sandbox.tries import Tries
from runner.sandbox.vendor import Deletion, Job, Linked, Poll, State, Submit, Vendor

ABSENT: Final = Reply(404, b'{"error": "no such file"}')


PENDING: Final = 0.2
"""The share of a job's usual time that it is pending even where no limit makes it wait."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sandbox is to be. `state` is its folder, `key` the one key all vendors take; `latency` and `queue` are seconds.

    `documented_limits` switches the vendors' own limits on; `credits` are balances by vendor, unlimited where absent.
    """

    state: Path
    key: str
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    latency: float = 0.02
    queue: float = 0.4
    documented_limits: bool = False
    credits: dict[str, float] = field(default_factory=dict)


class Desk:
    """The state of one sandbox and the three things that can be done at it: submit, poll, fetch."""

    def __init__(self, settings: Settings, workers: Executor, clock: Callable[[], float]) -> None:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.ledger = Ledger(settings.state / "ledger.jsonl")
        self.store = Store(settings.state, settings.key)
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self._tries = Tries(settings.state / "tries.txt")
        self._behaviour = Behaviour(settings.seed, settings.faults, self._tries)
        self._workers = workers
        self._clock = clock
        self._making: dict[str, asyncio.Task[tuple[Made, ...]]] = {}
        self._paces: dict[str, Pace] = {}
        self._purses: dict[str, Purse] = {}

    async def submit(self, vendor: Vendor, submit: Submit, ask: Ask, origin: str) -> Reply:
        """Take an order. Raises `Refusal`, `Hangup` or `Silence` instead of answering as the vendor would."""
        self.calls[vendor.name, submit.operation, "submit"] += 1
        vendor.admit(ask, self.settings.key)
        order = _read_order(vendor, submit, ask)
        fault = self._behaviour.draw(vendor.name, submit.operation, "submit", order.digest)
        refuse(vendor, fault, self._clock())
        self._keep_pace(vendor)
        job = await self._write_down(vendor, submit, order)
        replace_answer(vendor, fault)
        if submit.accept is not None:
            await asyncio.sleep(self.settings.latency * (0.5 + chance(order.digest, "latency")))
            return spoil(submit.accept(job), fault)
        made, _ = await asyncio.gather(
            self._results(vendor, submit, order), asyncio.sleep(self.settings.latency * (0.5 + chance(order.digest, "latency")))
        )
        assert submit.answer is not None
        return spoil(submit.answer(self._linked(vendor, order.digest, made, origin)), fault)

    async def poll(self, vendor: Vendor, poll: Poll, ask: Ask, origin: str) -> Reply:
        """Say how a job stands. Raises like `submit`."""
        self.calls[vendor.name, poll.name, "poll"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, poll, ask)
        fault = self._behaviour.draw(vendor.name, entry.operation, "poll", entry.digest)
        refuse(vendor, fault, self._clock())
        self._keep_pace(vendor)
        replace_answer(vendor, fault)
        order = await asyncio.get_running_loop().run_in_executor(self._workers, self.store.load_order, entry.digest)
        state = _state_of(entry, self._clock(), fault)
        linked: Sequence[Linked] = ()
        if state == "done":
            submit = next(each for each in vendor.submits if each.operation == entry.operation)
            made = await self._results(vendor, submit, order)
            linked = self._linked(vendor, entry.digest, made, origin)
        return spoil(poll.answer(_job_of(entry, order, self._clock()), state, linked), fault)

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()
        self._tries.close()

    async def delete(self, vendor: Vendor, deletion: Deletion, ask: Ask) -> Reply:
        """Delete a job; it is then unknown."""
        self.calls[vendor.name, deletion.name, "delete"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, deletion, ask)
        self.store.delete(vendor.name, entry.ticket or "")
        return deletion.answer(entry.ticket or "")

    async def fetch(self, token: str, name: str) -> Reply:
        """A result file. Needs no key: its link is the secret, as a signed link's is."""
        vendor = token.partition("-")[0]
        self.calls[vendor, "files", "fetch"] += 1
        found = await asyncio.get_running_loop().run_in_executor(self._workers, self.store.load_file, token, name)
        if found is None:
            return ABSENT
        fault = self._behaviour.draw(vendor, "files", "fetch", f"{token}/{name}")
        refuse(None, fault, self._clock())
        replace_answer(None, fault)
        return spoil(Reply(200, found.data, found.media_type), fault)

    def _find(self, vendor: Vendor, way: Poll | Deletion, ask: Ask) -> Entry:
        try:
            ticket = way.find(ask)
        except Wrong as wrong:
            raise Refusal(vendor.wrong(wrong.name, wrong.message)) from wrong
        entry = self.ledger.job(vendor.name, ticket)
        if entry is None or self.store.is_deleted(vendor.name, ticket):
            raise Refusal(vendor.missing)
        return entry

    def _allowance(self, vendor: Vendor) -> Allowance:
        return DOCUMENTED.get(vendor.name, UNLIMITED) if self.settings.documented_limits else UNLIMITED

    def _keep_pace(self, vendor: Vendor) -> None:
        pace = self._paces.setdefault(vendor.name, Pace(self._allowance(vendor)))
        if pace.wait(self._clock()) > 0:
            raise Refusal(vendor.trouble("busy", 429))

    async def _write_down(self, vendor: Vendor, submit: Submit, order: Order) -> Job:
        """Charge for the order and enter it in the ledger; everything it needs later is on disk before that."""
        if submit.accept is not None:
            await asyncio.get_running_loop().run_in_executor(self._workers, self.store.save_order, order)
        now = self._clock()
        starts_at = ends_at = ticket = None
        if submit.accept is not None:
            starts_at = self._begin(vendor, now) + self.settings.queue * PENDING
            ends_at = starts_at + self.settings.queue * submit.patience * (0.5 + chance(order.digest, "queue"))
        charge = submit.charge(order.params)
        if vendor.name not in self._purses:
            balance = self.settings.credits.get(vendor.name)
            self._purses[vendor.name] = Purse(None if balance is None else balance - self.ledger.spent(vendor.name))
        if not self._purses[vendor.name].pay(charge):
            raise Refusal(vendor.trouble("no_credits", 402))
        number = len(self.ledger.entries) + 1
        if submit.accept is not None:
            ticket = vendor.ticket(number, fingerprint(self.settings.key, number).hex())
        entry = Entry(number, now, vendor.name, submit.operation, order.digest, ticket, starts_at, ends_at, charge)
        return _job_of(self.ledger.accept(entry), order, now)

    def _begin(self, vendor: Vendor, now: float) -> float:
        allowance = self._allowance(vendor)
        if allowance.running is None:
            return now
        begins = queue_job(allowance, self.ledger.spans(vendor.name), now)
        if begins is None:
            raise Refusal(vendor.trouble("queue_full", 429))
        return begins

    async def _results(self, vendor: Vendor, submit: Submit, order: Order) -> tuple[Made, ...]:
        """The order's results, made once: two that ask for the same at the same time share the work."""
        task = self._making.get(order.digest)
        if task is None:
            loop = asyncio.get_running_loop()
            task = self._making[order.digest] = asyncio.ensure_future(
                loop.run_in_executor(self._workers, self._make, submit, order, self.store.token(vendor.name, order.digest))
            )
            task.add_done_callback(lambda _: self._making.pop(order.digest, None))
        return await asyncio.shield(task)

    def _make(self, submit: Submit, order: Order, token: str) -> tuple[Made, ...]:
        if not submit.linked:
            return tuple(submit.make(order.params, order.inputs))
        kept = self.store.load_results(token)
        if kept is not None:
            return kept
        made = tuple(submit.make(order.params, order.inputs))
        self.store.save_results(token, made)
        return made

    def _linked(self, vendor: Vendor, digest: str, made: Sequence[Made], origin: str) -> list[Linked]:
        token = self.store.token(vendor.name, digest)
        return [Linked(f"{origin}/files/{token}/{item.name}", item) for item in made]


def _read_order(vendor: Vendor, submit: Submit, ask: Ask) -> Order:
    pictures = Pictures(ask.own)
    try:
        params = submit.read(ask, pictures)
    except Wrong as wrong:
        raise Refusal(vendor.wrong(wrong.name, wrong.message)) from wrong
    return Order(vendor.name, submit.operation, {name: value for name, value in params.items() if value is not None}, pictures.held)


def _job_of(entry: Entry, order: Order, now: float) -> Job:
    starts_at, ends_at = entry.starts_at or entry.at, entry.ends_at or entry.at
    done = (now - starts_at) / (ends_at - starts_at) if ends_at > starts_at else 1.0
    progress = min(99, max(0, int(100 * done)))
    return Job(entry.ticket or "", entry.digest, order.params, entry.at, max(0, round(1000 * (starts_at - now))), progress)


def _state_of(entry: Entry, now: float, fault: Fault | None) -> State:
    """Where the job stands by the clock, unless a fault says otherwise."""
    kind = fault.kind if fault is not None else ""
    if kind == "unknown_word":
        return "unknown"
    if now < (entry.starts_at or 0.0):
        return "pending"
    if now < (entry.ends_at or 0.0) or kind == "job_never_ends":
        return "processing"
    return "failed" if kind == "job_fails" else "done"
