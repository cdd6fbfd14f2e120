"""The preview: what a run would do, found from plan and journal alone; nothing is sent.

Every variant is woven with what is known of its requests, so each distinct request has one prospect (`prospects`). What a step
would ask after an answer that is not there yet cannot be told; it is counted by its symbolic identity (`runner.job.symbolic`),
which is exact unless two different answers read the same.

The same eyes serve a run that was ordered by a plan: what it would ask has the same fingerprint, or something has moved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from runner.desk import Desk
from runner.facts import Fact
from runner.frozen import frozen
from runner.loom import Ask, LookUp, Loom, Outcome, Woven
from runner.planning.past import Memory, Past
from runner.planning.prospects import ASKED, OPEN, Judge, Prospect, Wish
from runner.planning.reasons import NOT_ASKED, Comparison, Reason, Why, picture_changes
from runner.planning.shadow import Shadow
from runner.records import Request, Row, Variant
from runner.results import weave

Histories: TypeAlias = Callable[[Sequence[str]], Mapping[str, list[Fact]]]
"""The facts of requests by id, oldest first; those the journal does not know are left out."""

EXAMPLES: Final = 2
"""Examples told of one reason."""
MARK: Final = 1 << 256


@dataclass(slots=True)
class Cause:
    """One reason of a step's requests: for how many it holds, and some examples as (variant's key, change)."""

    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class StepCount:
    """What becomes of the distinct requests of one step, and why; `troubles` are the words said of those left alone."""

    counts: Counter[Prospect] = field(default_factory=Counter)
    causes: dict[str, Cause] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """How many are sent at once."""
        return sum(self.counts[prospect] for prospect in ASKED)


@dataclass(slots=True)
class Preview:
    """What a run would do. `retired` counts variants of the last run that are no more in the plan; some keys are examples.

    `fingerprint` names exactly the requests that would be asked or waited for.
    """

    steps: dict[str, StepCount]
    rows: int = 0
    variants: int = 0
    retired: int = 0
    retired_keys: tuple[str, ...] = ()
    fingerprint: str = ""

    def total(self, prospect: Prospect) -> int:
        """Distinct requests of all steps with this prospect."""
        return sum(step.counts[prospect] for step in self.steps.values())

    @property
    def idle(self) -> bool:
        """Whether a run would send, ask and move nothing."""
        return not any(map(self.total, OPEN)) and not self.retired


@frozen
class Known:
    """What the journal knows: what a user is told of requests, and their facts."""

    look_up: LookUp
    histories: Histories


class Previewer:
    """Looks at every variant once. Memory grows by some hundred bytes for each distinct request, not with the variants.

    `past` is what the last run was made from, `feed` the digest of the feed now.
    """

    def __init__(self, desk: Desk, known: Known, wish: Wish, past: Past | None = None, feed: str = "") -> None:
        self._plan, self._known, self._wish = desk.plan, known, wish
        self._judge = Judge(desk, wish)
        self._comparison = Comparison(desk, past)
        self._memory = Memory(past, desk, feed, self._comparison.columns)
        self._pictures = Pictures(desk, past)
        self._shadow = Shadow(desk.plan)
        self._seen: dict[int, Prospect] = {}
        self._settled: set[int] = set()
        self._print = 0
        self.preview = Preview({step.name: StepCount() for step in desk.plan.steps})

    def look(self, variants: Iterator[Variant]) -> Preview:
        """What a run over these variants would do. Raises `Invalid` where a row is wrong."""
        latest: Row | None = None
        for woven in self._woven(variants):
            self.preview.variants += 1
            if woven.variant.row is not latest:
                latest = woven.variant.row
                self.preview.rows += 1
                self._memory.note(latest)
            self._take(woven)
        if self._wish.chosen is None:
            self.preview.retired, self.preview.retired_keys = self._memory.retired()
        self.preview.fingerprint = f"{self._print:064x}"
        return self.preview

    def close(self) -> None:
        """Let go of the rows of then."""
        self._memory.close()

    def _woven(self, variants: Iterator[Variant]) -> Iterator[Woven]:
        chosen = self._wish.chosen
        if chosen is None:
            return weave(Loom(self._plan), variants, self._known.look_up)
        found = weave(Loom(self._plan), filter(chosen.takes, variants), self._known.look_up)
        wanted = (woven for woven in found if chosen.takes_any({name: one.word for name, one in woven.outcomes.items()}))
        return islice(wanted, chosen.limit)

    def _take(self, woven: Woven) -> None:
        prospects: dict[str, Prospect] = {}
        for step in self._plan.steps:
            outcome = woven.outcomes[step.name]
            waits = [need for need in sorted(step.needs) if prospects.get(need) in OPEN] if step.needs else []
            if waits and outcome.status != "skipped":
                prospects[step.name] = self._block(woven, step.name, waits, prospects)
            elif outcome.status == "blocked":
                prospects[step.name] = self._hold(woven, step.name, prospects)
            elif outcome.status != "skipped":
                prospects[step.name] = self._stand(woven, step.name, outcome)

    def _stand(self, woven: Woven, step: str, outcome: Outcome) -> Prospect:
        """The prospect of a step whose request is known, counted when the request is met for the first time."""
        request = outcome.request
        if request is None:
            return self._leave(step, "left", outcome.why)
        mark = hash(request.id)
        if self._judge.settles(step, outcome):
            if mark not in self._settled:
                self._settled.add(mark)
                self.preview.steps[step].counts["reused"] += 1
            return "reused"
        if mark not in self._seen:
            self._seen[mark] = self._judged(woven, step, outcome, request)
        return self._seen[mark]

    def _judged(self, woven: Woven, step: str, outcome: Outcome, request: Request) -> Prospect:
        """The prospect of a request that is met for the first time."""
        if not self._wish.takes_step(step):
            return self._leave(step, "reused", "") if outcome.status == "done" else "aside"
        history = self._known.histories([request.id]).get(request.id, [])
        prospect, reasons = self._judge.judge(Ask(request, step), outcome, history)
        if prospect is None:
            prospect, reasons = self._compare(woven.variant, step, request, reasons)
        if prospect not in OPEN:
            return self._leave(step, prospect, "" if prospect == "reused" else outcome.why)
        self._ask(step, prospect, request.id)
        self._explain(step, woven.variant, reasons)
        return prospect

    def _compare(
        self, variant: Variant, step: str, request: Request, said: tuple[Reason, ...]
    ) -> tuple[Prospect, tuple[Reason, ...]]:
        """New or changed, by what the step reads now and then; `said` is why an earlier run took it up and did not send it."""
        why = self._why(variant, step)
        if not why.there:
            return "new", why.reasons
        others = ((need, self._why(variant, need)) for need in sorted(self._plan.needs[step]))
        upstream = (Reason(f"steps.{need} changed") for need, other in others if other.reasons or not other.there)
        reasons = (*why.reasons, *self._pictures.changes(request), *upstream)
        return ("changed", reasons) if reasons else ("new", said or (Reason(NOT_ASKED),))

    def _why(self, variant: Variant, step: str) -> Why:
        row = self._memory.find(variant.row) if self._comparison.reads_row(step) else None
        return self._comparison.why(step, variant, self._cell(variant), row)

    def _cell(self, variant: Variant) -> int:
        return variant.index // self._plan.job.variants % len(self._plan.cells)

    def _block(self, woven: Woven, step: str, waits: Sequence[str], prospects: Mapping[str, Prospect]) -> Prospect:
        """A step that reads an answer which is still to come: it is asked then."""
        identity = self._shadow.identify(woven, self._cell(woven.variant), step)
        if identity is None or not self._wish.takes_step(step):
            return "aside"
        if identity not in self._seen:
            self._seen[identity] = "blocked"
            self._ask(step, "blocked", f"{identity:x}")
            why = self._why(woven.variant, step)
            upstream = (_waits_for(need, prospects[need]) for need in waits)
            self._explain(step, woven.variant, (*why.reasons, *(upstream if why.there else ())))
        return "blocked"

    def _hold(self, woven: Woven, step: str, prospects: Mapping[str, Prospect]) -> Prospect:
        """A step that reads one which will have no answer, or which a selection leaves out."""
        aside = any(prospects.get(need) == "aside" for need in self._plan.needs[step])
        identity = self._shadow.identify(woven, self._cell(woven.variant), step)
        if identity is None or aside or not self._wish.takes_step(step):
            return "aside"
        if identity not in self._seen:
            self._seen[identity] = self._leave(step, "stuck", woven.outcomes[step].why)
        return "stuck"

    def _ask(self, step: str, prospect: Prospect, name: str) -> None:
        """Count a request that has no answer yet, and let the fingerprint know it."""
        self.preview.steps[step].counts[prospect] += 1
        word = "asked" if prospect in ASKED else prospect
        self._print = (self._print + int.from_bytes(hashlib.sha256(f"{word} {name}".encode()).digest(), "big")) % MARK

    def _leave(self, step: str, prospect: Prospect, why: str) -> Prospect:
        self.preview.steps[step].counts[prospect] += 1
        if why:
            self.preview.steps[step].troubles[why] += 1
        return prospect

    def _explain(self, step: str, variant: Variant, reasons: Sequence[Reason]) -> None:
        causes = self.preview.steps[step].causes
        for what, change in reasons:
            cause = causes.setdefault(what, Cause())
            cause.count += 1
            if change and len(cause.examples) < EXAMPLES and all(change != told for _, told in cause.examples):
                cause.examples.append((variant.key, change))


def _waits_for(need: str, prospect: Prospect) -> Reason:
    if prospect == "resumed":
        return Reason(NOT_ASKED, f"steps.{need} is still at the vendor")
    return Reason(f"steps.{need} is asked anew")


class Pictures:
    """Pictures of the project, now and in the last run."""

    def __init__(self, now: Desk, past: Past | None) -> None:
        self._now, self._before = now.pictures, {} if past is None else past.pictures
        self._paths: dict[str, list[str]] = {}
        self._count = 0

    def changes(self, request: Request) -> tuple[Reason, ...]:
        """Which of the request's pictures were other bytes then."""
        if not self._before or self._now is None:
            return ()
        if len(self._now) != self._count:
            self._count, self._paths = len(self._now), {}
            for path, sha256 in self._now.seen().items():
                self._paths.setdefault(sha256, []).append(path)
        return tuple(picture_changes(request, self._paths, self._before))
