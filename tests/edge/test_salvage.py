"""Rows without SQLite: what SQLite wrote is read from the bytes alone, whole or damaged."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.edge.salvage import Found, read_rows

VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=40) | st.binary(max_size=40)


def write(path: Path, rows: list[tuple[object, ...]], page_size: int = 4096, mode: str = "DELETE") -> sqlite3.Connection:
    """A database with these rows of three values, still open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size={page_size}")
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE t (a, b, c)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")
    return connection


def found(path: Path) -> dict[int, tuple[object, ...]]:
    """Rows of three values by number, in file and log."""
    log = path.with_name(path.name + "-wal")
    rows = read_rows(path.read_bytes(), log.read_bytes() if log.exists() else b"")
    return {row.number: row.values for row in rows if row.number is not None and len(row.values) == 3}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=60), page_size=st.sampled_from([512, 1024, 4096, 65536]))
def test_every_value_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]], page_size: int) -> None:
    """Numbers, texts and bytes of any size of page are read as SQLite reads them."""
    path = tmp_path_factory.mktemp("db") / "a.db"
    with closing(write(path, rows, page_size)) as connection:
        written = {number: values for number, *values in connection.execute("SELECT rowid, a, b, c FROM t")}
    assert found(path) == {number: tuple(values) for number, values in written.items()}


@pytest.mark.parametrize("length", [0, 100, 4060, 4061, 4062, 4096, 8200, 200_000])
def test_long_rows_are_gathered_from_their_pages(tmp_path: Path, length: int) -> None:
    """A row that spills over several pages is one row."""
    with closing(write(tmp_path / "a.db", [("x" * length, 1, b"y" * length)])):
        assert found(tmp_path / "a.db") == {1: ("x" * length, 1, b"y" * length)}


def test_the_log_is_read_with_the_file(tmp_path: Path) -> None:
    """Rows that are only in the write-ahead log count, and the newest version of a page wins."""
    path = tmp_path / "a.db"
    with closing(write(path, [(n, "text " * 200, None) for n in range(50)], mode="WAL")) as connection:
        connection.execute("UPDATE t SET b = 'new' WHERE a = 7")
        assert path.with_name("a.db-wal").stat().st_size > 50_000
        rows = found(path)
    assert len(rows) == 50
    assert rows[8] == (7, "new", None)


def test_frames_of_an_earlier_use_of_the_log_are_left_out(tmp_path: Path) -> None:
    """What an older, longer log left behind its end is not read."""
    path = tmp_path / "a.db"
    with closing(write(path, [(n, "old" * 900, None) for n in range(40)], mode="WAL")) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("DELETE FROM t WHERE a = 39")
        database, log = path.read_bytes(), path.with_name("a.db-wal").read_bytes()
    frames = (len(log) - 32) // (4096 + 24)
    stale = [n for n in range(frames) if log[32 + n * 4120 + 8 : 32 + n * 4120 + 16] != log[16:24]]
    assert stale
    kept = [row.number for row in read_rows(b"", log[: 32 + (frames - len(stale)) * 4120])]
    assert [row.number for row in read_rows(b"", log)] == kept
    assert len(database) > 40_000


def test_a_file_without_its_head_still_gives_its_rows(tmp_path: Path) -> None:
    """Header and schema are not needed: the rows of all other pages are there."""
    path = tmp_path / "a.db"
    write(path, [(n, "text", b"bytes") for n in range(500)]).close()
    damaged = bytes(4096) + path.read_bytes()[4096:]
    assert {row.number for row in read_rows(damaged)} == set(range(1, 501))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9), flips=st.integers(1, 400))
def test_damage_never_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, seed: int, flips: int) -> None:
    """However a file is damaged, reading ends, raises nothing, and most rows of pages that are whole are found."""
    path = tmp_path_factory.getbasetemp() / "whole.db"
    if not path.exists():
        write(path, [(n, "t" * (n % 700), b"b" * (n * 37 % 5000)) for n in range(80)]).close()
    dice, data = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(flips):
        data[dice.randrange(len(data))] = dice.randrange(256)
    rows = list(read_rows(bytes(data[: dice.randrange(len(data)) if seed % 3 == 0 else len(data)])))
    assert all(isinstance(row, Found) for row in rows)
    assert len(rows) <= 20_000


@pytest.mark.parametrize("data", [b"", b"x", b"SQLite format 3\0", bytes(100), bytes(5000), b"\x0d" * 9000])
def test_what_is_no_database_has_no_rows_to_trust(data: bytes) -> None:
    """Anything else is read without complaint."""
    assert all(len(row.values) < 9000 for row in read_rows(data, data))
