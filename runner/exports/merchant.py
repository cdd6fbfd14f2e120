"""A supplemental feed for Google Merchant Center: tab-separated, a line for each product, generated text marked as such.

Source: Google Merchant Center Help, support.google.com/merchants: "Additional image link" (answer/6324370: at most ten, separated
by commas, commas inside escaped), "Structured title" and "Structured description" (generated text goes there and not into
`title`, as `trained_algorithmic_media:"text"`), "Quoted attributes" (answer/14998273: a quotation mark inside quotes is paired).
What was generated is told of pictures in their own metadata, which adbatch writes (`output: {mark: true}`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from runner.exports.cells import one_line, safe_id, said, tsv_line
from runner.exports.entries import Entry
from runner.job.exporting import ExportPlan

MOST_IMAGES: Final = 10
SOURCE_TYPE: Final = "trained_algorithmic_media"
"""IPTC's word for what a model has made, as Google writes it."""


def merchant_lines(export: ExportPlan, products: Iterable[Entry]) -> Iterator[bytes]:
    """The feed, its header first; a column that the export says nothing of is not there."""
    texts = [name for name in ("title", "description") if name in export.cells]
    links = ["additional_image_link"] if export.images else []
    yield tsv_line(["id", *links, *(f"structured_{name}" for name in texts)])
    for product in products:
        name = one_line(said(product.cells.get("id", product.row)))
        images = [",".join(product.images[:MOST_IMAGES])] if links else []
        yield tsv_line([safe_id(name), *images, *(structured(said(product.cells[text])) for text in texts)])


def structured(text: str) -> str:
    """A generated text as a structured attribute; nothing where there is none."""
    line = one_line(text).replace('"', '""')
    return f'{SOURCE_TYPE}:"{line}"' if line else ""
