"""One variant, from feed line to file: everything that is known of it, gathered without sending anything.

The plan says what would be asked today, the journal what was asked and what came of it, the output folder what lies there now. The
three are told side by side, so a person can see why a picture looks as it does, what it cost, and what to do about one that is not
there. Nothing is written and no key is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from runner.errors import Invalid, Usage
from runner.facts import Answered, Fact, Resolved, Sent
from runner.feed import read_rows
from runner.fields import suggest
from runner.frozen import frozen
from runner.job.matrix import escape
from runner.job.plan import Plan
from runner.loom import Loom, Outcome, Status, Woven
from runner.outcomes import GONE
from runner.reading.lineage import Lineage, Value
from runner.reading.study import Study
from runner.reading.transcript import Moment, Speaker, Spoken, moments_of, spoken_calls
from runner.records import Artifact, Json, Money, Request, Row, Variant
from runner.results import published_files, weave
from runner.verdicts import Broken, Done, Lost, Queued

COMPARED: Final = 100
"""Row keys of each kind that a wrong one is compared with."""

LOOKED_AT: Final = 10_000
"""Variants that are looked at to see who else asks the same."""

NAMED: Final = 5
"""Of those, how many are named."""

Presence: TypeAlias = Literal["present", "missing", "edited"]


@frozen
class Column:
    """A cell of the row. `feed_name` is the column's name in the feed, `read` whether some template reads it."""

    name: str
    value: Json
    feed_name: str
    read: bool


@frozen
class File:
    """A published file, relative to the output folder. `edited`: somebody changed it, and runs leave it alone."""

    path: str
    presence: Presence
    sha256: str
    bytes: int
    media_type: str | None
    width: int | None
    height: int | None


@frozen
class Bill:
    """What a request costs.

    `each` is the most that one submit can cost (None: nobody told us), `billed` how many submits were billed or may have been,
    `uncertain` how many of those nobody can tell, `accrued` their price together (None: unknown).
    """

    each: str | None
    billed: int
    uncertain: int
    accrued: str | None


@frozen
class Sharers:
    """Who wants the same request: how many variants, and the first keys, its own before all. `all`: everyone was looked at."""

    variants: int
    keys: tuple[str, ...]
    all: bool


@frozen
class StepView:
    """One step of the variant. `state` is the journal's word for the request's life, `next` what a person can do about it."""

    name: str
    status: Status
    use: str
    place: str
    why: str
    next: str
    state: str | None = None
    request: str | None = None
    again: int = 1
    ticket: str | None = None
    asks: tuple[Value, ...] = ()
    calls: tuple[Spoken, ...] = ()
    history: tuple[Moment, ...] = ()
    text: str | None = None
    data: Json = None
    files: tuple[File, ...] = ()
    cost: Bill | None = None
    shared: Sharers | None = None


@frozen
class Portrait:
    """One variant with its row, cell and steps. `line` is where the row begins (`file:line`)."""

    job: str
    mode: str
    key: str
    status: Status
    row: str
    line: str
    columns: tuple[Column, ...]
    cell: Mapping[str, Any]
    number: int
    of: int
    seed: int
    output: Path
    steps: tuple[StepView, ...]


def find_variants(study: Study, wanted: str) -> list[Variant]:
    """The variant of this key, or all variants of the row of this key. Raises `Usage`, with what is near, where there is none."""
    plan, near, seen = study.desk.plan, list[str](), _Alike(wanted)
    left = plan.job.feed.limit
    for row in read_rows(study.source()):
        seen.add(row.key)
        if _may_be(row, wanted):
            found = _variants_of(plan, row, wanted, near, left == 0)
            if found:
                return found
        if left:
            left -= plan.is_wanted(row)
    if near:
        raise Usage(f"no variant is called {wanted}{_nearest(wanted, near) or f'; of its row there are {_listed(near)}'}")
    raise Usage(f"no variant and no row is called {wanted}{_nearest(wanted, seen.keys)}")


def look_at(study: Study, variants: Iterable[Variant]) -> list[Woven]:
    """What is known of these variants, in their order."""
    return list(weave(Loom(study.desk.plan), iter(variants), study.look_up))


def portray(study: Study, woven: Woven) -> Portrait:
    """Everything that is known of one variant."""
    desk, variant = study.desk, woven.variant
    ids = {name: outcome.request.id for name, outcome in woven.outcomes.items() if outcome.request}
    facts = study.pages.histories(list(ids.values()))
    lineage, sharers = Lineage(desk, variant, woven.results, ids), _count_sharers(study, variant.key, set(ids.values()))
    painter = _Painter(study, woven, lineage, facts, sharers)
    return Portrait(
        desk.job_file.job.name,
        study.mode,
        variant.key,
        woven.status,
        variant.row.key,
        lineage.row_place(),
        tuple(_columns(study, variant.row)),
        dict(variant.cell),
        variant.number,
        desk.job_file.job.variants,
        variant.seed,
        desk.output,
        tuple(painter.paint(name) for name in desk.job_file.job.steps),
    )


class _Alike:
    """Row keys to compare a wrong one with: the first of the feed, and those that begin most like it."""

    def __init__(self, wanted: str) -> None:
        self._wanted, self._first, self._like, self._begins = wanted, list[str](), list[str](), 1

    @property
    def keys(self) -> list[str]:
        """All of them."""
        return [*self._like, *self._first]

    def add(self, key: str) -> None:
        """One more row of the feed."""
        if len(self._first) < COMPARED:
            self._first.append(key)
        elif key.startswith(self._wanted[: self._begins]):
            begins = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(key, self._wanted, strict=False)))
            if begins > self._begins:
                self._begins, self._like = begins, []
            if len(self._like) < COMPARED:
                self._like.append(key)


class _Painter:
    """Paints the steps of one variant."""

    def __init__(
        self,
        study: Study,
        woven: Woven,
        lineage: Lineage,
        facts: Mapping[str, list[Fact]],
        sharers: Mapping[str, Sharers],
    ) -> None:
        self._study, self._woven, self._lineage, self._facts, self._sharers = study, woven, lineage, facts, sharers
        self._plans = {step.name: step for step in study.desk.plan.steps}

    def paint(self, name: str) -> StepView:
        """The step of this name."""
        outcome, plan = self._woven.outcomes[name], self._plans[name]
        place = self._study.desk.job_file.document.place(plan.path, "key")
        where = f"{place.file}:{place.line}"
        if outcome.request is None:
            return StepView(name, outcome.status, plan.spec.use, where, outcome.why, _advice(self._study, name, outcome))
        request, facts = outcome.request, self._facts.get(outcome.request.id, [])
        life = self._study.lives([request.id]).get(request.id)
        texts = [artifact.text for artifact in outcome.artifacts if artifact.kind == "text"]
        return StepView(
            name,
            outcome.status,
            request.use,
            where,
            outcome.why,
            _advice(self._study, name, outcome),
            None if life is None else life.state,
            request.id,
            request.again,
            None if life is None else life.ticket,
            self._lineage.values(plan, request),
            tuple(spoken_calls(self._speaker(request), request, facts)),
            tuple(moments_of(facts)),
            texts[0] if texts else None,
            next((artifact.data for artifact in outcome.artifacts if artifact.kind == "json"), None),
            tuple(self._files(name, outcome)),
            bill_of(plan.offer.by(plan.spec.lane).price, facts),
            self._sharers.get(request.id),
        )

    def _speaker(self, request: Request) -> Speaker:
        study = self._study
        return Speaker(study.desk.catalog.lanes[request.provider], study.blobs, plays=study.stage is not None)

    def _files(self, name: str, outcome: Outcome) -> Iterator[File]:
        if outcome.status != "done":
            return
        desk = self._study.desk
        for path, artifact in published_files(desk.plan, self._woven.variant, name, outcome).items():
            size, kind = artifact.size or 0, artifact.media_type
            presence = _presence(desk.output / path, artifact)
            yield File(path, presence, str(artifact.sha256), size, kind, artifact.width, artifact.height)


def _may_be(row: Row, wanted: str) -> bool:
    own = escape(row.key)
    return wanted in (row.key, own) or wanted.startswith(f"{own}|")


def _variants_of(plan: Plan, row: Row, wanted: str, near: list[str], beyond: bool) -> list[Variant]:
    """The variants of the row that are meant; none where another row may be, its keys then among `near`. Raises `Usage`."""
    if beyond or not plan.is_wanted(row):
        why = "limit" if beyond else "where"
        place = plan.document.place(("feed", why))
        where = f"{plan.document.beside(row.file)}:{row.line}"
        raise Usage(f"row {row.key} ({where}) is in the feed, but feed.{why} leaves it out ({place.file}:{place.line})")
    variants = list(plan.variants([row]))
    if wanted in (row.key, escape(row.key)):
        return variants
    near += [variant.key for variant in variants]
    return [variant for variant in variants if variant.key == wanted]


def _nearest(wanted: str, known: Sequence[str]) -> str:
    told = suggest(wanted, known)
    return told if "did you mean" in told else ""


def _listed(keys: Sequence[str]) -> str:
    more = f", and {len(keys) - 12} more" if len(keys) > 12 else ""
    return ", ".join(keys[:12]) + more


def _columns(study: Study, row: Row) -> Iterator[Column]:
    """The cells of the row: those that templates read first, then the others, each as the feed has them."""
    read, renamed = study.desk.plan.columns(), study.job_file.job.feed.fields
    columns = [Column(name, value, renamed.get(name, name), name in read or "*" in read) for name, value in row.values.items()]
    yield from sorted(columns, key=lambda column: not column.read)


def _count_sharers(study: Study, own: str, ids: set[str]) -> dict[str, Sharers]:
    """Who wants these requests: the variant itself, and the others among the first of the plan."""
    keys: dict[str, list[str]] = {name: [own] for name in ids}
    looked = 0
    try:
        variants = islice(study.desk.plan.variants(read_rows(study.source())), LOOKED_AT + 1)
        for woven in weave(Loom(study.desk.plan), variants, study.look_up):
            looked += 1
            asked = {outcome.request.id for outcome in woven.outcomes.values() if outcome.request}
            for name in asked & ids if woven.variant.key != own else ():
                keys[name].append(woven.variant.key)
    except Invalid:  # another row is wrong; whoever looks at this one is told what is known
        looked = LOOKED_AT + 1
    return {name: Sharers(len(found), tuple(found[:NAMED]), looked <= LOOKED_AT) for name, found in keys.items()}


def _presence(path: Path, artifact: Artifact) -> Presence:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"
    return "present" if found == artifact.sha256 else "edited"


def bill_of(price: Money | None, facts: Sequence[Fact]) -> Bill:
    """What a request with these facts costs, at this price a submit.

    A submit without an answer, or with one that was lost, may be billed until somebody says that it was not, or until the vendor
    tells what became of the ticket it left with.
    """
    billed = open_ = 0
    left_with: str | None = None
    for fact in facts:
        if isinstance(fact, Sent) and fact.step == "submit":
            open_, left_with = open_ + 1, fact.ticket
        elif isinstance(fact, Answered) and (fact.step == "submit" or open_) and _tells(fact, left_with):
            open_ -= 1
            billed += _is_bought(fact)
        elif isinstance(fact, Resolved):
            billed += open_ if fact.how in ("billed", "again") else 0
            open_ = open_ if fact.how == "adopted" else 0
    times = billed + max(open_, 0)
    accrued = "0" if not times else None if price is None else str(Money(price.amount * times, price.currency))
    return Bill(None if price is None else str(price), times, max(open_, 0), accrued)


def _tells(fact: Answered, ticket: str | None) -> bool:
    """Whether an answer says what became of the submit. Of one that had none a poll does: by a result, an id, or its end.

    To be told the ticket it left with is to be told nothing.
    """
    said = fact.verdict
    if isinstance(said, Queued) and fact.step != "fetch":
        return said.ticket not in ("", ticket)
    if fact.step != "poll":
        return fact.step == "submit" and not isinstance(said, Lost)
    return isinstance(said, Done) or (isinstance(said, Broken) and said.dropped)


def _is_bought(fact: Answered) -> bool:
    return type(fact.verdict).__name__ in ("Done", "Queued")


def _advice(study: Study, step: str, outcome: Outcome) -> str:
    """What a person can do next about the step; empty where nothing is to be done."""
    job = f"{study.job_file.document.file}{' --sandbox' if study.mode == 'sandbox' else ''}"
    again = f"adbatch run {job} --fresh {step}"
    start = outcome.request.id[:12] if outcome.request else "ID"
    advice: Mapping[Status, str] = {
        "waiting": f"adbatch run {job} (asks for it)",
        "queued": f"adbatch run {job} (asks the vendor whether it is done; buys nothing)",
        "uncertain": f"look at the vendor's dashboard, then: adbatch resolve {job} --request {start} --as billed|not-billed|again",
        "refused": f"change what is asked; if the vendor would say otherwise now: {again}",
        "failed": f"adbatch run {job} (tries again)",
    }
    if outcome.status != "failed" or outcome.request is None:
        return advice.get(outcome.status, "") if outcome.status != "failed" else "mend the job or the row"
    life = study.lives([outcome.request.id]).get(outcome.request.id)
    if life is not None and life.retrievable:
        return f"adbatch run {job} (downloads it again; buys nothing)"
    if outcome.why == GONE or (life is not None and life.state == "spoiled"):
        return f"{again} (buys it again)"
    return f"change what is expected, or: {again} (buys it again)" if outcome.artifacts else advice["failed"]
