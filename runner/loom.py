"""The loom: which variant waits for which request.

A variant is woven from steps that read one another; a request may be wanted by hundreds of variants at once (one cut-out, every
locale and size). The loom keeps only the variants in flight: it asks for a step's request as soon as the steps it reads are done,
joins those who want the same thing, and lets a failed step block only what reads it. It is synchronous and knows neither journal
nor network: the engine settles requests, the loom says what can be asked next, what may be published and which variants are
complete. The same loom serves a run, which buys what is missing, and the results, which only look up what is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from runner.errors import Invalid
from runner.job.expect import unmet
from runner.job.plan import Plan, Skipped, StepResult
from runner.records import Artifact, Request, Variant

Item = TypeVar("Item")
Status: TypeAlias = Literal["done", "skipped", "blocked", "waiting", "queued", "uncertain", "refused", "failed"]

RANKS: Final[tuple[Status, ...]] = ("done", "skipped", "blocked", "waiting", "queued", "failed", "refused", "uncertain")
"""From good to bad: a variant's status is that of its worst step, where a skipped step is as good as done."""

GOOD: Final = RANKS[:2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step of one variant ended. `why` is for a person, `reused` says that nothing was sent for it in this run."""

    status: Status
    request: Request | None = None
    artifacts: tuple[Artifact, ...] = ()
    why: str = ""
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that some step wants and nobody has asked for yet."""

    request: Request
    step: str


@dataclass(frozen=True, slots=True)
class Yield:
    """A step of a variant that has just been done: what it gave may be published."""

    variant: Variant
    step: str
    outcome: Outcome
    results: Mapping[str, StepResult]


@dataclass(slots=True)
class Woven:
    """A variant with the outcomes of its steps so far, in the job's order once complete."""

    variant: Variant
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: dict[str, StepResult] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    @property
    def status(self) -> Status:
        """The worst status among the steps; `done` where every step is done or skipped."""
        worst = max((RANKS.index(outcome.status) for outcome in self.outcomes.values()), default=0)
        return RANKS[worst] if RANKS[worst] not in GOOD else "done"


class Loom:
    """Variants in flight and who waits for what. Everything it does is synchronous."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open: dict[int, Woven] = {}
        self._waiting: dict[str, list[tuple[Woven, str]]] = {}
        self._asks: deque[Ask] = deque()
        self._yields: deque[Yield] = deque()
        self._finished: deque[Woven] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def take_up(self, variant: Variant) -> None:
        """Start a variant: whatever its steps can ask at once is among the next `asks`."""
        woven = Woven(variant)
        self._open[variant.index] = woven
        self._advance(woven)

    def asks(self) -> list[Ask]:
        """What is wanted and was not handed out before."""
        return _drain(self._asks)

    def yields(self) -> list[Yield]:
        """Steps that were done since the last call."""
        return _drain(self._yields)

    def finished(self) -> list[Woven]:
        """Variants all of whose steps have an outcome, since the last call; the loom has forgotten them."""
        return _drain(self._finished)

    def settle(self, request_id: str, outcome: Outcome) -> None:
        """Tell everyone who waits for the request how it ended."""
        for woven, step in self._waiting.pop(request_id, ()):
            self._end_step(woven, step, outcome)
            self._advance(woven)

    def waiting_for(self) -> list[str]:
        """Ids of the requests some variant still waits for."""
        return list(self._waiting)

    def _advance(self, woven: Woven) -> None:
        moved = True
        while moved:
            moved = False
            for step in self._plan.needs:
                if step not in woven.outcomes and step not in woven.asked:
                    moved |= self._try_step(woven, step)
        if len(woven.outcomes) == len(self._plan.needs) and woven.variant.index in self._open:
            del self._open[woven.variant.index]
            self._finished.append(woven)

    def _try_step(self, woven: Woven, step: str) -> bool:
        """Ask for the step if what it reads is known; True if that gave it an outcome at once."""
        needs = self._plan.needs[step]
        if any(need not in woven.outcomes for need in needs):
            return False
        stuck = next((need for need in needs if woven.outcomes[need].status not in GOOD), None)
        if stuck is not None:
            why = f"it reads step {stuck}, which is {woven.outcomes[stuck].status}"
            return self._end_step(woven, step, Outcome("blocked", why=why))
        try:
            asked = self._plan.ask(woven.variant, step, woven.results)
        except Invalid as mistake:
            return self._end_step(woven, step, Outcome("failed", why=f"not sent: {mistake}"))
        if isinstance(asked, Skipped):
            return self._end_step(woven, step, Outcome("skipped", why=asked.why))
        woven.asked.add(step)
        waiting = self._waiting.setdefault(asked.id, [])
        if not waiting:
            self._asks.append(Ask(asked, step))
        waiting.append((woven, step))
        return False

    def _end_step(self, woven: Woven, step: str, outcome: Outcome) -> bool:
        woven.asked.discard(step)
        if outcome.status == "done":
            outcome = self._checked(woven, step, outcome)
        woven.outcomes[step] = outcome
        if outcome.status == "done":
            woven.results[step] = result_of(outcome.artifacts)
            self._yields.append(Yield(woven.variant, step, outcome, woven.results))
        return True

    def _checked(self, woven: Woven, step: str, outcome: Outcome) -> Outcome:
        """The outcome, or a failed one that keeps what came, where the job expects something else of it."""
        if self._plan.job.steps[step].expect is None:
            return outcome
        try:
            wrong = unmet(self._plan.expectation(woven.variant, step, woven.results), outcome.artifacts)
        except Invalid as mistake:
            wrong = str(mistake)
        if wrong is None:
            return outcome
        return Outcome("failed", outcome.request, outcome.artifacts, f"not as expected: {wrong}", outcome.reused)


def result_of(artifacts: Sequence[Artifact]) -> StepResult:
    """What templates of later steps may read of these artifacts."""
    text = next((artifact.text for artifact in artifacts if artifact.kind == "text"), None)
    data = next((artifact.data for artifact in artifacts if artifact.kind == "json"), None)
    return StepResult(text, tuple(artifact.sha256 for artifact in artifacts if artifact.sha256 is not None), data)


def _drain(queue: deque[Item]) -> list[Item]:
    items = list(queue)
    queue.clear()
    return items
