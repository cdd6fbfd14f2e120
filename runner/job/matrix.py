"""The matrix: axes to cells, as in GitHub Actions.

Cells are the product of the axes in written order, the last axis turning fastest, less `exclude`, plus `include`:

- An `exclude` entry removes every cell that matches all it names; a map matches by subset, so `{size: {name: mpu}}` is enough.
- An `include` entry whose axes match cells of the product adds its other names to them; one that matches none is a new cell.
  Without axes every entry is a cell.
- No matrix is one cell without names.

A product can be astronomic in ten lines of YAML, so its size is computed before anything is expanded.
(https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix)
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from runner.fields import Problem, suggest
from runner.job.model import Matrix

MOST_CELLS: Final = 100_000
"""Cells for one row; millions of variants come from rows."""
MOST_COMPARISONS: Final = 1_000_000
"""Cells (and values) times entries of `include` and `exclude`: what applying them takes time for."""
LONGEST_NAME: Final = 80
"""Characters of a value that a message shows."""

Cell: TypeAlias = Mapping[str, Any]
Spot: TypeAlias = tuple[int, ...]
"""A cell of the product: for each axis the place of its value."""
Rule: TypeAlias = tuple[tuple[int, frozenset[int]], ...]
"""An entry of `include` or `exclude`: axes by their number, and the places on them that match."""


def count(matrix: Matrix) -> int:
    """The most cells the matrix can have (nothing excluded, every include a new cell), without expanding it."""
    product = math.prod(map(len, matrix.axes.values())) if matrix.axes else int(not matrix.include)
    return product + len(matrix.include)


def cells(matrix: Matrix) -> tuple[Cell, ...]:
    """The cells in plan order. Raises `ValueError` above 100,000, from the count alone."""
    if too_many := _too_many(matrix):
        raise ValueError(too_many)
    excluded = [_rule(entry, matrix) for entry in matrix.exclude]
    kept = [spot for spot in _product(matrix) if not any(_holds(rule, spot) for rule in excluded)]
    axes = list(matrix.axes.items())
    grown = [{name: values[at] for (name, values), at in zip(axes, spot, strict=True)} for spot in kept]
    for entry in matrix.include:
        rule = _rule({name: value for name, value in entry.items() if name in matrix.axes}, matrix)
        extended = [at for at, spot in enumerate(kept) if _holds(rule, spot)]
        for at in extended:
            grown[at].update((name, value) for name, value in entry.items() if name not in matrix.axes)
        if not extended:
            grown.append(dict(entry))
    return tuple(grown)


def cell_label(cell: Cell) -> str:
    r"""`locale=en-US|size=mpu`: maps by their `name`, everything else that is not text as compact JSON; `|` is escaped as `\|`."""
    return "|".join(f"{name}={escape(_say(value))}" for name, value in cell.items())


def escape(text: str) -> str:
    r"""`text` with `\` and `|` escaped, so that parts joined by `|` can be told apart."""
    return text.replace("\\", "\\\\").replace("|", "\\|") if "|" in text or "\\" in text else text


def problems(matrix: Matrix) -> list[Problem]:
    """What is wrong with the matrix; paths are relative to `matrix`. Cheap however large the product is."""
    found = [*_twins(matrix)]
    if too_many := _too_many(matrix):
        return [*found, Problem((), too_many)]
    found += _exclude_problems(matrix)
    if not found:
        found.extend(_label_problems(cells(matrix)))
    return found


def _product(matrix: Matrix) -> Iterable[Spot]:
    return () if not matrix.axes and matrix.include else itertools.product(*(range(len(axis)) for axis in matrix.axes.values()))


def _rule(entry: Cell, matrix: Matrix) -> Rule:
    """The places on each axis that `entry` allows, found once: a product of axes repeats few values many times."""
    axes = list(matrix.axes)
    if not entry.keys() <= matrix.axes.keys():
        return ((0, frozenset()),)
    return tuple(
        (axes.index(name), frozenset(at for at, value in enumerate(matrix.axes[name]) if _matches(part, value)))
        for name, part in entry.items()
    )


def _holds(rule: Rule, spot: Spot) -> bool:
    return all(spot[axis] in wanted for axis, wanted in rule)


def _matches(entry: object, value: object) -> bool:
    """Whether `value` is `entry`, or, for maps, has all that `entry` names. True is not 1, as in YAML."""
    if isinstance(entry, Mapping):
        return isinstance(value, Mapping) and all(name in value and _matches(part, value[name]) for name, part in entry.items())
    return entry == value and isinstance(entry, bool) == isinstance(value, bool)


def _say(value: object) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str | int | float):
        value = value["name"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _name(value: object) -> str:
    """What a value is called in a message; the beginning of a long name is enough."""
    said = _say(value)
    return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 1]}…"


def _twins(matrix: Matrix) -> Iterator[Problem]:
    """Values of one axis that would have one name in the keys of variants."""
    for axis, values in matrix.axes.items():
        first: dict[str, int] = {}
        for index, value in enumerate(values):
            earlier = first.setdefault(_say(value), index)
            if earlier != index:
                yield Problem((axis, index), f"is called {_name(value)}, as {axis}[{earlier}] is; give each value its own name")


def _exclude_problems(matrix: Matrix) -> Iterator[Problem]:
    for index, entry in enumerate(matrix.exclude):
        unknown = [name for name in entry if name not in matrix.axes]
        for name in unknown:
            yield Problem(("exclude", index, name), f"not an axis of the matrix{suggest(name, matrix.axes)}")
        if unknown:
            continue
        if not entry:
            yield Problem(("exclude", index), "names nothing, so it would exclude every cell; remove it")
        for name, part in entry.items():
            if not any(_matches(part, value) for value in matrix.axes[name]):
                known = [_say(value) for value in matrix.axes[name]]
                cure = "; the one called so differs in more than its name" if _say(part) in known else suggest(_say(part), known)
                yield Problem(("exclude", index, name), f"{_name(part)} is no value of {name}{cure}")


def _label_problems(expanded: tuple[Cell, ...]) -> Iterator[Problem]:
    if not expanded:
        yield Problem(("exclude",), "excludes every cell; nothing is left to make")
    seen: set[str] = set()
    for cell in expanded:
        label = cell_label(cell)
        if label in seen:
            yield Problem(("include",), f"two cells are both called {_name(label)}; give their values different names")
            return
        seen.add(label)


def _too_many(matrix: Matrix) -> str | None:
    """What to say of a matrix that is too large to be expanded, from counts alone; None if it is not."""
    entries, values = len(matrix.exclude) + len(matrix.include), sum(map(len, matrix.axes.values()))
    if count(matrix) <= MOST_CELLS:
        if entries * (count(matrix) + values) <= MOST_COMPARISONS:
            return None
        return f"has {entries:,} entries of include and exclude for {count(matrix):,} cells; write fewer, or split the job"
    sizes = " × ".join(f"{name} {len(values)}" for name, values in matrix.axes.items())
    return f"has {count(matrix):,} cells ({sizes}); at most {MOST_CELLS:,} are allowed: shorten an axis or split the job"
