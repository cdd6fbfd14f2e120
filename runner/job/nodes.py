"""A value of a YAML file and where it stands; the way to it, and how a person writes that way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from runner.errors import Place
from runner.job.speech import clip

Path: TypeAlias = Sequence[str | int]
Mark: TypeAlias = tuple[int, int]
"""0-based line and column, as the parser counts; `Place` is 1-based."""

BARE: Final = re.compile(r"[\w$-]+")


@dataclass(slots=True)
class Node:
    """A value and where it stands. `children` are a map's values by key or a list's items by index, `keys` where keys begin.

    `weight` and `height` count nodes and levels with every alias written out.
    """

    start: Mark
    end: Mark
    data: Any = None
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str | int, Mark] = field(default_factory=dict)
    weight: int = 1
    height: int = 1

    def adopt(self, name: str | int, child: Node) -> None:
        """Take `child` in under `name`."""
        self.children[name] = child
        self.weight += child.weight
        self.height = max(self.height, child.height + 1)


def dotted(path: Path) -> str:
    """A path as people write it: `steps.scene.with.style`, `matrix.size[0].width`; unusual keys in quotes, long ones cut."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            shown += ("." if shown else "") + (part if BARE.fullmatch(part) and len(part) <= 60 else clip(part))
    return shown


def place_of(file: str, lines: Sequence[str], mark: Mark) -> Place:
    """The 1-based place of a mark, with its line."""
    line, column = mark
    return Place(file, line + 1, column + 1, lines[line] if line < len(lines) else "")
