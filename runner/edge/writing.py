"""How facts stand in a journal: the queries, the JSON of a body, and the seal that tells when a letter has changed on the disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import orjson

BATCH: Final = 256
"""Requests that are looked up in one query."""
MOST: Final = 128
"""Rows that are inserted by one statement at most."""
STRIDE: Final = 16
"""More rows than these are inserted by a statement of some multiple of it. A connection keeps a statement and a copy of what it was
given last: with one for each number of rows that came to 8 MB, growing all through a run."""
STATEMENTS: Final = 128
"""What a connection keeps: the few dozen statements of these sizes, and one for each other query."""


@cache
def load_queries() -> Mapping[str, str]:
    """The queries of journal.sql by name; what stands between two `-- name: …` lines is one query."""
    queries: dict[str, str] = {}
    for block in Path(__file__).with_name("journal.sql").read_text("utf-8").split("\n\n-- ")[1:]:
        head, _, sql = block.partition("\n")
        queries[head.partition(":")[0]] = sql.strip().removesuffix(";")
    return queries


def rows_about(connection: sqlite3.Connection, query: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query about each of these requests, asked for many at a time.

    What is asked for is filled up to a power of two with NULL, which no request is: each size is a statement to keep.
    """
    for start in range(0, len(ids), BATCH):
        wanted: list[bytes | None] = [bytes.fromhex(name) for name in ids[start : start + BATCH]]
        size = 1 << (len(wanted) - 1).bit_length()
        yield from connection.execute(_query_about(query, size), wanted + [None] * (size - len(wanted)))


@cache
def _query_about(query: str, count: int) -> str:
    return load_queries()[query].replace("(?)", ", ".join(["(?)"] * count))


def seal(name: str, at: float, kind: str, body: str) -> int:
    """The checksum of a fact of the request of this id."""
    return crc32(f"{name} {_moment(at)} {kind} {body}".encode())


@lru_cache(maxsize=64)
def _moment(at: float) -> str:
    """The facts of a turn share a moment, and a float takes its time to be written."""
    return repr(float(at))


def insert(connection: sqlite3.Connection, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Carry out an INSERT of one row for all `rows`, many at a time.

    Each statement lets go of the interpreter once, and has to wait to get it back; a hundred small ones take the other threads
    longer than the disk does.
    """
    start = 0
    while left := min(len(rows) - start, MOST):
        some = rows[start : start + (left - left % STRIDE or left)]
        connection.execute(_query_for(query, len(some)), tuple(chain.from_iterable(some)))
        start += len(some)


@cache
def _query_for(query: str, rows: int) -> str:
    head, values, row = load_queries()[query].rpartition("VALUES ")
    return head + values + ", ".join([row] * rows)


def dump(body: Mapping[str, Any]) -> str:
    """JSON text. A vendor's text may hold half a surrogate pair, which orjson refuses and `json` escapes."""
    try:
        return orjson.dumps(body).decode()
    except TypeError:
        return json.dumps(body)


def load(text: str) -> dict[str, Any]:
    """What `dump` has written."""
    try:
        body: dict[str, Any] = orjson.loads(text)
    except ValueError:
        body = json.loads(text)
    return body
