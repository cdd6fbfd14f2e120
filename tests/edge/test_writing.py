"""How facts stand in a journal: queries for many at once, JSON that says anything, and a seal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest

from runner.edge.writing import BATCH, MOST, STATEMENTS, dump, insert, load, load_queries, rows_about, seal


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty journal in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(load_queries()["create"])
    yield connection
    connection.close()


class Noting(sqlite3.Connection):
    """A connection that notes which different statements it was given."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.given: set[str] = set()

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Note it, and do it."""
        self.given.add(sql)
        return super().execute(sql, *values)


def named(number: int) -> str:
    """The id of a request."""
    return f"{number:064x}"


@pytest.mark.parametrize("count", [0, 1, 3, 4, 127, 128, 277])
def test_many_rows_are_inserted_in_their_order(connection: sqlite3.Connection, count: int) -> None:
    """However they are cut into statements, every row is there once."""
    insert(connection, "add_fact", [(1, 1.5, "sent", f"{{{number}}}", number) for number in range(count)])
    assert [row for (row,) in connection.execute("SELECT seal FROM fact ORDER BY n")] == list(range(count))


def test_many_requests_are_asked_about_at_once(connection: sqlite3.Connection) -> None:
    """More than fit into one query are all answered; those that nobody knows are left out."""
    known = range(0, 3 * BATCH, 2)
    insert(connection, "add_request", [(number + 1, bytes.fromhex(named(number))) for number in known])
    found = dict(rows_about(connection, "numbers", [named(number) for number in range(3 * BATCH)]))
    assert found == {bytes.fromhex(named(number)): number + 1 for number in known}


def test_few_statements_serve_any_number_of_rows() -> None:
    """A connection keeps each statement with what it was given last: all that are needed fit, however many rows there are."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Noting)
    connection.executescript(load_queries()["create"])
    for count in [*range(MOST + 20), BATCH - 1, BATCH + 1]:
        insert(connection, "add_request", [(None, bytes.fromhex(named(1000 * count + number))) for number in range(count)])
        insert(connection, "add_fact", [(1, 1.5, "sent", "{}", number) for number in range(count)])
        for query in ("numbers", "saved", "histories"):
            assert len(list(rows_about(connection, query, [named(number) for number in range(count)]))) <= count
    assert len(connection.given) <= STATEMENTS * 2 / 3
    connection.close()


@pytest.mark.parametrize("body", [{}, {"text": "größe", "n": [1, 2.5, None]}, {"text": "half \ud800 a pair"}])
def test_a_body_is_read_as_it_was_written(body: dict[str, object]) -> None:
    """Whatever a vendor says can be written down, half a surrogate pair too."""
    assert load(dump(body)) == body


def test_a_seal_is_of_everything_a_fact_says() -> None:
    """It is the CRC-32 of id, moment, kind and body, so another letter in any of them is another seal."""
    told = (named(1), 1.5, "saved", '{"artifacts":[]}')
    assert seal(*told) == crc32(f"{named(1)} 1.5 saved {told[3]}".encode())
    others = [(named(2), *told[1:]), (told[0], 1.25, *told[2:]), (*told[:2], "sent", told[3]), (*told[:3], "{}")]
    assert seal(*told) not in {seal(*other) for other in others}
    assert seal(named(1), 2, "saved", "{}") == seal(named(1), 2.0, "saved", "{}")
