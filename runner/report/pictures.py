"""Where the page finds each picture: its thumbnail, and the whole one as it was published, as a copy, or inside the page itself."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from runner.edge.blobs import Blobs, is_stamped
from runner.edge.outputs import is_relative
from runner.edge.remaking import restore
from runner.errors import OurSide
from runner.records import Made
from runner.report.thumbnails import Thumbnails
from runner.results import EXTENSIONS

FILES: Final = "files"
THUMBS: Final = "thumbs"
ENDINGS: Final[Mapping[str, str]] = {kind: end for kind, end in EXTENSIONS.items() if kind.startswith(("image/", "video/"))}
"""What is shown, and how its copy ends. Anything else is told and not shown."""


class Pictures:
    """Gives the parts of a chunk their addresses. `root` is the page's folder; None makes the addresses carry the bytes.

    With `copies` the whole pictures come along; without, those published in `output` are linked, and only what is published nowhere
    is copied. `shown` are the digests that were met, `inlined` the pictures that a page carries, each once, by the
    name after the `#` of its address. A context manager: thumbnails without a folder lie in a temporary one.
    """

    def __init__(self, output: Path, blobs: Blobs | None, root: Path | None, copies: bool, shelves: Sequence[Path] = ()) -> None:
        self._output, self._blobs, self._root, self._copies = output, blobs, root, copies
        self._scratch = None if root is not None else tempfile.TemporaryDirectory(prefix="adbatch-")
        folder = root / THUMBS if root is not None else Path(self._scratch.name if self._scratch else "")
        self._thumbnails = Thumbnails(folder, shelves)
        self.shown: set[str] = set()
        self.inlined: dict[str, str] = {}
        self._copied: set[str] = set()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    def place(self, chunk: Mapping[str, Any]) -> None:
        """Put `thumb` and `href` into every part of the chunk that has them."""
        parts = [part for part in _parts(chunk) if part.get("type") in ENDINGS]
        own = {part["digest"]: part for part in parts}
        sources = {digest: source for digest, part in own.items() if (source := self._source(part)) is not None}
        small = self._thumbnails.make(
            {digest: source for digest, source in sources.items() if own[digest]["type"].startswith("image/")}
        )
        for part in parts:
            digest = part["digest"]
            self.shown.add(digest)
            if digest in small:
                part["thumb"] = self._thumb(digest)
            if href := self._whole(part, sources.get(digest)):
                part["href"] = href

    def forget(self) -> None:
        """Remove what an earlier gallery showed and this one does not."""
        if self._root is None:
            return
        self._thumbnails.forget(self.shown)
        for path in (self._root / FILES).glob("??/*.*"):
            if path.stem not in self._copied and not path.parent.is_symlink():
                path.unlink(missing_ok=True)

    def _source(self, part: Mapping[str, Any]) -> Path | None:
        """Where the bytes are: in the store, or as they were published; what was edited since is made again where that can be."""
        digest, published = part["digest"], self._published(part)
        if self._blobs is None or (published is not None and not self._blobs.has(digest) and _is_as_made(published, digest)):
            return published
        made = Made(str(part.get("from", "")), part.get("source"))
        return self._blobs.path(digest) if restore(self._blobs, digest, made) else published

    def _published(self, part: Mapping[str, Any]) -> Path | None:
        path = part.get("path")
        if not path or not is_relative(path):
            return None
        found = self._output / path
        return found if found.is_file() else None

    def _thumb(self, digest: str) -> str:
        if self._root is None:
            return self._inline(f"thumb-{digest}", self._thumbnails.path(digest), "image/webp")
        return f"{THUMBS}/{digest[:2]}/{digest}.webp"

    def _whole(self, part: Mapping[str, Any], source: Path | None) -> str | None:
        if self._root is None:
            return self._inline(f"whole-{part['digest']}", source, part["type"]) if self._copies and source is not None else None
        if not self._copies and self._published(part) is not None:
            return "../" + "/".join(quote(name, safe="") for name in part["path"].split("/"))
        return None if source is None else self._copy(self._root, part, source)

    def _inline(self, name: str, source: Path, media_type: str) -> str:
        """Let the page carry the picture; its address in the page."""
        if name not in self.inlined:
            self.inlined[name] = f"data:{media_type};base64,{base64.b64encode(source.read_bytes()).decode()}"
        return f"#{name}"

    def _copy(self, root: Path, part: Mapping[str, Any], source: Path) -> str:
        digest = part["digest"]
        relative = f"{FILES}/{digest[:2]}/{digest}.{ENDINGS[part['type']]}"
        target = root / relative
        self._copied.add(digest)
        try:
            if not target.is_file() or target.stat().st_size != source.stat().st_size:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        except OSError as error:
            raise OurSide(f"{target}: cannot be written ({error.strerror}); free some space") from error
        return relative


def _is_as_made(published: Path, digest: str) -> bool:
    with published.open("rb") as file:
        return is_stamped(os.fstat(file.fileno()), digest) or hashlib.file_digest(file, "sha256").hexdigest() == digest


def _parts(chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (part for variant in chunk["variants"] for step in variant["steps"].values() for part in step.get("parts", ()))
