"""YAML as an editor shows it, with the place of every key and value.

PyYAML is asked for grammar only: its events, one by one. The tree is built here (`composer`), for four reasons. Scalars are read
by YAML 1.2's core schema (`no`, `12:30` and `2026-01-01` stay text, `010` is ten). Every node keeps its line and column. A repeated
key is a mistake and not a silent choice of the last. And a hostile file is dropped at the event that is too much, before anything
of it is built: no tags, no merges, bounded depth, events, aliases and expansion.

Keys are always text: they are names, and JSON has no others.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any, Final, Literal

import yaml

from runner.errors import Complaint, Place
from runner.frozen import frozen
from runner.job.composer import Composer
from runner.job.nodes import Node, Path, dotted, place_of

__all__ = ["LOADER", "Document", "Node", "Path", "dotted", "read_document"]

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@frozen
class Document:
    """A YAML file: its plain data, its text, and the place of everything in it.

    `complaints` are mistakes that still let the rest be read (a repeated key, a tag); whoever uses `data` raises them too.
    """

    file: str
    text: str
    data: Any
    root: Node
    lines: tuple[str, ...]
    complaints: tuple[Complaint, ...] = ()

    def place(self, path: Path, of: Literal["key", "value"] = "value") -> Place:
        """Where the key or the value at `path` begins; where a part of it is missing, the key of the nearest part above."""
        node, key = self.root, self.root.start
        for part in path:
            child = node.children.get(part)
            if child is None:
                return place_of(self.file, self.lines, key)
            key = node.keys.get(part, child.start)
            node = child
        return place_of(self.file, self.lines, key if of == "key" else node.start)

    def node(self, path: Path) -> Node | None:
        """The node at `path`, or None where there is none."""
        node: Node | None = self.root
        for part in path:
            node = None if node is None else node.children.get(part)
        return node

    def beside(self, name: str) -> str:
        """What messages call the file that this one calls `name`, relative to itself; an address stays as it is."""
        return name if "://" in name else posixpath.normpath(posixpath.join(posixpath.dirname(self.file), name))

    def hide(self, path: Path) -> Document:
        """The same document, its lines starred out from the value at `path` on, and the complaints near it without their line."""
        node = self.node(path)
        if node is None:
            return self
        lines = list(self.lines)
        last = max(node.start[0], node.end[0] - (node.end[1] == 0))  # a block of text ends at the start of the next line
        for number in range(node.start[0], min(last + 1, len(lines))):
            line = lines[number]
            first = node.start[1] if number == node.start[0] else 0
            lines[number] = line[:first] + "*" * len(line[first:])
        near = [_without_line(each) if _is_near(each, node, dotted(path)) else each for each in self.complaints]
        return replace(self, lines=tuple(lines), complaints=tuple(near))


def _is_near(complaint: Complaint, node: Node, path: str) -> bool:
    """Whether the line a complaint shows may hold the value of `node`, or another one written under the same path."""
    assert complaint.place is not None
    return complaint.path == path or node.start[0] <= complaint.place.line - 1 <= node.end[0]


def _without_line(complaint: Complaint) -> Complaint:
    assert complaint.place is not None
    return replace(complaint, place=replace(complaint.place, text=""))


def read_document(text: str, file: str, loader: Any = LOADER) -> Document:
    """The one YAML document in `text`. Raises `Invalid` where it cannot be read at all: grammar, or more than the guard allows."""
    lines = tuple(text.splitlines())
    builder = Composer(text, file, lines, loader)
    root = builder.build()
    return Document(file, text, root.data, root, lines, tuple(builder.complaints))
