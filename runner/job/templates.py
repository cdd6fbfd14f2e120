"""The templates folder: the only files `{template: x.j2}`, `{% include %}`, `{% import %}` and `{% extends %}` can reach.

A name is a path below the folder: never absolute, never upwards, and no symlink leads out. Each file is read once; what was read is
what is rendered and what the manifest's digests say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import Environment
from jinja2.exceptions import TemplateNotFound
from jinja2.loaders import BaseLoader

from runner.errors import Place
from runner.fields import suggest

LARGEST_FILE: Final = 64 * 1024
"""Bytes of one file; a prompt of more could not be rendered either."""


class Templates(BaseLoader):
    """Template files below `folder`, called `shown/NAME` in messages."""

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self.shown = shown
        self._texts: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 (hex) of every file read so far, by name, sorted."""
        return dict(sorted(self._digests.items()))

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text of the file called `template`. Raises `TemplateNotFound` whose message says why, and what was meant."""
        if template not in self._texts:
            self._texts[template] = self._load(template)
        return self._texts[template], f"{self.shown}/{template}", lambda: True

    def place(self, name: str, line: int, near: str = "") -> Place:
        """A point in the file: the column where `near` stands in that line, else 1."""
        lines = self._texts.get(name, "").splitlines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        return Place(f"{self.shown}/{name}", line, max(text.find(near), 0) + 1, text)

    def _load(self, name: str) -> str:
        file = self._path(name)
        data = file.read_bytes()
        if len(data) > LARGEST_FILE:
            raise TemplateNotFound(name, f"{self.shown}/{name} has {len(data):,} bytes; at most {LARGEST_FILE:,} are allowed")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            raise TemplateNotFound(name, f"{self.shown}/{name} is not UTF-8 (byte {wrong.start}); save it as UTF-8") from None
        self._digests[name] = hashlib.sha256(data).hexdigest()
        return text

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not name or name.startswith("/") or ".." in parts or any(char in name for char in "\\\0:"):
            raise TemplateNotFound(name, f"{name!r} is not a name below {self.shown}/; write it as folder/file.j2")
        root = self.folder.resolve()
        try:
            file = (self.folder / name).resolve()
            found = file.is_file()
        except (OSError, RuntimeError):  # too long, or a circle of links
            found = False
        if not found:
            known = [known for known in self._names() if known != name]
            raise TemplateNotFound(name, f"there is no {self.shown}/{name}{suggest(name, known)}")
        if not file.is_relative_to(root):
            raise TemplateNotFound(name, f"{self.shown}/{name} is a link that leads out of {self.shown}/")
        return file

    def _names(self) -> Iterator[str]:
        if self.folder.is_dir():
            for file in sorted(self.folder.rglob("*"))[:1000]:
                if file.is_file():
                    yield file.relative_to(self.folder).as_posix()
