"""The data of the page: one index that is read at once, and chunks of variants that are read when they are looked at.

The index holds a few bytes of each variant (its row and cell, the status of each step, what it cost), enough to arrange and to
filter fifty thousand of them without reading one; everything with words in it is in the chunks. Statuses are one letter a variant,
numbers are plain arrays. Of each step the index also says how many variants back the same was asked first, so that one
cut-out for twelve sizes is one card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from runner.census import fingerprint
from runner.job.plan import seed_of
from runner.report.asked import shorten
from runner.report.entries import Entry, Step
from runner.report.parts import Part

CHUNK: Final = 200
"""Variants in a chunk: some 100 kB, read in a few milliseconds."""
LETTERS: Final[Mapping[str, str]] = {
    "done": "d",
    "skipped": "s",
    "blocked": "b",
    "waiting": "w",
    "queued": "q",
    "failed": "f",
    "refused": "r",
    "uncertain": "u",
}
"""A status in one letter; `-` is a step that the variant does not have."""
ABSENT: Final = "-"
WIDE: Final = 2.2
"""Width by height from which the page gives a picture, and the column it is in, twice the room (`shapeOf` in cards.js)."""


class Dataset:
    """Takes the entries of a job in order; afterwards `index` is complete. `steps` are those of the job, in its order."""

    def __init__(self, job: str, steps: Iterable[str], titles: Mapping[str, str]) -> None:
        self._job, self._titles = job, titles
        self._rows: dict[str, int] = {}
        self._row_of: list[int] = []
        self._axes: dict[str, dict[bytes, tuple[int, str]]] = {}
        self._cells: dict[str, list[int]] = {}
        self._wide: dict[str, set[int]] = {}
        self._numbers: list[int] = []
        self._costs: list[float | None] = []
        self._currencies: Counter[str] = Counter()
        self._steps: dict[str, _Column] = {name: _Column() for name in steps}
        self._count = 0
        self.counts: Counter[str] = Counter()

    def chunks(self, entries: Iterable[Entry], links: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The entries as chunks, each `{variants, requests}`; `links` are addresses of whole pictures, by sha256."""
        chunk: list[Entry] = []
        for entry in entries:
            self._take(entry)
            chunk.append(entry)
            if len(chunk) == CHUNK:
                yield self._chunk(chunk)
                chunk = []
        if chunk:
            yield self._chunk(chunk)

    def index(self) -> dict[str, Any]:
        """What the page reads first."""
        rows = [[key, self._titles.get(key, "")] for key in self._rows]
        axes = {name: [label for _, label in values.values()] for name, values in self._axes.items()}
        return {
            "chunk": CHUNK,
            "count": self._count,
            "counts": dict(self.counts),
            "rows": rows,
            "row": self._row_of,
            "axes": [{"name": name, "values": labels, "wide": sorted(self._wide[name])} for name, labels in axes.items()],
            "cells": [self._cells[name] for name in axes],
            "numbers": self._numbers,
            "cost": self._costs,
            "currency": next((name for name, _ in self._currencies.most_common(1)), ""),
            "steps": [{"name": name, **column.as_json()} for name, column in self._steps.items()],
        }

    def _take(self, entry: Entry) -> None:
        self.counts[entry.status] += 1
        self._row_of.append(self._rows.setdefault(entry.row, len(self._rows)))
        for name in [*self._axes, *(name for name in entry.cell if name not in self._axes)]:
            self._take_axis(name, entry.cell)
        if any(_is_wide(part) for step in entry.steps.values() for part in step.parts):
            for name in entry.cell:
                self._wide[name].add(self._cells[name][-1])
        self._numbers.append(entry.number)
        for name in entry.steps:
            if name not in self._steps:
                self._steps[name] = _Column(self._count)
        for name, column in self._steps.items():
            column.take(self._count, entry.steps.get(name))
        self._costs.append(self._cost(entry))
        self._count += 1

    def _take_axis(self, name: str, cell: Mapping[str, Any]) -> None:
        if name not in self._axes:
            self._axes[name], self._cells[name], self._wide[name] = {}, [-1] * self._count, set()
        values, places = self._axes[name], self._cells[name]
        if name not in cell:
            places.append(-1)
            return
        value = cell[name]
        place, _ = values.setdefault(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), (len(values), label_of(value)))
        places.append(place)

    def _cost(self, entry: Entry) -> float | None:
        """What the variant's requests cost, in the currency most of them are in; None where no price is known."""
        sums: Counter[str] = Counter()
        for asked in entry.asked.values():
            amount, _, currency = (asked.bill.accrued or "").partition(" ")
            if currency:
                sums[currency] += read_amount(amount)  # type: ignore[assignment]
        self._currencies.update(sums.keys())
        first = next((name for name, _ in self._currencies.most_common(1)), "")
        return float(sums[first]) if first in sums else None

    def _chunk(self, chunk: Sequence[Entry]) -> dict[str, Any]:
        requests = {name: asked.as_json() for entry in chunk for name, asked in entry.asked.items()}
        return {"variants": [self._variant(entry) for entry in chunk], "requests": requests}

    def _variant(self, entry: Entry) -> dict[str, Any]:
        head, _, number = entry.key.rpartition("|")
        seed = seed_of(self._job, entry.key if entry.cell else f"{head}||{number}")
        steps = {name: _step_json(step) for name, step in entry.steps.items()}
        return {"key": entry.key, "row": entry.row, "cell": entry.cell, "number": entry.number, "seed": seed, "steps": steps}


class _Column:
    """One step over all variants: statuses, flags, who asked first, and the variants with more than one part."""

    def __init__(self, absent: int = 0) -> None:
        self._letters = [ABSENT * absent]
        self._flags: list[int] = []
        self._back: list[int] = [0] * absent
        self._first: dict[int, int] = {}
        self._parts: dict[str, int] = {}
        self._use, self._wide = "", False

    def take(self, index: int, step: Step | None) -> None:
        """The step of one more variant, which may not have it."""
        self._letters.append(ABSENT if step is None else LETTERS.get(step.status, ABSENT))
        self._back.append(0)
        if step is None:
            return
        self._use = self._use or step.use
        if step.flagged:
            self._flags.append(index)
        if step.request:
            self._back[-1] = index - self._first.setdefault(_mark(step), index)
        self._wide = self._wide or any(map(_is_wide, step.parts))
        if len(step.parts) > 1:
            self._parts[str(index)] = len(step.parts)

    def as_json(self) -> dict[str, Any]:
        provider = self._use.partition("/")[0]
        shared = any(self._back)
        told = {"use": self._use, "provider": provider, "status": "".join(self._letters), "flags": self._flags}
        return {**told, "back": self._back if shared else [], "parts": self._parts, "wide": self._wide}


def _is_wide(part: Part) -> bool:
    """Whether it is a banner that nobody could read in a column made for squares."""
    return bool(part.width and part.height and part.width > WIDE * part.height)


def _mark(step: Step) -> int:
    """The same for two variants whose step gave the same: request, status and files."""
    return fingerprint("|".join((step.request, step.status, *(part.digest for part in step.parts))))


def label_of(value: Any) -> str:
    """A value of an axis in a word: its `name` if it is a map that has one."""
    if isinstance(value, Mapping) and isinstance(value.get("name"), str | int):
        return str(value["name"])
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def read_amount(text: str) -> Decimal:
    """An amount as the journal writes it; 0 for what is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _step_json(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"status": step.status, "request": step.request, "use": step.use, "why": step.why}
    told |= {"flagged": step.flagged, "checks": list(step.checks), "parts": [_part_json(part) for part in step.parts]}
    if step.number > 1:
        told["try"] = step.number
    return {name: value for name, value in told.items() if value not in ("", [], False)}


def _part_json(part: Part) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": part.kind, "digest": part.digest, "text": shorten(part.text), "path": part.path}
    told |= {"type": part.media_type, "bytes": part.size, "width": part.width, "height": part.height}
    told |= {"source": part.source_type, "from": part.made_from, "seal": part.seal}
    return {name: value for name, value in told.items() if value not in (None, "", 0)}
