"""An expression from the command line that chooses variants: `row.id in ['mug', 'hat'] and matrix.locale == 'de-DE'`.

It is the job's own language behind the job's own fence, compiled once. What it reads tells what it can depend on, so an expression
about the row is worked out once a row, however many cells and repeats the row has. A mistake is told as one in the job would be,
with the place in the expression; an expression that takes nothing at all is a mistake too, and the values nearest to it are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from runner.errors import Complaint, Invalid, Place
from runner.fields import suggest
from runner.job.document import Document
from runner.job.memo import Scale
from runner.job.names import Known, chain_of
from runner.job.nodes import Node, place_of
from runner.job.plan import Plan
from runner.job.prompts import Compiler
from runner.job.rendering import Unrenderable
from runner.job.speech import shorten
from runner.job.templates import Templates
from runner.records import Row, Variant

OPTION: Final = "--only"
NAMES: Final = frozenset({"row", "matrix", "vars", "variant", "seed", "job"})
"""What can be read before anything is asked: everything but the answers of steps."""
MOST_VALUES: Final = 10_000
"""Different values of a column that are looked at for one that is near."""
LACKED: Final = re.compile(r"(?:\bhas no|\bthere is no(?: filter| test)?) (\S+?)(?=[;\s]|$)")
QUOTED: Final = re.compile(r"'([^' ]+)'")

Wanted: TypeAlias = tuple[tuple[str, ...], Any]
"""A name and a value that it is compared with: `("row", "id")` and `"mug"`."""


class Only:
    """Which variants of a plan an expression takes. Raises `Invalid` if it is no expression or reads what is not there."""

    def __init__(self, text: str, plan: Plan) -> None:
        lines = tuple(text.splitlines()) or ("",)
        document = Document(OPTION, text, text, Node((0, 0), (0, 0)), lines)
        names = frozenset(name for cell in plan.cells for name in cell)
        compiler = Compiler(document, Templates(Path(), ""), Known(names, frozenset(plan.job.vars), {}))
        prompt = compiler.expression(text, (), NAMES)
        if prompt is None:
            raise Invalid([_placed(complaint, document) for complaint in compiler.complaints])
        self._plan, self._document, self._prompt = plan, document, prompt
        self._fence = compiler.fence
        self._scale = Scale(prompt.reads, plan.cells, plan.job.variants)
        self._known: dict[int, bool] = {}
        self._row: Row | None = None

    def takes(self, variant: Variant) -> bool:
        """Whether the variant is chosen. Raises `Invalid` where its row cannot tell, with the row to blame."""
        if variant.row is not self._row:
            self._row = variant.row
            if self._scale.by_row:
                self._known.clear()
        plan = self._plan
        key = self._scale.key(variant.index // plan.job.variants % len(plan.cells), variant.number)
        if key not in self._known:
            self._known[key] = self._judge(variant)
        return self._known[key]

    def nothing(self, rows: Iterable[Row]) -> Invalid:
        """The mistake of an expression that takes no variant of these rows: the values that nobody has, and what is near them."""
        wanted = [(chain, value) for chain, value in self._wanted() if chain[0] in ("row", "matrix", "variant")]
        known = self._values({chain for chain, _ in wanted}, rows)
        told = [(value, why) for chain, value in wanted if (why := _unknown(chain, value, known[chain]))]
        if not told:
            return Invalid([Complaint("takes no variant: there is none of which all of it holds", "", self._document.place(()))])
        return Invalid([Complaint(shorten(why), "", _find(self._document, str(value))) for value, why in dict(told).items()])

    def _judge(self, variant: Variant) -> bool:
        scope = self._plan.scope(variant.row, variant.cell, variant.number, variant.seed, {})
        try:
            return bool(self._prompt.render({**scope, **self._fence.globals}))
        except Unrenderable as wrong:
            blamed = self._plan.place_of(variant.row)
            raise Invalid([_placed(Complaint(shorten(wrong.message), row=blamed), self._document)]) from None

    def _wanted(self) -> Iterator[Wanted]:
        """Every value that a name is compared with by `==` or `in`, as far as the expression says both."""
        tree = self._fence.parse(f"{{{{ {self._document.text.strip().removeprefix('{{').removesuffix('}}')} }}}}")
        for compared in tree.find_all(nodes.Compare):
            for operand in compared.ops:
                sides = (compared.expr, operand.expr)
                if operand.op in ("eq", "in"):
                    yield from ((chain, value) for chain in map(chain_of, sides) if chain for value in _constants(sides))

    def _values(self, chains: set[tuple[str, ...]], rows: Iterable[Row]) -> dict[tuple[str, ...], dict[str, Any]]:
        """What these names are in the plan, by how it is written."""
        plan = self._plan
        known: dict[tuple[str, ...], dict[str, Any]] = {chain: {} for chain in chains}
        for number in range(1, plan.job.variants + 1):
            _note(known, "variant", number)
        for cell in plan.cells:
            _note(known, "matrix", cell)
        for row in plan.selected(rows) if any(chain[0] == "row" for chain in chains) else ():
            _note(known, "row", row.values)
        return known


def _note(known: dict[tuple[str, ...], dict[str, Any]], root: str, value: Any) -> None:
    for chain, values in known.items():
        if chain[0] == root and len(values) < MOST_VALUES:
            part = value
            for name in chain[1:]:
                part = part.get(name) if isinstance(part, Mapping) else getattr(part, name, None)
            values.setdefault(str(part), part)


def _unknown(chain: tuple[str, ...], value: Any, values: Mapping[str, Any]) -> str:
    """That nothing has this value, with what is near it; empty if something has it."""
    if value in values.values():
        return ""
    who, what = ("row", ".".join(chain[1:])) if chain[0] == "row" else ("variant", ".".join(chain))
    if any(isinstance(part, Mapping) for part in values.values()):
        names = sorted({str(part["name"]) for part in values.values() if isinstance(part, Mapping) and "name" in part})
        cure = f"; compare {'.'.join(chain)}.name{suggest(str(value), names)}" if names else ""
        return f"{'.'.join(chain)} is a map and never {value!r}{cure}"
    if str(value) in values:
        return f"no {who} has {what} {value!r}; it is {values[str(value)]!r} there"
    return f"no {who} has {what} {value!r}{suggest(str(value), values).replace('; it takes', '; there is')}"


def _constants(sides: Iterable[nodes.Node]) -> Iterator[Any]:
    for side in sides:
        items = side.items if isinstance(side, nodes.List | nodes.Tuple) else [side]
        yield from (item.value for item in items if isinstance(item, nodes.Const))


def _placed(complaint: Complaint, document: Document) -> Complaint:
    """The complaint with the place of the name or sign that it is about."""
    lacked, quoted = LACKED.search(complaint.message), QUOTED.findall(complaint.message)
    word = lacked[1] if lacked else quoted[-1] if quoted else ""
    return replace(complaint, place=_find(document, word))


def _find(document: Document, word: str) -> Place:
    """Where the word stands in the expression, as a word of its own if it does; else where the expression begins."""
    whole = re.compile(rf"(?<![\w=!<>]){re.escape(word)}(?![\w=])")
    for number, line in enumerate(document.lines) if word else ():
        if found := whole.search(line):
            return place_of(document.file, document.lines, (number, found.start()))
    return document.place(())
