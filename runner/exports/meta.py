"""A supplementary feed for a Meta catalogue: CSV, a line for each product.

Source: Meta for Developers, "Reference: catalog" (developers.facebook.com/docs/marketing-api/catalog/reference: CSV with quotes
doubled) and its list of product fields (`additional_image_link` holds up to twenty addresses and 2000 characters, commas between).
Meta has no field for how a text was made; pictures tell it in their own metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from runner.exports.cells import csv_line, one_line, safe, safe_id, said
from runner.exports.entries import Entry
from runner.job.exporting import ExportPlan

MOST_IMAGES: Final = 20
LONGEST_LIST: Final = 2000
"""Characters of all addresses together."""


def meta_lines(export: ExportPlan, products: Iterable[Entry]) -> Iterator[bytes]:
    """The feed, its header first; a column that the export says nothing of is not there."""
    texts = [name for name in ("title", "description") if name in export.cells]
    links = ["additional_image_link"] if export.images else []
    yield csv_line(["id", *links, *texts])
    for product in products:
        name = one_line(said(product.cells.get("id", product.row)))
        images = [listed(product.images)] if links else []
        yield csv_line([safe_id(name), *images, *(safe(one_line(said(product.cells[text]))) for text in texts)])


def listed(images: Sequence[str]) -> str:
    """The first of the addresses, as many as the field takes."""
    kept = list(images[:MOST_IMAGES])
    while len(",".join(kept)) > LONGEST_LIST:
        kept.pop()
    return ",".join(kept)
