"""Small pictures of large ones: WebP, made once for each content, whatever the number of runs and of variants that show it.

They are named by the sha256 of what they show, so one that is there is right and is never made again.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Final

from PIL import ImageOps

from runner.edge.looks import Image
from runner.report.page import write_file

SIDE: Final = 320
"""Pixels of the longer side."""
LEAST: Final = 160
"""Pixels that the shorter side of a banner keeps, if it has them: 728 × 90 would be a stripe otherwise."""
WIDEST: Final = 1280
QUALITY: Final = 80
EFFORT: Final = 2
"""WebP's `method`: 2 takes a third of the time of 4 and a tenth more bytes."""
AT_ONCE: Final = 256
"""Pictures that are handed to the threads together, so that memory stays small."""


class Thumbnails:
    """The thumbnails in `folder`; those that lie on `shelves` already are copied from there."""

    def __init__(self, folder: Path, shelves: Sequence[Path] = ()) -> None:
        self._folder, self._shelves = folder, shelves

    def path(self, sha256: str) -> Path:
        """Where the thumbnail is or would be."""
        return self._folder / sha256[:2] / f"{sha256}.webp"

    def make(self, wanted: Mapping[str, Path]) -> set[str]:
        """Make what is missing of the pictures `wanted` (sha256 to file). Returns those that have a thumbnail now.

        A picture that cannot be read has none. Raises `OurSide` when the disk fails.
        """
        there = {sha256 for sha256 in wanted if self.path(sha256).is_file()}
        missing = ((sha256, source) for sha256, source in wanted.items() if sha256 not in there)
        with warnings.catch_warnings(), ThreadPoolExecutor(min(os.cpu_count() or 1, 4), "thumbnails") as pool:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            while batch := list(islice(missing, AT_ONCE)):
                there |= {sha256 for sha256 in pool.map(self._make, *zip(*batch, strict=True)) if sha256}
        return there

    def forget(self, kept: Iterable[str]) -> None:
        """Remove the thumbnails of everything but `kept`."""
        names = {f"{sha256}.webp" for sha256 in kept}
        for path in self._folder.glob("??/*.webp"):
            if path.name not in names and not path.parent.is_symlink():
                path.unlink(missing_ok=True)

    def _make(self, sha256: str, source: Path) -> str | None:
        data = next(self._on_shelves(sha256), None) or shrink(source)
        if data is None:
            return None
        write_file(self.path(sha256), data)
        return sha256

    def _on_shelves(self, sha256: str) -> Iterator[bytes]:
        for shelf in self._shelves:
            path = Thumbnails(shelf).path(sha256)
            if path.is_file():
                yield path.read_bytes()


def shrink(source: Path) -> bytes | None:
    """The picture as a small WebP, upright, without metadata; None where it cannot be read."""
    try:
        with Image.open(source) as picture:
            size = _size(*picture.size)
            picture.draft("RGB", size)
            upright = ImageOps.exif_transpose(picture)
            small = upright.convert("RGBA" if _is_see_through(upright) else "RGB")
            small.thumbnail(_size(*small.size), Image.Resampling.LANCZOS, reducing_gap=2.0)
            out = BytesIO()
            small.save(out, "WEBP", quality=QUALITY, method=EFFORT)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None


def _size(width: int, height: int) -> tuple[int, int]:
    longer, shorter = max(width, height, 1), max(min(width, height), 1)
    scale = min(1.0, max(SIDE / longer, LEAST / shorter), WIDEST / longer)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _is_see_through(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
