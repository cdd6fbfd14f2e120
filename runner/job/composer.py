"""From the parser's events to a tree of nodes, under guard.

Recursive, with the depth bounded before it recurses. A mistake that leaves the rest readable (a repeated key, a tag) is noted and
the reading goes on; what cannot be read, or is too much, stops it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import yaml

from runner.errors import Complaint, Invalid
from runner.job.grammar import explain
from runner.job.nodes import Mark, Node, dotted, place_of
from runner.job.scalars import read_scalar
from runner.job.speech import clip

MOST_DEPTH: Final = 50
MOST_EVENTS: Final = 20_000
MOST_ALIASES: Final = 50
# What YAML forbids. To list what it allows means the same, and takes ten times as long to compile at every start.
UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


class Composer:
    """Events to nodes: recursive, with its depth bounded before it recurses."""

    def __init__(self, text: str, file: str, lines: Sequence[str], loader: Any) -> None:
        self.complaints: list[Complaint] = []
        self._text, self._file, self._lines = text, file, lines
        self._events = self._guarded(loader)
        self._path: list[str | int] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliases = 0

    def build(self) -> Node:
        """The root; a document that says nothing is an empty one."""
        root = Node((0, 0), (0, 0))
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.DocumentStartEvent):
            root = self._node(next(self._events))
            next(self._events)
            event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event.start_mark, "a second document begins here; one file holds one document")
        return root

    def _guarded(self, loader: Any) -> Iterator[Any]:
        """The parser's events, as long as they are few and the grammar holds."""
        found = UNPRINTABLE.search(self._text)
        if found is not None:
            before = f"{self._text[: found.start()]}x".splitlines()
            mark = (len(before) - 1, len(before[-1]) - 1)
            self._stop(mark, f"an unprintable character (U+{ord(found[0]):04X}); take it out or write \\x… in quotes")
        try:
            for count, event in enumerate(yaml.parse(self._text, Loader=loader)):
                if count >= MOST_EVENTS:
                    self._stop(event.start_mark, f"more than {MOST_EVENTS} YAML events; put bulk data into the feed")
                yield event
        except yaml.MarkedYAMLError as error:
            message, mark = explain(error, self._lines)
            self._stop(mark, message)
        except yaml.YAMLError as error:
            self._stop((0, 0), f"is not YAML: {clip(str(error))}")

    def _node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            self._complain(event.start_mark, f"tags ({clip(event.tag)}) are not used here; take it away")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif len(self._path) >= MOST_DEPTH:
            self._stop(event.start_mark, f"nested more than {MOST_DEPTH} levels deep")
        else:
            node = self._map(event) if isinstance(event, yaml.MappingStartEvent) else self._list(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Node:
        node = Node(_mark(event.start_mark), _mark(event.end_mark), event.value)
        if event.implicit[0] and event.tag is None:
            try:
                node.data = read_scalar(event.value)
            except ValueError as error:
                self._complain(event.start_mark, str(error))
        return node

    def _list(self, event: Any) -> Node:
        node = Node(_mark(event.start_mark), _mark(event.end_mark), [])
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            child = self._child(len(node.data), item)
            node.adopt(len(node.data), child)
            node.data.append(child.data)
        node.end = _mark(item.end_mark)
        return self._bounded(node, event)

    def _map(self, event: Any) -> Node:
        node = Node(_mark(event.start_mark), _mark(event.end_mark), {})
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = self._key(key)
            objection = _objection(key, node)
            if objection is not None:
                self._complain(key.start_mark, objection, name)
            child = self._child(name, next(self._events))
            if objection is not None:
                continue
            node.adopt(name, child)
            node.keys[name] = _mark(key.start_mark)
            node.data[name] = child.data
        node.end = _mark(key.end_mark)
        return self._bounded(node, event)

    def _child(self, name: str | int, event: Any) -> Node:
        self._path.append(name)
        child = self._node(event)
        self._path.pop()
        return child

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            braces = isinstance(event, yaml.MappingStartEvent) and event.flow_style
            self._stop(event.start_mark, 'put quotes around "{{ … }}"' if braces else "a key must be plain text")
        if event.tag is not None:
            self._complain(event.start_mark, f"tags ({clip(event.tag)}) are not used here; take it away")
        if event.anchor is not None:
            self._anchors[event.anchor] = Node(_mark(event.start_mark), _mark(event.end_mark), event.value)
        return str(event.value)

    def _alias(self, event: Any) -> Node:
        self._aliases += 1
        name = event.anchor[:60]
        if self._aliases > MOST_ALIASES:
            self._stop(event.start_mark, f"more than {MOST_ALIASES} aliases")
        if event.anchor not in self._anchors:
            self._stop(event.start_mark, f"*{name} has no anchor; write &{name} before the value it means, further up")
        node = self._anchors[event.anchor]
        if node is None:
            self._stop(event.start_mark, f"*{name} stands inside itself")
        return node

    def _bounded(self, node: Node, event: Any) -> Node:
        """Aliases written out must still be a small, flat document: whoever walks `data` walks them so."""
        if node.weight > MOST_EVENTS:
            self._stop(event.start_mark, f"more than {MOST_EVENTS} values when its aliases are written out")
        if len(self._path) + node.height > MOST_DEPTH + 1:
            self._stop(event.start_mark, f"nested more than {MOST_DEPTH} levels deep when its aliases are written out")
        return node

    def _complain(self, mark: Any, message: str, *name: str) -> None:
        place = place_of(self._file, self._lines, _mark(mark))
        self.complaints.append(Complaint(message, dotted((*self._path, *name)), place))

    def _stop(self, mark: Any, message: str) -> NoReturn:
        self._complain(mark, message)
        raise Invalid(self.complaints)


def _objection(key: Any, node: Node) -> str | None:
    """Why a key cannot stand in the map `node`."""
    if key.value in node.children:
        return f"is written twice; the first is in line {node.keys[key.value][0] + 1}"
    if key.implicit[0] and key.value == "<<":
        return "merge keys (<<) are not YAML 1.2; write the fields out, or alias the whole value"
    return None if key.value.strip() else "a key is empty; give it a name"


def _mark(mark: Any) -> Mark:
    return mark if isinstance(mark, tuple) else (mark.line, mark.column)
