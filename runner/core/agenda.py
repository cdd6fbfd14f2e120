"""What is to be done in one lane for one step, and in which order.

Two heaps: what becomes due later, by its moment; and what is due and waits only for the gate, by its rank. Entries are never
searched for: one whose request has moved on is stale and is dropped when it comes to the top. So waiting costs a heap entry, not a
task. Submits are ranked by when they were planned; polls and fetches by when they became due, so that a crowd takes turns.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runner.core.gate import Gate
from runner.core.lifecycle import OPEN, Life, Part
from runner.core.polling import deadline_at, poll_at
from runner.core.purse import Purse
from runner.core.retry import backoff
from runner.core.tally import Tally
from runner.fields import Operation
from runner.records import Send, Step
from runner.verdicts import Link

NEVER: Final = float("inf")

Kind: TypeAlias = tuple[str, str]
"""What is asked for (`provider/operation`) and the step that asked first: alike in price and in the budgets they belong to."""


@dataclass(slots=True, eq=False)
class Slot:
    """A request the conductor works on: its life, and what else must be at hand to schedule it.

    `serial` counts requests by when they were first planned. `kind` is what they have in common for a budget, and `purses` pay.
    `delay` is what the lane's retries have it wait beyond its own backoff. `weight` is what its submit counts in windows of tokens,
    before its answer tells. `gone` says it is no longer worked on, whatever its life
    says.
    """

    life: Life
    lane: Lane
    operation: Operation
    serial: int
    kind: Kind
    purses: tuple[Purse, ...] = ()
    deadline_at: float = NEVER
    delay: float = 0.0
    weight: int = 0
    gone: bool = False

    def affords(self) -> bool:
        """Whether its submit fits into every budget it belongs to, beside all that is spent and reserved."""
        return not self.purses or all(purse.affords(self.operation.price) for purse in self.purses)

    def beyond(self) -> Purse | None:
        """A budget into which its submit will never fit again, None if there is none."""
        return next((purse for purse in self.purses if purse.beyond(self.operation.price)), None)

    def overdue(self) -> str:
        """What is told of a job whose deadline has passed."""
        last = f"; the last word: {self.life.why}" if self.life.why else ""
        return f"still queued or running at the vendor after {self.operation.deadline:g} s; the next run asks again{last}"


Entry: TypeAlias = tuple[float, int, float, Slot, int, "Life | Part"]
"""Key, tie-break, rank, slot, part, and the very life or part it was written for: once that is replaced, the entry is stale."""


@dataclass(slots=True)
class Agenda:
    """The duties of one step of one lane."""

    later: list[Entry] = field(default_factory=list)
    ready: list[Entry] = field(default_factory=list)
    written: int = 0

    def write(self, at: float, rank: float, slot: Slot, part: int, mark: Life | Part) -> None:
        """Enter a duty due from `at`; among those due, the lowest `rank` goes first. What is due by now need not wait to be so."""
        self.written += 1
        if at <= slot.life.at:
            heapq.heappush(self.ready, (rank, self.written, rank, slot, part, mark))
        else:
            heapq.heappush(self.later, (at, self.written, rank, slot, part, mark))

    def head(self, now: float) -> Entry | None:
        """The duty that goes next of those due at `now`, left where it is."""
        later, ready = self.later, self.ready
        while later and later[0][0] <= now:
            _, tie, rank, slot, part, mark = heapq.heappop(later)
            heapq.heappush(ready, (rank, tie, rank, slot, part, mark))
        while ready and is_stale(ready[0]):
            heapq.heappop(ready)
        return ready[0] if ready else None

    def pop(self) -> Entry:
        """Take off the duty `head` has shown."""
        return heapq.heappop(self.ready)

    def next_at(self) -> float | None:
        """When the next duty becomes due: minus infinity if one already is, None if there is none."""
        _drop_stale(self.ready)
        if self.ready:
            return float("-inf")
        _drop_stale(self.later)
        return self.later[0][0] if self.later else None

    def take(self, wanted: Callable[[Slot], bool]) -> list[Slot]:
        """Take off every duty whose slot is `wanted`; the slots in order of planning. Looks at all entries: for rare occasions."""
        taken: dict[int, Slot] = {}
        for heap in (self.later, self.ready):
            fresh = [entry for entry in heap if not is_stale(entry)]
            taken |= {entry[3].serial: entry[3] for entry in fresh if wanted(entry[3])}
            heap[:] = [entry for entry in fresh if not wanted(entry[3])]
            heapq.heapify(heap)
        return [taken[serial] for serial in sorted(taken)]


class Lane:
    """A lane's gate, one agenda for each step, and its counts."""

    def __init__(self, name: str, gate: Gate) -> None:
        self.name = name
        self.gate = gate
        self.tally = Tally()
        self.agendas: dict[Step, Agenda] = {"fetch": Agenda(), "poll": Agenda(), "submit": Agenda()}

    @property
    def is_behind(self) -> bool:
        """Whether so many links wait to be downloaded that no more is to be bought just now: they expire within minutes."""
        return len(self.agendas["fetch"].ready) >= self.gate.files.cap

    def due_steps(self, now: float) -> dict[Step, int]:
        """The steps that cost the vendor something and for which something is due that could be paid for, with what it weighs."""
        heads: list[tuple[Step, Entry | None]] = [(step, self.agendas[step].head(now)) for step in ("poll", "submit")]
        return {step: head[3].weight for step, head in heads if head is not None and (step == "poll" or self.buys(head[3]))}

    def buys(self, slot: Slot) -> bool:
        """Whether nothing but the gate keeps the submit of a slot that is due."""
        return slot.affords() and not self.is_behind

    def write(self, slot: Slot, before: Life | None) -> None:
        """Enter what `slot` waits for since its life was `before`."""
        life = slot.life
        if life.state == "new":
            after = backoff(life.request.id, "submit", life.tries, life.after) if life.tries else 0.0
            self.agendas["submit"].write(life.at + after + slot.delay, slot.serial, slot, 0, life)
        elif life.state == "waiting":
            at = poll_at(life, slot.operation)
            self.agendas["poll"].write(at, at, slot, 0, life)
        else:
            self._write_parts(slot, before)

    def _write_parts(self, slot: Slot, before: Life | None) -> None:
        """Enter the parts that have become due with this fact; the others have their entries."""
        known = {id(part) for part in before.parts} if before is not None else set()
        for index, part in enumerate(slot.life.parts):
            if part.landed or part.flying or part.spent or id(part) in known:
                continue
            after = backoff(slot.life.request.id, "fetch", part.tries, part.after) if part.tries else 0.0
            self.agendas["fetch"].write(part.at + after, part.at, slot, index, part)


Course: TypeAlias = tuple[Lane, Operation, Kind, tuple[Purse, ...]]
"""What requests of one use have in common that the same step asked for first: lane, operation, kind, and who pays."""


class Deadlines:
    """The deadlines of all open jobs, soonest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Slot]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def watch(self, slot: Slot, slots: int) -> None:
        """Follow the deadline of a slot whose life has just come to wait. `slots` is how many there are in all.

        Most jobs settle long before their deadline, so the heap is swept whenever it outgrows the slots.
        """
        deadline = deadline_at(slot.life, slot.operation)
        if deadline == slot.deadline_at:
            return
        slot.deadline_at = deadline
        heapq.heappush(self._heap, (deadline, slot.serial, slot))
        if len(self._heap) > 2 * slots + 1000:
            self._heap = [entry for entry in self._heap if not _is_over(entry)]
            heapq.heapify(self._heap)

    def pop(self, now: float) -> Slot | None:
        """A slot whose deadline has come and whose last poll is not under way; None if there is none left."""
        while (at := self.next_at()) is not None and at <= now:
            slot = heapq.heappop(self._heap)[2]
            slot.deadline_at = NEVER  # should it come back to wait, it is watched anew
            if slot.life.state == "waiting":
                return slot
        return None

    def next_at(self) -> float | None:
        """The soonest deadline, None if no job is open."""
        while self._heap and _is_over(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


def send_of(life: Life, step: Step, index: int, lane: str) -> Send:
    """The duty: this step of this life; `index` is the part that is fetched."""
    aside = "" if lane == life.request.provider else lane
    if step != "fetch":
        return Send(life.request, step, life.tries + 1, life.ticket, lane=aside)
    part = life.parts[index]
    link = part.item.url if isinstance(part.item, Link) else None
    return Send(life.request, step, part.tries + 1, life.ticket, link, index, aside)


def _is_over(entry: tuple[float, int, Slot]) -> bool:
    deadline, _, slot = entry
    return slot.gone or slot.deadline_at != deadline or slot.life.state not in OPEN


def is_stale(entry: Entry) -> bool:
    """Whether the request has moved on since the entry was written."""
    _, _, _, slot, part, mark = entry
    life = slot.life
    if slot.gone or life is mark:
        return slot.gone
    return not isinstance(mark, Part) or life.state not in ("ready", "fetching") or life.parts[part] is not mark


def _drop_stale(heap: list[Entry]) -> None:
    while heap and is_stale(heap[0]):
        heapq.heappop(heap)
