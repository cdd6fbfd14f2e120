"""What a feed can tell: the variants that are wanted and have what it reads, in plan order, one at a time.

Rows and lines of results.jsonl are in one order, so they are read side by side and nothing is held. A variant that failed, was
refused, is still queued, or whose files are not published has no results to name; it is left out, as is one whose text is not
approved where only what is approved is published. What cannot be told of an answer
that is there (a name its JSON lacks) is left out too, and remarked on: the run is over, and it has not failed for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from runner.frozen import frozen
from runner.job.exporting import ExportPlan, answer_of, link_to
from runner.job.plan import Plan
from runner.job.rendering import Unrenderable
from runner.records import Row, Variant
from runner.report.parts import parts_of

MOST_REASONS: Final = 10
"""Reasons that are told by name; a message may quote what differs in every row."""


@frozen
class Entry:
    """What is told of a variant: the row's key, the export's cells, and the addresses of its pictures."""

    row: str
    cells: Mapping[str, Any]
    images: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """Reads the entries of one export from rows and results. `unsaid` counts, by reason, what was left out though it is there."""

    plan: Plan
    export: ExportPlan
    unsaid: dict[str, int] = field(default_factory=dict)

    def entries(self, rows: Iterable[Row], lines: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        """Every entry in plan order; lines are those of results.jsonl, of which some variants may have none."""
        waiting = iter(lines)
        line = next(waiting, None)
        for variant in self.plan.variants(rows):
            if line is None:
                return
            if line["key"] == variant.key:
                yield from self._entry(variant, line["steps"])
                line = next(waiting, None)

    def products(self, rows: Iterable[Row], lines: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        """One entry for each row: the cells of its first variant that is told, and the pictures of all, each once."""
        for _, group in groupby(self.entries(rows, lines), lambda entry: entry.row):
            first, *others = group
            images = dict.fromkeys(link for entry in (first, *others) for link in entry.images)
            yield Entry(first.row, first.cells, tuple(images))

    def _entry(self, variant: Variant, steps: Mapping[str, Mapping[str, Any]]) -> Iterator[Entry]:
        export = self.export
        base, parsed = export.spec.base_url, self._parsed()
        given = {name: steps.get(name, {}) for name in export.needs}
        if not all(self._may_say(variant.key, name, step) for name, step in given.items()):
            return
        told = {name: answer_of(step, base, name in parsed) for name, step in given.items()}
        answers = {name: answer for name, answer in told.items() if answer is not None}
        if len(answers) < len(told):
            return
        scope = {**self.plan.scope_of(variant), "steps": answers}
        images = tuple(link for name in export.images for link in _links(steps.get(name, {}), base))
        try:
            if export.is_wanted(scope) and (images or not export.images):
                yield Entry(variant.row.key, export.render(scope), images)
        except Unrenderable as wrong:
            place = self.plan.complaint(wrong.message, wrong.path, None, wrong.place)
            where = "" if place.place is None else f"{place.place.file}:{place.place.line}: "
            reason = f"{where}{place.path}: {wrong.message}"
            reason = reason if reason in self.unsaid or len(self.unsaid) < MOST_REASONS else "other reasons"
            self.unsaid[reason] = self.unsaid.get(reason, 0) + 1

    def _may_say(self, key: str, name: str, step: Mapping[str, Any]) -> bool:
        """Whether what the step says in words is approved, if that is asked for; files that are not have no path to name."""
        approves = self.plan.approves
        if approves is None:
            return True
        return all(approves(key, name, part.digest) for part in parts_of(step) if part.text is not None)

    def _parsed(self) -> set[str]:
        """The steps whose texts are read as JSON."""
        return {read.split(".")[1] for prompt in self.export.prompts for read in prompt.reads if read.endswith(".json")}


Rows = Callable[[], Iterable[Row]]
"""The rows of the feed from the beginning, each time it is called."""


def _links(step: Mapping[str, Any], base_url: str | None) -> Iterator[str]:
    if step.get("status") == "done" and base_url is not None:
        for file in step.get("files", ()):
            if str(file.get("media_type")).startswith("image/"):
                yield link_to(base_url, file["path"])
