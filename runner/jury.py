"""The jury: whether what came of a step is what the job expects, whether to ask once more, and what becomes of it.

A verdict follows from plan, artifacts and earlier siblings alone, so the run that buys and the pass that tells agree, today and
after a kill. Siblings are the variants of one row; they are judged one after the other in plan order, each against those before it
that stand. A sibling that got the very same request is no copy but the same thing on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from runner.errors import Invalid
from runner.frozen import frozen
from runner.job.asking import Asking
from runner.job.expect import Check, Expected, complaint_of
from runner.job.expect_form import OnFail
from runner.job.judgement import LookAt, judge, look_of
from runner.job.picture_checks import Compared
from runner.job.plan import Plan, StepResult
from runner.records import BLOB_SCHEME, Artifact, Request, Variant

FAIL: Final = OnFail.model_construct(retry=0, then="fail")


@frozen
class Verdict:
    """What the jury found: every check, and in one line what is not as expected, empty if all is."""

    checks: tuple[Check, ...] = ()
    wrong: str = ""


@dataclass(slots=True)
class Shown:
    """Pictures of one row and one step that stand: request and dHashes, by the place of their variant in the plan."""

    pictures: dict[int, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    def before(self, index: int, request: str) -> list[int]:
        """The dHashes of earlier siblings that are not this very request."""
        return [dhash for at, (other, hashed) in self.pictures.items() if at < index and other != request for dhash in hashed]


class Queue:
    """Siblings of one row waiting for one step, judged in plan order: what has come early waits for those before it."""

    def __init__(self) -> None:
        self._ahead: list[int] = []
        self._early: dict[int, Any] = {}

    def join(self, index: int) -> None:
        """A sibling comes, after all that came before it in the plan."""
        self._ahead.append(index)

    def is_first(self, index: int) -> bool:
        """Whether everybody before has been judged."""
        return self._ahead[0] == index

    def hold(self, index: int, what: Any) -> None:
        """Keep what came for a sibling until it is the first."""
        self._early[index] = what

    def leave(self, index: int) -> Any:
        """A sibling has been judged, or has nothing to judge; what was kept for the one that is the first now, None if nothing."""
        self._ahead.remove(index)
        return self._early.pop(self._ahead[0], None) if self._ahead else None

    def __len__(self) -> int:
        return len(self._ahead)


class Jury:
    """Judges for one loom. `expects` are the steps it has a say in, `alike` those of them whose siblings are compared."""

    def __init__(self, plan: Plan, asking: Asking) -> None:
        steps = {step.name: step.spec.expect for step in plan.steps if step.spec.expect is not None}
        self.expects = frozenset(steps)
        self.alike = compared_steps(plan)
        self._tries = {step.name: step.tries for step in plan.steps}
        self._on_fail = {name: expect.on_fail or FAIL for name, expect in steps.items()}
        self._asking, self._look_at = asking, plan.look_at
        self._shown: dict[tuple[str, str], Shown] = {}
        self._queues: dict[tuple[str, str], Queue] = {}
        self._row: str | None = None
        self._rows: dict[str, str] = {}

    def tries(self, step: str) -> int:
        """How many requests the step may ask for in all."""
        return self._tries[step]

    def keeps(self, step: str) -> bool:
        """Whether what is not as expected is kept in the end."""
        return self._on_fail[step].then == "keep"

    def judge(
        self, variant: Variant, step: str, request: Request, artifacts: Sequence[Artifact], results: Mapping[str, StepResult]
    ) -> Verdict:
        """What is to be said of these artifacts."""
        try:
            expected = self._asking.expectation(variant, step, results)
        except Invalid as mistake:
            return Verdict((), str(mistake))
        checks = judge(expected, artifacts, self._look_at, self._compared(expected, variant, step, request))
        return Verdict(checks, complaint_of(checks))

    def show(self, variant: Variant, step: str, request: Request, artifacts: Sequence[Artifact]) -> None:
        """These pictures stand: later siblings are compared with them."""
        looks = [look_of(artifact, self._look_at) for artifact in artifacts if artifact.kind == "file"]
        hashed = tuple(look.dhash for look in looks if look is not None)
        self._shown.setdefault((variant.row.key, step), Shown()).pictures[variant.index] = request.id, hashed

    def come_to(self, row: str, step: str) -> None:
        """The step is told row by row: nobody is compared with the row before any more."""
        if self._rows.get(step) != row:
            self._shown.pop((self._rows.get(step, ""), step), None)
            self._rows[step] = row

    def line_up(self, variant: Variant) -> None:
        """A variant whose pictures are compared stands in line behind its siblings, which come one after the other."""
        before, self._row = self._row, variant.row.key
        for step in self.alike:
            if before is not None and before != self._row and not self._queues.get((before, step)):
                self._drop(before, step)
            self._queues.setdefault((self._row, step), Queue()).join(variant.index)

    def holds(self, variant: Variant, step: str, what: Any) -> bool:
        """Whether `what` came too early, and is kept until the siblings before have been judged."""
        queue = self._queues[variant.row.key, step]
        if queue.is_first(variant.index):
            return False
        queue.hold(variant.index, what)
        return True

    def call_next(self, variant: Variant, step: str) -> Any:
        """A sibling has its outcome; what was kept for the next one, None if nothing."""
        row = variant.row.key
        queue = self._queues[row, step]
        early = queue.leave(variant.index)
        if not queue and row != self._row:
            self._drop(row, step)
        return early

    def _drop(self, row: str, step: str) -> None:
        self._queues.pop((row, step), None)
        self._shown.pop((row, step), None)

    def _compared(self, expected: Expected, variant: Variant, step: str, request: Request) -> Compared:
        shown = self._shown.get((variant.row.key, step)) if step in self.alike else None
        siblings = shown.before(variant.index, request.id) if shown is not None else []
        sources = list(_sources(request.params, self._look_at)) if expected.unlike_source is not None else []
        return Compared(siblings, sources)


def compared_steps(plan: Plan) -> frozenset[str]:
    """The steps whose pictures are compared with those of their siblings."""
    return frozenset(step.name for step in plan.steps if "unlike_siblings" in step.expect)


def _sources(params: Any, look_at: LookAt) -> Iterator[int]:
    """The dHashes of the pictures of ours that a request sends, at any depth."""
    if isinstance(params, str):
        if params.startswith(BLOB_SCHEME) and (look := look_at(params.removeprefix(BLOB_SCHEME))) is not None:
            yield look.dhash
    elif isinstance(params, Mapping):
        for part in params.values():
            yield from _sources(part, look_at)
    elif isinstance(params, list | tuple):
        for part in params:
            yield from _sources(part, look_at)
