"""The front desk all emulated vendors share: admit, read, charge, write down, make, answer. And misbehave on the way, if told to.

The order of those words is the point. A submit is in the ledger before its answer leaves, and nothing that was refused is in it; so
the ledger is what a real vendor's invoice would be, whatever happens to the connection afterwards.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.sandbox.behaviour import BEFORE, Behaviour, Fault
from runner.sandbox.dice import chance, fingerprint
from runner.sandbox.intake import Ask, Made, Order, Pictures, Refusal, Reply, Wrong
from runner.sandbox.ledger import Entry, Ledger
from runner.sandbox.limits import DOCUMENTED, UNLIMITED, Allowance, Pace, Purse, queue_job
from runner.sandbox.store import Store
from runner.sandbox.vendor import Deletion, Job, Linked, Poll, State, Submit, Vendor

HTML: Final = Reply(200, b"<!doctype html><title>Please wait</title><p>We are checking your browser.</p>", "text/html")
BROKEN: Final = Reply(200, b'{"status": 200, "body": {"requ', "application/json")
EXPIRED: Final = Reply(
    403, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>', "application/xml"
)
ABSENT: Final = Reply(404, b'{"error": "no such file"}')


PENDING: Final = 0.2
"""The share of a job's usual time that it is pending even where no limit makes it wait."""


class Hangup(Exception):
    """The connection is to be broken off without an answer."""


class Silence(Exception):
    """The connection is to be kept open without an answer."""


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
        self._behaviour = Behaviour(settings.seed, settings.faults)
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
        self._refuse_early(vendor, fault)
        self._keep_pace(vendor)
        job = await self._write_down(vendor, submit, order)
        _fail_late(vendor, fault)
        if submit.accept is not None:
            await asyncio.sleep(self.settings.latency * (0.5 + chance(order.digest, "latency")))
            return _spoil(submit.accept(job), fault)
        made, _ = await asyncio.gather(
            self._results(vendor, submit, order), asyncio.sleep(self.settings.latency * (0.5 + chance(order.digest, "latency")))
        )
        assert submit.answer is not None
        return _spoil(submit.answer(self._linked(vendor, order.digest, made, origin)), fault)

    async def poll(self, vendor: Vendor, poll: Poll, ask: Ask, origin: str) -> Reply:
        """Say how a job stands. Raises like `submit`."""
        self.calls[vendor.name, poll.name, "poll"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, poll, ask)
        fault = self._behaviour.draw(vendor.name, entry.operation, "poll", entry.digest)
        self._refuse_early(vendor, fault)
        self._keep_pace(vendor)
        _fail_late(vendor, fault)
        order = await asyncio.get_running_loop().run_in_executor(self._workers, self.store.load_order, entry.digest)
        state = _state_of(entry, self._clock(), fault)
        linked: Sequence[Linked] = ()
        if state == "done":
            submit = next(each for each in vendor.submits if each.operation == entry.operation)
            made = await self._results(vendor, submit, order)
            linked = self._linked(vendor, entry.digest, made, origin)
        return _spoil(poll.answer(_job_of(entry, order, self._clock()), state, linked), fault)

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
        if fault is not None and fault.kind == "expired_link":
            return EXPIRED
        if fault is not None and fault.kind in {"busy", "error"}:
            return Reply(429 if fault.kind == "busy" else fault.status, b"", "text/plain", _retry_after(fault))
        _fail_late(None, fault)
        return _spoil(Reply(200, found.data, found.media_type), fault)

    def _find(self, vendor: Vendor, way: Poll | Deletion, ask: Ask) -> Entry:
        try:
            ticket = way.find(ask)
        except Wrong as wrong:
            raise Refusal(vendor.wrong(wrong.name, wrong.message)) from wrong
        entry = self.ledger.job(vendor.name, ticket)
        if entry is None or self.store.is_deleted(vendor.name, ticket):
            raise Refusal(vendor.missing)
        return entry

    def _refuse_early(self, vendor: Vendor, fault: Fault | None) -> None:
        """The faults after which nothing has been accepted."""
        if fault is None or fault.kind not in BEFORE:
            return
        if fault.kind == "drop_before":
            raise Hangup
        if fault.kind == "busy":
            busy = vendor.trouble("busy", 429)
            raise Refusal(dataclasses.replace(busy, headers=_retry_after(fault)))
        raise Refusal(vendor.trouble("no_credit" if fault.kind == "no_credit" else "broken", fault.status))

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


def _fail_late(vendor: Vendor | None, fault: Fault | None) -> None:
    """The faults that take the answer away after everything has been accepted."""
    kind = fault.kind if fault is not None else ""
    if kind in {"drop_after", "drop_before"}:
        raise Hangup
    if kind == "stall":
        raise Silence
    if kind == "html200":
        raise Refusal(HTML)
    if kind == "broken_json":
        raise Refusal(BROKEN)
    if kind == "error_after" and vendor is not None and fault is not None:
        raise Refusal(vendor.trouble("broken", fault.status))


def _retry_after(fault: Fault) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", fault.retry_after),) if fault.retry_after is not None else ()


def _spoil(reply: Reply, fault: Fault | None) -> Reply:
    """A picture with its second half missing; any other reply as it is."""
    if fault is None or fault.kind != "corrupt_picture" or reply.media_type == "application/json":
        return reply
    return dataclasses.replace(reply, body=reply.body[: len(reply.body) // 2])
