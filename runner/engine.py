"""The engine: the only place that waits.

It turns in a circle. Each turn takes in what the hands brought back, asks the conductor what may leave now, writes all facts of the
turn in one durable commit, and only then lets anything leave; so a purchase is on disk before its first byte, and a ticket before
its first poll. While the disk syncs, answers gather, and the next turn takes them in together; what is done is published meanwhile.

The engine decides nothing about a request: the loom says what is wanted, the conductor when it may go, the hands what came of it.
Nothing here knows a vendor. A waiting request costs no task; a task lives as long as one exchange.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from runner.core.conductor import Conductor, sent_fact
from runner.core.lifecycle import Life, recall
from runner.edge.clock import Clock
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Saved, Stopped
from runner.hands import Carried, Hands
from runner.loom import Ask, Chore, Loom, Outcome, Woven, Yield, finish_here
from runner.outcomes import GONE, Reuse, artifact_of, is_unfinished, outcome_of
from runner.press import Press
from runner.records import Artifact, Blob, Send, Variant
from runner.verdicts import Held, Item

T = TypeVar("T")

WINDOW: Final = 2_000
"""Variants in flight at once: enough to keep every lane busy, few enough that memory does not grow with the feed."""

FEW: Final = 100
"""Requests that are looked up at once, in the turn: to ask another thread for so few takes longer than the looking."""

TOLD: Final = 5
"""Requests that are told by name."""


class Ledger(Protocol):
    """What the engine needs of a journal."""

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all facts durably, in one transaction."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything the engine is handed: clock, hands, journal and disk are arguments.

    `measure` verifies a blob and describes it (a text says why it is not usable), `holds` says whether all blobs of some artifacts
    are still there, `publish` writes what steps gave to the output folder, and `tell` is told of variants all of whose steps have
    ended. `fresh` names the steps to buy anew, `again` says of
    a request that is settled whether it is to be bought once more, `stays` of any that is known that nothing is done for it, and
    `risk` whether what was uncertain, and asked again so many times already, may be asked once more. What leaves is decided within
    a `turn`, so that runs which share a lane decide one after another. `reuse` counts what nothing had to be done for.
    `drain` tells the hands that nothing more is to be bought. `finish` makes finished pictures of what came.
    """

    clock: Clock
    hands: Hands
    ledger: Ledger
    measure: Callable[[Blob], Awaitable[Artifact | str]]
    holds: Callable[[Sequence[Artifact]], bool]
    publish: Callable[[Sequence[Yield]], None]
    fresh: Callable[[str], bool] = lambda _: False
    risk: Callable[[Ask, int], bool] = lambda _ask, _tries: False
    turn: Callable[[Conductor], AbstractContextManager[None]] = lambda _: nullcontext()
    again: Callable[[Ask, Life], bool] = lambda _ask, _life: False
    stays: Callable[[str], bool] = lambda _: False
    reuse: Reuse = field(default_factory=Reuse)
    tell: Callable[[Sequence[Woven]], None] = lambda _: None
    drain: Callable[[], None] = lambda: None
    finish: Callable[[Chore], Awaitable[tuple[Artifact, ...] | str]] = finish_here


@dataclass(slots=True)
class Ending:
    """How a run ended: why which lane closed, requests reused per lane, which budgets were spent, the signal's exit code."""

    closed: dict[str, str] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    reused: Counter[str] = field(default_factory=Counter)
    spent: tuple[str, ...] = ()
    interrupted: int = 0


class Engine:
    """One run of one plan. `run` returns when nothing more can be done now; `drain` makes that soon."""

    def __init__(
        self,
        loom: Loom,
        variants: Iterator[Variant],
        conductor: Conductor,
        tools: Tools,
        window: int = WINDOW,
    ) -> None:
        self._loom, self._variants, self._conductor, self._tools = loom, variants, conductor, tools
        self._window = window
        self._started_at = tools.clock.now()
        self._carried: list[Carried] = []
        self._judged: list[Fact] = []
        self._landed: list[Life] = []
        self._finished: list[tuple[Chore, tuple[Artifact, ...] | str]] = []
        self._made: list[Woven] = []
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._disk = ThreadPoolExecutor(1, "journal")
        self._press = Press(tools.publish, tools.tell, self._stop_printing)
        self._exhausted = False
        self._risky: dict[str, Ask] = {}
        self._aloft: dict[str, None] = {}  # in the order they left
        self._again: list[Ask] = []
        self.ending = Ending()

    def drain(self, code: int = 130) -> None:
        """Start nothing that costs; let what flies land, then end with `code`. What is queued at a vendor keeps its ticket."""
        self.ending.interrupted = code
        self._exhausted = True
        self._tools.drain()
        self._conductor.drain()
        self._bell.set()

    async def run(self) -> Ending:
        """Turn until nothing is left to do or to wait for."""
        self._loop = asyncio.get_running_loop()
        try:
            while await self._turn():
                pass
            await self._press.finish()
        finally:
            await self._close()
        if self._failure is not None:
            raise self._failure
        self.ending.closed = dict(self._conductor.closed)
        self.ending.failing = dict(self._conductor.failing)
        self.ending.spent = self._conductor.spent
        self.ending.reused = self._tools.reuse.counts()
        return self.ending

    async def _turn(self) -> bool:
        facts = self._take_in()
        facts += await self._fill()
        with self._tools.turn(self._conductor):
            now = self._tools.clock.now()
            sends = self._conductor.due(now)
            facts += self._feed(self._conductor.expired(now))  # after `due`, so that the last poll has left
        facts += [sent_fact(send, now) for send in sends]
        if facts:
            await self._commit(facts)
        self._settle()
        self._conductor.left(sends, self._tools.clock.now())
        for send in sends:
            self._start(self._carry(send))
        landed, self._landed = [*self._landed, *self._conductor.landed()], []
        for work in (*map(self._verify, landed), *map(self._finish, self._loom.chores())):
            self._start(work)
        made, self._made = self._made, []
        await self._press.put(self._loom.yields(), made)
        if self._carried or self._judged or self._finished or sends or facts:
            return True
        return await self._wait()

    async def _commit(self, facts: Sequence[Fact]) -> None:
        """Write the turn down. Where that fails, say which purchases nobody can write the answers of: they will be uncertain."""
        try:
            await self._aside(self._disk, self._tools.ledger.commit, facts)
        except OurSide as failure:
            answered = [fact.id for fact in facts if isinstance(fact, Answered) and fact.step == "submit"]
            if at_risk := [*self._aloft, *answered]:
                told = ", ".join(name[:12] for name in at_risk[:TOLD]) + (", …" if len(at_risk) > TOLD else "")
                raise OurSide(f"{failure}\n{len(at_risk)} requests were under way and may be uncertain now: {told}") from failure
            raise

    def _take_in(self) -> list[Fact]:
        """Facts from what the hands and the verifiers brought since the last turn."""
        carried, self._carried = self._carried, []
        judged, self._judged = self._judged, []
        while self._finished:
            self._loom.finish(*self._finished.pop(0))
        now = self._tools.clock.now()
        answers: list[Fact] = [
            Answered(now, one.send.request.id, one.send.step, one.verdict, one.send.part, one.raw) for one in carried
        ]
        facts = self._feed([*answers, *judged])
        return facts + self._feed(self._read_landed(now))

    def _read_landed(self, now: float) -> list[Fact]:
        """What landed as text is saved in the turn in which it came: there is nothing to decode. The rest is verified after it."""
        saved: list[Fact] = []
        for life in self._conductor.landed():
            artifacts = tuple(artifact for item in life.items if (artifact := artifact_of(item)) is not None)
            if len(artifacts) == len(life.items):
                saved.append(Saved(now, life.request.id, artifacts))
            else:
                self._landed.append(life)
        return saved

    def _feed(self, facts: Sequence[Fact]) -> list[Fact]:
        for fact in facts:
            self._conductor.feed(fact)
        return list(facts)

    def _settle(self) -> None:
        """Tell the loom of every life that has ended or been let go."""
        for life in self._conductor.settled():
            ask = self._risky.pop(life.request.id, None)
            if ask is not None and life.state == "uncertain" and self._conductor.takes(ask.request, ask.step):
                self._again.append(ask)
            else:
                self._loom.settle(life.request.id, outcome_of(life))
        for life in self._conductor.released():
            self._loom.settle(life.request.id, outcome_of(life))
        self._made += self._loom.finished()

    async def _fill(self) -> list[Fact]:
        """Take up variants while there is room, and the requests they make possible. Returns the Planned facts."""
        facts: list[Fact] = []
        while True:
            while len(self._loom) < self._window and not self._exhausted and not self._conductor.penniless:
                variant = next(self._variants, None)
                if variant is None:
                    self._exhausted = True
                else:
                    self._loom.take_up(variant)
            asks = self._loom.asks() + self._again
            self._again = []
            if not asks:
                return facts
            facts += await self._admit(asks)
            self._settle()

    async def _admit(self, asks: Sequence[Ask]) -> list[Fact]:
        """Settle what is known already; hand the rest to the conductor."""
        ids = [ask.request.id for ask in asks]
        many = len(ids) > FEW
        known = await self._aside(self._disk, self._tools.ledger.histories, ids) if many else self._tools.ledger.histories(ids)
        planned: list[Fact] = []
        for ask in asks:
            history = known.get(ask.request.id, [])
            life = recall(history)
            if life is not None and self._tools.stays(ask.request.id):
                self._loom.settle(ask.request.id, self._known(life) or outcome_of(life, reused=True))
                continue
            fresh = self._is_ordered(ask, life, history)
            if life is not None and not fresh and (outcome := self._known(life)) is not None:
                self._loom.settle(ask.request.id, outcome)
                continue
            if not fresh:
                self._conductor.recall(ask.request, history, ask.step)
            if self._tools.risk(ask, 0):
                self._risky[ask.request.id] = ask
            self._tools.reuse.plan(ask.request)
            planned.append(Planned(self._tools.clock.now(), ask.request, fresh, ask.step))
        return self._feed(planned)

    def _known(self, life: Life) -> Outcome | None:
        """The outcome of a life that is settled for good, None if there is something left to do for it."""
        if is_unfinished(life):
            return None
        if life.state == "saved" and not self._tools.holds(life.artifacts):
            return Outcome("failed", life.request, why=GONE, reused=True)
        self._tools.reuse.know(life.request)
        return outcome_of(life, reused=True)

    def _is_ordered(self, ask: Ask, life: Life | None, history: Sequence[Fact]) -> bool:
        """Whether the user orders a new purchase: by the command line or by age, once a run, or by the step's word on risk."""
        orders = [fact for fact in history if isinstance(fact, Planned) and fact.fresh]
        if not any(order.at >= self._started_at for order in orders) and self._is_wanted_anew(ask, life):
            return True
        if life is None or life.state != "uncertain" or not self._conductor.takes(ask.request, ask.step):
            return False
        saved_at = max((fact.at for fact in history if isinstance(fact, Saved)), default=0.0)
        return self._tools.risk(ask, sum(order.at > saved_at for order in orders))

    def _is_wanted_anew(self, ask: Ask, life: Life | None) -> bool:
        if self._tools.fresh(ask.step):
            return True
        return life is not None and not is_unfinished(life) and self._tools.again(ask, life)

    def _stop_printing(self, failure: BaseException) -> None:
        self.give_up(failure)
        self._bell.set()

    def give_up(self, failure: BaseException) -> None:
        """Remember what broke on our side and land what flies: an answer that is paid for is worth more than a quick end."""
        self._failure = self._failure or failure
        self._exhausted = True
        self._tools.drain()
        self._conductor.drain()

    async def _carry(self, send: Send) -> None:
        if send.step == "submit":
            self._aloft[send.request.id] = None
        try:
            carried = await self._tools.hands.carry(send)
        except Exception as failure:  # noqa: BLE001 - vendors' failures are verdicts: this is ours, and `run` raises it
            self.give_up(failure)
        else:
            self._aloft.pop(send.request.id, None)
            self._carried.append(carried)
        finally:
            self._end_task()

    async def _finish(self, chore: Chore) -> None:
        try:
            made = await self._tools.finish(chore)
            self._finished.append((chore, made))  # only now: `_take_in` may have begun another list meanwhile
        except Exception as failure:  # noqa: BLE001 - as in `_carry`
            self.give_up(failure)
        finally:
            self._end_task()

    async def _verify(self, life: Life) -> None:
        """Every byte of a landed life is decoded and measured; only then it counts as saved."""
        artifacts: list[Artifact] = []
        try:
            for item in life.items:
                made = await self._artifact_of(item)
                if isinstance(made, str):
                    self._judged.append(Stopped(self._tools.clock.now(), life.request.id, "spoiled", made))
                    return
                artifacts.append(made)
            self._judged.append(Saved(self._tools.clock.now(), life.request.id, tuple(artifacts)))
        except Exception as failure:  # noqa: BLE001 - as in `_carry`
            self.give_up(failure)
        finally:
            self._end_task()

    async def _artifact_of(self, item: Item) -> Artifact | str:
        if (artifact := artifact_of(item)) is not None:
            return artifact
        assert isinstance(item, Held)
        return await self._tools.measure(item.blob)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(self._loop.create_task(work))

    def _end_task(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)
        self._bell.set()

    async def _wait(self) -> bool:
        """Wait for the next answer or the next moment something is due. False when neither will come."""
        wake_at = self._conductor.wake_at(self._tools.clock.now())
        if not self._tasks and wake_at is None:
            return False
        if not self._bell.is_set():
            await self._first_of(wake_at)
        self._bell.clear()
        return True

    async def _first_of(self, wake_at: float | None) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._bell.wait())]
        if wake_at is not None:
            waits.append(asyncio.ensure_future(self._tools.clock.sleep_until(wake_at)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _aside(self, where: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        return await self._loop.run_in_executor(where, work, *args)

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._press.close()
        self._disk.shutdown()
