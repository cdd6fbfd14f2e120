"""The engine: the only place that waits.

It turns in a circle. Each turn takes in what the hands brought back, asks the conductor what may leave now, writes all facts of the
turn in one durable commit, and only then lets anything leave; so a purchase is on disk before its first byte, and a ticket before
its first poll. Where many answers come, some more is written than there are places; it stands by and takes each place that becomes
free. Where it is known before when a call may leave, it is written before, and stands by for its moment. While the disk syncs,
answers gather, and the next turn takes them in together; where they are many it is decided before the disk is done, so that neither
waits for the other. Turns are written and acted on in their order, and what is wanted is looked up after the facts that were known
by then; what is done is published in another thread.

The engine decides nothing about a request: the loom says what is wanted, the conductor when it may go, the hands what came of it.
Nothing here knows a vendor. A waiting request costs no task; a task lives as long as one exchange.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from runner.core.agenda import NEVER
from runner.core.conductor import Conductor
from runner.core.lifecycle import Life, recall
from runner.core.standby import Standby
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Saved, Stopped
from runner.hands import Carried
from runner.loom import Ask, Chore, Loom, Woven, Yield
from runner.outcomes import artifact_of, outcome_of
from runner.press import Press
from runner.records import Artifact, Send, Variant
from runner.tools import Tools
from runner.verdicts import Held

T = TypeVar("T")

WINDOW: Final = 4_000
"""Variants in flight at once: enough to keep every lane busy, few enough that memory does not grow with the feed."""
AT_ONCE: Final = 250
"""Variants taken up in a turn."""
PORTIONS: Final = 8
"""Of these the window is refilled when one has become empty, where that is less than `AT_ONCE`."""

AHEAD: Final = 2
"""Turns that may be decided and not yet acted on: one that is being written, and the one after it."""
FEW: Final = 25
"""Calls under way, fewer than which are no crowd: each answer makes a turn at once."""
NEWS: Final = 50
"""Answers for which it is worth deciding a turn while the one before is still being written, or before a `BREATH` is over."""
BREATH: Final = 0.005
"""Seconds for which answers gather where many calls are under way: a turn and its commit cost the same for one as for many."""

TOLD: Final = 5
"""Requests that are told by name."""


@dataclass(slots=True)
class Ending:
    """How a run ended: why which lane closed, requests reused per lane, which budgets were spent, the signal's exit code."""

    closed: dict[str, str] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    reused: Counter[str] = field(default_factory=Counter)
    spent: tuple[str, ...] = ()
    interrupted: int = 0


@dataclass(slots=True)
class _Turn:
    """What was decided in a turn: facts to write, and what may happen once `written` says that they are on the disk."""

    facts: list[Fact]
    sends: list[Send]
    landed: list[Life]
    chores: list[Chore]
    yields: list[Yield]
    made: list[Woven]
    written: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return bool(self.facts or self.landed or self.chores or self.yields or self.made)


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
        self._window, self._standby, self._departs_at = window, Standby(conductor.gate), NEVER
        self._started_at = tools.clock.now()
        self._carried: list[Carried] = []
        self._judged: list[Fact] = []
        self._landed: list[Life] = []
        self._finished: list[tuple[Chore, tuple[Artifact, ...] | str]] = []
        self._made: list[Woven] = []
        self._failure: BaseException | None = None
        self._exhausted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: deque[_Turn] = deque()
        self._looking: tuple[list[Ask], asyncio.Future[dict[str, list[Fact]]]] | None = None
        self._bell, self._crowd = asyncio.Event(), asyncio.Event()
        self._breath: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop
        self._disk = ThreadPoolExecutor(1, "journal")
        self._press = Press(tools.publish, tools.tell, self.give_up)
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
        self.ending.failing, self.ending.spent = dict(self._conductor.failing), self._conductor.spent
        self.ending.reused = self._tools.reuse.counts()
        return self.ending

    async def _turn(self) -> bool:
        """Act on what is written, decide what follows and have it written. False once there is nothing left to wait for."""
        if self._turns and (len(self._turns) >= AHEAD or not await self._has_news()):
            await self._act(self._turns.popleft())
            if self._tasks and not self._turns:
                await self._wait()
        turn = self._decide()
        if turn.facts:
            turn.written = self._aside(self._tools.ledger.commit, turn.facts)
        self._look_up()
        if turn:
            self._turns.append(turn)
        return True if self._turns else await self._wait()

    def _decide(self) -> _Turn:
        """Take in all there is to know, and see what follows. Nothing leaves memory here."""
        facts = self._take_in() + self._admit()
        self._settle()
        with self._tools.turn(self._conductor):
            now = self._tools.clock.now()
            facts += self._feed(self._standby.turn(now))
            sends = self._conductor.due(now)
            facts += self._feed(self._conductor.expired(now))  # after `due`, so that the last poll has left
        facts += self._conductor.sent
        self._settle()
        self._fill()
        landed, self._landed = [*self._landed, *self._conductor.landed()], []
        made, self._made = [*self._made, *self._loom.finished()], []
        return _Turn(facts, sends, landed, self._loom.chores(), self._loom.yields(), made)

    async def _act(self, turn: _Turn) -> None:
        """Once the facts of a turn are on the disk, let go of what waited for that."""
        await self._written(turn)
        for send in self._standby.leave(turn.sends, self._tools.clock.now()):
            self._start(self._carry, send)
        self._see_off()
        for life in turn.landed:
            self._start(self._verify, life)
        for chore in turn.chores:
            self._start(self._finish, chore)
        await self._press.put(turn.yields, turn.made)

    async def _written(self, turn: _Turn) -> None:
        """Wait for the disk. Where it fails, say which purchases nobody can write the answers of: they will be uncertain."""
        try:
            if turn.written is not None:
                await turn.written
        except OurSide as failure:
            facts = [fact for each in (turn, *self._turns) for fact in each.facts if isinstance(fact, Answered)]
            answered = [fact.id for fact in facts if fact.step == "submit"]
            if at_risk := [*self._aloft, *self._standby.ids(), *answered]:
                told = ", ".join(name[:12] for name in at_risk[:TOLD]) + (", …" if len(at_risk) > TOLD else "")
                raise OurSide(f"{failure}\n{len(at_risk)} requests were under way and may be uncertain now: {told}") from failure
            raise

    async def _has_news(self) -> bool:
        """Whether many an answer comes before the turn that is being written is on the disk."""
        written = self._turns[0].written
        if written is None or written.done():
            return False
        if len(self._carried) < NEWS:
            self._crowd.clear()
            written.add_done_callback(lambda _: self._crowd.set())
            await self._crowd.wait()
        return not written.done()

    def _take_in(self) -> list[Fact]:
        """Facts from what the hands and the verifiers brought since the last turn."""
        carried, self._carried = self._carried, []
        judged, self._judged = self._judged, []
        while self._finished:
            self._loom.finish(*self._finished.pop(0))
        now = self._tools.clock.now()
        answers: list[Fact] = [
            Answered(now, one.send.request.id, one.send.step, one.verdict, one.send.part, one.raw, one.said) for one in carried
        ]
        return self._feed([*answers, *judged]) + self._feed(self._read_landed(now))

    def _read_landed(self, now: float) -> list[Fact]:
        """What landed as text is saved in the turn in which it came: there is nothing to decode. The rest is verified after it."""
        saved: list[Fact] = []
        for life in self._conductor.landed():
            artifacts = tuple([artifact for part in life.parts if (artifact := artifact_of(part.item)) is not None])
            if len(artifacts) == len(life.parts):
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

    def _fill(self) -> None:
        """Take up variants where there is room for many; not too many at once, so that some leave while others are still made."""
        if self._tasks and self._window - len(self._loom) < min(AT_ONCE, self._window // PORTIONS):
            return  # what is written of a few at a time costs the journal the same pages as of many
        for _ in range(AT_ONCE):
            if len(self._loom) >= self._window or self._exhausted or self._conductor.penniless:
                return
            variant = next(self._variants, None)
            if variant is None:
                self._exhausted = True
            else:
                self._loom.take_up(variant)
        self._bell.set()

    def _look_up(self) -> None:
        """Have the journal say what it knows of the requests that are wanted, after all facts until now are in it."""
        if self._looking is None and (asks := self._loom.asks() + self._again):
            self._again = []
            known = self._aside(self._tools.ledger.histories, [ask.request.id for ask in asks])
            known.add_done_callback(lambda _: self._bell.set())
            self._looking = asks, known

    def _admit(self) -> list[Fact]:
        """Settle what is known already of what was looked up; hand the rest to the conductor. Returns the Planned facts."""
        if self._looking is None or not self._looking[1].done():
            return []
        asks, known = self._looking[0], self._looking[1].result()
        self._looking = None
        now = self._tools.clock.now()
        planned: list[Fact] = []
        for ask in asks:
            fresh, history = self._tools.fresh(ask.step), known.get(ask.request.id)
            if history is not None and (life := recall(history)) is not None:
                if self._tools.stays(ask.request.id):
                    self._loom.settle(ask.request.id, self._tools.known(life) or outcome_of(life, reused=True))
                    continue
                fresh = self._tools.is_ordered(ask, life, history, self._started_at, self._conductor.takes)
                if not fresh and (outcome := self._tools.known(life)) is not None:
                    self._loom.settle(ask.request.id, outcome)
                    continue
                if not fresh:
                    self._conductor.recall(ask.request, history, ask.step)
            if self._tools.risk(ask, 0):
                self._risky[ask.request.id] = ask
            self._tools.reuse.plan(ask.request)
            planned.append(Planned(now, ask.request, fresh, ask.step))
        return self._feed(planned)

    def give_up(self, failure: BaseException) -> None:
        """Remember what broke on our side and land what flies: an answer that is paid for is worth more than a quick end."""
        self._failure = self._failure or failure
        self.drain(self.ending.interrupted)

    def _see_off(self) -> None:
        """Have somebody there when what stands by for its moment leaves: no turn, which may be waiting for the disk just then."""
        if (at := self._standby.next_at()) < self._departs_at:
            self._departs_at = at
            self._start(self._depart, at)

    async def _depart(self, at: float) -> None:
        while at < NEVER and at == self._departs_at:  # else there is somebody who came for an earlier one, and goes on
            await self._tools.clock.sleep_until(at)
            for send in self._standby.depart(self._tools.clock.now()):
                self._start(self._carry, send)
            if at == self._departs_at:
                self._departs_at = at = self._standby.next_at()

    async def _carry(self, send: Send) -> None:
        if send.step == "submit":
            self._aloft[send.request.id] = None
        carried = await self._tools.hands.carry(send)
        self._aloft.pop(send.request.id, None)
        self._carried.append(carried)
        if (follower := self._standby.relieve(send, self._tools.clock.now)) is not None:  # its place is taken at once
            self._start(self._carry, follower)

    async def _finish(self, chore: Chore) -> None:
        made = await self._tools.finish(chore)
        self._finished.append((chore, made))  # only now: `_take_in` may have begun another list meanwhile

    async def _verify(self, life: Life) -> None:
        """Every byte of a landed life is decoded and measured; only then it counts as saved."""
        artifacts: list[Artifact] = []
        for item in life.items:
            made = await self._tools.measure(item.blob) if isinstance(item, Held) else artifact_of(item)
            assert made is not None
            if isinstance(made, str):
                self._judged.append(Stopped(self._tools.clock.now(), life.request.id, "spoiled", made))
                return
            artifacts.append(made)
        self._judged.append(Saved(self._tools.clock.now(), life.request.id, tuple(artifacts)))

    def _start(self, do: Callable[[T], Coroutine[None, None, None]], what: T) -> None:
        self._tasks.add(self._loop.create_task(self._work(do, what)))

    async def _work(self, do: Callable[[T], Coroutine[None, None, None]], what: T) -> None:
        """One piece of work, in a task of its own. That tells its end itself: a callback would cost as much again."""
        try:
            await do(what)
        except Exception as failure:  # noqa: BLE001 - vendors' failures are verdicts: this is ours, and `run` raises it
            self.give_up(failure)
        finally:
            self._end_task()

    def _end_task(self) -> None:
        if (task := asyncio.current_task(self._loop)) is not None:
            self._tasks.discard(task)
        if crowded := len(self._carried) >= NEWS:
            self._crowd.set()
        if crowded or len(self._tasks) < FEW:
            self._bell.set()
        elif self._breath is None:
            self._breath = self._loop.call_later(BREATH, self._bell.set)

    async def _wait(self) -> bool:
        """Wait for the next answer or the next moment something is due. False when neither will come."""
        wake_at = self._conductor.wake_at(self._tools.clock.now())
        if not self._tasks and wake_at is None and self._looking is None and not self._bell.is_set():
            return False
        if wake_at is None:
            await self._bell.wait()
        elif not self._bell.is_set():
            await self._first_of(wake_at)
        self._bell.clear()
        if self._breath is not None:
            self._breath.cancel()
            self._breath = None
        return True

    async def _first_of(self, wake_at: float) -> None:
        waits = [asyncio.ensure_future(wait) for wait in (self._bell.wait(), self._tools.clock.sleep_until(wake_at))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _aside(self, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return self._loop.run_in_executor(self._disk, work, *args)

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        unheard = [turn.written for turn in self._turns if turn.written is not None] + ([self._looking[1]] if self._looking else [])
        await asyncio.gather(*self._tasks, *unheard, return_exceptions=True)
        await self._press.close()
        self._disk.shutdown()
