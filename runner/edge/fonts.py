"""The project's fonts: found, confined, hashed, and held as blobs, as pictures are.

A job never names a font's path, only its family; which files there are is the project's word (`fonts:` in adbatch.yaml).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.edge.blobs import Blobs
from runner.errors import OurSide
from runner.fields import Problem
from runner.records import BLOB_SCHEME

MOST_BYTES: Final = 32 << 20
"""Bytes of one font; those with all of Chinese have 20 MB."""
BEGINNINGS: Final = (b"\x00\x01\x00\x00", b"OTTO", b"true")


def bring_fonts(root: Path, names: Sequence[str], store: Blobs | None = None) -> tuple[list[str], list[Problem]]:
    """`blob:<sha256>` of each font below `root`, and what is wrong with those that are none."""
    refs: list[str] = []
    problems: list[Problem] = []
    for index, name in enumerate(names):
        try:
            data = _read(root, name)
        except ValueError as wrong:
            problems.append(Problem(("fonts", index), str(wrong)))
            continue
        refs.append(BLOB_SCHEME + (store.put(data).sha256 if store else hashlib.sha256(data).hexdigest()))
    return refs, problems


def _read(root: Path, name: str) -> bytes:
    try:
        place = (root / name).resolve()
        confined, found = place.is_relative_to(root.resolve()), place.is_file()
    except (OSError, RuntimeError, ValueError):
        confined, found = True, False
    if not confined:
        raise ValueError(f"{name[:200]!r} lies outside the project folder; copy the font into the project")
    if not found:
        raise ValueError(f"there is no font {name[:200]!r} in {root}; a path is relative to adbatch.yaml")
    try:
        with place.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as problem:
        raise OurSide(f"{place}: cannot be read ({problem.strerror}); check its permissions") from problem
    if not data.startswith(BEGINNINGS):
        raise ValueError(
            f"{name[:200]!r} is not a TrueType or OpenType font (.ttf or .otf); a collection (.ttc) must be taken apart"
        )
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name[:200]!r} has more than {MOST_BYTES >> 20} MiB; make a subset of it (pyftsubset)")
    return data
