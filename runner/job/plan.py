"""The plan: Job × rows to variants, and a variant's step to the Request it asks.

Compiled once from the job, the project's catalog of operations and the templates; afterwards all is a pure function of a row.
Rows stream through, so memory does not grow with the feed. Steps that read earlier answers are asked with those answers in hand
(`ask`); what can be known before is found by `runner.job.check`, which renders every row with stand-ins for the answers.

The plan knows no provider and no feed: what can be asked is `catalog`, where pictures are is `files`. What pictures look like that
nobody has measured yet is `look_at`, where somebody who can see has set it; what a check has left to be used again is `beginning`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from runner.errors import Complaint, Invalid, Place, RowPlace
from runner.fields import PENDING, Offer, Path, Problem, check_params
from runner.frozen import frozen
from runner.job.beginning import Beginning
from runner.job.document import dotted
from runner.job.expect import Expected
from runner.job.expectation import read_expected
from runner.job.exporting import compile_exports
from runner.job.finishing import Finisher, Finishing, finishing_of, source_types
from runner.job.judgement import LookAt, look_at_nothing
from runner.job.load import JobFile, ProjectFile
from runner.job.matrix import Cell, cell_label, cells, escape
from runner.job.matrix import problems as matrix_problems
from runner.job.names import OFFERS, Known
from runner.job.paths import clean_folder, clean_path
from runner.job.prompts import Compiler
from runner.job.rendering import Prompt, Scope, Unrenderable, build, prompts_in
from runner.job.retrial import LARGEST_SEED, next_seed, try_again
from runner.job.steps import Files, StepPlan, bring_pictures, compile_steps, pictured, problem_complaint
from runner.job.templates import Templates
from runner.records import BLOB_SCHEME, Json, Request, Row, Variant, make_request

FEED_NAMES: Final = frozenset({"row", "vars", "job"})


@frozen
class StepResult:
    """What an earlier step yielded: its text, the sha256 of its files, or its JSON value."""

    text: str | None = None
    files: tuple[str, ...] = ()
    json: Json = None


@frozen
class Skipped:
    """This variant does not ask this step, and why."""

    why: str


Approves: TypeAlias = Callable[[str, str, str], bool]
"""Whether a file (by its sha256) of this step of the variant of this key is approved."""


class Plan:
    """A compiled job. `complaints` is what is wrong with it whatever the feed says; while there are any, nothing can be asked."""

    def __init__(
        self,
        job_file: JobFile,
        project_file: ProjectFile,
        catalog: Mapping[str, Offer],
        files: Files,
        templates: Templates | None = None,
    ) -> None:
        self.job = job_file.job
        self.document = job_file.document
        self.files = functools.lru_cache(4096)(files)
        self.look_at: LookAt = look_at_nothing
        self.finisher: Finisher | None = None
        self.approves: Approves | None = None
        self.beginning = Beginning()
        found = matrix_problems(self.job.matrix)
        self.cells: tuple[Cell, ...] = () if found else cells(self.job.matrix)
        self.labels = tuple(map(cell_label, self.cells))
        project = project_file.project
        written = project_file.document
        shown = written.beside(project.templates) if written else project.templates
        templates = templates or Templates(project_file.root / project.templates, shown)
        compiler = Compiler(self.document, templates, self._known(catalog))
        compiler.complaints += [problem_complaint(problem, ("matrix",), self.document) for problem in found]
        self.where = self._where(compiler)
        self.steps = compile_steps(self.job, catalog, compiler, self.files)
        self.needs: Mapping[str, frozenset[str]] = {step.name: step.needs for step in self.steps}
        self.exports, wrong = compile_exports(self.job.export, self.document, templates, compiler.known)
        self.complaints: tuple[Complaint, ...] = tuple(dict.fromkeys((*compiler.complaints, *wrong)))
        self._source_types = source_types(self.steps) if self.job.output.mark else {}
        self._marks = {name: Finishing(source_type=kind) for name, kind in self._source_types.items() if kind is not None}
        self._templates = compiler.templates
        self._constant = {"vars": self.job.vars, "job": {"name": self.job.name}, **compiler.fence.globals}
        self._steps = {step.name: step for step in self.steps}
        self._pictured = {step.name: pictured(step.offer.operation) for step in self.steps}
        self._parsed = {name for step in self.steps for name in step.needs if _reads_json(step, name)}

    def template_digests(self) -> dict[str, str]:
        """The sha256 (hex) of every template file the job uses, by name."""
        return self._templates.digests

    def columns(self) -> frozenset[str]:
        """The columns of the feed that some template reads; `*` is among them where one takes the row as a whole."""
        shapes = [part for step in self.steps for part in (step.shape, step.when, step.save, list(step.expect.values()))]
        shapes += [list(step.finish.values()) for step in self.steps]
        exported = (prompt for export in self.exports for prompt in export.prompts)
        reads = (read for prompt in (*prompts_in([self.where, *shapes]), *exported) for read in prompt.reads)
        ways = (read.split(".") for read in reads)
        return frozenset(way[1] if len(way) > 1 else "*" for way in ways if way[0] == "row")

    def variants(self, rows: Iterable[Row]) -> Iterator[Variant]:
        """Every variant in plan order: rows as the feed has them, cells as the matrix has them, repeats 1..n.

        Raises `Invalid` where the job is wrong, or `where` cannot be told for a row.
        """
        self.require()
        per_row = len(self.cells) * self.job.variants
        for place, row in enumerate(self.selected(rows)):
            name = escape(row.key)
            for within in range(per_row):
                yield self._variant(row, name, place * per_row, within)

    def variants_at(self, rows: Iterable[Row], indexes: Iterable[int]) -> Iterator[Variant]:
        """The variants with these indexes, which ascend; the others cost next to nothing. Raises as `variants` does."""
        self.require()
        per_row = len(self.cells) * self.job.variants
        wanted = iter(indexes)
        index = next(wanted, None)
        for place, row in enumerate(self.selected(rows)):
            if index is None:
                return
            while index is not None and index < (place + 1) * per_row:
                yield self._variant(row, escape(row.key), place * per_row, index - place * per_row)
                index = next(wanted, None)

    def _variant(self, row: Row, name: str, start: int, within: int) -> Variant:
        """The variant at `within` of its row, whose escaped key is `name` and whose variants begin at `start` of the plan."""
        cell, number = within // self.job.variants, within % self.job.variants + 1
        label = self.labels[cell]
        key = f"{name}|{label}|{number}" if label else f"{name}|{number}"
        return Variant(key, row, self.cells[cell], number, self._seed(f"{name}|{label}|{number}"), start + within)

    def selected(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that `where` lets through, at most `limit` of them. Raises `Invalid`."""
        left = self.job.feed.limit
        for row in rows:
            if left == 0:
                return
            if self.is_wanted(row):
                yield row
                left = None if left is None else left - 1

    def is_wanted(self, row: Row) -> bool:
        """Whether `where` lets the row through. Raises `Invalid`."""
        try:
            return self.where is None or bool(self.where.render(self.scope(row, {}, 0, 0, {})))
        except Unrenderable as wrong:
            self._refuse(wrong.message, wrong.path, row, wrong.place)

    def seed(self, row: Row, label: str, number: int) -> int:
        """1..2³¹-1 from job name, row key, cell and number: the same on every machine."""
        return self._seed(f"{escape(row.key)}|{label}|{number}")

    def _seed(self, named: str) -> int:
        return seed_of(self.job.name, named)

    def ask(
        self, variant: Variant, step_name: str, results: Mapping[str, StepResult], scope: Scope | None = None, number: int = 1
    ) -> Request | Skipped:
        """What this variant asks of this step, given the results of the steps it needs (a step that was skipped is not among them).

        `scope` is the variant's own (`scope_of`), for whoever asks several steps. `number` says which try it is: each asks for
        another request. Raises `Invalid` for a mistake of the job that only these values show.
        """
        step = self._step(step_name)
        scope = self.scope_of(variant) if scope is None else scope
        if number > 1:
            scope = {**scope, "seed": next_seed(variant.seed, number)}
        scope["steps"] = self._answers(step, results)
        try:
            if step.when is not None and not step.when.render(scope):
                return Skipped("when is false")
            rendered = build(step.shape, lambda prompt: prompt.render(scope))
        except Unrenderable as wrong:
            if wrong.owner is scope["steps"]:
                return Skipped("it reads a step that was skipped")
            self._refuse(wrong.message, wrong.path, variant.row, wrong.place)
        params, again = self._params(step, rendered, variant.row, results), step.spec.again
        if number > 1:
            params, again = try_again(step, params, number)
        try:
            return make_request(step.spec.provider, step.spec.operation, params, again)
        except ValueError as wrong:
            self._refuse(f"cannot be sent as JSON: {wrong}", (*step.path, "with"), variant.row)

    def expectation(
        self, variant: Variant, step_name: str, results: Mapping[str, StepResult], scope: Scope | None = None
    ) -> Expected:
        """What this variant expects of the step's answer; `scope` as for `ask`. Raises `Invalid`."""
        step = self._step(step_name)
        scope = self.scope_of(variant) if scope is None else scope
        scope["steps"] = self._answers(step, results)
        try:
            values = build(dict(step.expect), lambda prompt: prompt.render(scope))
            return read_expected(values, step.path, variant.cell)
        except Unrenderable as wrong:
            self._refuse(wrong.message, wrong.path, variant.row, wrong.place)

    def finishing(self, variant: Variant, step_name: str, scope: Scope | None = None) -> Finishing | None:
        """What the step's pictures are made into, None where they are published as they come. Raises `Invalid`."""
        step = self._step(step_name)
        if not step.finish:
            return self._marks.get(step_name)
        scope = self.scope_of(variant) if scope is None else scope
        try:
            rendered = build(dict(step.finish), lambda prompt: prompt.render(scope))
            return finishing_of(rendered, self._source_types.get(step_name))
        except Unrenderable as wrong:
            self._refuse(wrong.message, wrong.path, variant.row, wrong.place)
        except ValueError as wrong:
            self._refuse(str(wrong), (*step.path, "finish"), variant.row)

    def save_path(self, variant: Variant, step_name: str, scope: Scope | None = None) -> str:
        """Where the step's result goes, below the output folder, without extension; `scope` as for `ask`.

        It reads no answers, so it is known before. Raises `Invalid`.
        """
        step = self._step(step_name)
        try:
            return stem(step, variant.key, self.scope_of(variant) if scope is None else scope)
        except Unrenderable as wrong:
            self._refuse(wrong.message, wrong.path, variant.row, wrong.place)

    def scope_of(self, variant: Variant) -> Scope:
        """The names a template sees for this variant, before any answer."""
        return self.scope(variant.row, variant.cell, variant.number, variant.seed, {})

    def scope(self, row: Row, cell: Cell, number: int, seed: int, answers: Mapping[str, Any]) -> Scope:
        """The names a template sees."""
        values = row.values if isinstance(row.values, dict) else dict(row.values)
        return {"row": values, "matrix": cell, "variant": number, "seed": seed, "steps": answers, **self._constant}

    def place_of(self, row: Row) -> RowPlace:
        """Where the row is, as whoever named the job would find it."""
        return RowPlace(self.document.beside(row.file), row.line, self.job.feed.key, row.key)

    def complaint(self, message: str, path: Path, row: Row | None = None, place: Place | None = None) -> Complaint:
        """A complaint about the value at `path`, and the row that shows it."""
        blamed = None if row is None else self.place_of(row)
        bare = problem_complaint(Problem(path, message), (), self.document)
        return Complaint(bare.message, dotted(path), place or bare.place, blamed)

    def require(self) -> None:
        """Raises `Invalid` if the job is wrong whatever the feed says."""
        if self.complaints:
            raise Invalid(self.complaints)

    def _step(self, name: str) -> StepPlan:
        self.require()
        return self._steps[name]

    def _known(self, catalog: Mapping[str, Offer]) -> Known:
        names = frozenset(name for cell in self.cells for name in cell) or frozenset(self.job.matrix.axes)
        gives = {name: catalog[step.use].operation.gives if step.use in catalog else None for name, step in self.job.steps.items()}
        return Known(names, frozenset(self.job.vars), gives)

    def _where(self, compiler: Compiler) -> Prompt | None:
        where = self.job.feed.where
        return None if where is None else compiler.expression(where, ("feed", "where"), FEED_NAMES)

    def _answers(self, step: StepPlan, results: Mapping[str, StepResult]) -> dict[str, dict[str, Any]]:
        return {name: self._answer(name, results[name]) for name in step.needs if name in results}

    def _answer(self, name: str, result: StepResult) -> dict[str, Any]:
        """What `steps.<name>` offers. A text is read as JSON only where some step asks for that."""
        files = [f"{BLOB_SCHEME}{sha256}" for sha256 in result.files]
        offered = OFFERS[self._steps[name].offer.operation.gives]
        known: dict[str, Any] = {"text": result.text, "file": files[0] if files else None, "files": files, "json": result.json}
        if "text" in offered and result.text is None and result.json is not None:
            known["text"] = json.dumps(result.json, ensure_ascii=False)
        if name in self._parsed and result.json is None and result.text is not None:
            known["json"] = _read_json(result.text)
        return {what: known[what] for what in offered if known[what] is not None}

    def _params(self, step: StepPlan, rendered: Any, row: Row, results: Mapping[str, StepResult]) -> dict[str, Json]:
        above = (*step.path, "with")
        if not isinstance(rendered, Mapping):
            self._refuse(f"must give a map of fields, got {type(rendered).__name__}", above, row)
        params: dict[str, Json] = {**step.offer.defaults, **rendered}
        wrong: list[Problem] = []
        if (fields := self._pictured[step.name]) and not fields.keys().isdisjoint(params):
            ours = {f"{BLOB_SCHEME}{sha256}" for name in step.needs if name in results for sha256 in results[name].files}
            params = bring_pictures(fields, params, lambda text, path: self.bring(text, path, ours, wrong))
        wrong += check_params(step.varying, step.spec.use, params)
        if wrong:
            raise Invalid([self.complaint(problem.message, (*above, *problem.path), row) for problem in wrong])
        return params

    def bring(self, text: str, path: Path, ours: Iterable[str], wrong: list[Problem]) -> str:
        """The blob of a picture the job names by path; `ours` are the files earlier steps gave. What is amiss goes to `wrong`."""
        if text in ours:
            return text
        try:
            if text.startswith(BLOB_SCHEME):
                raise ValueError(
                    "names bytes that no earlier step of this variant gave; write a path, a URL or {{ steps.NAME.file }}"
                )
            return self.files(text)
        except ValueError as error:
            wrong.append(Problem(path, str(error)))
            return PENDING  # type: ignore[return-value]

    def _refuse(self, message: str, path: Path, row: Row, place: Place | None = None) -> NoReturn:
        raise Invalid([self.complaint(message, path, row, place)])


def seed_of(job: str, named: str) -> int:
    """The seed of what is `named` (row key, cell and number, with `|` between them) in a job: 1..2³¹-1."""
    told = f"{job}\n{named}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big") % LARGEST_SEED + 1


def variant_key(row: Row, label: str, number: int) -> str:
    """`ROW|axis=value|…|n`; without axes `ROW|n`. Unique in a plan, because `|` inside a part is escaped."""
    return f"{escape(row.key)}|{label}|{number}" if label else f"{escape(row.key)}|{number}"


def stem(step: StepPlan, key: str, scope: Scope) -> str:
    """The cleaned output path without extension: what `save:` renders to, else `KEY/STEP`. Raises `Unrenderable`."""
    if step.save is None:
        return f"{clean_folder(key)}/{step.name}"
    text = step.save if isinstance(step.save, str) else str(step.save.render(scope))
    if not text.strip(" /"):
        raise Unrenderable("names no path; it renders to nothing", (*step.path, "save"))
    return clean_path(text)


def _reads_json(step: StepPlan, name: str) -> bool:
    prompts = [*prompts_in(step.shape), *prompts_in(step.when), *prompts_in(list(step.expect.values()))]
    return any({f"steps.{name}", f"steps.{name}.json"} & prompt.reads for prompt in prompts)


def _read_json(text: str) -> Any:
    """The JSON a text says, or None: whoever reads from it then hears what is missing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
