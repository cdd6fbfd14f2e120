"""Why a request is new, in the user's terms: what of all that its step reads is not as it was in the last run.

A step reads columns, vars, axes, templates and earlier steps, and all of that is known by name from its syntax. So now and then are
compared name by name, and no old request need be rendered. What cannot have changed a request is not looked at: an axis that the
step does not read, a column that no template names.

Each reason is a headline that can be counted (`row.title`) and the change itself, of which one or two are shown as examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from runner.desk import Desk
from runner.frozen import frozen
from runner.job.matrix import cell_label
from runner.job.memo import Scale
from runner.job.nodes import dotted
from runner.job.rendering import Prompt, Unrenderable, prompts_in
from runner.job.steps import StepPlan
from runner.planning.past import NOTHING, Past, RowThen, dump
from runner.providers.contract import clip
from runner.records import BLOB_SCHEME, Request, Row, Variant

LONGEST: Final = 60
"""Characters of a value that a reason shows."""
MARKS: Final = ("{{", "{%")


class Reason(NamedTuple):
    """Why: what is counted (`row.title`, `new row`), and the change itself where it has one (`"Mug" → "Blue mug"`)."""

    what: str
    change: str = ""


FIRST_RUN: Final = Reason("first run")
NEW_STEP: Final = Reason("new step")
NEW_ROW: Final = Reason("new row")
FRESH: Final = Reason("--fresh")
NOT_ASKED: Final = "not asked yet"
FAILED: Final = "failed last time"
TOO_OLD: Final = "max_age passed"
SETTLED: Final = "settled by hand"
RETRY: Final = Reason("uncertain: retry")


@frozen
class Why:
    """How a step of a variant compares with the last run: whether it was part of that run's plan, and what differs since."""

    there: bool
    reasons: tuple[Reason, ...]


class Comparison:
    """A job now and then. `columns` are those that both ever read; rows of then are handed in by whoever keeps them."""

    def __init__(self, now: Desk, then: Past | None) -> None:
        self._views = {step.name: View(step, now, then) for step in now.plan.steps}

    @property
    def columns(self) -> frozenset[str]:
        """The columns of then that are compared; `*` is among them where all are."""
        reads = (read.split(".") for view in self._views.values() for read in (*view.reads, *view.where))
        return frozenset(way[1] if len(way) > 1 else "*" for way in reads if way[0] == "row")

    def reads_row(self, step: str) -> bool:
        """Whether the row matters to what the step itself asks."""
        return self._views[step].scale.by_row

    def why(self, step: str, variant: Variant, cell: int, row: RowThen | None) -> Why:
        """What differs for this step of this variant; `cell` is the place of its cell, `row` its row of then."""
        return self._views[step].why(variant, cell, row)


class View:
    """One step now and then. What does not depend on the row is compared once."""

    def __init__(self, step: StepPlan, now: Desk, then: Past | None) -> None:
        old = None if then is None else next((one for one in then.desk.plan.steps if one.name == step.name), None)
        self.reads = direct_reads(step) & (direct_reads(old) if old else frozenset())
        self.scale = Scale(direct_reads(step), now.plan.cells, now.plan.job.variants)
        self._step, self._now, self._then, self._old = step, now, then, old
        self._always = tuple(_step_changes(step, old, now, then)) if old and then else ()
        self._cells: dict[int, Why] = {}
        self._missing: tuple[Reason, ...] = ()
        self.where: frozenset[str] = frozenset()
        if then is None:
            self._missing = (FIRST_RUN,)
        elif old is None:
            self._missing = (NEW_STEP,)
        else:
            where = then.desk.plan.where
            self.where = where.reads if where else frozenset()

    def why(self, variant: Variant, cell: int, row: RowThen | None) -> Why:
        """What differs; what was not there before has no changes."""
        if self._missing or self._then is None:
            return Why(False, self._missing)
        missing = [*self._absent_row(variant, row), *self._absent_number(variant)]
        where = self._cell(cell)
        missing += where.reasons if not where.there else ()
        if missing:
            return Why(False, tuple(dict.fromkeys(missing)))
        rows = self._row_changes(variant, row) if row is not None else ()
        changes = tuple(dict.fromkeys((*rows, *where.reasons, *self._always)))
        return Why(not (changes and self._was_skipped(variant, row)), changes)

    def _was_skipped(self, variant: Variant, row: RowThen | None) -> bool:
        """Whether its `when` said no then; where that cannot be told any more, it said yes."""
        if self._old is None or self._old.when is None or self._old.when.steps or self._then is None:
            return False
        plan, values = self._then.desk.plan, variant.row.values if row is None else row.values
        then = Row(variant.row.key, values, variant.row.file, variant.row.line)
        try:
            return not self._old.when.render(plan.scope(then, variant.cell, variant.number, variant.seed, {}))
        except Unrenderable:
            return False

    def _absent_row(self, variant: Variant, row: RowThen | None) -> Iterator[Reason]:
        if not self.scale.by_row or (row is not None and row.wanted):
            return
        if row is None:
            yield NEW_ROW
            return
        assert self._then is not None
        now, then = self._now.job_file.job.feed, self._then.desk.job_file.job.feed
        changes = list(_changed_columns(self.where, row.values, variant.row.values))
        if now.where != then.where:
            changes.append(Reason(f"feed.where changed ({_place(self._now, 'feed', 'where')})"))
        if now.limit != then.limit:
            changes.append(Reason("feed.limit", f"{_say(then.limit)} → {_say(now.limit)}"))
        yield from changes or [NEW_ROW]

    def _absent_number(self, variant: Variant) -> Iterator[Reason]:
        assert self._then is not None
        before = self._then.desk.job_file.job.variants
        if variant.number > before and ("variant" in direct_reads(self._step) or self.scale.by_seed):
            yield Reason("variants", f"{before} → {self._now.job_file.job.variants}")

    def _cell(self, index: int) -> Why:
        if index not in self._cells:
            self._cells[index] = self._compare_cell(index)
        return self._cells[index]

    def _compare_cell(self, index: int) -> Why:
        """Whether the values on the axes that matter were there, together, and what has changed within them."""
        assert self._then is not None
        cell, before = self._now.plan.cells[index], self._then.desk.plan.cells
        axes = self._axes(frozenset(cell))
        mine = {name: cell[name] for name in cell if name in axes}
        absent = list(_absent_values(mine, before))
        if absent:
            return Why(False, tuple(absent))
        label = cell_label(mine)
        old = next((one for one in before if cell_label({name: one[name] for name in mine if name in one}) == label), None)
        if old is None:
            return Why(False, (Reason("new combination", label.replace("|", ", ")),))
        if self.scale.by_seed and (gone := sorted({name for one in before for name in one} - cell.keys())):
            return Why(False, tuple(Reason(f"axis {name} removed") for name in gone))
        if self.scale.by_seed and cell_label(cell) not in self._then.desk.plan.labels:
            return Why(False, (Reason("new combination", cell_label(cell).replace("|", ", ")),))
        changed = ((name, old[name], value) for name, value in mine.items() if name in self._axes_read() and old[name] != value)
        return Why(True, tuple(Reason(f"matrix.{name} changed", _inner_change(was, value)) for name, was, value in changed))

    def _axes(self, every: frozenset[str]) -> frozenset[str]:
        """The axes on which this step's requests differ; the seed comes from all of them."""
        return every if self.scale.by_seed or "matrix" in direct_reads(self._step) else self._axes_read()

    def _axes_read(self) -> frozenset[str]:
        reads = direct_reads(self._step)
        if "matrix" in reads:
            return frozenset(name for cell in self._now.plan.cells for name in cell)
        return frozenset(read.partition(".")[2] for read in reads if read.startswith("matrix."))

    def _row_changes(self, variant: Variant, row: RowThen) -> Iterator[Reason]:
        return _changed_columns(self.reads, row.values, variant.row.values)


def direct_reads(step: StepPlan) -> frozenset[str]:
    """The names that what the step asks depends on, without those its earlier steps read."""
    prompts = [*prompts_in(step.shape), *prompts_in(step.when)]
    return frozenset(read for prompt in prompts for read in prompt.reads)


def picture_changes(request: Request, paths: Mapping[str, Sequence[str]], before: Mapping[str, str]) -> Iterator[Reason]:
    """Pictures of the project among the params that were other bytes; `paths` are those of each blob, `before` each one's then."""
    for sha256 in _blobs(request.params):
        for path in paths.get(sha256, ()):
            if before.get(path, sha256) != sha256:
                yield Reason(f"{path} changed")


def _blobs(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(BLOB_SCHEME):
            yield value.removeprefix(BLOB_SCHEME)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _blobs(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _blobs(part)


def _step_changes(step: StepPlan, old: StepPlan, now: Desk, then: Past) -> Iterator[Reason]:
    """What differs for every variant alike."""
    if step.spec.use != old.spec.use:
        yield Reason("use", f"{old.spec.use} → {step.spec.use}")
    if step.spec.again != old.spec.again:
        yield Reason(f"again: {step.spec.again}")
    yield from _with_changes(step, old, now)
    if " ".join((step.spec.when or "").split()) != " ".join((old.spec.when or "").split()):
        yield Reason(f"steps.{step.name}.when changed ({_place(now, 'steps', step.name, 'when')})")
    yield from _template_changes(step, now, then)
    yield from _var_changes(direct_reads(step) & direct_reads(old), then.desk.job_file.job.vars, now.job_file.job.vars)
    if step.spec.use == old.spec.use and step.offer.defaults != old.offer.defaults:
        yield _default_change(step, old, now, then)


def _template_changes(step: StepPlan, now: Desk, then: Past) -> Iterator[Reason]:
    folder, digests = now.project_file.project.templates, now.plan.template_digests()
    for name in sorted({name for prompt in _prompts(step) for name in prompt.files}):
        if name in then.templates and then.templates[name] != digests.get(name):
            yield Reason(f"{folder}/{name} changed")


def _prompts(step: StepPlan) -> list[Prompt]:
    return [*prompts_in(step.shape), *prompts_in(step.when)]


def _with_changes(step: StepPlan, old: StepPlan, now: Desk) -> Iterator[Reason]:
    for path, was, value in _leaves(old.spec.with_, step.spec.with_, ("steps", step.name, "with")):
        word = "removed" if value is ABSENT else "added" if was is ABSENT else "changed"
        change = f"{_say(was)} → {_say(value)}" if word == "changed" and _short(was) and _short(value) else ""
        yield Reason(f"{dotted(path)} {word} ({_place(now, *path)})", change)


ABSENT: Final = object()


def _leaves(was: Any, value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """The ways to what differs between two values, map by map."""
    if isinstance(was, Mapping) and isinstance(value, Mapping):
        for name in dict.fromkeys((*was, *value)):
            yield from _leaves(was.get(name, ABSENT), value.get(name, ABSENT), (*path, name))
    elif was is ABSENT or value is ABSENT or dump(was) != dump(value):
        yield path, was, value


def _var_changes(reads: frozenset[str], was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Reason]:
    named = {read.partition(".")[2] for read in reads if read.startswith("vars.")}
    names = sorted({*was, *now}) if "vars" in reads else sorted(named)
    for name in names:
        if dump(was.get(name)) != dump(now.get(name)):
            yield Reason(f"vars.{name}", _inner_change(was.get(name), now.get(name)))


def _default_change(step: StepPlan, old: StepPlan, now: Desk, then: Past) -> Reason:
    """The account's settings that its offers fill in."""
    lane = step.spec.provider
    was, are = (desk.project_file.project.providers.get(lane) for desk in (then.desk, now))
    before, after = (spec.options if spec else NOTHING for spec in (was, are))
    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    where = ", ".join(f"providers.{lane}.{name}" for name in names) or f"providers.{lane}"
    change = _inner_change(before.get(names[0]), after.get(names[0])) if len(names) == 1 else ""
    return Reason(f"adbatch.yaml changed ({where})", change)


def _changed_columns(reads: frozenset[str], was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Reason]:
    named = {read.partition(".")[2] for read in reads if read.startswith("row.")}
    names = dict.fromkeys((*now, *was)) if "row" in reads else sorted(named)
    for name in names:
        if was.get(name) != now.get(name) and dump(was.get(name)) != dump(now.get(name)):
            yield Reason(f"row.{name}", f"{_say(was.get(name), 'nothing')} → {_say(now.get(name), 'nothing')}")


def _absent_values(mine: Mapping[str, Any], before: tuple[Mapping[str, Any], ...]) -> Iterator[Reason]:
    for name, value in mine.items():
        known = {cell_label({name: cell[name]}) for cell in before if name in cell}
        if not known:
            yield Reason(f"new axis {name}")
        elif cell_label({name: value}) not in known:
            yield Reason(f"new {name}", _name(value))


def _inner_change(was: Any, now: Any) -> str:
    """`summer → winter`; of two maps, what differs inside: `mpu: width 300 → 320`."""
    if not (isinstance(was, Mapping) and isinstance(now, Mapping)):
        return f"{_bare(was)} → {_bare(now)}"
    parts = [f"{dotted(path)} {_bare(old)} → {_bare(new)}" for path, old, new in _leaves(was, now, ())]
    named = f"{clip(now['name'], LONGEST)}: " if isinstance(now.get("name"), str) else ""
    return named + ", ".join(parts[:2]) + (", …" if len(parts) > 2 else "")


def _place(desk: Desk, *path: str | int) -> str:
    """`jobs/a.yaml:31`."""
    file = os.path.relpath(desk.job_file.path.resolve(), desk.project_file.root)
    return f"{file}:{desk.job_file.document.place(path, 'key').line}"


def _name(value: Any) -> str:
    return _bare(value["name"] if isinstance(value, Mapping) and isinstance(value.get("name"), str | int | float) else value)


def _short(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= LONGEST and not any(map(value.count, MARKS)))


def _bare(value: Any) -> str:
    """A value without quotes, as in YAML; nothing where there was none."""
    return (
        "nothing" if value is None or value is ABSENT else clip(value if isinstance(value, str) else dump(value).decode(), LONGEST)
    )


def _say(value: Any, nothing: str = "none") -> str:
    """A value with quotes if it is text."""
    if value is None or value is ABSENT:
        return nothing
    return f'"{clip(value, LONGEST)}"' if isinstance(value, str) else clip(dump(value).decode(), LONGEST)
