"""A stage for the brain: requests, operations, and vendors with seeded moods, in virtual time.

The simulator is a turn-based event loop on a heap. It knows nothing of the conductor's inside: it asks `due`, answers what was sent
after a while, and keeps its own ledger of calls and of accepted (billed) submits.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from runner.core import Conductor, Life
from runner.core.agenda import NEVER
from runner.core.conductor import sent_fact
from runner.core.standby import Standby
from runner.facts import Answered, Planned, Saved
from runner.fields import Operation, Polling
from runner.records import Blob, Money, Request, Send
from runner.verdicts import Barred, Broken, Busy, Done, Held, Link, Lost, Queued, Refused, Text, Verdict

BLOB = Blob("ab" * 32, 7)
TURN = 0.1


def ask(name: str = "r1", provider: str = "acme", operation: str = "image") -> Request:
    """A request whose id is simply its name."""
    return Request(name, provider, operation, {"prompt": name})


def offer(name: str = "image", *, deadline: float = 600.0, price: Money | None = None, polling: Polling | None = None) -> Operation:
    """An operation that gives a file."""
    return Operation(name, "file", {}, polling=polling or Polling(), deadline=deadline, price=price)


@dataclass
class Mood:
    """How a vendor behaves: chances of each verdict for each call, seconds a job takes, links a job yields."""

    busy: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    refused: float = 0.0
    dead: float = 0.0
    barred: float = 0.0
    queue: float = 1.0
    work: tuple[float, float] = (2.0, 30.0)
    latency: tuple[float, float] = (0.02, 0.2)
    links: int = 1


@dataclass
class Vendor:
    """Answers sends as its mood and its dice want; `billed` is the ledger of accepted submits by request id."""

    dice: Random
    mood: Mood = field(default_factory=Mood)
    billed: Counter[str] = field(default_factory=Counter)
    ready_at: dict[str, float] = field(default_factory=dict)

    def answer(self, send: Send, at: float) -> Verdict:
        """The verdict of a call that arrives at `at`."""
        mood, roll = self.mood, self.dice.random()
        for chance, verdict in (
            (mood.busy, Busy(self.dice.choice([None, 0.5, 2.0]))),
            (mood.broken, Broken("connection refused")),
            (mood.barred, Barred("401: key rejected")),
        ):
            if roll < chance:
                return verdict
            roll -= chance
        return {"submit": self.submit, "poll": self.poll, "fetch": self.fetch}[send.step](send, at, roll)

    def submit(self, send: Send, at: float, roll: float) -> Verdict:
        """Accept, or lose the answer, or refuse."""
        name = send.request.id
        if roll < self.mood.refused:
            return Refused("422: no such style")
        self.billed[name] += 1
        if roll < self.mood.refused + self.mood.lost:
            return Lost("timeout after the headers went out")
        if self.dice.random() >= self.mood.queue:
            return self.result(name)
        self.ready_at[name] = at + self.dice.uniform(*self.mood.work)
        return Queued(f"t-{name}", self.dice.choice([None, None, 3.0]))

    def poll(self, send: Send, at: float, roll: float) -> Verdict:
        """Tell whether the job is done."""
        assert send.ticket == f"t-{send.request.id}"
        if roll < self.mood.lost:
            return Lost("truncated")
        return self.result(send.request.id) if at >= self.ready_at[send.request.id] else Queued(send.ticket)

    def fetch(self, send: Send, at: float, roll: float) -> Verdict:
        """Hand out the bytes, unless the link has died."""
        return Refused("403: link expired") if roll < self.mood.dead else Done((Held(BLOB),))

    def result(self, name: str) -> Verdict:
        """What a finished job yields."""
        if not self.mood.links:
            return Done((Text(f"copy for {name}"),))
        return Done(tuple(Link(f"https://cdn.test/{name}/{part}") for part in range(self.mood.links)))


@dataclass
class Simulator:
    """Runs a conductor against vendors until it is idle.

    `calls` logs every send, `flying` counts submits and polls in flight per lane, `queued` submits in flight and open tickets;
    these are counted from the outside. `check` is asked after every turn.
    """

    conductor: Conductor
    vendors: dict[str, Vendor]
    now: float = 0.0
    events: list[tuple[float, int, Answered]] = field(default_factory=list)
    calls: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: Counter[str] = field(default_factory=Counter)
    flying: Counter[str] = field(default_factory=Counter)
    queued: Counter[str] = field(default_factory=Counter)
    lanes: dict[str, str] = field(default_factory=dict)
    released: list[Life] = field(default_factory=list)
    check: Callable[[Simulator, list[Send]], None] | None = None
    written: int = 0
    under_way: dict[tuple[str, int], Send] = field(default_factory=dict)
    standby: Standby = field(init=False)

    def __post_init__(self) -> None:
        self.standby = Standby(self.conductor.gate)

    def plan(self, requests: Iterable[Request]) -> None:
        """Plan requests at the present moment."""
        for request in requests:
            self.lanes[request.id] = request.provider
            self.conductor.feed(Planned(self.now, request))

    def run(self, until: float = float("inf")) -> None:
        """Turn after turn until nothing is left to do, or it is `until`."""
        while self.turn():
            moments = [
                at for at in (self.conductor.wake_at(self.now), self.events[0][0] if self.events else None) if at is not None
            ]
            moments.append(self.standby.next_at())
            if min(moments) > until or min(moments) == NEVER:
                return
            self.now = max(self.now, min(moments)) + (TURN if self.events else 0.0)

    def turn(self) -> bool:
        """One turn of an engine; False once the conductor is idle."""
        while (at := self.standby.next_at()) <= self.now:
            for send in self.standby.depart(at):
                self.perform(send, at)
        while self.events and self.events[0][0] <= self.now:
            self.hear(heapq.heappop(self.events)[2])
        for taken_back in self.standby.turn(self.now):
            self.conductor.feed(taken_back)
        sends = self.conductor.due(self.now)
        for send in self.standby.leave(sends, self.now):
            self.perform(send, self.now)
        for stop in self.conductor.expired(self.now):
            self.conductor.feed(stop)
        for life in self.conductor.landed():
            self.conductor.feed(Saved(self.now, life.request.id, ()))
        self.ends.update(life.state for life in self.conductor.settled())
        self.released += self.conductor.released()
        if self.check is not None:
            self.check(self, sends)
        return not self.conductor.idle

    def hear(self, fact: Answered) -> None:
        """Feed an answer and count what it ends."""
        lane, goes_on = self.lanes[fact.id], not isinstance(fact.verdict, Done | Refused)
        self.flying[lane] -= fact.step != "fetch"
        if fact.step == "submit":
            self.queued[lane] -= not isinstance(fact.verdict, Queued)
        elif fact.step == "poll":
            self.queued[lane] -= not goes_on
        self.conductor.feed(fact)
        if (follower := self.standby.relieve(self.under_way.pop((fact.id, fact.part)), lambda: self.now)) is not None:
            self.perform(follower, self.now)

    def perform(self, send: Send, at: float) -> None:
        """Log the call, which leaves then, and put its answer into the future."""
        fact, lane = sent_fact(send, at), send.request.provider
        self.calls[lane, send.step].append(fact.at)
        self.flying[lane] += send.step != "fetch"
        self.queued[lane] += send.step == "submit"
        vendor = self.vendors[lane]
        arrives = at + vendor.dice.uniform(*vendor.mood.latency)
        self.written += 1
        self.under_way[fact.id, fact.part] = send
        answered = Answered(arrives, fact.id, send.step, vendor.answer(send, arrives), send.part)
        heapq.heappush(self.events, (arrives, self.written, answered))


def most_within(moments: list[float], seconds: float) -> int:
    """The most moments in any span of `seconds` (a send exactly `seconds` after another is in the next span)."""
    most = first = 0
    for last, at in enumerate(moments):
        while moments[first] + seconds <= at:
            first += 1
        most = max(most, last - first + 1)
    return most
