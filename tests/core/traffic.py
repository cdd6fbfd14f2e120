"""Servers with limits nobody declared, and a crowd of requests sent to them through one gate, in virtual time.

The server counts by when calls arrive, which is a jittered while after they left; the gate knows only what a run would know.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Protocol, TypeAlias

from runner.core import Conductor
from runner.core.gate import Gate
from runner.core.standby import Standby
from runner.facts import Answered, Planned, Saved
from runner.records import Limits, Send
from runner.verdicts import Broken, Busy, Done, Queued, Text, Verdict
from tests.core.stage import ask, offer

OK = Queued("t")
Spread: TypeAlias = tuple[float, float]


class Server(Protocol):
    """Decides about a call that arrives; `free` is told when it has answered."""

    def take(self, at: float) -> tuple[Verdict, float]:
        """The verdict, and the seconds of work until it is answered."""

    def free(self) -> None:
        """A call that was taken has been answered."""


@dataclass
class Window:
    """Never more than `most` in any span of `seconds`; what is refused does not count."""

    most: int
    seconds: float
    work: float = 0.02
    after: float | None = None
    taken: deque[float] = field(default_factory=deque)

    def take(self, at: float) -> tuple[Verdict, float]:
        """Refuse what is too much."""
        while self.taken and self.taken[0] <= at - self.seconds:
            self.taken.popleft()
        if len(self.taken) >= self.most:
            return Busy(self.after), 0.002
        self.taken.append(at)
        return OK, self.work

    def free(self) -> None:
        """Nothing to free."""


@dataclass
class Fixed:
    """Never more than `most` between two strokes of a clock that ticks every `seconds`."""

    most: int
    seconds: float
    work: float = 0.02
    tick: int = -1
    taken: int = 0

    def take(self, at: float) -> tuple[Verdict, float]:
        """Refuse what is too much before the next tick."""
        if (tick := int(at // self.seconds)) != self.tick:
            self.tick, self.taken = tick, 0
        if self.taken >= self.most:
            return Busy(), 0.002
        self.taken += 1
        return OK, self.work

    def free(self) -> None:
        """Nothing to free."""


@dataclass
class Uneven:
    """Works for a tenth more or less than the server within."""

    inner: Server
    dice: Random = field(default_factory=lambda: Random(5))

    def take(self, at: float) -> tuple[Verdict, float]:
        """As the other says, but not as evenly."""
        verdict, work = self.inner.take(at)
        return verdict, work * self.dice.uniform(0.9, 1.1) if verdict is OK else work

    def free(self) -> None:
        """Pass on."""
        self.inner.free()


@dataclass
class Bucket:
    """A bucket of `burst` tokens, refilled at `rate` a second."""

    rate: float
    burst: float
    work: float = 0.02
    level: float = -1.0
    filled_at: float = 0.0

    def take(self, at: float) -> tuple[Verdict, float]:
        """Refuse without a token."""
        level = self.burst if self.level < 0 else min(self.burst, self.level + (at - self.filled_at) * self.rate)
        self.level, self.filled_at = (level - 1 if level >= 1 else level), at
        return (OK, self.work) if level >= 1 else (Busy(), 0.002)

    def free(self) -> None:
        """Nothing to free."""


@dataclass
class Desks:
    """So many calls at once, and no more: the next is refused, or waits in line if `queues`."""

    most: int
    work: float = 0.1
    queues: bool = False
    busy: int = 0
    until: list[float] = field(default_factory=list)

    def take(self, at: float) -> tuple[Verdict, float]:
        """Refuse, or let wait for the next free desk."""
        if self.queues:
            begins = at if len(self.until) < self.most else max(at, heapq.heappop(self.until))
            heapq.heappush(self.until, begins + self.work)
            return OK, begins + self.work - at
        if self.busy >= self.most:
            return Busy(), 0.002
        self.busy += 1
        return OK, self.work

    def free(self) -> None:
        """A desk is free."""
        self.busy -= not self.queues


@dataclass
class Ill:
    """Answers every so manieth call with an error of its own."""

    inner: Server
    every: int = 3
    count: int = 0

    def take(self, at: float) -> tuple[Verdict, float]:
        """An error, or whatever the healthy server says."""
        self.count += 1
        return self.inner.take(at) if self.count % self.every else (Broken("502"), 0.01)

    def free(self) -> None:
        """Pass on."""
        self.inner.free()


@dataclass
class Traffic:
    """What came of it: when calls arrived that were accepted, when calls were refused, and the most in flight."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    most_flying: int = 0

    def accepted_within(self, since: float, until: float) -> float:
        """Accepted calls per second."""
        return sum(since <= at < until for at in self.accepted) / (until - since)

    def refused_within(self, since: float, until: float) -> float:
        """The share of calls that were refused."""
        refused = sum(since <= at < until for at in self.refused)
        return refused / max(refused + sum(since <= at < until for at in self.accepted), 1)


@dataclass
class Road:
    """How calls travel: how long the journal takes before they leave, how long the way is, and how late a run wakes at most.

    With `tells` the gate is told when they left.
    """

    commit: Spread = (0.001, 0.004)
    way: Spread = (0.0005, 0.0015)
    grain: float = 0.001
    tells: bool = True


class Drive:
    """One run that sends as fast as its gate allows. Calls of one turn leave together."""

    def __init__(self, gate: Gate, server: Server, road: Road, seed: int = 1) -> None:
        self.gate, self.server, self.road = gate, server, road
        self.dice = Random(seed)
        self.now, self.sent = 0.0, 0
        self.traffic = Traffic()
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.written = 0

    def run(self, count: int, until: float) -> Traffic:
        """Send `count` calls and hear their answers, or go on until a moment."""
        while (self.sent < count or self.events) and self.now < until:
            while self.events and self.events[0][0] <= self.now:
                at, _, happen = heapq.heappop(self.events)
                happen(at)
            opens_at = self.turn(count)
            moments = [at for at in (opens_at, self.events[0][0] if self.events else None) if at is not None]
            if not moments:
                break
            self.now = max(self.now, min(moments)) + self.dice.uniform(0.0, self.road.grain)
        return self.traffic

    def turn(self, count: int) -> float | None:
        """Let leave what may; the moment from which the next may."""
        names: list[str] = []
        while self.sent < count and (opens_at := self.gate.opens_at("submit", self.now)) is not None:
            if opens_at - self.gate.lead("submit", self.now) > self.now:
                break
            self.sent += 1
            names.append(f"r{self.sent}")
            self.gate.sent("submit", self.now, names[-1])
        self.traffic.most_flying = max(self.traffic.most_flying, self.gate.api.flying)
        if names:
            self.now += self.dice.uniform(*self.road.commit)
        for name in names:
            if (leaves_at := self.gate.leaves_at(name, self.now)) > self.now:
                self.at(leaves_at + self.dice.uniform(0.0, self.road.grain), partial(self.leave, name))
            else:
                self.leave(name, self.now)
        return self.gate.reopens_at("submit", self.now) if self.sent < count else None

    def leave(self, name: str, at: float) -> None:
        """A call is on its way."""
        if self.road.tells:
            self.gate.left(name, at)
        self.at(at + self.dice.uniform(*self.road.way), partial(self.arrive, name))

    def at(self, moment: float, happen: Callable[[float], None]) -> None:
        """Something happens then."""
        self.written += 1
        heapq.heappush(self.events, (moment, self.written, happen))

    def arrive(self, name: str, at: float) -> None:
        """A call is at the server."""
        verdict, work = self.server.take(at)
        self.traffic.arrived.append(at)
        (self.traffic.refused if isinstance(verdict, Busy) else self.traffic.accepted).append(at)
        self.at(at + work + self.dice.uniform(*self.road.way), partial(self.answer, name, verdict))

    def answer(self, name: str, verdict: Verdict, at: float) -> None:
        """Its answer is here; its fact follows with the next turn."""
        if verdict is OK:
            self.server.free()
        self.gate.came(name, lambda: at)
        self.gate.answered("submit", self.now, name, verdict)


class Crew(Drive):
    """One run of a whole conductor with limits as declared: retries, backoff and order of planning included."""

    def __init__(self, limits: Limits, server: Server, count: int, seed: int = 1) -> None:
        self.conductor = Conductor({"acme": limits}, {"acme/image": offer()})
        self.standby = Standby(self.conductor.gate)
        self.under_way: dict[str, Send] = {}
        super().__init__(self.conductor.gate("acme"), server, Road(), seed)
        for number in range(count):
            self.conductor.feed(Planned(0.0, ask(f"r{number}")))

    def turn(self, count: int) -> float | None:
        """Let leave what is due; when to look again."""
        assert self.standby.turn(self.now) == []
        sends = self.conductor.due(self.now)
        self.sent += len(sends)
        self.traffic.most_flying = max(self.traffic.most_flying, self.gate.api.flying)
        if sends:
            self.now += self.dice.uniform(*self.road.commit)
        for send in self.standby.leave(sends, self.now):
            self.under_way[send.request.id] = send
            self.at(self.now + self.dice.uniform(*self.road.way), partial(self.arrive, send.request.id))
        for life in self.conductor.landed():
            self.conductor.feed(Saved(self.now, life.request.id, ()))
        self.conductor.settled()
        return self.conductor.wake_at(self.now)

    def answer(self, name: str, verdict: Verdict, _: float) -> None:
        """Its answer is here: what was accepted is done."""
        if verdict is OK:
            self.server.free()
        assert self.standby.relieve(self.under_way.pop(name), lambda: self.now) is None, "a lane with a pace has nobody stand by"
        self.conductor.feed(Answered(self.now, name, "submit", Done((Text("x"),)) if verdict is OK else verdict))


def drive(gate: Gate, server: Server, *, count: int = 10**6, until: float = float("inf"), road: Road | None = None) -> Traffic:
    """What comes of it if a run sends `count` calls through the gate as fast as it allows, or goes on until a moment."""
    return Drive(gate, server, road or Road()).run(count, until)
