"""Two results.jsonl side by side, line by line, joined by the variant's key.

Both are in plan order as a rule, so they are read in step, and lines that are equal byte for byte are never parsed. What has not
met its like yet waits on a shelf: a few lines where rows came or went, and whole files where the orders differ; a long shelf
lies on the disk. So the answer is right in any order, and memory does not grow with the results.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

from runner.edge.outputs import read_line
from runner.errors import OurSide

MOST_HELD: Final = 5_000
"""Lines that wait in memory; more of them wait on the disk."""


class Pair(NamedTuple):
    """The lines of one variant; None on the side that does not have it."""

    then: dict[str, Any] | None
    now: dict[str, Any] | None


class Shelf:
    """Lines of one file that wait for the other's, by key. A context manager; `held` is how many may wait in memory."""

    def __init__(self, path: Path, held: int = MOST_HELD) -> None:
        self.path, self._held = path, held
        self._near: dict[bytes, tuple[int, bytes]] = {}
        self._far: sqlite3.Connection | None = None

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._far is not None:
            self._far.close()

    def put(self, key: bytes, number: int, line: bytes) -> None:
        """Let the line wait. Raises `OurSide` where the key waits already: a file has one line for each variant."""
        if key in self._near:
            raise self._twice(number)
        self._near[key] = number, line
        if len(self._near) > self._held:
            self._move()

    def take(self, key: bytes) -> bytes | None:
        """The waiting line of this key, which waits no longer."""
        found = self._near.pop(key, None)
        if found is not None or self._far is None:
            return None if found is None else found[1]
        row = self._far.execute("DELETE FROM waiting WHERE key = ? RETURNING line", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def rest(self) -> Iterator[bytes]:
        """The lines that still wait, in the order of the file."""
        if self._far is not None:
            self._move()
            yield from (bytes(line) for (line,) in self._far.execute("SELECT line FROM waiting ORDER BY number"))
        else:
            yield from (line for _, line in self._near.values())

    def _move(self) -> None:
        """Bring what waits in memory to the disk: a database without a name, which is gone when it is closed."""
        if self._far is None:
            self._far = sqlite3.connect("", isolation_level=None)
            self._far.execute("CREATE TABLE waiting (key BLOB PRIMARY KEY, number INTEGER, line BLOB) WITHOUT ROWID")
            self._far.execute("BEGIN")
        try:
            rows = ((key, number, line) for key, (number, line) in self._near.items())
            self._far.executemany("INSERT INTO waiting VALUES (?, ?, ?)", rows)
        except sqlite3.IntegrityError:
            raise self._twice(max(number for number, _ in self._near.values())) from None
        self._near.clear()

    def _twice(self, number: int) -> OurSide:
        return OurSide(
            f"{self.path}:{number}: a variant stands here for the second time; run the job again to write this file anew"
        )


@dataclass(slots=True)
class Line:
    """A line of a file with its number; it is read as JSON only when its key is asked for."""

    path: Path
    number: int
    text: bytes
    _key: bytes | None = None

    @property
    def key(self) -> bytes:
        """The variant's key. Raises `OurSide` where this is not a line of results."""
        if self._key is None:
            self._key = _key_of(self.path, self.number, self.text)
        return self._key


class Joined:
    """The join of two files of results; `same` counts the lines that are equal in both, as they are met."""

    def __init__(self, then: Path, now: Path, held: int = MOST_HELD) -> None:
        self._then, self._now, self._held = then, now, held
        self.same = 0

    def pairs(self) -> Iterator[Pair]:
        """Every pair that is not equal: those in both as they are met, then the removed, then the added.

        Raises `OurSide` naming file and line where one is not a line of results.
        """
        with Shelf(self._then, self._held) as before, Shelf(self._now, self._held) as after:
            met = (self._pair(one, other) for one, other in _met(_lines(self._then), _lines(self._now), before, after))
            yield from (pair for pair in met if pair is not None)
            yield from (Pair(read_line(self._then, 0, line), None) for line in before.rest())
            yield from (Pair(None, read_line(self._now, 0, line)) for line in after.rest())

    def _pair(self, one: bytes, other: bytes) -> Pair | None:
        """Two lines of one variant; those that are equal are counted and are none."""
        if one == other:
            self.same += 1
            return None
        return Pair(read_line(self._then, 0, one), read_line(self._now, 0, other))


def _met(then: Iterator[Line], now: Iterator[Line], before: Shelf, after: Shelf) -> Iterator[tuple[bytes, bytes]]:
    """The lines of each variant that is in both files; what has no counterpart is on its shelf in the end.

    Where one file has a line more, only the other's next is read until both are at the same variant again.
    """
    one, other = next(then, None), next(now, None)
    while one is not None or other is not None:
        if one is not None and other is not None and (one.text == other.text or one.key == other.key):
            yield one.text, other.text
            one, other = next(then, None), next(now, None)
        elif one is not None and (waiting := after.take(one.key)) is not None:
            yield one.text, waiting
            one = next(then, None)
        elif other is not None and (waiting := before.take(other.key)) is not None:
            yield waiting, other.text
            other = next(now, None)
        else:
            for line, shelf in ((one, before), (other, after)):
                if line is not None:
                    shelf.put(line.key, line.number, line.text)
            one, other = next(then, None), next(now, None)


def _lines(path: Path) -> Iterator[Line]:
    """The lines of a file, each with its end."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield Line(path, number, line if line.endswith(b"\n") else line + b"\n")
    except OSError as error:
        raise OurSide(f"{path}: cannot be read ({error.strerror})") from error


def _key_of(path: Path, number: int, line: bytes) -> bytes:
    key, steps = (told := read_line(path, number, line)).get("key"), told.get("steps")
    if not isinstance(key, str) or not isinstance(steps, dict) or not all(isinstance(step, dict) for step in steps.values()):
        raise OurSide(f"{path}:{number}: not a line of results.jsonl; name an output folder or its results.jsonl")
    return key.encode("utf-8", "surrogatepass")
