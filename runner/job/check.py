"""What can be known of a job before anything is sent: every row rendered, every field checked, no two outputs on one path.

The walk goes over rows × cells × repeats once, in the memory of one row and sixteen bytes for each path. Results that would meet on
one path are a complaint, unless they are one result (equal symbolic identities); to name them the rows are walked a second time.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from runner.census import Census, fingerprint
from runner.errors import Complaint, Invalid, Place
from runner.fields import Path
from runner.frozen import frozen
from runner.job.beginning import Beginning, Rows
from runner.job.exporting import Rehearsal
from runner.job.memo import Distinct, Scale
from runner.job.paths import fold
from runner.job.plan import Plan, stem, variant_key
from runner.job.rendering import Prompt, Scope, Unrenderable, prompts_in
from runner.job.steps import StepPlan, pictured
from runner.job.symbolic import BROKEN, Symbol
from runner.records import Row

MOST_LISTED: Final = 20
MEMBER: Final = re.compile(r"(.+)-[0-9]{1,4}", re.DOTALL)
NONE_CHOSEN: Final = "chooses no row, so all that was made would be retired; if that is meant, write guard: {min_rows: 0}"
EVERYTHING: Final = frozenset({"row", "matrix", "variant"})


@frozen
class Checked:
    """What a check found. `requests` counts the different requests of each step, a shared one once.

    At most: answers may agree, and not every one is asked again that may be (`on_fail: {retry: n}`).
    """

    complaints: tuple[Complaint, ...]
    rows: int
    variants: int
    requests: Mapping[str, int]


def check(plan: Plan, rows: Rows) -> Checked:
    """Every mistake of the job that can be known before sending, and what the plan amounts to. Raises only what `rows` raises.

    `rows` is called a second time only to name what collides. What the plan's `beginning` has room for is at hand afterwards, and
    need not be made again.
    """
    notes = Notes(plan)
    walk = Walk(plan, notes, plan.beginning)
    census = Census()
    numbered = _gives_files(plan)
    for landing in walk.landings(rows()):
        for name, owner in _claims(landing, numbered):
            census.add(name, owner)
    repeated = census.repeated()
    met = _collisions(plan, Walk(plan, Notes(plan), Beginning()).landings(rows()), repeated) if repeated else []
    wrong = [*notes.complaints(), *met]
    if walk.chose_none and not wrong and plan.job.feed.guard.min_rows:
        wrong.append(plan.complaint(NONE_CHOSEN, ("feed", "where")))
    requests = {course.step.name: len(course.distinct) * course.step.tries for course in walk.courses}
    variants = walk.rows * len(plan.cells) * plan.job.variants
    return Checked((*plan.complaints, *wrong), walk.rows, variants, requests)


class Notes:
    """The complaints of a walk: the same mistake on many rows is one, and at most twenty different ones are listed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._first: dict[tuple[Path, str], Complaint] = {}
        self._rows: dict[tuple[Path, str], tuple[int, int]] = {}
        self._unlisted = 0

    def add(self, number: int, row: Row, message: str, path: Path, place: Place | None) -> None:
        """Note a mistake that `row`, the number-th of the walk, shows."""
        key = (path, message)
        if key in self._first:
            count, latest = self._rows[key]
            self._rows[key] = (count + (number != latest), number)
        elif len(self._first) < MOST_LISTED:
            self._first[key] = self._plan.complaint(message, path, row, place)
            self._rows[key] = (1, number)
        else:
            self._unlisted += 1

    def complaints(self) -> list[Complaint]:
        """The complaints so far, each with the number of rows it is about."""
        listed = [dataclasses.replace(complaint, count=self._rows[key][0]) for key, complaint in self._first.items()]
        if self._unlisted:
            listed.append(Complaint(f"{self._unlisted:,} more mistakes like these are not listed; mend these first"))
        return listed


class Landing(NamedTuple):
    """Where a result goes: its path, the symbolic identity of what is asked and what it is made into, and who asks."""

    path: str
    identity: int
    step: StepPlan
    row: Row
    key: str


class Spot(NamedTuple):
    """Where the walk is: the row, the cell's place in the matrix and its label, and the repeat."""

    row: Row
    cell: int
    label: str
    number: int

    @property
    def key(self) -> str:
        """The variant's key; only what lands somewhere needs it."""
        return variant_key(self.row, self.label, self.number)


class Course:
    """One step on the walk: how finely its request and its path vary, and what is remembered of them for the row."""

    def __init__(self, symbol: Symbol, plan: Plan) -> None:
        step = symbol.step
        saved = step.save.reads if isinstance(step.save, Prompt) else frozenset() if step.save else EVERYTHING
        judged = [read for prompt in prompts_in(list(step.expect.values())) for read in prompt.reads]
        made = [read for prompt in prompts_in(list(step.finish.values())) for read in prompt.reads]
        self.step = step
        self.symbol = symbol
        self.asking = Scale(step.reads, plan.cells, plan.job.variants)
        self.landing = Scale(step.reads | saved.union(judged, made), plan.cells, plan.job.variants)
        self.judges = bool(judged)
        self.lands = self.judges or step.publishes
        self.is_final = self.asking.by_row and not step.needs and not _pictures_beside(step)
        self.known: dict[int, int | None] = {}
        self.landed: set[int] = set()
        self.distinct = Distinct()

    def forget(self) -> None:
        """A new row: what depends on the row is no longer known."""
        if self.asking.by_row:
            self.known.clear()
        if self.landing.by_row:
            self.landed.clear()


class Walk:
    """Goes over every variant once, notes mistakes, and yields where each different result lands. `rows` counts those wanted."""

    def __init__(self, plan: Plan, notes: Notes, beginning: Beginning) -> None:
        self.rows = 0
        self._beginning = beginning
        self.courses = [Course(Symbol(plan, step, self._note), plan) for step in plan.steps]
        self._plan = plan
        self._notes = notes
        self._at: tuple[int, Row] | None = None
        self._exports = Rehearsal(plan.exports, (step.name for step in plan.steps), plan.cells, plan.job.variants)
        self._seeded = any(course.landing.by_seed for course in self.courses) or self._exports.scale.by_seed
        self._stand_ins = {course.step.name: course.symbol.stand_in for course in self.courses}

    @property
    def chose_none(self) -> bool:
        """Whether there were rows, and `where` has left out every one."""
        return self._at is not None and not self.rows

    def landings(self, rows: Iterable[Row]) -> Iterator[Landing]:
        """Every landing in plan order; what is surely the same as earlier in its row is left out."""
        for row in self._selected(rows):
            self.rows += 1
            for course in self.courses:
                course.forget()
            self._exports.forget()
            scope = self._plan.scope(row, {}, 0, 0, self._stand_ins)
            for spot in self._spots(row, scope):
                yield from self._of_variant(spot, scope)

    def _selected(self, rows: Iterable[Row]) -> Iterator[Row]:
        """As `Plan.selected`, with rows that `where` cannot be told for noted and left out."""
        left = self._plan.job.feed.limit
        for number, row in enumerate(rows):
            if left == 0:
                return
            self._at = (number, row)
            self._beginning.keep(row)
            try:
                wanted = self._plan.is_wanted(row)
            except Invalid as wrong:
                for complaint in wrong.complaints:
                    self._note(complaint.message, ("feed", "where"), complaint.place)
                continue
            if wanted:
                yield row
                left = None if left is None else left - 1
        self._beginning.close(is_whole=True)

    def _spots(self, row: Row, scope: Scope) -> Iterator[Spot]:
        """Every variant of the row, `scope` saying what templates see of it."""
        plan = self._plan
        for index, (cell, label) in enumerate(zip(plan.cells, plan.labels, strict=True)):
            scope["matrix"] = cell
            for number in range(1, plan.job.variants + 1):
                scope["variant"] = number
                if self._seeded:
                    scope["seed"] = plan.seed(row, label, number)
                yield Spot(row, index, label, number)

    def _of_variant(self, spot: Spot, scope: Scope) -> list[Landing]:
        identities: dict[str, int | None] = {}
        landings: list[Landing] = []
        self._exports.try_out(spot.cell, spot.number, scope, self._note)
        scope["steps"] = self._stand_ins
        for course in self.courses:
            identity = self._identity(course, spot, scope, identities)
            identities[course.step.name] = identity
            if identity is None:
                scope["steps"] = {name: answer for name, answer in scope["steps"].items() if name != course.step.name}
            elif identity == BROKEN or not course.lands or not (path := self._path(course, spot, scope, identities)):
                continue
            elif made := course.symbol.finish(scope, identity):
                landings.append(Landing(path, made, course.step, spot.row, spot.key))
        return landings

    def _identity(self, course: Course, spot: Spot, scope: Scope, identities: dict[str, int | None]) -> int | None:
        key = course.asking.key(spot.cell, spot.number)
        if key in course.known:
            return course.known[key]
        identity, request = course.symbol.ask(scope, identities)
        course.known[key] = identity
        if identity:
            course.distinct.add(identity)
            if request is not None and course.is_final and self._at is not None:
                self._beginning.put(self._at[1], course.step.name, key, request)
        return identity

    def _path(self, course: Course, spot: Spot, scope: Scope, identities: dict[str, int | None]) -> str | None:
        """The path, or None: the same landing was there before, nothing is published, or it has a mistake."""
        key = course.landing.key(spot.cell, spot.number)
        if key in course.landed:
            return None
        course.landed.add(key)
        if course.judges:
            course.symbol.judge(scope, identities)
        if not course.step.publishes:
            return None
        try:
            return stem(course.step, spot.key, scope)
        except Unrenderable as wrong:
            self._note(wrong.message, wrong.path, wrong.place)
            return None

    def _note(self, message: str, path: Path, place: Place | None) -> None:
        assert self._at is not None
        self._notes.add(*self._at, message, path, place)


def _pictures_beside(step: StepPlan) -> bool:
    """Whether a picture stands among what is the same on every row: that was looked at once, and is not brought for each."""
    named = step.offer.defaults.keys() | (step.shape.keys() if isinstance(step.shape, dict) else set())
    return bool(named & pictured(step.offer.operation).keys() - step.varying.fields.keys())


def _gives_files(plan: Plan) -> bool:
    return any(step.offer.operation.gives == "files" for step in plan.steps)


def _claims(landing: Landing, numbered: bool) -> Iterator[tuple[str, int]]:
    """The names a landing takes, each with its owner: its path, and (`numbered`) the family `path-1`, `path-2`, … of several files.

    A family may not meet a path that merely looks like a member of it; `#` is in no cleaned path, so the two kinds of names differ.
    """
    name = fold(landing.path)
    yield name, landing.identity
    if numbered and landing.step.offer.operation.gives == "files":
        yield f"{name}-#", 1
    if numbered and (member := MEMBER.fullmatch(name)):
        yield f"{member[1]}-#", 2


def _collisions(plan: Plan, landings: Iterable[Landing], repeated: set[int]) -> list[Complaint]:
    """Names, for at most twenty names that different results would share, the first two that do."""
    first: dict[int, tuple[int, Landing]] = {}
    found: list[Complaint] = []
    for landing in landings:
        for name, owner in _claims(landing, _gives_files(plan)):
            mark = fingerprint(name)
            if mark in repeated:
                earlier = first.setdefault(mark, (owner, landing))
                if earlier[0] != owner:
                    repeated.discard(mark)
                    one = earlier[1]
                    if (one.step.name, one.key) != (landing.step.name, landing.key):  # two rows of one key are the survey's to tell
                        found.append(_collision(plan, one, landing))
        if len(found) >= MOST_LISTED:
            break
    more = [Complaint(f"{len(repeated):,} more paths are shared by different results")] if repeated else []
    return [*found, *more]


def _collision(plan: Plan, one: Landing, other: Landing) -> Complaint:
    who = f"{one.step.name} of {one.key} and {other.step.name} of {other.key}"
    if one.path == other.path:
        what = f"would both be {one.path}"
    elif fold(one.path) == fold(other.path):
        what = f"would be {one.path} and {other.path}, which are one file on some systems"
    else:
        what = f"would be {one.path} and {other.path}, where -1, -2, … are added to several files"
    save: Path = (*other.step.path, "save")
    if other.step.save is None:
        cure = "give the step a save: that tells them apart"
        return plan.complaint(f"{who} {what}; {cure}", other.step.path, other.row, plan.document.place(other.step.path, "key"))
    return plan.complaint(f"{who} {what}; save: must read what tells them apart", save, other.row)
