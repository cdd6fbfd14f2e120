"""The register: which request a results.jsonl names in which of its lines.

A file of a million lines has its requests in the order of the feed, and whoever asks for them may have another order. The register
is a table in a temporary file of SQLite's, gone when it is closed, so memory does not grow with the results.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from runner.edge.outputs import read_line
from runner.errors import OurSide


class Register:
    """Steps of lines by the request they name. Make one with `open_register`."""

    def __init__(self, path: Path, file: BinaryIO, table: sqlite3.Connection) -> None:
        self._path, self._file, self._table = path, file, table

    def find(self, ids: Sequence[str]) -> set[str]:
        """Which of these requests some line has a result of."""
        query = "SELECT 1 FROM named WHERE digest = ? LIMIT 1"
        return {name for name in ids if self._table.execute(query, (bytes.fromhex(name),)).fetchone()}

    def read(self, request_id: str) -> Iterator[dict[str, Any]]:
        """What each line says of the step that asked this request, in the order of the file; equal ones once."""
        told: list[dict[str, Any]] = []
        rows = self._table.execute("SELECT at, number FROM named WHERE digest = ? ORDER BY at", (bytes.fromhex(request_id),))
        for at, number in rows.fetchall():
            self._file.seek(at)
            for step in _steps(self._path, number, self._file.readline()):
                if step.get("request") == request_id and step not in told:
                    told.append(step)
                    yield step


@contextmanager
def open_register(path: Path) -> Iterator[Register]:
    """The register of the results.jsonl at `path`. Raises `OurSide` where it cannot be read."""
    try:
        with path.open("rb") as file, closing(sqlite3.connect("")) as table:
            table.execute("CREATE TABLE named (digest BLOB, at INTEGER, number INTEGER)")
            table.executemany("INSERT INTO named VALUES (?, ?, ?)", _named(path, file))
            table.execute("CREATE INDEX by_digest ON named (digest)")
            yield Register(path, file, table)
    except OSError as error:
        raise OurSide(f"{path}: cannot be read ({error.strerror})") from error


def _named(path: Path, file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    for number, line in enumerate(file, 1):
        for step in _steps(path, number, line):
            if _has_result(step):
                yield bytes.fromhex(step["request"]), at, number
        at += len(line)


def _has_result(step: dict[str, Any]) -> bool:
    """Whether something was bought that is here: a step that is done, or words that were not as the job expected."""
    name = step.get("request")
    if not isinstance(name, str) or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        return False
    return step.get("status") == "done" or (step.get("status") == "failed" and ("text" in step or "json" in step))


def _steps(path: Path, number: int, line: bytes) -> list[dict[str, Any]]:
    steps = read_line(path, number, line).get("steps")
    if not isinstance(steps, dict) or not all(isinstance(step, dict) for step in steps.values()):
        raise OurSide(f"{path}:{number}: not a line of results; run the job again to write this file anew")
    return list(steps.values())
