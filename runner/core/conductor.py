"""The brain: facts in, duties out.

The conductor knows every unfinished request, every lane's gate, and the purses. `feed` is the only thing that changes what it
knows; `due` picks what may leave at this moment, or so soon that it is written down meanwhile, in the order fetch, poll, submit
within a lane (finish what is started: links expire in minutes), and among requests in the order of planning. It waits for nothing,
looks at no clock and does no I/O, so a run is exactly the sequence of its facts: feeding them again gives the same conductor, at
every prefix. What is no fact is `drain`, the operator's wish, `share`, what other runs do in the lanes, and when calls really left
and their answers came, which `standby` tells the gates.

A request that has come to its end leaves memory with the very fact that ended it; the engine collects it from `settled`. A turn of
the engine is: feed what came in; `due`; `expired`; commit; act; collect `landed`, `settled`, `released`; sleep until `wake_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

from runner.core.agenda import NEVER, Course, Deadlines, Kind, Lane, Slot, send_of
from runner.core.gate import Gate, Others, Use
from runner.core.lifecycle import FOLDS, OPEN, SETTLED, Life, State, changed, fold, giving_up, recall
from runner.core.polling import deadline_at
from runner.core.purse import Purse, Purses
from runner.core.tally import LaneTally
from runner.facts import Answered, Fact, Planned, Sent, Stopped
from runner.fields import Operation
from runner.records import BY_BATCH, Limits, Request, Send, Step
from runner.verdicts import Broken, Done, is_bought

ORDER: Final[tuple[Step, ...]] = ("fetch", "poll", "submit")
NEXT: Final[Mapping[State, Step]] = {"new": "submit", "waiting": "poll", "ready": "fetch"}
"""The step a life at rest waits for."""

Weigh: TypeAlias = Callable[[Request], int]
"""What a submit counts in windows of tokens, as far as that can be known before."""

DRAINING: Final = "the run is stopping"

Stop: TypeAlias = tuple[Literal["failed", "spoiled", "overdue"], str]


def sent_fact(send: Send, now: float) -> Sent:
    """The fact to journal for a duty handed out by `due(now)`: for a submit, durably before its first byte leaves."""
    return Sent(now, send.request.id, send.step, send.attempt, send.part)


class Conductor:
    """Decides what leaves when. `lanes` maps provider names to their limits, `operations` maps `provider/operation`.

    Requests of the steps in `batched` have lanes and operations of their own, under names that end with `BY_BATCH`.
    `weigh` estimates the tokens of a request, by lane; it is asked only where a lane has windows of tokens.
    Moments are seconds since the epoch and never go back. Raises `ValueError` for facts that cannot be: of a request nobody
    planned, of one that has left memory, of an unknown lane or operation.
    """

    def __init__(
        self,
        lanes: Mapping[str, Limits],
        operations: Mapping[str, Operation],
        purses: Purses | None = None,
        weigh: Mapping[str, Weigh] | None = None,
        batched: Iterable[str] = (),
    ) -> None:
        self._batched = frozenset(batched)
        self._weigh = {name: weight for name, weight in (weigh or {}).items() if name in lanes and lanes[name].tokens}
        self.purses = Purses() if purses is None else purses
        self._lanes = {name: Lane(name, Gate(limits)) for name, limits in lanes.items()}
        self._operations = dict(operations)
        self._slots: dict[str, Slot] = {}
        self._recalled: dict[str, Life] = {}
        self._deadlines = Deadlines()
        self._serial = 0
        self._beyond: set[Kind] = set()
        self._kinds: dict[Kind, Slot] = {}
        self._courses: dict[tuple[str, str, str], Course] = {}
        self._stops: dict[str, Stop] = {}
        self._landed: list[Life] = []
        self._settled: list[Life] = []
        self._released: list[Life] = []
        self._spent: list[Purse] = []
        self.sent: list[Fact] = []
        """The facts of what `due` handed out last."""

    def __len__(self) -> int:
        """How many requests are being worked on."""
        return len(self._slots)

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight, nothing can become due, and nothing that landed still waits for the engine."""
        return not self._slots

    @property
    def broke(self) -> bool:
        """Whether a request was released because a budget no longer allows it."""
        return bool(self._spent)

    @property
    def spent(self) -> tuple[str, ...]:
        """The budgets because of which requests were released, for a person."""
        return tuple(purse.why() for purse in self._spent)

    @property
    def penniless(self) -> bool:
        """Whether the run's own budget allows nothing more of all that was asked for so far."""
        return bool(self._kinds) and all(self.purses.run.beyond(slot.operation.price) for slot in self._kinds.values())

    @property
    def flying(self) -> int:
        """Calls in flight in all lanes."""
        return sum(lane.gate.api.flying + lane.gate.files.flying for lane in self._lanes.values())

    @property
    def failing(self) -> dict[str, str]:
        """The lanes that were given up because nothing sent there came back, and why."""
        return {name: lane.gate.failing for name, lane in self._lanes.items() if lane.gate.failing}

    @property
    def closed(self) -> dict[str, str]:
        """The lanes that a vendor has barred, and why."""
        return {name: lane.gate.barred for name, lane in self._lanes.items() if lane.gate.barred}

    def life(self, id: str) -> Life | None:
        """The life of a request that is being worked on."""
        slot = self._slots.get(id)
        return None if slot is None else slot.life

    def takes(self, request: Request, step: str) -> bool:
        """Whether a submit of `request` for `step` could still leave in this run: its lane is open, and no budget is spent."""
        lane, price = self._lane(request, step), self._operations[request.use + self._way(step)].price
        return "submit" not in lane.gate.shut and not any(purse.beyond(price) for purse in self.purses.of(request.provider, step))

    def recall(self, request: Request, facts: Iterable[Fact], step: str = "") -> Life | None:
        """Take in what earlier runs left of `request`; a `Planned` is to follow. Returns that life, None where there is no fact.

        The lane's windows count what was sent then. Holds and closed lanes do not carry over: each run finds that out anew.
        """
        history = list(facts)
        gate, weight = self._lane(request, step).gate, self._weight_of(request, history)
        for fact in history:
            if isinstance(fact, Sent):
                gate.remember(fact.step, fact.at, weight if fact.step == "submit" else 0)
        life = recall(history)
        if life is not None:
            self._recalled[request.id] = life
        return life

    def feed(self, fact: Fact) -> None:
        """Take in a fact: the only way anything here changes."""
        if isinstance(fact, Planned):
            self._plan(fact)
            return
        slot = self._slots.get(fact.id)
        if slot is None:
            raise ValueError(f"{type(fact).__name__} for request {fact.id}, which is not being worked on: not planned, or settled")
        before, lane = slot.life, slot.lane
        slot.life = after = FOLDS[type(fact)](before, fact)
        lane.gate.tickets += (after.state in OPEN) - (before.state in OPEN)
        lane.tally.note(fact, before, after, slot.operation.price)
        if isinstance(fact, Sent):  # under way, so it has no place in any agenda
            self._count_sent(slot, fact)
            return
        if isinstance(fact, Answered) and before.flies(fact.step, fact.part):
            self._count_answer(slot, fact)
        self._place(slot, before)

    def due(self, now: float) -> list[Send]:
        """What may leave now, or very soon. Each `Send` has been fed as its fact already; the engine journals those, in `sent`."""
        self.sent = []
        return [send for lane in self._lanes.values() for step in ORDER for send in self._leave(lane, step, now)]

    def expired(self, now: float) -> list[Stopped]:
        """Facts for lives that go no further: deadline passed, tries used up. Ask after `due`, so that the last poll has left.

        Each is handed out once; the engine journals and feeds it.
        """
        while (slot := self._deadlines.pop(now)) is not None:
            self._give_up(slot, ("overdue", slot.overdue()))
        stops, self._stops = self._stops, {}
        return [Stopped(now, name, how, why) for name, (how, why) in stops.items()]

    def wake_at(self, now: float) -> float | None:
        """The next moment at which something may become due; None if nothing waits on time."""
        if self._stops:
            return now
        moments = [at for lane in self._lanes.values() for step in ORDER if (at := self._opens_at(lane, step, now)) is not None]
        if (deadline := self._deadlines.next_at()) is not None:
            moments.append(deadline)
        return max(now, min(moments)) if moments else None

    def landed(self) -> list[Life]:
        """Lives whose items are all here since the last call; the engine verifies them and feeds `Saved` or `Stopped`."""
        landed, self._landed = self._landed, []
        return landed

    def settled(self) -> list[Life]:
        """Lives that have come to their end since the last call. They have left memory."""
        settled, self._settled = self._settled, []
        return settled

    def released(self) -> list[Life]:
        """Lives given up unfinished since the last call, as they were, with `why`: lane closed, purse spent, draining.

        They have left memory; nothing of them is lost, the next run goes on from their facts.
        """
        released, self._released = self._released, []
        return released

    def drain(self) -> None:
        """No new submits and no polls: what is in flight and what is ready may land; the rest is released."""
        for lane in self._lanes.values():
            lane.gate.close("poll", DRAINING)
            self._release_shut(lane)

    def gate(self, lane: str) -> Gate:
        """The gate of a lane, for `Standby`."""
        return self._lanes[lane].gate

    def share(self, lane: str, others: Others) -> None:
        """Take in what other runs do in a lane. No fact either: a vendor counts it, a request does not."""
        self._lanes[lane].gate.share(others)

    def use(self, lane: str, now: float) -> Use:
        """What this run does in a lane, and has sent since this was last asked."""
        return self._lanes[lane].gate.use(now, self._lanes[lane].due_steps(now))

    def tallies(self, now: float) -> dict[str, LaneTally]:
        """The counts of every lane as of `now`."""
        return {name: lane.tally.read(now) for name, lane in self._lanes.items()}

    def snapshot(self) -> dict[str, object]:
        """All that the facts have made of it, as a comparable value."""
        return {
            "lives": {name: slot.life for name, slot in self._slots.items()},
            "gates": {name: lane.gate.snapshot() for name, lane in self._lanes.items()},
            "tallies": {name: lane.tally.snapshot() for name, lane in self._lanes.items()},
            "purses": self.purses.snapshot(),
            "beyond": set(self._beyond),
        }

    def _way(self, step: str) -> str:
        return BY_BATCH if step in self._batched else ""

    def _lane(self, request: Request, step: str) -> Lane:
        lane = self._lanes.get(request.provider + self._way(step))
        if lane is None:
            raise ValueError(f"request {request.id} is for {request.provider}, which is none of the lanes {', '.join(self._lanes)}")
        return lane

    def _weight_of(self, request: Request, history: Iterable[Fact] = ()) -> int:
        """The tokens of a request: those that were counted for it, else an estimate; 0 in a lane that does not count them."""
        weigh = self._weigh.get(request.provider)
        if weigh is None:
            return 0
        used = [fact.verdict.used for fact in history if isinstance(fact, Answered) and isinstance(fact.verdict, Done)]
        return next((tokens for tokens in reversed(used) if tokens), 0) or max(weigh(request), 1)

    def _plan(self, fact: Planned) -> None:
        request = fact.request
        if request.id in self._slots:
            raise ValueError(f"request {request.id} ({request.use}) is planned twice in one run")
        course = self._courses.get(asked := (request.provider, request.operation, fact.step))
        if course is None:
            lane, operation = self._lane(request, fact.step), self._operations.get(request.use + self._way(fact.step))
            if operation is None:
                raise ValueError(f"request {request.id} is for {request.use}, which is no known operation")
            course = lane, operation, (request.use, fact.step), self.purses.of(request.provider, fact.step)
            self._courses[asked] = course
        lane, operation, kind, purses = course
        life = fold(self._recalled.pop(request.id, None), fact)
        self._serial += 1
        slot = self._slots[request.id] = Slot(life, lane, operation, self._serial, kind, purses)
        if self._weigh:
            slot.weight = self._weight_of(request)
        if purses and self._kinds.setdefault(kind, slot) is slot and slot.beyond() is not None:
            self._beyond.add(kind)
        lane.gate.tickets += life.state in OPEN
        lane.tally.note(fact, None, life, operation.price)
        self._place(slot, None)

    def _count_sent(self, slot: Slot, fact: Sent) -> None:
        slot.lane.gate.sent(fact.step, fact.at, fact.id, slot.weight if fact.step == "submit" else 0)
        if fact.step == "submit":
            for purse in slot.purses:
                purse.reserve(fact.id, slot.operation.price)
            if fact.attempt == 1:
                slot.lane.gate.retries.earn()

    def _count_answer(self, slot: Slot, fact: Answered) -> None:
        lane, shut = slot.lane, len(slot.lane.gate.shut)
        lane.gate.answered(fact.step, fact.at, fact.id, fact.verdict)
        if fact.step == "submit":
            self._settle_price(slot, fact)
        if len(lane.gate.shut) > shut:
            self._release_shut(lane)

    def _settle_price(self, slot: Slot, fact: Answered) -> None:
        if isinstance(fact.verdict, Broken):
            slot.delay = slot.lane.gate.retries.charge()
        if not slot.purses:
            return
        bought = is_bought(fact.verdict)
        for purse in slot.purses:
            (purse.keep if bought else purse.release)(fact.id)
        if bought:
            self._close_beyond()

    def _close_beyond(self) -> None:
        """Release the submits of every kind that has just become unaffordable for good: once per kind and run."""
        closing = {kind for kind, slot in self._kinds.items() if kind not in self._beyond and slot.beyond() is not None}
        if closing:
            self._beyond |= closing
            for lane in self._lanes.values():
                for slot in lane.agendas["submit"].take(lambda slot: slot.kind in closing):
                    self._release(slot, self._obstacle(slot))

    def _place(self, slot: Slot, before: Life | None) -> None:
        """Put a life where its state belongs: into an agenda, or out of memory."""
        life = slot.life
        if life.state not in OPEN:
            slot.deadline_at = NEVER
        if life.state in SETTLED:
            self._forget(slot)
            self._settled.append(life)
        elif life.state == "landed":
            self._landed.append(life)
        elif life.state == "fetching":
            slot.lane.write(slot, before)
        elif life.state in NEXT:
            self._place_at_rest(slot, before)

    def _place_at_rest(self, slot: Slot, before: Life | None) -> None:
        life = slot.life
        if (stop := giving_up(life)) is not None:
            self._give_up(slot, stop)
        elif life.state == "waiting" and life.at >= deadline_at(life, slot.operation):  # the last poll has been answered
            self._give_up(slot, ("overdue", slot.overdue()))
        elif why := self._obstacle(slot):
            self._release(slot, why)
        else:
            slot.lane.write(slot, before)
            if life.state == "waiting":
                self._deadlines.watch(slot, len(self._slots))

    def _leave(self, lane: Lane, step: Step, now: float) -> list[Send]:
        agenda, gate = lane.agendas[step], lane.gate
        sends: list[Send] = []
        while (entry := agenda.head(now)) is not None:
            slot, part = entry[3], entry[4]
            opens_at = gate.opens_at(step, now, slot.weight)
            if opens_at is None or opens_at - gate.lead(step, now) > now or (step == "submit" and not lane.buys(slot)):
                break
            agenda.pop()
            send = send_of(slot.life, step, part, lane.name)
            self.feed(fact := sent_fact(send, now))
            self.sent.append(fact)
            sends.append(send)
        return sends

    def _opens_at(self, lane: Lane, step: Step, now: float) -> float | None:
        agenda = lane.agendas[step]
        next_at = agenda.next_at()
        if next_at is None:
            return None
        head = agenda.head(now)
        if step == "submit" and head is not None and not lane.buys(head[3]):
            return None
        opens_at = lane.gate.reopens_at(step, now, 0 if head is None else head[3].weight)
        return None if opens_at is None else max(opens_at, next_at)

    def _obstacle(self, slot: Slot) -> str:
        """Why a life at rest cannot go on in this run; empty if it can."""
        step = NEXT[slot.life.state]
        if step == "submit" and slot.kind in self._beyond and (purse := slot.beyond()) is not None:
            if purse not in self._spent:
                self._spent.append(purse)
            return purse.why()
        return slot.lane.gate.shut.get(step, "")

    def _release_shut(self, lane: Lane) -> None:
        for step, why in lane.gate.shut.items():
            for slot in lane.agendas[step].take(lambda slot: slot.life.state in NEXT):
                self._release(slot, why)

    def _release(self, slot: Slot, why: str) -> None:
        life = slot.life
        if life.state in OPEN:
            slot.lane.gate.tickets -= 1
        self._forget(slot)
        self._released.append(changed(life, why=why))

    def _forget(self, slot: Slot) -> None:
        slot.gone = True
        del self._slots[slot.life.request.id]
        self._stops.pop(slot.life.request.id, None)

    def _give_up(self, slot: Slot, stop: Stop) -> None:
        slot.gone = True  # `due` passes over it until the fact comes back
        self._stops[slot.life.request.id] = stop
