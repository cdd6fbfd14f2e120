"""Input pictures that lie in the project: found, confined, hashed once, and held as blobs.

A job names them by a path relative to its own file. The plan only ever sees `blob:<sha256>`, so a request is what the picture
contains, not where it lies. With a store the bytes are copied there when they are hashed: what is sent later is what was hashed,
even if the file changes during the run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from runner.edge.blobs import Blobs
from runner.errors import OurSide
from runner.records import BLOB_SCHEME

MOST_BYTES: Final = 25 * 1024 * 1024
"""An input picture may have 25 MiB, like a downloaded one."""


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
            self._known[path] = BLOB_SCHEME + self._take(path)
        return self._known[path]

    def _take(self, path: str) -> str:
        if "\0" in path:
            raise ValueError("a path cannot hold a NUL character")
        place = (self._folder / path).resolve()
        if not place.is_relative_to(self._root):
            raise ValueError(f"{path!r} lies outside the project folder {self._root}; copy the picture into the project")
        if not place.is_file():
            raise ValueError(f"there is no file {path!r} (looked for {place}); a path is relative to the job file")
        if place.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path!r} has {place.stat().st_size // 1024} KiB; at most {MOST_BYTES // 1024} KiB are taken")
        try:
            data = place.read_bytes()
        except OSError as problem:
            raise OurSide(f"cannot read {place}: {problem.strerror}") from problem
        return self._store.put(data).sha256 if self._store else hashlib.sha256(data).hexdigest()
