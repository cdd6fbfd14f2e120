"""The front desk all emulated vendors share: admit, read, charge, write down, make, answer. And misbehave on the way, if told to.

The order of those words is the point. A submit is in the ledger before its answer leaves, and nothing that was refused is in it; so
the ledger is what a real vendor's invoice would be, whatever happens to the connection afterwards.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any, Final

from runner.frozen import frozen
from runner.sandbox.behaviour import Behaviour, Fault
from runner.sandbox.damage import EXPIRED, refuse, replace_answer, spoil
from runner.sandbox.dice import chance, fingerprint
from runner.sandbox.intake import Ask, Made, Order, Pictures, Refusal, Reply, Wrong
from runner.sandbox.ledger import Entry, Ledger
from runner.sandbox.limits import DOCUMENTED, UNLIMITED, Allowance, Pace, Purse, queue_job
from runner.sandbox.store import Store
from runner.sandbox.tries import Tries
from runner.sandbox.vendor import COMMON, Cancel, Deletion, Job, Linked, Page, Poll, State, Submit, Vendor, Wait
from runner.sandbox.vendors import VENDORS

ENDS: Final[Mapping[str, State]] = {"job_fails": "failed", "job_expires": "expired", "filtered": "filtered"}
"""How a job ends that a fault has hit for good."""
ABSENT: Final = Reply(404, b'{"error": "no such file"}')


PENDING: Final = 0.2
"""The share of a job's usual time that it is pending even where no limit makes it wait."""


@frozen
class Settings:
    """How a sandbox is to be. `state` is its folder, `key` the one key all vendors take; `latency` and `queue` are seconds.

    `documented_limits` switches the vendors' own limits on; `credits` are balances by vendor, unlimited where absent.
    `expiry` is for how many seconds results can be had, for vendors that delete them; None: as long as they say.
    """

    state: Path
    key: str
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    latency: float = 0.02
    queue: float = 0.4
    documented_limits: bool = False
    credits: dict[str, float] = field(default_factory=dict)
    expiry: float | None = None


Memory = MutableMapping[str, tuple[Made, ...]]
"""Results by the digest of their order. An order decides its results, so sandboxes may share one; threads use it at once."""


class Desk:
    """The state of one sandbox and the three things that can be done at it: submit, poll, fetch."""

    def __init__(self, settings: Settings, workers: Executor, clock: Callable[[], float], memory: Memory | None = None) -> None:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.ledger = Ledger(settings.state / "ledger.jsonl")
        self.store = Store(settings.state, settings.key)
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self._tries = Tries(settings.state / "tries.txt")
        self.behaviour = Behaviour(settings.seed, settings.faults, self._tries)
        self._workers = workers
        self._memory = memory
        self._clock = clock
        self._making: dict[str, asyncio.Task[tuple[Made, ...]]] = {}
        self._paces: dict[str, Pace] = {}
        self._purses: dict[str, Purse] = {}

    async def submit(self, vendor: Vendor, submit: Submit, ask: Ask, origin: str) -> Reply:
        """Take an order. Raises `Refusal`, `Hangup` or `Silence` instead of answering as the vendor would."""
        return await self.metered(vendor, self._submit(vendor, submit, ask, origin))

    async def poll(self, vendor: Vendor, poll: Poll, ask: Ask, origin: str) -> Reply:
        """Say how a job stands. Raises like `submit`."""
        return await self.metered(vendor, self._poll(vendor, poll, ask, origin))

    async def _submit(self, vendor: Vendor, submit: Submit, ask: Ask, origin: str) -> Reply:
        self.calls[vendor.name, submit.operation, "submit"] += 1
        vendor.admit(ask, self.settings.key)
        order = read_order(vendor, submit, ask)
        wait = 0.0 if submit.wait is None else _read_wait(vendor, submit.wait, ask)
        fault = self.behaviour.draw(vendor.name, submit.operation, "submit", order.digest)
        refuse(vendor, fault, self.now())
        self.keep_pace(vendor, tokens=submit.tokens(order.params))
        entry = await self._write_down(vendor, submit, order)
        job = _job_of(entry, order, self.now(), origin, ask)
        replace_answer(vendor, fault)
        latency = asyncio.sleep(self.settings.latency * (0.5 + chance(order.digest, "latency")))
        if submit.accept is not None:
            await latency
            state = await self._wait(entry, wait)
            if submit.wait is None or state is None:
                return spoil(submit.accept(job), fault)
            made = await self.results(vendor, submit, order) if state == "done" else ()
            return spoil(submit.wait.answer(job, state, self.linked(vendor, entry, made, origin)), fault)
        made, _ = await asyncio.gather(self.results(vendor, submit, order), latency)
        is_filtered = fault is not None and fault.kind == "filtered" and submit.filtered is not None
        answer = submit.filtered if is_filtered else submit.answer
        assert answer is not None
        return spoil(answer(job, self.linked(vendor, entry, made, origin)), fault)

    async def _wait(self, entry: Entry, patience: float) -> State | None:
        """How a job stands after the client's patience; None if it has none."""
        if patience <= 0:
            return None
        ends = (entry.ends_at or entry.at) - entry.at
        await asyncio.sleep(min(patience, ends))
        return "done" if ends <= patience else "processing"

    async def _poll(self, vendor: Vendor, poll: Poll, ask: Ask, origin: str) -> Reply:
        self.calls[vendor.name, poll.name, "poll"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, poll, ask)
        fault = self.behaviour.draw(vendor.name, entry.operation, "poll", entry.digest)
        refuse(vendor, fault, self.now())
        self.keep_pace(vendor, buys=False)
        replace_answer(vendor, fault)
        order = await self.aside(self.store.load_order, entry.digest)
        state = self._state_of(vendor, poll, entry, fault)
        linked: Sequence[Linked] = ()
        if state in {"done", "filtered", "expired"}:
            submit = next(each for each in vendor.submits if each.operation == entry.operation)
            linked = self.linked(vendor, entry, await self.results(vendor, submit, order), origin)
        return spoil(poll.answer(_job_of(entry, order, self.now(), origin, ask), state, linked), fault)

    def now(self) -> float:
        """The sandbox's moment."""
        return self._clock()

    async def aside(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do slow work off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(work, *arguments))

    async def metered(self, vendor: Vendor, answer: Awaitable[Reply]) -> Reply:
        """The answer or refusal with the vendor's headers about what is left, where a limit is in force and it has such headers."""
        try:
            return self._metered(vendor, await answer)
        except Refusal as refusal:
            raise Refusal(self._metered(vendor, refusal.reply)) from refusal

    def _metered(self, vendor: Vendor, reply: Reply) -> Reply:
        pace = self._paces.get(vendor.name)
        if vendor.meter is None or pace is None or pace.calls is None:
            return reply
        tokens = None if pace.tokens is None else pace.tokens.meter(self.now())
        return dataclasses.replace(reply, headers=(*reply.headers, *vendor.meter(pace.calls.meter(self.now()), tokens)))

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()
        self._tries.close()

    async def delete(self, vendor: Vendor, deletion: Deletion, ask: Ask, _origin: str) -> Reply:
        """Delete a job; it is then unknown."""
        self.calls[vendor.name, deletion.name, "delete"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, deletion, ask)
        self.store.delete(vendor.name, entry.ticket or "")
        return deletion.answer(entry.ticket or "")

    async def cancel(self, vendor: Vendor, cancel: Cancel, ask: Ask, origin: str) -> Reply:
        """Cancel a job, if it is not done yet; what it cost stays in the ledger."""
        self.calls[vendor.name, cancel.name, "cancel"] += 1
        vendor.admit(ask, self.settings.key)
        entry = self._find(vendor, cancel, ask)
        order = await self.aside(self.store.load_order, entry.digest)
        in_time = self.now() < (entry.ends_at or 0.0)
        if in_time:
            self.store.cancel(vendor.name, entry.ticket or "")
        return cancel.answer(_job_of(entry, order, self.now(), origin, ask), in_time)

    async def read(self, vendor: Vendor, page: Page, ask: Ask, _origin: str) -> Reply:
        """A page that costs nothing."""
        self.calls[vendor.name, page.name, "read"] += 1
        vendor.admit(ask, self.settings.key)
        return page.answer(self._purse(vendor).left)

    async def fetch(self, token: str, name: str, query: Mapping[str, str]) -> Reply:
        """A result file. Needs no key: its link is the secret, as a signed link's is, and may end with time as that does."""
        vendor = token.partition("-")[0]
        self.calls[vendor, "files", "fetch"] += 1
        found = await self.aside(self.store.load_file, token, name)
        if found is None:
            return ABSENT
        fault = self.behaviour.draw(vendor, "files", "fetch", f"{token}/{name}")
        refuse(None, fault, self.now())
        replace_answer(None, fault)
        if self._keeps(VENDORS[vendor]) is not None and not self._is_valid(f"{token}/{name}", query):
            return Reply(403, EXPIRED, "application/xml")
        return spoil(Reply(200, found.data, found.media_type), fault)

    def _find(self, vendor: Vendor, way: Poll | Deletion | Cancel, ask: Ask) -> Entry:
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

    def keep_pace(self, vendor: Vendor, *, buys: bool = True, tokens: int = 0) -> None:
        """Let the call pass, or raise the vendor's `Refusal` for pace."""
        pace = self._paces.setdefault(vendor.name, Pace(self._allowance(vendor)))
        wait = pace.wait(self.now(), buys=buys, tokens=tokens)
        if wait > 0:
            reply = vendor.trouble("busy", 429)
            raise Refusal(reply if vendor.pause is None else vendor.pause(reply, wait))

    def charge(self, vendor: Vendor, amount: float) -> None:
        """Take credits, or raise the vendor's `Refusal` for an empty account."""
        if not self._purse(vendor).pay(amount):
            raise Refusal(vendor.trouble("no_credits", 402))

    def _purse(self, vendor: Vendor) -> Purse:
        if vendor.name not in self._purses:
            balance = self.settings.credits.get(vendor.name)
            self._purses[vendor.name] = Purse(None if balance is None else balance - self.ledger.spent(vendor.name))
        return self._purses[vendor.name]

    def _keeps(self, vendor: Vendor) -> float | None:
        """For how many seconds results can be had after they are done."""
        return vendor.keeps if vendor.keeps is None or self.settings.expiry is None else self.settings.expiry

    def _state_of(self, vendor: Vendor, poll: Poll, entry: Entry, fault: Fault | None) -> State:
        keeps, ended = self._keeps(vendor), entry.ends_at or entry.at
        if self.store.is_canceled(vendor.name, entry.ticket or ""):
            state: State = "canceled"
        elif keeps is not None and self.now() >= ended + keeps:
            state = "expired"
        else:
            state = _state_of(entry, self.now(), fault)
        return state if state in COMMON or state in poll.knows else "failed"

    async def _write_down(self, vendor: Vendor, submit: Submit, order: Order) -> Entry:
        """Charge for the order and enter it in the ledger; everything it needs later is on disk before that."""
        if submit.accept is not None:
            await self.aside(self.store.save_order, order)
        now = self.now()
        starts_at = ends_at = ticket = None
        if submit.accept is not None:
            starts_at = self._begin(vendor, now) + self.settings.queue * PENDING
            ends_at = starts_at + self.settings.queue * submit.patience * (0.5 + chance(order.digest, "queue"))
        amount = submit.charge(order.params)
        self.charge(vendor, amount)
        number = len(self.ledger.entries) + 1
        if submit.accept is not None:
            ticket = vendor.ticket(number, fingerprint(self.settings.key, number).hex())
        return self.ledger.accept(
            Entry(number, now, vendor.name, submit.operation, order.digest, ticket, starts_at, ends_at, amount)
        )

    def _begin(self, vendor: Vendor, now: float) -> float:
        allowance = self._allowance(vendor)
        if allowance.running is None:
            return now
        begins = queue_job(allowance, self.ledger.spans(vendor.name), now)
        if begins is None:
            raise Refusal(vendor.trouble("queue_full", 429))
        return begins

    async def results(self, vendor: Vendor, submit: Submit, order: Order) -> tuple[Made, ...]:
        """The order's results, made once: two that ask for the same at the same time share the work."""
        task = self._making.get(order.digest)
        if task is None:
            loop = asyncio.get_running_loop()
            task = self._making[order.digest] = asyncio.ensure_future(
                loop.run_in_executor(self._workers, self.make, submit, order, self.store.token(vendor.name, order.digest))
            )
            task.add_done_callback(lambda _: self._making.pop(order.digest, None))
        return await asyncio.shield(task)

    def make(self, submit: Submit, order: Order, token: str) -> tuple[Made, ...]:
        """Make an order's results, or find those made before; slow, and not for the event loop."""
        if not submit.linked:
            return self._made(submit, order)
        kept = self.store.load_results(token)
        if kept is not None:
            return kept
        made = self._made(submit, order)
        self.store.save_results(token, made)
        return made

    def _made(self, submit: Submit, order: Order) -> tuple[Made, ...]:
        if self._memory is None:
            return tuple(submit.make(order.params, order.inputs))
        made = self._memory.get(order.digest)
        if made is None:
            made = self._memory[order.digest] = tuple(submit.make(order.params, order.inputs))
        return made

    def linked(self, vendor: Vendor, entry: Entry, made: Sequence[Made], origin: str) -> list[Linked]:
        """The results with the links they are had by, which may end."""
        token, keeps = self.store.token(vendor.name, entry.digest), self._keeps(vendor)
        until = None if keeps is None else (entry.ends_at or entry.at) + keeps
        return [Linked(self._link(origin, f"{token}/{item.name}", until), item) for item in made]

    def _link(self, origin: str, path: str, until: float | None) -> str:
        link = f"{origin}/files/{path}"
        return link if until is None else f"{link}?expires={until:.3f}&signature={self._sign(path, f'{until:.3f}')}"

    def _sign(self, path: str, until: str) -> str:
        return fingerprint(self.settings.key, path, until).hex()[:24]

    def _is_valid(self, path: str, query: Mapping[str, str]) -> bool:
        until, signature = query.get("expires", ""), query.get("signature", "")
        return signature == self._sign(path, until) and self.now() < float(until)


def read_order(vendor: Vendor, submit: Submit, ask: Ask) -> Order:
    """The order in an ask. Raises the vendor's `Refusal` where it is not as its document says."""
    pictures = Pictures(ask.own)
    try:
        params = submit.read(ask, pictures)
    except Wrong as wrong:
        raise Refusal(vendor.wrong(wrong.name, wrong.message)) from wrong
    return Order(vendor.name, submit.operation, {name: value for name, value in params.items() if value is not None}, pictures.held)


def _read_wait(vendor: Vendor, wait: Wait, ask: Ask) -> float:
    try:
        return wait.seconds(ask)
    except Wrong as wrong:
        raise Refusal(vendor.wrong(wrong.name, wrong.message)) from wrong


def _job_of(entry: Entry, order: Order, now: float, origin: str, ask: Ask) -> Job:
    starts_at, ends_at = entry.starts_at or entry.at, entry.ends_at or entry.at
    done = (now - starts_at) / (ends_at - starts_at) if ends_at > starts_at else 1.0
    return Job(
        entry.ticket or "",
        entry.digest,
        order.params,
        entry.at,
        waits=max(0, round(1000 * (starts_at - now))),
        progress=min(99, max(0, int(100 * done))),
        origin=origin,
        accept=ask.headers.get("accept", "*/*"),
        ended_at=ends_at,
    )


def _state_of(entry: Entry, now: float, fault: Fault | None) -> State:
    """Where the job stands by the clock, unless a fault says otherwise."""
    kind = fault.kind if fault is not None else ""
    if kind == "unknown_word":
        return "unknown"
    if now < (entry.starts_at or 0.0):
        return "pending"
    if now < (entry.ends_at or 0.0) or kind == "job_never_ends":
        return "processing"
    return ENDS.get(kind, "done")
