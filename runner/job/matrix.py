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
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from runner.fields import Problem, suggest
from runner.job.model import Matrix

MOST_CELLS: Final = 1_000_000

Cell: TypeAlias = Mapping[str, Any]


def count(matrix: Matrix) -> int:
    """The most cells the matrix can have (nothing excluded, every include a new cell), without expanding it."""
    product = math.prod(map(len, matrix.axes.values())) if matrix.axes else int(not matrix.include)
    return product + len(matrix.include)


def cells(matrix: Matrix) -> tuple[Cell, ...]:
    """The cells in plan order. Raises `ValueError` above 1,000,000, from the count alone."""
    if count(matrix) > MOST_CELLS:
        raise ValueError(_too_many(matrix))
    kept = [cell for cell in _product(matrix) if not any(_matches(entry, cell) for entry in matrix.exclude)]
    grown: list[dict[str, Any]] = [dict(cell) for cell in kept]
    for entry in matrix.include:
        named = {name: value for name, value in entry.items() if name in matrix.axes}
        extended = [at for at, cell in enumerate(kept) if _matches(named, cell)]
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
    found = [*_twins(matrix), *_exclude_problems(matrix)]
    if count(matrix) > MOST_CELLS:
        return [*found, Problem((), _too_many(matrix))]
    if not found:
        found.extend(_label_problems(cells(matrix)))
    return found


def _product(matrix: Matrix) -> Iterator[dict[str, Any]]:
    if not matrix.axes and matrix.include:
        return
    for values in itertools.product(*matrix.axes.values()):
        yield dict(zip(matrix.axes, values, strict=True))


def _matches(entry: object, value: object) -> bool:
    """Whether `value` is `entry`, or, for maps, has all that `entry` names. True is not 1, as in YAML."""
    if isinstance(entry, Mapping):
        return isinstance(value, Mapping) and all(name in value and _matches(part, value[name]) for name, part in entry.items())
    return entry == value and isinstance(entry, bool) == isinstance(value, bool)


def _say(value: object) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str | int | float):
        value = value["name"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _twins(matrix: Matrix) -> Iterator[Problem]:
    """Values of one axis that would have one name in the keys of variants."""
    for axis, values in matrix.axes.items():
        first: dict[str, int] = {}
        for index, value in enumerate(values):
            earlier = first.setdefault(_say(value), index)
            if earlier != index:
                yield Problem((axis, index), f"is called {_say(value)}, as {axis}[{earlier}] is; give each value its own name")


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
                said = _say(part)
                cure = "; the one called so differs in more than its name" if said in known else suggest(said, known)
                yield Problem(("exclude", index, name), f"{said} is no value of {name}{cure}")


def _label_problems(expanded: tuple[Cell, ...]) -> Iterator[Problem]:
    if not expanded:
        yield Problem(("exclude",), "excludes every cell; nothing is left to make")
    seen: set[str] = set()
    for cell in expanded:
        label = cell_label(cell)
        if label in seen:
            yield Problem(("include",), f"two cells are both called {label}; give their values different names")
            return
        seen.add(label)


def _too_many(matrix: Matrix) -> str:
    sizes = " × ".join(f"{name} {len(values)}" for name, values in matrix.axes.items())
    return f"has {count(matrix):,} cells ({sizes}); at most {MOST_CELLS:,} are allowed: shorten an axis or split the job"
