"""A table of the job's own columns: CSV, a line for each variant, every cell made safe for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.exports.cells import csv_line, safe
from runner.exports.entries import Entry
from runner.job.exporting import ExportPlan


def column_lines(export: ExportPlan, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The table, its header first, the columns in the order of the job."""
    yield csv_line(map(safe, export.cells))
    for entry in entries:
        yield csv_line(safe(entry.cells[name]) for name in export.cells)
