"""The loom: which variant waits for which request.

A variant is woven from steps that read one another; a request may be wanted by hundreds of variants at once (one cut-out, every
locale and size). The loom keeps only the variants in flight: it asks for a step's request as soon as the steps it reads are done,
joins those who want the same thing, and lets a failed step block only what reads it. It is synchronous and knows neither journal
nor network: the engine settles requests, the loom says what can be asked next, what may be published and which variants are
complete. The same loom serves a run, which buys what is missing, and the results, which only look up what is known (`weave`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias, TypeVar

from runner.errors import Invalid
from runner.frozen import frozen
from runner.job.asking import Asking
from runner.job.expect import Check
from runner.job.finishing import Finisher, Finishing, Unfinished
from runner.job.plan import Plan, Skipped, StepResult
from runner.jury import Jury
from runner.records import Artifact, Request, Variant

Item = TypeVar("Item")
Status: TypeAlias = Literal["done", "skipped", "blocked", "waiting", "queued", "uncertain", "refused", "failed"]

RANKS: Final[tuple[Status, ...]] = ("done", "skipped", "blocked", "waiting", "queued", "failed", "refused", "uncertain")
"""From good to bad: a variant's status is that of its worst step, where a skipped step is as good as done."""

RANK_OF: Final[Mapping[Status, int]] = {status: rank for rank, status in enumerate(RANKS)}
GOOD: Final = RANKS[:2]


@frozen
class Outcome:
    """How one step of one variant ended. `why` is for a person, `reused` says that nothing was sent for it in this run.

    `left` says that a run would go on with it: nobody has asked yet, or somebody was interrupted. `at` is the moment of the last
    word about it, in seconds since the epoch; 0 where there is none. Neither is part of what is told.

    `checks` are what the job expects of the artifacts, and `flagged` says that they are kept though they are not as expected.
    `number` is which try it was, from 1. `sources` are the artifacts as they came, where those that are told were made of them.
    """

    status: Status
    request: Request | None = None
    artifacts: tuple[Artifact, ...] = ()
    why: str = ""
    reused: bool = False
    left: bool = field(default=False, compare=False)
    at: float = field(default=0.0, compare=False)
    checks: tuple[Check, ...] = ()
    flagged: bool = False
    number: int = 1
    sources: tuple[Artifact, ...] = ()

    @property
    def word(self) -> str:
        """What a selection goes by: the status, or `flagged` where it is kept though it is not as expected."""
        return "flagged" if self.flagged else self.status

    @property
    def given(self) -> StepResult:
        """What templates of later steps may read: what came, not what was made of it."""
        return result_of(self.sources or self.artifacts)


LookUp: TypeAlias = Callable[[Sequence[str]], Mapping[str, Outcome]]
"""What is known of requests, by id; an outcome may lack its request, for who asks has it."""


@frozen
class Ask:
    """A request that some step wants and nobody has asked for yet."""

    request: Request
    step: str


@frozen
class Yield:
    """A step of a variant that has just been done: what it gave may be published. Whoever does so notes it in `files`."""

    variant: Variant
    step: str
    outcome: Outcome
    files: dict[str, Mapping[str, Artifact]]


@frozen
class Chore:
    """Pictures that have come and are to be finished, in a thread, before anybody sees them."""

    woven: Woven
    step: str
    outcome: Outcome
    wish: Finishing


@dataclass(slots=True)
class Woven:
    """A variant with the outcomes of its steps so far, in the job's order once complete; `tries` from 1, `files` once published."""

    variant: Variant
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: dict[str, StepResult] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    files: dict[str, Mapping[str, Artifact]] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """The worst status among the steps; `done` where every step is done or skipped."""
        return worst_of([outcome.status for outcome in self.outcomes.values()])


class Loom:
    """Variants in flight and who waits for what. Everything it does is synchronous.

    `asks` says which steps may be asked for; one that may not is waiting. With `chores` whoever drives it has pictures finished in
    a thread; else it is done on the spot.
    """

    def __init__(self, plan: Plan, asks: Callable[[str], bool] = lambda _: True, chores: bool = False) -> None:
        self._plan = plan
        self._asking = Asking(plan)
        self._needs = {step: tuple(need for need in plan.needs if need in needs) for step, needs in plan.needs.items()}
        self._chosen = {step: asks(step) for step in plan.needs}
        self._jury = Jury(plan, self._asking)
        self._arrived: deque[tuple[Woven, str, Outcome]] = deque()
        self._open: dict[int, Woven] = {}
        self._waiting: dict[str, list[tuple[Woven, str]]] = {}
        self._chores: deque[Chore] | None = deque() if chores else None
        self._asks: deque[Ask] = deque()
        self._yields: deque[Yield] = deque()
        self._finished: deque[Woven] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def take_up(self, variant: Variant) -> None:
        """Start a variant: whatever its steps can ask at once is among the next `asks`."""
        woven = Woven(variant)
        self._open[variant.index] = woven
        if self._jury.alike:
            self._jury.line_up(variant)
        self._advance(woven)
        self._take_in()

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
            self._arrive(woven, step, outcome)
        self._take_in()

    def chores(self) -> list[Chore]:
        """What is to be finished and was not handed out before."""
        return [] if not self._chores else _drain(self._chores)

    def finish(self, chore: Chore, made: tuple[Artifact, ...] | str) -> None:
        """What came of a chore: the finished artifacts, or why there are none."""
        self._arrived.append((chore.woven, chore.step, _finished(chore.outcome, made)))
        self._take_in()

    def waiting_for(self) -> list[str]:
        """Ids of the requests some variant still waits for."""
        return list(self._waiting)

    def weave(self, variants: Sequence[Variant], look_up: LookUp) -> list[Woven]:
        """These variants as far as what is known reaches: nobody is asked, and what nobody knows is waiting."""
        batch = [Woven(variant) for variant in variants]
        for step in self._plan.needs:
            waiting: list[tuple[Woven, Request]] = []
            for woven in batch:
                asked = self._ask(woven, step)
                if isinstance(asked, Outcome):
                    woven.outcomes[step] = asked
                else:
                    waiting.append((woven, asked))
            self._answer(step, waiting, look_up)
        return batch

    def _answer(self, step: str, waiting: Sequence[tuple[Woven, Request]], look_up: LookUp) -> None:
        """Give everyone who waits for the step what is known of its request."""
        requests = {request.id: request for _, request in waiting}
        found = look_up(list(requests)) if requests else {}
        known = {name: _known(found.get(name), request) for name, request in requests.items()}
        for woven, request in waiting:
            outcome, result = known[request.id]
            outcome = self._dress(outcome, self._wish(woven, step, outcome))
            if outcome.status != "done":
                result = None
            if result is not None and step in self._jury.expects:
                outcome, result = self._try_known(woven, step, outcome, look_up)
            woven.outcomes[step] = outcome
            if result is not None and outcome.status == "done":
                woven.results[step] = result

    def _try_known(self, woven: Woven, step: str, outcome: Outcome, look_up: LookUp) -> tuple[Outcome, StepResult | None]:
        """The outcome as the jury finds it; of the next try, as far as that is known, where one is due."""
        if step in self._jury.alike:
            self._jury.come_to(woven.variant.row.key, step)
        number = 1
        while True:
            judged = self._judged(woven, step, outcome, number)
            if judged is not None:
                return judged, judged.given if judged.status == "done" else None
            number += 1
            asked = self._ask(woven, step, number)
            if isinstance(asked, Outcome):
                return asked, None
            outcome, _ = _known(look_up([asked.id]).get(asked.id), asked)
            outcome = self._dress(outcome, self._wish(woven, step, outcome))

    def _advance(self, woven: Woven) -> None:
        outcomes, needs = woven.outcomes, self._needs
        moved = True
        while moved and len(outcomes) < len(needs):
            moved = False
            for step in needs:
                if step not in outcomes and step not in woven.tries and self._try_step(woven, step):
                    moved = True
        if len(outcomes) == len(needs) and self._open.pop(woven.variant.index, None) is not None:
            self._finished.append(woven)

    def _try_step(self, woven: Woven, step: str) -> bool:
        """Ask for the step if what it reads is known; True if that gave it an outcome at once."""
        needs = self._needs[step]
        if needs and any(need not in woven.outcomes for need in needs):
            return False
        asked = self._ask(woven, step)
        if isinstance(asked, Outcome):
            return self._end_step(woven, step, asked)
        if not self._chosen[step]:
            return self._end_step(woven, step, Outcome("waiting", asked))
        self._want(woven, step, asked, 1)
        return False

    def _want(self, woven: Woven, step: str, request: Request, number: int) -> None:
        woven.tries[step] = number
        waiting = self._waiting.setdefault(request.id, [])
        if not waiting:
            self._asks.append(Ask(request, step))
        waiting.append((woven, step))

    def _ask(self, woven: Woven, step: str, number: int = 1) -> Request | Outcome:
        """The request of the step, or its outcome where it asks nothing; what it reads has an outcome already."""
        outcomes = woven.outcomes
        for need in self._needs[step]:
            if outcomes[need].status not in GOOD:
                return Outcome("blocked", why=f"it reads step {need}, which is {outcomes[need].status}")
        try:
            asked = self._asking.ask(woven.variant, step, woven.results, number)
        except Invalid as mistake:
            told = (f"{each.path}: {each.message}" if each.path else each.message for each in mistake.complaints)
            return Outcome("failed", why=f"not sent: {'; '.join(told)}")
        return Outcome("skipped", why=asked.why) if isinstance(asked, Skipped) else asked

    def _take_in(self) -> None:
        """Judge what has come and go on from there. What a later sibling was waiting for comes in turn."""
        while self._arrived:
            woven, step, outcome = self._arrived.popleft()
            if step not in self._jury.alike or not self._jury.holds(woven.variant, step, (woven, step, outcome)):
                self._conclude(woven, step, outcome)
                self._advance(woven)

    def _arrive(self, woven: Woven, step: str, outcome: Outcome) -> None:
        """What came is judged next, finished if need be; where that takes a thread, it comes later."""
        finisher, chores, wish = self._plan.finisher, self._chores, self._wish(woven, step, outcome)
        if (
            finisher is None
            or chores is None
            or not isinstance(wish, Finishing)
            or (outcome.reused and finisher.knows(outcome.artifacts, wish))
        ):
            self._arrived.append((woven, step, self._dress(outcome, wish)))
        else:
            chores.append(Chore(woven, step, outcome, wish))

    def _dress(self, outcome: Outcome, wish: Finishing | str | None) -> Outcome:
        """The outcome with its pictures finished, or why they cannot be."""
        return outcome if wish is None else _finished(outcome, finished_with(self._plan.finisher, outcome.artifacts, wish))

    def _wish(self, woven: Woven, step: str, outcome: Outcome) -> Finishing | str | None:
        """What is to be made of these pictures, or what is wrong with that wish; None where there is nothing to make."""
        if outcome.status != "done" or self._plan.finisher is None or all(each.kind != "file" for each in outcome.artifacts):
            return None
        try:
            return self._asking.finishing(woven.variant, step)
        except Invalid as mistake:
            return str(mistake)

    def _conclude(self, woven: Woven, step: str, outcome: Outcome) -> None:
        """End the step as the jury finds it, or ask once more."""
        if step not in self._jury.expects:
            self._end_step(woven, step, outcome)
            return
        number = woven.tries.get(step, 1)
        judged = self._judged(woven, step, outcome, number)
        if judged is not None:
            self._end_step(woven, step, judged)
            return
        asked = self._ask(woven, step, number + 1)
        if isinstance(asked, Outcome):
            self._end_step(woven, step, asked)
        else:
            self._want(woven, step, asked, number + 1)

    def _end_step(self, woven: Woven, step: str, outcome: Outcome) -> bool:
        woven.outcomes[step] = outcome
        if outcome.status == "done":
            woven.results[step] = outcome.given
            self._yields.append(Yield(woven.variant, step, outcome, woven.files))
        if step in self._jury.alike and (early := self._jury.call_next(woven.variant, step)) is not None:
            self._arrived.append(early)
        return True

    def _judged(self, woven: Woven, step: str, outcome: Outcome, number: int) -> Outcome | None:
        """The outcome of this try as it stands; None where the step is to be asked once more.

        What the job expects something else of has failed, but keeps what came; or it is kept and flagged.
        """
        request = outcome.request
        if outcome.status != "done" or request is None:
            return outcome if number == 1 else replace(outcome, number=number)
        verdict = self._jury.judge(woven.variant, step, request, outcome.artifacts, woven.results)
        if verdict.wrong and number < self._jury.tries(step):
            return None
        judged = replace(outcome, checks=verdict.checks, number=number)
        if verdict.wrong:
            why, kept = f"not as expected: {verdict.wrong}", self._jury.keeps(step)
            judged = replace(judged, status="done" if kept else "failed", why=why, flagged=kept)
        if judged.status == "done" and step in self._jury.alike:
            self._jury.show(woven.variant, step, request, judged.artifacts)
        return judged


def worst_of(statuses: Iterable[Status]) -> Status:
    """The worst of these, where skipped is as good as done."""
    worst = max([RANK_OF[status] for status in statuses], default=0)
    return RANKS[worst] if worst >= len(GOOD) else "done"


def result_of(artifacts: Sequence[Artifact]) -> StepResult:
    """What templates of later steps may read of these artifacts."""
    if len(artifacts) == 1 and artifacts[0].kind == "text":  # nearly always, and this is asked a million times
        return StepResult(artifacts[0].text)
    text = next((artifact.text for artifact in artifacts if artifact.kind == "text"), None)
    data = next((artifact.data for artifact in artifacts if artifact.kind == "json"), None)
    return StepResult(text, tuple(artifact.sha256 for artifact in artifacts if artifact.sha256 is not None), data)


async def finish_here(chore: Chore) -> tuple[Artifact, ...] | str:
    """Nothing to finish with: what came stays as it is."""
    return chore.outcome.artifacts


def finished_with(finisher: Finisher | None, artifacts: tuple[Artifact, ...], wish: Finishing | str) -> tuple[Artifact, ...] | str:
    """The artifacts as wished, or why not."""
    if finisher is None or isinstance(wish, str):
        return str(wish)
    try:
        return finisher(artifacts, wish)
    except Unfinished as reason:
        return str(reason)


def _finished(outcome: Outcome, made: tuple[Artifact, ...] | str) -> Outcome:
    if isinstance(made, str):
        return replace(outcome, status="failed", why=f"cannot be finished: {made}")
    return replace(outcome, artifacts=made, sources=outcome.artifacts)


def _known(outcome: Outcome | None, request: Request) -> tuple[Outcome, StepResult | None]:
    """The outcome with its request, and what it gives to later steps if it is done."""
    if outcome is None:
        return Outcome("waiting", request, left=True), None
    if outcome.request is None:
        outcome = Outcome(outcome.status, request, outcome.artifacts, outcome.why, outcome.reused, outcome.left, outcome.at)
    return outcome, result_of(outcome.artifacts) if outcome.status == "done" else None


def _drain(queue: deque[Item]) -> list[Item]:
    items = list(queue)
    queue.clear()
    return items
