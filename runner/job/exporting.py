"""Exports compiled: the cells of a feed as prompts, and the rows of the job tried on them before anything is sent.

An export reads what a template reads, and the results besides. There a file is not bytes but a place: `steps.banner.file` is its
path below the output folder, `.url` its address (`base_url` and the path). What reads a step that has nothing to give leaves the
variant out, so a feed never names what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from runner.errors import Complaint, Place
from runner.fields import Gives, Path, suggest
from runner.frozen import frozen
from runner.job.document import Document, dotted
from runner.job.export_form import Export
from runner.job.filters import Echo
from runner.job.matrix import Cell
from runner.job.memo import Scale
from runner.job.names import ROOTS, Known
from runner.job.prompts import Compiler
from runner.job.rendering import Prompt, Scope, Shape, Unrenderable, build, prompts_in
from runner.job.templates import Templates

ENDINGS: Final = {"merchant": "tsv", "meta": "csv", "csv": "csv"}
LINKS: Final = ("url", "urls")
STAND_IN: Final = Echo("An answer that is not known yet")
Note: TypeAlias = Callable[[str, Path, Place | None], None]
"""Takes a mistake: message, where the job has the value, where a template file has it."""


@frozen
class ExportPlan:
    """One export, compiled. `cells` are its columns by name, `images` the steps whose pictures it lists, `file` its name."""

    name: str
    spec: Export
    where: Prompt | None
    cells: Mapping[str, Shape]
    images: tuple[str, ...]
    extras: Mapping[str, Any]

    @property
    def file(self) -> str:
        """The feed's name."""
        return f"{self.name}.{ENDINGS[self.spec.format]}"

    @property
    def prompts(self) -> list[Prompt]:
        """Everything it computes."""
        return [*prompts_in(self.where), *prompts_in(dict(self.cells))]

    @property
    def needs(self) -> frozenset[str]:
        """The steps that a variant must have the results of to be in it."""
        return frozenset(step for prompt in self.prompts for step in prompt.steps)

    def is_wanted(self, scope: Scope) -> bool:
        """Whether `where` lets the variant through. Raises `Unrenderable`."""
        return self.where is None or bool(self.where.render({**scope, **self.extras}))

    def render(self, scope: Scope) -> dict[str, Any]:
        """The cells of a variant as plain JSON, by column. Raises `Unrenderable`."""
        return build(dict(self.cells), lambda prompt: prompt.render({**scope, **self.extras}))  # type: ignore[no-any-return]


def compile_exports(
    exports: Mapping[str, Export], document: Document, templates: Templates, known: Known
) -> tuple[tuple[ExportPlan, ...], list[Complaint]]:
    """Every export that can be compiled, and what is wrong with the others."""
    compiler = Compiler(document, templates, replace(known, links=LINKS))
    plans = tuple(_compile(name, spec, compiler) for name, spec in exports.items())
    seen: dict[str, str] = {}
    for name in exports:
        if (first := seen.setdefault(name.casefold(), name)) != name:
            _complain(compiler, f"would be one file with {first} on some systems; give it another name", ("export", name), "key")
    return plans, compiler.complaints


def _compile(name: str, spec: Export, compiler: Compiler) -> ExportPlan:
    path: Path = ("export", name)
    where = None if spec.where is None else compiler.expression(spec.where, (*path, "where"), ROOTS)
    columns = {column: compiler.shape(text, (*path, "columns", column), ROOTS) for column, text in spec.columns.items()}
    given = {part: text for part in ("id", "title", "description") if (text := getattr(spec, part)) is not None}
    columns |= {part: compiler.shape(text, (*path, part), ROOTS) for part, text in given.items()}
    for index, step in enumerate(spec.images or ()):
        gives = compiler.known.steps.get(step)
        if step not in compiler.known.steps:
            _complain(compiler, f"there is no step {step}{suggest(step, compiler.known.steps)}", (*path, "images", index))
        elif not _pictures(gives):
            _complain(compiler, f"steps.{step} gives no picture", (*path, "images", index))
    pictured = tuple(step for step, gives in compiler.known.steps.items() if gives is not None and _pictures(gives))
    images = () if spec.format == "csv" else pictured if spec.images is None else tuple(spec.images)
    plan = ExportPlan(name, spec, where, columns, images, compiler.fence.globals)
    if spec.base_url is None:
        for prompt in plan.prompts:
            if any(read.startswith("steps.") and read.rpartition(".")[2] in LINKS for read in prompt.reads):
                _complain(compiler, "reads an address; say with base_url: where the output folder is served from", prompt.path)
    return plan


def _pictures(gives: Gives | None) -> bool:
    return gives in (None, "file", "files")


def _complain(compiler: Compiler, message: str, path: Path, of: Any = "value") -> None:
    compiler.complaints.append(Complaint(message, dotted(path), compiler.document.place(path, of)))


def answer_of(step: Mapping[str, Any], base_url: str | None, reads_json: bool = False) -> dict[str, Any] | None:
    """What a template reads of a step of results.jsonl; None where it has nothing to give.

    `reads_json` says that a text is wanted as the JSON it is.
    """
    if step.get("status") != "done":
        return None
    told: dict[str, Any] = {name: step[name] for name in ("text", "json") if name in step}
    if reads_json and "json" not in told and isinstance(told.get("text"), str):
        told |= _parsed(told["text"])
    if "json" in told and "text" not in told:
        told["text"] = json.dumps(told["json"], ensure_ascii=False)
    if paths := [file["path"] for file in step.get("files", ())]:
        told |= {"file": paths[0], "files": paths}
        if base_url is not None:
            urls = [link_to(base_url, path) for path in paths]
            told |= {"url": urls[0], "urls": urls}
    return told or None


def link_to(base_url: str, path: str) -> str:
    """The address of a published file; a comma in a name is escaped, as lists of addresses are separated by them."""
    return f"{base_url.rstrip('/')}/{quote(path, safe='/')}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        return {"json": json.loads(text)}
    except (ValueError, RecursionError):
        return {}


class Rehearsal:
    """Tries the exports on rows whose answers are not known yet; `reads` are the names they need, whatever the cell."""

    def __init__(self, exports: Iterable[ExportPlan], steps: Iterable[str], cells: tuple[Cell, ...], numbers: int) -> None:
        self._exports = tuple(exports)
        reads = frozenset(read for export in self._exports for prompt in export.prompts for read in prompt.reads)
        self.scale = Scale(reads, cells, numbers)
        stand_in = dict.fromkeys(("text", "json", "file", "url"), STAND_IN) | {name: [STAND_IN] for name in ("files", "urls")}
        self._answers = dict.fromkeys(steps, stand_in)
        self._known: set[int] = set()

    def forget(self) -> None:
        """A new row: what depends on it is no longer known."""
        if self.scale.by_row:
            self._known.clear()

    def try_out(self, cell: int, number: int, scope: Scope, note: Note) -> None:
        """Note what is wrong for the variant of this cell and number, whose names `scope` has."""
        if not self._exports or (key := self.scale.key(cell, number)) in self._known:
            return
        self._known.add(key)
        for export in self._exports:
            for shape in (export.where, *export.cells.values()):
                _try(shape, {**scope, "steps": self._answers, **export.extras}, note)


def _try(shape: Shape, scope: Scope, note: Note) -> None:
    try:
        build(shape, lambda prompt: prompt.render(scope))
    except Unrenderable as wrong:
        note(wrong.message, wrong.path, wrong.place)
