"""What may leave now, as far as one lane is concerned.

A gate answers one question, `opens_at`: from when may this step leave, as far as this lane is concerned? It never waits and never
looks at a clock. Its windows are exact and sliding ("never more than N in any span of W", not a bucket that refills), because a
vendor counts that way. Downloads go to other hosts than the vendor's API, so they have a door, a cap and a hold of their own.

A lane that fails rests and is probed (Nygard, "Release It!", 2007, chapter 5: circuit breaker), and second tries are a small share
of first ones ("Addressing Cascading Failures", Site Reliability Engineering, 2016), so that our retries never are a vendor's storm.

Runs of other jobs may use the same account at the same time. What they do in the lane is told to the gate (`share`) and counts as
if it were ours; what we do is told to them (`use`).

A new kind of limit (spacing, tokens, adaptive concurrency) is one more opinion inside `opens_at`.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from runner.core.retry import throttle
from runner.records import Limits, Step, Window
from runner.verdicts import Barred, Broken, Busy, Lost, Verdict

STEPS: Final[tuple[Step, ...]] = ("submit", "poll", "fetch")

CEILING: Final = 100
"""Calls in flight where no limit is declared: sockets are finite, and a crash leaves every submit in flight uncertain."""

FAILURES: Final = 8
"""Failures in a row after which a host rests."""
REST: Final = 15.0
LONGEST_REST: Final = 120.0
PROBES: Final = 4
"""Probes in a row that may fail before the lane is given up for this run: after some four minutes in all."""

HOLDS: Final = 20
"""Holds in a row for nothing but another Busy, over at least `HELD` seconds, after which a lane is given up for this run."""
HELD: Final = 900.0

FIRSTS: Final = 10
"""First tries that earn one second try."""
RESERVE: Final = 20
"""Second tries a lane may have at once; it starts with them and never saves up more."""
SPACING: Final = 2.0
"""Seconds between second tries beyond that."""

FETCHES: Final = 2
"""Downloads in flight for each call the API may have in flight."""

GLANCE: Final = 0.1
"""Seconds after which a run that waits beside others looks again at what they do."""


class Sliding:
    """The moments of the last sends, as many as one window allows."""

    def __init__(self, window: Window) -> None:
        if window.most < 1 or not window.seconds > 0:
            raise ValueError(
                f"a window of {window.most} in {window.seconds} s lets nothing through; use at least 1 and more than 0 s"
            )
        self.window = window
        self.moments: deque[float] = deque()

    def opens_at(self, now: float) -> float:
        """The moment from which one more fits; in the past if it fits now."""
        while self.moments and self.moments[-1] > now:  # an earlier run's clock was ahead of this one's
            self.moments.pop()
        return self.moments[0] + self.window.seconds if len(self.moments) >= self.window.most else now

    def note(self, at: float) -> None:
        """Count a send at `at`, which may lie before others already counted (histories come request by request)."""
        if not self.moments or at >= self.moments[-1]:
            self.moments.append(at)
        elif len(self.moments) < self.window.most or at > self.moments[0]:
            bisect.insort(self.moments, at)
        if len(self.moments) > self.window.most:
            self.moments.popleft()


@dataclass(frozen=True, slots=True)
class Others:
    """What other runs do in a lane: how many there are, their calls in flight and their tickets.

    `sent` are the moments of the calls that count since this was last told. `first`: one of them has waited longer than we have,
    so our submits let it pass. Our polls never do: they are what makes room.
    """

    runs: int = 0
    flying: int = 0
    tickets: int = 0
    sent: tuple[float, ...] = ()
    first: bool = False


ALONE: Final = Others()


@dataclass(frozen=True, slots=True)
class Use:
    """What this run does in a lane, for the others; `waits` says that something is due and only the limits keep it."""

    flying: int = 0
    tickets: int = 0
    sent: tuple[float, ...] = ()
    waits: bool = False


class Circuit:
    """Rests a host that fails, and probes it with a single call before the crowd comes back.

    A failure is a call without an answer, or one that says the vendor is out of order; any other answer proves that it works.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.trips = 0
        self.rest_until = float("-inf")

    @property
    def given_up(self) -> bool:
        """Whether so many probes in a row went wrong that waiting for the next is of no use in this run."""
        return self.trips > PROBES

    def opens_at(self, now: float, flying: int) -> float | None:
        """The moment from which a call may leave; None while a probe is out."""
        if self.trips == 0 or now < self.rest_until:
            return max(now, self.rest_until)
        return now if flying == 0 else None

    def hear(self, at: float, verdict: Verdict) -> None:
        """Count a failure or forget them all. What fails during a rest left before it and belongs to the same trip."""
        if not isinstance(verdict, Broken | Lost):
            self.failures = self.trips = 0
            return
        self.failures += 1
        if self.failures >= FAILURES and at >= self.rest_until:
            self.trips += 1
            self.rest_until = at + min(REST * 2.0 ** (self.trips - 1), LONGEST_REST)


class Retries:
    """Keeps a bad hour from becoming a storm: second tries may be a tenth of all submits; beyond that they are spaced out."""

    def __init__(self) -> None:
        self.left = RESERVE * FIRSTS  # in tenths, so that sums are exact

    def earn(self) -> None:
        """A first try has left."""
        self.left = min(self.left + 1, RESERVE * FIRSTS)

    def charge(self) -> float:
        """Pay for one more try; the seconds it has to wait beyond its own backoff."""
        self.left -= FIRSTS
        return max(-self.left, 0) / FIRSTS * SPACING


class Door:
    """One host's share of a gate: calls in flight, their cap, how long to hold after a Busy, and a circuit."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.circuit = Circuit()
        self.flying = 0
        self.hold_until = float("-inf")
        self.streak = 0
        self.busy_at = 0.0

    @property
    def stuck(self) -> bool:
        """Whether it was held so often and so long for nothing that waiting on is of no use in this run."""
        return self.streak > HOLDS and self.hold_until - self.busy_at > HELD

    def hear(self, at: float, id: str, verdict: Verdict) -> None:
        """Hold on Busy, calm down on anything else. What arrives during a hold left before it and belongs to the same episode."""
        self.circuit.hear(at, verdict)
        fresh = at >= self.hold_until
        if not isinstance(verdict, Busy):
            self.streak = 0 if fresh else self.streak
            return
        self.busy_at = at if self.streak == 0 else self.busy_at
        self.streak = self.streak + 1 if fresh else max(self.streak, 1)
        if fresh or verdict.after is not None:
            self.hold_until = max(self.hold_until, at + throttle(id, self.streak, verdict.after))


class Gate:
    """One lane's limits and what they have seen. Raises `ValueError` for limits that would let nothing through."""

    def __init__(self, limits: Limits) -> None:
        for name, most in (("concurrent", limits.concurrent), ("queued", limits.queued)):
            if most is not None and most < 1:
                raise ValueError(f"{name}: {most} lets nothing through; use at least 1, or leave it out for no limit")
        cap = CEILING if limits.concurrent is None else limits.concurrent
        self.limits = limits
        self.windows = [Sliding(window) for window in limits.rate]
        self.api = Door(cap)
        self.files = Door(cap * FETCHES)
        self.tickets = 0
        self.others: Others | None = None
        self._sent: list[float] = []
        self.retries = Retries()
        self.shut: dict[Step, str] = {}
        self.barred = ""
        self.failing = ""

    def opens_at(self, step: Step, now: float) -> float | None:
        """The moment from which `step` may leave; None while that depends on an answer, not on time (or never: it is shut)."""
        door, others = self.door(step), ALONE if step == "fetch" or self.others is None else self.others
        if step in self.shut or door.flying + others.flying >= door.cap:
            return None
        if step == "submit" and (others.first or self._full(others)):
            return None
        opens_at = door.circuit.opens_at(now, door.flying)
        if opens_at is None:
            return None
        opens_at = max(opens_at, door.hold_until)
        if self.windows and self._counts(step):
            opens_at = max(opens_at, *(window.opens_at(now) for window in self.windows))
        return opens_at

    def reopens_at(self, step: Step, now: float) -> float | None:
        """As `opens_at`, but soon where others are in the lane: nobody tells us when they are done, so we look again."""
        opens_at = self.opens_at(step, now)
        if self.others is None or self.others.runs == 0 or step in self.shut:
            return opens_at
        return now + GLANCE if opens_at is None else min(opens_at, now + GLANCE)

    def door(self, step: Step) -> Door:
        """The door this step leaves through."""
        return self.files if step == "fetch" else self.api

    def sent(self, step: Step, at: float) -> None:
        """Count a call that leaves."""
        self.door(step).flying += 1
        if self._counts(step):
            self._note(at)
            if self.others is not None:
                self._sent.append(at)

    def remember(self, step: Step, at: float) -> None:
        """Count a call of an earlier run: the vendor's windows do not know that we were restarted.

        Whoever tells of others tells of that, too.
        """
        if self.others is None and self._counts(step):
            self._note(at)

    def share(self, others: Others) -> None:
        """Take in what other runs do in this lane, and what any run did in it before."""
        self.others = others
        for at in others.sent:
            self._note(at)

    def use(self, now: float, due: Iterable[Step]) -> Use:
        """What the others are to know of us since this was last asked; `due` are the steps for which something is due."""
        sent, self._sent = tuple(self._sent), []
        flying = self.api.flying if self.limits.concurrent is not None else 0
        return Use(flying, self.tickets, sent, self.waits(now, due))

    def waits(self, now: float, due: Iterable[Step]) -> bool:
        """Whether one of the steps that are `due` is kept by what the limits count, and by nothing else."""
        if self.api.circuit.trips or self.api.hold_until > now:
            return False
        opens_at = [self.opens_at(step, now) for step in due if step not in self.shut]
        return any(at is None or at > now for at in opens_at)

    def answered(self, step: Step, at: float, id: str, verdict: Verdict) -> None:
        """Take back a call in flight and hear what its answer means for the lane."""
        door = self.door(step)
        door.flying -= 1
        door.hear(at, id, verdict)
        if isinstance(verdict, Barred):
            self.barred = self.barred or verdict.why
            self.close(step, verdict.why)
        elif door.circuit.given_up and isinstance(verdict, Broken | Lost) and not self.failing:
            self.failing = f"{door.circuit.failures} calls in a row went wrong, the last: {verdict.why}"
            self.close(step, self.failing)
        elif door.stuck and isinstance(verdict, Busy) and not self.failing:
            self.failing = f"too fast {door.streak} times in a row, whatever the wait: {verdict.why}"
            self.close(step, self.failing)

    def close(self, step: Step, why: str) -> None:
        """Shut `step` and all before it: what can no longer be asked for or downloaded must not be bought either.

        What comes after stays open: when credits run out, paid jobs may still be polled, and links downloaded.
        """
        for earlier in STEPS[: STEPS.index(step) + 1]:
            self.shut.setdefault(earlier, why)

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        doors = tuple((*vars(door.circuit).values(), door.flying, door.hold_until, door.streak) for door in (self.api, self.files))
        rest = (self.tickets, self.retries.left, dict(self.shut), self.barred, self.failing)
        return tuple(tuple(window.moments) for window in self.windows), doors, rest

    def _full(self, others: Others) -> bool:
        return self.limits.queued is not None and self.tickets + others.tickets >= self.limits.queued

    def _note(self, at: float) -> None:
        for window in self.windows:
            window.note(at)

    def _counts(self, step: Step) -> bool:
        return step == "submit" or (step == "poll" and self.limits.polls_count)
