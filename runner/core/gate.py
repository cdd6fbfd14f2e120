"""What may leave now, as far as one lane is concerned.

A gate answers one question, `opens_at`: from when may this step leave, as far as this lane is concerned? It never waits and never
looks at a clock. Its windows are exact and sliding, in calls and in tokens (`windows`); what is not declared is learned (`pace`).
Downloads go to other hosts than the vendor's API, so they have a door, a cap and a hold of their own. A lane that fails rests
(`circuit`).

Runs of other jobs may use the same account at the same time. What they do in the lane is told to the gate (`share`) and counts as
if it were ours; what we do is told to them (`use`).

A new kind of limit is one more opinion inside `opens_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runner.core.circuit import Retries
from runner.core.door import Door
from runner.core.pace import CEILING, START, Crowd, Rate
from runner.core.windows import Latencies, Passage, Sliding
from runner.frozen import frozen
from runner.records import Limits, Step
from runner.verdicts import WRONG, Barred, Busy, Done, Verdict

STEPS: Final[tuple[Step, ...]] = ("submit", "poll", "fetch")

FETCHES: Final = 2
"""Downloads in flight for each call the API may have in flight."""

LONGEST_LAG: Final = 0.25
CALMING: Final = 0.99
"""Of how late calls leave after they were decided: the most that is believed, and what is left of it with each further call."""

LEAD: Final = 0.03
"""Seconds before it may leave at which a call is decided where a rate is declared, so that it is written down by then; a disk
that takes as long for every commit is slow. Of a window it is `EARLY` at most."""
EARLY: Final = 0.03
GATHERED: Final = 1 / 3
"""The part of a lead in which calls gather, so that not each is a turn of its own."""

MANY: Final = 10
"""Calls that come back within a turn, fewer than which leave no place empty for long."""

GLANCE: Final = 0.1
"""Seconds after which a run that waits beside others looks again at what they do."""


@frozen
class Others:
    """What other runs do in a lane: how many there are, their calls in flight and their tickets.

    `sent` are the moments of the calls that count since this was last told, `tokens` moments and what was counted then (less than
    nothing where it was too much). `first`: one of them has waited longer than we have, so our submits let it pass. Our polls never
    do: they are what makes room.
    """

    runs: int = 0
    flying: int = 0
    tickets: int = 0
    sent: tuple[float, ...] = ()
    first: bool = False
    tokens: tuple[tuple[float, int], ...] = ()


ALONE: Final = Others()


@frozen
class Use:
    """What this run does in a lane, for the others; `waits` says that something is due and only the limits keep it."""

    flying: int = 0
    tickets: int = 0
    sent: tuple[float, ...] = ()
    waits: bool = False
    tokens: tuple[tuple[float, int], ...] = ()


class Gate:
    """One lane's limits and what they have seen. Raises `ValueError` for limits that would let nothing through.

    `crowd` and `rate` are what is learned where nothing is declared, None where something is. A declared rate is pace enough for a
    lane to begin with all calls at once that may be.
    """

    def __init__(self, limits: Limits) -> None:
        for name, most in (("concurrent", limits.concurrent), ("queued", limits.queued)):
            if most is not None and most < 1:
                raise ValueError(f"{name}: {most} lets nothing through; use at least 1, or leave it out for no limit")
        self.limits = limits
        self.latencies = Latencies()
        self._lead = min((LEAD, *(EARLY * window.seconds for window in limits.rate))) if limits.rate else 0.0
        self.counted: frozenset[Step] = frozenset({"submit", "poll"} if limits.polls_count else {"submit"})
        self.windows = [Sliding(window) for window in limits.rate]
        self.tokens = [Sliding(window) for window in limits.tokens]
        self.crowd = None if limits.concurrent is not None else Crowd(CEILING if limits.rate or limits.tokens else START)
        self.rate = None if limits.rate else Rate()
        self.api = Door(self.crowd.most if self.crowd is not None else limits.concurrent or CEILING)
        self.files = Door(FETCHES * (CEILING if limits.concurrent is None else limits.concurrent))
        self.tickets = 0
        self.others: Others | None = None
        self.passages: dict[str, Passage] = {}
        self.cut_at = float("-inf")
        self.lag = 0.0
        self.ahead = self._back = self._early = 0
        self.open_since = float("-inf")
        self._sent: list[Passage] = []
        self._tokens: list[tuple[Passage, int]] = []
        self.retries = Retries()
        self.shut: dict[Step, str] = {}
        self.barred = ""
        self.failing = ""

    def opens_at(self, step: Step, now: float, weight: int = 0) -> float | None:
        """The moment from which `step` may leave; None while that depends on an answer, not on time (or never: it is shut).

        `weight` is what a submit counts in windows of tokens.
        """
        door, others = self.door(step), ALONE if step == "fetch" or self.others is None else self.others
        if step in self.shut or door.flying + others.flying >= door.cap + (0 if step == "fetch" else self._beyond):
            return None
        if step == "submit" and (others.first or self._full(others)):
            return None
        opens_at = door.circuit.opens_at(now, door.flying)
        if opens_at is None:
            return None
        opens_at = max(opens_at, door.hold_until)
        return opens_at if step == "fetch" else self._paced(step, now, weight, opens_at)

    def lead(self, step: Step, now: float) -> float:
        """Seconds before `opens_at` from which `step` may be decided; none where more than declared windows may be in its way."""
        if not self._lead or step == "fetch" or (self.others is not None and self.others.runs):
            return 0.0
        held = self.api.hold_until > now or self.api.circuit.trips or (self.crowd is not None and self.crowd.opens_at(now) > now)
        return 0.0 if held else self._lead

    def reopens_at(self, step: Step, now: float, weight: int = 0) -> float | None:
        """When to look again whether `step` may be decided: some time before it may leave, where there is a lead.

        Soon where others are in the lane: nobody tells us when they are done.
        """
        opens_at = self.opens_at(step, now, weight)
        if self.others is None or self.others.runs == 0 or step in self.shut:
            return None if opens_at is None else opens_at - self.lead(step, now) * (1.0 - GATHERED)
        return now + GLANCE if opens_at is None else min(opens_at, now + GLANCE)

    def door(self, step: Step) -> Door:
        """The door this step leaves through."""
        return self.files if step == "fetch" else self.api

    def sent(self, step: Step, at: float, id: str = "", weight: int = 0) -> None:
        """Count a call that leaves, of the request `id`, at once or when the windows let it; at most one of each is out."""
        door, leaves_at = self.door(step), self._planned(step, at, weight)
        door.flying += 1
        if step == "fetch":
            return
        passage = self.passages[id] = Passage(leaves_at, door.flying, weight, lead=leaves_at - at)
        self._early += leaves_at > at
        if step in self.counted:
            for window in self.windows:
                window.note(at, 1, passage)
            if self.others is not None:
                self._sent.append(passage)
        if weight:
            self._weigh(at, weight, passage)
        if self.rate is not None:
            passage.ahead = self.rate.sent(passage, max(self.open_since, door.hold_until), self.lag)
        if self.crowd is not None:
            self.crowd.sent(at, door.flying)

    def leaves_at(self, id: str, at: float) -> float:
        """When the call of this request leaves, which is on the disk from `at` on: then, or at the moment planned."""
        passage = self.passages.get(id)
        if passage is None or not passage.lead:
            return at
        self._hear_lag(at - (passage.at - passage.lead))
        return max(at, passage.at)

    def left(self, id: str, at: float) -> None:
        """The call of this request, already counted as sent, has really left only now: what is counted is when it arrives."""
        passage = self.passages.get(id)
        if passage is not None:
            self._hear_lag(at - passage.at)
            passage.at = at
            self._dismiss(passage)

    def came(self, id: str, now: Callable[[], float]) -> None:
        """The answer to the call of this request is here; its fact will be of a later moment, as it waits for the next turn."""
        if self.windows and (passage := self.passages.get(id)) is not None:
            passage.came_at = now()

    @property
    def _beyond(self) -> int:
        """Calls that may be decided beyond the cap: those that stand by, where a place becomes free before they have to leave."""
        return self.ahead + (self._early if self.latencies.usual <= self._lead else 0)

    def keeps(self, now: float) -> bool:
        """Whether what stands by for a place goes on to do so: nothing is in its way, and nobody else is in the lane."""
        return self.is_calm or (self.lead("submit", now) > 0.0 and not self.shut)

    @property
    def is_calm(self) -> bool:
        """Whether nothing keeps a call but how many may be in flight: no pace to hold, no complaint, nobody else, no end."""
        paced = self.limits.concurrent is None or self.windows or self.tokens or self.cut_at > float("-inf")
        return not (paced or self.shut or self.api.circuit.trips or (self.others is not None and self.others.runs))

    def look_ahead(self) -> None:
        """A turn begins: let as many calls through beyond the cap as came back since the last, where these are many.

        Whoever carries them out keeps to the cap. So what is to leave until the next turn is on the disk by then (`standby`).
        """
        self.ahead = self._back if self._back >= MANY and self.is_calm else 0
        self._back = 0

    def remember(self, step: Step, at: float, weight: int = 0) -> None:
        """Count a call of an earlier run: the vendor's windows do not know that we were restarted.

        Whoever tells of others tells of that, too.
        """
        if self.others is not None:
            return
        if step in self.counted:
            for window in self.windows:
                window.note(at)
        for window in self.tokens:
            window.note(at, weight)

    def share(self, others: Others) -> None:
        """Take in what other runs do in this lane, and what any run did in it before.

        They say when they decided; when their calls left is later by about as much as ours leave after we decide.
        """
        self.others = others
        for at in others.sent:
            for window in self.windows:
                window.note(at + self.lag)
        for at, weight in others.tokens:
            for window in self.tokens:
                window.note(at + self.lag, weight)

    def use(self, now: float, due: Mapping[Step, int]) -> Use:
        """What the others are to know of us since this was last asked; `due` are steps for which something is due, with weights."""
        sent, self._sent = tuple([passage.at for passage in self._sent]), []
        tokens, self._tokens = tuple([(passage.at, weight) for passage, weight in self._tokens]), []
        flying = self.api.flying if self.limits.concurrent is not None else 0
        return Use(flying, self.tickets, sent, self.waits(now, due), tokens)

    def waits(self, now: float, due: Mapping[Step, int]) -> bool:
        """Whether one of the steps that are `due` is kept by what the limits count, and by nothing else."""
        if self.api.circuit.trips or self.api.hold_until > now or (self.rate is not None and self.rate.opens_at(now) > now):
            return False
        opens_at = [self.opens_at(step, now, weight) for step, weight in due.items() if step not in self.shut]
        return any(at is None or at > now for at in opens_at)

    def answered(self, step: Step, at: float, id: str, verdict: Verdict) -> None:
        """Take back a call in flight and hear what its answer means for the lane."""
        door = self.door(step)
        if step != "fetch" and door.flying >= door.cap:
            self.open_since = at
        door.flying -= 1
        if isinstance(verdict, Busy) and verdict.unsent:
            if (passage := self.passages.pop(id, None)) is not None:
                self._take_back(passage)
            return
        self._back += step != "fetch"
        door.hear(at, id, verdict)
        if step != "fetch" and (passage := self.passages.pop(id, None)) is not None:
            self._learn(step, at, passage, verdict)
        if isinstance(verdict, Barred):
            self.barred = self.barred or verdict.why
            self.close(step, verdict.why)
        elif isinstance(verdict, WRONG) and door.circuit.given_up and not self.failing:
            self.failing = f"{door.circuit.failures} calls in a row went wrong, the last: {verdict.why}"
            self.close(step, self.failing)
        elif isinstance(verdict, Busy) and door.stuck and not self.failing:
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
        learned = tuple(None if one is None else one.snapshot() for one in (self.crowd, self.rate))
        return tuple(window.snapshot() for window in (*self.windows, *self.tokens)), doors, learned, rest

    def _full(self, others: Others) -> bool:
        return self.limits.queued is not None and self.tickets + others.tickets >= self.limits.queued

    def _paced(self, step: Step, now: float, weight: int, opens_at: float) -> float:
        """The moment, at best `opens_at`, from which the windows and the learned rate allow a call to the API."""
        if self.rate is not None:
            opens_at = max(opens_at, self.rate.opens_at(now))
        if self.crowd is not None:
            opens_at = max(opens_at, self.crowd.opens_at(now))
        if self.windows and step in self.counted:
            lead = self.lead(step, now)
            opens_at = max(opens_at, *(window.opens_at(now, 1, lead) for window in self.windows))
        if self.tokens and step == "submit":
            opens_at = max(opens_at, *(window.opens_at(now, weight, self.lead(step, now)) for window in self.tokens))
        return opens_at

    def _planned(self, step: Step, at: float, weight: int) -> float:
        """The moment for which a call that is decided at `at` is planned; `at`, if it leaves at once."""
        lead = self.lead(step, at)
        opens_at = self._paced(step, at, weight, at) if lead else at
        return opens_at if opens_at - lead <= at else at

    def _counts(self, passage: Passage, window: Sliding) -> int:
        return passage.weight if window in self.tokens else 1

    def _hear_lag(self, seconds: float) -> None:
        self.lag = max(min(seconds, LONGEST_LAG), self.lag * CALMING)

    def _dismiss(self, passage: Passage) -> None:
        """A call that was decided early does not stand by any more."""
        self._early -= passage.lead > 0.0
        passage.lead = 0.0

    def _take_back(self, passage: Passage) -> None:
        self._dismiss(passage)
        for window in passage.delays:
            window.take_back(passage, self._counts(passage, window))

    def _weigh(self, at: float, weight: int, passage: Passage | None = None) -> None:
        for window in self.tokens:
            window.note(at, weight, passage)
        if self.others is not None:
            self._tokens.append((passage or Passage(at), weight))

    def _learn(self, step: Step, at: float, passage: Passage, verdict: Verdict) -> None:
        """What the answer to a call says of the time it took, of its weight, and of our pace."""
        self._dismiss(passage)
        seconds = (passage.came_at or at) - passage.at
        for window in passage.delays:
            window.hear(passage, self._counts(passage, window), seconds - self.latencies.least)
        if isinstance(verdict, WRONG):
            return
        self.latencies.hear(seconds)
        if isinstance(verdict, Done) and verdict.used and passage.weight:
            self._weigh(passage.at, verdict.used - passage.weight)
        if isinstance(verdict, Busy):
            self._slow_down(at, passage, verdict.after)
            return
        if self.crowd is not None:
            self.crowd.accept(passage.flying, passage.at)
            self.crowd.pass_by(at - passage.at)
            if step == "submit":
                self.crowd.time(at - passage.at)
            self.api.cap = self.crowd.most

    def _slow_down(self, at: float, passage: Passage, after: float | None) -> None:
        """Once per episode: what left before the last one was cut short says nothing new."""
        if passage.at < self.cut_at:
            if self.rate is not None:
                self.rate.refuse_too(passage.at)
            if self.crowd is not None and self.crowd.cut_at == self.cut_at:
                self.crowd.refuse_too()
                self.api.cap = self.crowd.most
            return
        self.cut_at = at
        for window in self.windows:
            window.widen()
        if self.rate is not None:
            self.rate.episode(passage.at)
        fast = self.rate is not None and (passage.ahead == 0 or self.rate.explains(passage.at))
        flying = max(passage.flying, self.api.flying + 1)
        crowded = self.crowd is not None and self.crowd.refuse(at, flying, self.api.flying, fast)
        if self.crowd is not None:
            self.api.cap = self.crowd.most
        if self.rate is not None and not crowded:
            self.rate.refuse(at, passage.at)
        if self.rate is not None and after is None:
            hold = self.rate.shorten(at, self.api.hold_until - at, passage.ahead > 0 or crowded)
            self.api.hold_until = at + hold
