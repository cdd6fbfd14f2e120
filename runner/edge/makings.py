"""What was made of what, beside the blobs: a table that spares work and may be lost.

A file for each picture would cost a busy run more than the picture's mark, so a lot is one transaction. Nothing is synced but by
SQLite itself when it tidies up: after a power cut the latest are missing, and are made again. So is everything where the table
cannot be read or written, because it is held, damaged or on a disk that is full: that costs time and nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Final
from weakref import finalize

from runner.edge.blobs import PRIVATE_FOLDER

TABLE: Final = "made.db"
CREATE: Final = "CREATE TABLE IF NOT EXISTS made (key TEXT PRIMARY KEY, told BLOB NOT NULL) WITHOUT ROWID"
FIND: Final = "SELECT key, told FROM made WHERE key IN (SELECT value FROM json_each(?))"
NOTE: Final = "INSERT OR REPLACE INTO made VALUES (?, ?)"
PATIENCE: Final = 1.0
"""Seconds that another run may hold the table before ours does without it."""


class Makings:
    """The table in `folder`, which is made with its first entry. May be used by several threads and several runs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TABLE
        self._lock = Lock()
        self._table: sqlite3.Connection | None = None

    def find(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is told of these keys, of as many as are known."""
        with self._lock, suppress(sqlite3.Error):
            if self._table is not None or self._path.exists():
                return dict(self._open().execute(FIND, (json.dumps(keys),)))
        return {}

    def note(self, told: Mapping[str, bytes]) -> None:
        """Tell of these keys from now on."""
        with self._lock, suppress(sqlite3.Error, OSError):
            self._path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            with self._open() as table:
                table.executemany(NOTE, told.items())

    def _open(self) -> sqlite3.Connection:
        if self._table is None:
            table = sqlite3.connect(self._path, PATIENCE, check_same_thread=False)
            try:
                table.execute("PRAGMA journal_mode=WAL")
                table.execute("PRAGMA synchronous=NORMAL")
                table.execute(CREATE)
            except sqlite3.Error:
                table.close()
                raise
            finalize(self, table.close)  # it lives as long as whoever asks: a run, or a look at one
            self._table = table
        return self._table


def all_told(folder: Path) -> Iterator[bytes]:
    """Everything that is told, by key; nothing where the table cannot be read."""
    if (folder / TABLE).exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(folder / TABLE, PATIENCE)) as table:
            yield from (told for (told,) in table.execute("SELECT told FROM made ORDER BY key"))
