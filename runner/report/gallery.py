"""The gallery of a job, made from what its run left: small pictures, data, page, in this order.

It holds one chunk at a time, so a gallery of a million variants takes no more memory than its index. What is right already is not
touched, and when nothing it is made from has moved since, nothing is read either (`is_current`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from runner.decisions import Decision
from runner.edge.blobs import Blobs
from runner.edge.outputs import REPORT, RESULTS, read_results
from runner.edge.published import load_manifest, results_digest
from runner.errors import Usage
from runner.frozen import frozen
from runner.records import Row
from runner.report.asked import Histories, Prices
from runner.report.dataset import Dataset
from runner.report.entries import read_entries
from runner.report.page import PAGE, PAGE_DIGEST, Folder, SingleFile
from runner.report.parts import KINDS, Part, parts_of
from runner.report.pictures import THUMBS, Pictures

WHOLE: Final = 24_000_000
"""Bytes of whole pictures that a single file may carry; beyond that it has the small ones only."""
TITLES: Final = ("title", "name", "product_name", "headline")
"""Columns of a feed that say what a row is, the likeliest first."""


@frozen
class Material:
    """What a gallery is made from: the output folder of a run, the store, and what the journal and the feed know.

    `path` is the job file as a person names it, `steps` are in the job's order, `facts` says how far the journal reached, `titles`
    reads what the rows are called. `lines` are those of results.jsonl, where that file is not written yet.
    """

    job: str
    path: str
    mode: str
    steps: tuple[str, ...]
    output: Path
    blobs: Blobs | None
    histories: Histories
    price: Prices
    facts: int = 0
    decisions: Sequence[Decision] = ()
    titles: Callable[[], Mapping[str, str]] = field(default=dict)
    lines: Callable[[], Iterator[Mapping[str, Any]]] | None = None


@frozen
class Gallery:
    """What was made: the page to open, variants and pictures in it, and whether it was there already."""

    page: Path
    variants: int = 0
    pictures: int = 0
    whole: bool = True
    current: bool = False


def write_gallery(material: Material, target: Path | None = None) -> Gallery:
    """The gallery as a folder: `report` in the output folder, or `target`, which then holds copies of all pictures.

    Raises `Usage` where there are no results or `target` holds something else, `OurSide` when the disk fails.
    """
    stamp = stamp_of(material, "folder")
    inside = target is None or target.resolve() == (material.output / REPORT).resolve()
    folder = Folder(material.output / REPORT if target is None else target, hidden=inside)
    if folder.stamp() == stamp:
        return Gallery(folder.root / PAGE, current=True)
    folder.open()
    shelves = () if inside else (material.output / REPORT / THUMBS,)
    with Pictures(material.output, material.blobs, folder.root, copies=not inside, shelves=shelves) as pictures:
        variants = _fill(material, folder, pictures, stamp)
        pictures.forget()
        return Gallery(folder.root / PAGE, variants, len(pictures.shown))


def write_single(material: Material, file: Path) -> Gallery:
    """The gallery as one file, with the whole pictures in it as long as they are not too many. Raises as `write_gallery`."""
    stamp, whole = stamp_of(material, "file"), _weight(material.output) <= WHOLE
    shelf = material.output / REPORT / THUMBS
    with Pictures(material.output, material.blobs, None, copies=whole, shelves=(shelf,)) as pictures:
        variants = _fill(material, SingleFile(file, pictures.inlined), pictures, stamp)
        return Gallery(file, variants, len(pictures.shown), whole)


def stamp_of(material: Material, form: str) -> str:
    """Everything the page depends on, as a digest. Raises `Usage` where there are no results."""
    digest = results_digest(material.output) if material.lines is None else "under way"
    if digest is None:
        raise Usage(f"{material.output / RESULTS}: no such file; there is nothing to look at before the first run")
    decided = hashlib.sha256(repr([decision.model_dump() for decision in material.decisions]).encode("utf-8", "replace"))
    told = (PAGE_DIGEST, digest, str(material.facts), decided.hexdigest(), material.job, material.mode, form)
    return hashlib.sha256("|".join(told).encode("utf-8", "replace")).hexdigest()[:32]


def read_titles(rows: Iterable[Row]) -> dict[str, str]:
    """What the rows of a feed are called, by their keys."""
    titles = dict[str, str]()
    for row in rows:
        named = (row.values.get(column) for column in TITLES)
        title = next((name for name in named if isinstance(name, str) and name.strip()), None)
        if title is not None:
            titles[row.key] = title.strip()[:300]
    return titles


def _fill(material: Material, book: Folder | SingleFile, pictures: Pictures, stamp: str) -> int:
    lines = read_results(material.output / RESULTS) if material.lines is None else material.lines()
    dataset = Dataset(material.job, material.steps, material.titles())
    number = 0
    for chunk in dataset.chunks(read_entries(lines, material.histories, material.price)):
        pictures.place(chunk)
        book.write_chunk(number, chunk)
        number += 1
    index = {**dataset.index(), "chunks": number, "about": _about(material)}
    index["decisions"] = [decision.model_dump() for decision in material.decisions]
    book.close(index, stamp)
    return int(index["count"])


def _about(material: Material) -> dict[str, Any]:
    """What is told of the run: which job, from which feed and commit, and what it cost."""
    manifest = load_manifest(material.output) or {}
    told = {name: manifest.get(name) for name in ("run", "ended", "git", "feed", "versions", "providers", "selection", "exit")}
    job = {"name": material.job, "path": material.path, "mode": material.mode, "sha256": (manifest.get("job") or {}).get("sha256")}
    return {"job": job, **{name: value for name, value in told.items() if value is not None}}


def _weight(output: Path) -> int:
    """Bytes of all pictures together, each once."""
    seen: dict[str, int] = {}
    for part in _pictures_in(read_results(output / RESULTS)):
        seen[part.digest] = part.size
        if len(seen) % 1000 == 0 and sum(seen.values()) > WHOLE:
            break
    return sum(seen.values())


def _pictures_in(lines: Iterable[Mapping[str, Any]]) -> Iterator[Part]:
    for line in lines:
        for step in line["steps"].values():
            yield from (part for part in parts_of(step) if part.kind in KINDS.values())
