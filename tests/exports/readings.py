"""A plan of a text and a picture with an export, and results of it made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.exports.entries import Entry, Reading
from runner.job.exporting import ExportPlan
from tests.fakes import make_plan, make_rows

STEPS = (
    "  copy: {use: pen/text, with: {prompt: '{{ row.title }}'}}\n"
    "  scene: {use: pen/picture, with: {prompt: '{{ steps.copy.text }} {{ matrix.size }}'}}\n"
)
TOP = "matrix: {size: [s, l]}\nexport:\n  shop: {%s}\n"
BASE = "base_url: 'https://cdn.example.com'"


def done(key: str, text: str | None = "Buy", paths: Iterable[str] = ()) -> dict[str, Any]:
    """A line of results whose copy says `text` (None: it failed), and whose scene is these pictures."""
    copy = {"status": "failed", "why": "gone"} if text is None else {"status": "done", "text": text}
    files = [{"path": path, "media_type": "image/png"} for path in paths]
    return {"key": key, "steps": {"copy": copy, "scene": {"status": "done", "files": files} if files else {"status": "queued"}}}


def reading(folder: Path, export: str) -> Reading:
    """What reads the export that says this."""
    plan = make_plan(folder, STEPS, TOP % export)
    return Reading(plan, plan.exports[0])


def read(folder: Path, export: str, lines: Iterable[Mapping[str, Any]], rows: int = 3) -> tuple[ExportPlan, list[Entry]]:
    """The export and its entries: of products, or of variants for a table."""
    reader = reading(folder, export)
    found = reader.entries if reader.export.spec.format == "csv" else reader.products
    return reader.export, list(found(make_rows(rows), lines))
