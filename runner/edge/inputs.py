"""Input pictures that lie in the project: found, confined, hashed once, and held as blobs.

A job names them by a path relative to its own file. The plan only ever sees `blob:<sha256>`, so a request is what the picture
contains, not where it lies. With a store the bytes are copied there when they are hashed: what is sent later is what was hashed,
even if the file changes during the run. Only what begins like a picture is taken, so that no job can have a vendor sent the
project's other files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from runner.edge.blobs import Blobs
from runner.edge.media import HEAD_BYTES, sniff
from runner.errors import OurSide
from runner.records import BLOB_SCHEME

MOST_BYTES: Final = 25 * 1024 * 1024
"""An input picture may have 25 MiB, like a downloaded one."""
LFS: Final = b"version https://git-lfs.github.com/spec/v1"
"""How the small file begins that stands in git for a large one (Git LFS specification, docs/spec.md)."""
SHOWN: Final = 200
"""Characters of a path that are shown: a row may give a whole text, or a `data:` URI, where a path is wanted."""


class InputFiles:
    """Turns a path as a job writes it into `blob:<sha256>`. `folder` is the job file's, `root` the project's."""

    def __init__(self, folder: Path, root: Path, store: Blobs | None = None) -> None:
        self._folder = folder.resolve()
        self._root = root.resolve()
        self._store = store
        self._known: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        """`blob:<sha256>` of the file's bytes. Raises `ValueError` saying what is wrong with the path or the file."""
        if path not in self._known:
            data = self._read(path)
            self._known[path] = BLOB_SCHEME + (self._store.put(data).sha256 if self._store else hashlib.sha256(data).hexdigest())
        return self._known[path]

    def __len__(self) -> int:
        return len(self._known)

    def seen(self) -> dict[str, str]:
        """The sha256 (hex) of every picture brought so far, by its path as the job writes it, sorted."""
        return {path: blob.removeprefix(BLOB_SCHEME) for path, blob in sorted(self._known.items())}

    def _read(self, path: str) -> bytes:
        place = self._find(path)
        try:
            with place.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as problem:
            raise OurSide(f"{place}: cannot be read ({problem.strerror}); check its permissions") from problem
        if len(data) > MOST_BYTES:
            raise ValueError(f"{path!r} has more than {MOST_BYTES // 1024} KiB; make the picture smaller")
        if data.startswith(LFS):
            raise ValueError(f"{path!r} is a Git LFS pointer, not the picture itself; run: git lfs pull")
        if sniff(data[:HEAD_BYTES]) is None:
            raise ValueError(f"{path!r} is not a picture (a JPEG, PNG, GIF, WebP or AVIF file)")
        return data

    def _find(self, path: str) -> Path:
        shown = repr(path if len(path) <= SHOWN else path[: SHOWN - 1] + "…")
        try:
            place = (self._folder / path).resolve()
            confined, found = place.is_relative_to(self._root), place.is_file()
        except (OSError, RuntimeError, ValueError):  # too long, a circle of links, a NUL character: no file has such a name
            confined, found = True, False
        if not confined:
            raise ValueError(f"{shown} lies outside the project folder {self._root}; copy the picture into the project")
        if not found:
            raise ValueError(f"there is no file {shown} in {self._folder}; a path is relative to the job file")
        return place
