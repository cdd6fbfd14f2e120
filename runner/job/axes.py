"""The matrix as it is written: a flat map of axes, and beside them `include` and `exclude`.

Checked by hand and all at once, because its form in YAML is not the form of the model: every mistake keeps its way below `matrix`.
What the entries of `include` and `exclude` mean is the business of `runner.job.matrix`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.fields import Path, Problem
from runner.job.forms import NAME
from runner.job.speech import say

ENTRIES: Final = ("include", "exclude")
AXIS_VALUE_SCHEMA: Final[Mapping[str, Any]] = {"type": ["string", "number", "boolean", "object"]}
CELLS_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {"type": "object", "minProperties": 1, "additionalProperties": dict(AXIS_VALUE_SCHEMA)},
}
MATRIX_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "title": "Matrix",
    "properties": {
        "include": {**CELLS_SCHEMA, "description": "Cells to add, or values to add to the cells they match."},
        "exclude": {
            **CELLS_SCHEMA,
            "description": "Cells to leave out: those that hold all the values given (maps match by subset).",
        },
    },
    "additionalProperties": {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": dict(AXIS_VALUE_SCHEMA),
        "description": "An axis: its values are scalars, or maps with a `name`.",
    },
    "propertyNames": {"pattern": f"^{NAME.pattern}$"},
    "examples": [{"locale": ["en-US", "de-DE"], "size": [{"name": "mpu", "width": 300, "height": 250}]}],
}


def axes_problems(value: Mapping[str, object]) -> Iterator[Problem]:
    """Everything wrong with the flat map, each with its way below `matrix`."""
    for name, part in value.items():
        yield from (_cells_problems if name in ENTRIES else _axis_problems)(name, part)


def _axis_problems(name: str, values: object) -> Iterator[Problem]:
    if NAME.fullmatch(name) is None:
        yield Problem((name,), "an axis begins with a letter and holds letters, digits and _ only, so that a template can read it")
    if not isinstance(values, list):
        yield Problem((name,), f"an axis needs a list of values, such as [en-US, de-DE]; got {say(values)}")
        return
    if not values:
        yield Problem((name,), "an axis needs at least one value; leave it out if it has none")
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        wrong = _value_problem(value)
        if wrong is not None:
            yield Problem((name, index), wrong)
        elif (first := seen.setdefault(json.dumps(value, sort_keys=True), index)) != index:
            yield Problem((name, index), f"is the same value as {name}[{first}]; an axis names each value once")


def _value_problem(value: object) -> str | None:
    if value is None:
        return "is empty; an axis value is text, a number, true or false, or a map"
    if isinstance(value, list):
        return "is a list; an axis value is text, a number, true or false, or a map"
    return None


def _cells_problems(name: str, cells: object) -> Iterator[Problem]:
    if not isinstance(cells, list):
        yield Problem((name,), f"needs a list of maps, such as [{{locale: de-DE}}]; got {say(cells)}")
        return
    for index, cell in enumerate(cells):
        if not isinstance(cell, Mapping):
            yield Problem((name, index), f"needs a map, such as {{locale: de-DE}}; got {say(cell)}")
        elif not cell:
            yield Problem((name, index), "is an empty map; name the axes it is about")
        else:
            yield from _cell_problems((name, index), cell)


def _cell_problems(path: Path, cell: Mapping[str, object]) -> Iterator[Problem]:
    for axis, value in cell.items():
        wrong = _value_problem(value)
        if wrong is not None:
            yield Problem((*path, axis), wrong)
