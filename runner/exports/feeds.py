"""The feeds of a job written beside its outputs, from results.jsonl and the feed's rows alone.

They follow results.jsonl: the same results and rows give the same bytes, what is right already is not touched, and a rebuild writes
what the run wrote. Where nothing has moved since the run that wrote them, only their digests are looked at. Each file is there
whole or as it was before. Nothing is taken away: a feed whose export left the job stays until somebody removes it, as a platform
may still fetch it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from runner.edge.outputs import RESULTS, Outputs, read_results
from runner.edge.published import hash_published
from runner.exports.columns import column_lines
from runner.exports.entries import Entry, Reading, Rows
from runner.exports.merchant import merchant_lines
from runner.exports.meta import meta_lines
from runner.job.exporting import ExportPlan
from runner.job.plan import Plan
from runner.records import Json

FOLDER: Final = "export"
"""The feeds' folder below the output folder. Published files never end in .csv or .tsv, so nothing there is in their way."""
FORMATS: Final[Mapping[str, Callable[[ExportPlan, Iterable[Entry]], Iterator[bytes]]]] = {
    "merchant": merchant_lines,
    "meta": meta_lines,
    "csv": column_lines,
}


@dataclass(slots=True)
class Exported:
    """The feeds by their path, with their sha256, as a run notes them, and remarks on what a feed could not tell."""

    files: dict[str, Json] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Json]:
        """What the next run may rely on; nothing where there is something to remark, so that it is remarked on again."""
        return {} if self.remarks else self.files


def write_exports(plan: Plan, rows: Rows, outputs: Outputs, before: Json = None) -> Exported:
    """Write every export of the plan. Raises `OurSide` when the disk fails.

    `before` is what the last run told of its own, if nothing has moved since: feeds that are as it left them are not made again.
    """
    exported = Exported()
    wanted = {f"{FOLDER}/{export.file}": export for export in plan.exports}
    if isinstance(before, dict) and before.keys() == wanted.keys():
        root = outputs.root.resolve()
        if all(hash_published(root, path) == sha256 for path, sha256 in before.items()):
            return Exported(before)
    for path, export in wanted.items():
        reading, results = Reading(plan, export), read_results(outputs.root / RESULTS)
        read = reading.entries if export.spec.format == "csv" else reading.products
        exported.files[path] = outputs.write_text(path, FORMATS[export.spec.format](export, read(rows(), results))).sha256
        exported.remarks += [f"{path}: {count} left out: {reason}" for reason, count in reading.unsaid.items()]
    return exported
