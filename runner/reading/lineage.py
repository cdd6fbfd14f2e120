"""Where each value of a request comes from: the line of the job, the template, and the rows, vars and answers it reads.

A rendered request says what was asked, not why it reads as it does. Here every field is led back to the line that wrote it, and
every name that line reads to the value it had and the line that holds it, so that a surprising picture leads to the cell of the
feed (or the word of a template) that made it so.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from runner.desk import Desk
from runner.fields import Path
from runner.frozen import frozen
from runner.job.plan import StepResult
from runner.job.rendering import Prompt, prompts_in
from runner.job.steps import StepPlan
from runner.records import BLOB_SCHEME, Json, Request, Variant

By: TypeAlias = Literal["job", "account"]


@frozen
class Source:
    """A name that a value reads, what it held, and the line (`file:line`) it stands in; empty where no file says it."""

    name: str
    value: Json
    place: str


@frozen
class Value:
    """A field of a request: its value, the line that gives it, and the template files it draws on, the one it names first.

    `by` says whether the job gives it, or the account (an option of `adbatch.yaml` that fills in what the job does not say).
    """

    field: str
    value: Json
    place: str
    by: By = "job"
    templates: tuple[str, ...] = ()
    reads: tuple[Source, ...] = ()


class Lineage:
    """Leads the values of one variant back to where they come from; `results` are the answers its steps had to read."""

    def __init__(self, desk: Desk, variant: Variant, results: Mapping[str, StepResult], ids: Mapping[str, str]) -> None:
        self._desk, self._variant, self._results, self._ids = desk, variant, results, ids

    def values(self, step: StepPlan, request: Request) -> tuple[Value, ...]:
        """Every field of the request, those of the job first, in the order it writes them."""
        written = step.shape if isinstance(step.shape, dict) else dict.fromkeys(request.params, step.shape)
        ours = [self._written(step, request, name, shape) for name, shape in written.items() if name in request.params]
        return (*ours, *(self._filled(request, name) for name in request.params if name not in written))

    def row_place(self) -> str:
        """The line of the feed that the row begins in, as a person standing where the job is named from would type it."""
        row = self._variant.row
        return f"{self._desk.job_file.document.beside(row.file)}:{row.line}"

    def _written(self, step: StepPlan, request: Request, name: str, shape: Any) -> Value:
        whole = not isinstance(step.shape, dict)
        path: Path = (*step.path, "with") if whole else (*step.path, "with", name)
        prompts = prompts_in(shape)
        given = None if whole or isinstance(step.spec.with_, str) else step.spec.with_.get(name)
        first = str(given["template"]) if isinstance(given, Mapping) and given.keys() == {"template"} else ""
        names = sorted({file for prompt in prompts for file in prompt.files}, key=lambda file: (file != first, file))
        files = tuple(f"{self._desk.project_file.project.templates}/{file}" for file in names)
        return Value(name, request.params[name], self._place(path), "job", files, tuple(self._reads(prompts)))

    def _filled(self, request: Request, name: str) -> Value:
        document, lane = self._desk.project_file.document, request.provider
        place = document.place(("providers", lane), "key") if document and document.node(("providers", lane)) else None
        return Value(name, request.params[name], f"{posixpath.basename(place.file)}:{place.line}" if place else "", "account")

    def _reads(self, prompts: list[Prompt]) -> Iterator[Source]:
        for name in sorted({read for prompt in prompts for read in prompt.reads}):
            root, *rest = name.split(".")
            yield Source(name, self._value(root, rest), self._place_of(root, rest))

    def _value(self, root: str, rest: list[str]) -> Json:
        variant = self._variant
        if root == "steps":
            return self._answer(rest)
        job = self._desk.job_file.job
        held: dict[str, Any] = {"row": variant.row.values, "matrix": variant.cell, "vars": job.vars, "job": {"name": job.name}}
        value: Any = {**held, "variant": variant.number, "seed": variant.seed}.get(root)
        for part in rest:
            value = value.get(part) if isinstance(value, Mapping) else None
        return dict(value) if isinstance(value, Mapping) else value

    def _answer(self, rest: list[str]) -> Json:
        result = self._results.get(rest[0]) if rest else None
        if result is None:
            return None
        files = [f"{BLOB_SCHEME}{sha256}" for sha256 in result.files]
        offered: dict[str, Json] = {"text": result.text, "json": result.json, "files": files, "file": files[0] if files else None}
        return offered.get(rest[1]) if len(rest) > 1 else result.text if result.text is not None else offered["file"]

    def _place_of(self, root: str, rest: list[str]) -> str:
        if root == "row":
            return self.row_place()
        if root == "steps":
            asked = self._ids.get(rest[0], "") if rest else ""
            return f"request {asked[:12]}" if asked else ""
        if root == "matrix" and rest:
            return self._place(self._axis(rest[0]), "value" if len(self._axis(rest[0])) > 2 else "key")
        return self._place((root, *rest), "key") if root in ("vars", "matrix") else ""

    def _axis(self, axis: str) -> Path:
        """Where the job writes this variant's value of the axis; the axis itself, or `include`, where it does not stand there."""
        values = self._desk.job_file.job.matrix.axes.get(axis)
        if values is None:
            return ("matrix", "include")
        at = next((index for index, value in enumerate(values) if value == self._variant.cell.get(axis)), None)
        return ("matrix", axis) if at is None else ("matrix", axis, at)

    def _place(self, path: Path, of: Literal["key", "value"] = "value") -> str:
        place = self._desk.job_file.document.place(path, of)
        return f"{place.file}:{place.line}"
