"""The journal: nothing but the facts in order, on disk before anything costs.

One SQLite file a job, one connection, used by one thread at a time. `commit` is one durable transaction for however many facts a
turn of the engine yields, so what a submit costs is one fsync shared by all submits of the turn. Settings: `synchronous=FULL`, and
write-ahead logging with `locking_mode=EXCLUSIVE`. WAL appends instead of rewriting; the exclusive lock keeps every other process
out, which also rules out the WAL-reset race that SQLite had before 3.51.3 with several connections. The file is 0600.

Once a commit has failed nobody knows what the disk holds, so the journal refuses everything after it; the next run reads it anew.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from runner.edge.blobs import PRIVATE_FILE, make_private_folder, sync_folder
from runner.edge.numbers import Numbers
from runner.edge.writing import STATEMENTS, dump, insert, load, load_queries, rows_about, seal
from runner.errors import AdbatchError, Held, OurSide
from runner.facts import Fact, Saved, from_json, kind_of, to_json
from runner.frozen import frozen
from runner.records import Json

FORMAT: Final = 1
"""The version of what is inside. A journal of a later one is refused, never guessed."""
DAMAGE: Final = ("no such table", "decode")
"""What SQLite and Python say, without a code of their own, where a schema or a text is damaged."""
RECOVER: Final = "run `adbatch journal recover` on its job, or move it away and restore it from a backup"
RECOVERED: Final = ".recovered"
"""Added to a journal's name: what could be read of a damaged one, waiting to take its place."""
SETTINGS: Final = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-8192",
)
"""What makes a commit durable and keeps others out, in the order in which it is said to a connection; 8 MiB for its pages: with
32, memory grew by a third from 3,000 requests to 30,000."""

Mode: TypeAlias = Literal["live", "sandbox", "replay"]


@frozen
class Run:
    """One run as the journal knows it. `ended` is None while it runs, and for ever if it was killed."""

    number: int
    started: float
    ended: float | None
    meta: Mapping[str, Json]


@frozen
class Health:
    """What a whole journal holds; `uncertain` requests were perhaps bought and wait for a word."""

    requests: int
    facts: int
    runs: int
    uncertain: int


class Journal:
    """An open journal. Make one with `open`; every method may be called from any thread, one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, journal_id: str) -> None:
        self.path = path
        self.id = journal_id
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = Numbers(connection.execute(load_queries()["last_request"]).fetchone()[0] or 0)
        self._broken = ""

    @classmethod
    def open(cls, path: Path, mode: Mode, patience: float = 5.0) -> Self:
        """Open the journal at `path`, making it if there is none. `patience` is how many seconds to wait for a lock.

        Raises `Held` if another process has it open, and `OurSide`, naming file and remedy, if it is damaged, of a newer version,
        of the other mode, or cannot be read or written.
        """
        _refuse_half_swapped(path)
        if not path.parent.is_dir() or not path.exists():
            give_birth(path, mode)
        if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)):
            raise OurSide(f"{path}: the journal cannot be written; check the permissions of the file and its folder")
        connection = _connect(path, patience)
        try:
            meta = _check(path, connection, mode)
            return cls(path, connection, meta["journal"])
        except (sqlite3.Error, UnicodeDecodeError) as failure:
            connection.close()
            raise _explain(path, failure) from failure
        except AdbatchError:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with self._lock:
            self._connection.close()

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all `facts` in one transaction that is on disk when this returns; all of them or none.

        Raises `OurSide` when the disk is full or failing, and from then on at every call.
        """
        if not facts:
            return
        bodies = [(fact.id, fact.at, kind_of(fact), dump(to_json(fact))) for fact in facts]
        seals = [seal(*row) for row in bodies]
        with self._lock, self._transaction() as connection:
            numbers = self._number(connection, [row[0] for row in bodies])
            rows = [(numbers[name], at, kind, body, seal) for (name, at, kind, body), seal in zip(bodies, seals, strict=True)]
            insert(connection, "add_fact", rows)
            self._numbers.forget(fact.id for fact in facts if isinstance(fact, Saved))

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first; the others are left out."""
        histories: dict[str, list[Fact]] = {}
        with self._lock, self._reading() as connection:
            for digest, *row in rows_about(connection, "histories", self._numbers.recorded(dict.fromkeys(ids))):
                name = digest.hex()
                histories.setdefault(name, []).append(self._read(name, *row))
        return histories

    def saved(self, ids: Sequence[str]) -> dict[str, Saved]:
        """The last fact of each request whose last fact is that its result is here; the others are left out.

        Nothing that was known before it counts any more, so this is all there is to know, at a tenth of what a history costs.
        """
        found: dict[str, Saved] = {}
        with self._lock, self._reading() as connection:
            for digest, *row in rows_about(connection, "saved", ids):
                fact = self._read(digest.hex(), *row)
                assert isinstance(fact, Saved)
                found[fact.id] = fact
        return found

    def last(self) -> int:
        """The number of the last fact, 0 where there is none; the same as before exactly if nothing was learnt since."""
        return int(self.select("last")[0][0] or 0)

    def latest(self, most: int) -> list[str]:
        """The ids of the requests whose results came last, at most so many."""
        with self._lock, self._reading() as connection:
            return [digest.hex() for (digest,) in connection.execute(load_queries()["latest"], (most,))]

    def facts(self) -> Iterator[Fact]:
        """Every fact in the order it became known; memory does not grow with the journal."""
        last = 0
        while rows := self._page(last):
            for _, digest, at, kind, body, sealed in rows:
                yield self._read(digest.hex(), at, kind, body, sealed)
            last = rows[-1][0]

    def uncertain(self) -> Iterator[tuple[str, list[Fact]]]:
        """Id and facts of each request that was perhaps bought: a submit without an answer, or with one that was lost.

        What the core makes of the facts decides; this only spares it the reading of all the others.
        """
        with self._lock, self._reading() as connection:
            names = [digest.hex() for (digest,) in connection.execute(load_queries()["uncertain"])]
        for name in names:
            yield name, self.histories([name])[name]

    def select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query of journal.sql, as they are: for rooms that count. Raises `OurSide` as everything here does."""
        with self._lock, self._reading() as connection:
            return connection.execute(load_queries()[query], values).fetchall()

    def begin_run(self, at: float, meta: Mapping[str, Json]) -> int:
        """Note that a run starts; returns its number, counted from 1."""
        with self._lock, self._transaction() as connection:
            return int(connection.execute(load_queries()["begin_run"], (at, dump(meta))).lastrowid or 0)

    def end_run(self, number: int, at: float, meta: Mapping[str, Json]) -> None:
        """Note that run `number` has ended; `meta` replaces what was said of it at the start."""
        with self._lock, self._transaction() as connection:
            connection.execute(load_queries()["end_run"], (at, dump(meta), number))

    def stored(self) -> int:
        """How many requests have their result."""
        with self._lock, self._reading() as connection:
            return int(connection.execute(load_queries()["stored"]).fetchone()[0])

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        with self._lock, self._reading() as connection:
            return [Run(n, started, ended, load(meta)) for n, started, ended, meta in connection.execute(load_queries()["runs"])]

    def examine(self) -> Health:
        """Read all of it: every page, every index, every fact. Raises `OurSide` where it is damaged."""
        with self._lock, self._reading() as connection:
            (health,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if health != "ok":
                raise OurSide(f"{self.path}: the journal is damaged ({health}); {RECOVER}")
            requests, runs = connection.execute(load_queries()["sizes"]).fetchone()
        facts = sum(1 for _ in self.facts())
        return Health(requests, facts, runs, sum(1 for _ in self.uncertain()))

    def _read(self, name: str, at: float, kind: str, body: str, sealed: int) -> Fact:
        if seal(name, at, kind, body) != sealed:
            raise OurSide(f"{self.path}: the journal is damaged (a fact of request {name[:12]} has changed); {RECOVER}")
        try:
            return from_json(kind, at, name, load(body))
        except (ValueError, KeyError, TypeError) as error:
            raise OurSide(f"{self.path}: a fact cannot be read ({error}); upgrade adbatch, or {RECOVER}") from error

    def _page(self, after: int) -> list[tuple[int, bytes, float, str, str, int]]:
        with self._lock, self._reading() as connection:
            return connection.execute(load_queries()["page"], (after,)).fetchall()

    def _number(self, connection: sqlite3.Connection, ids: Iterable[str]) -> Mapping[str, int]:
        """The number of each request, new ones given in this order to those never seen."""
        numbers = self._numbers
        if strangers := [name for name in dict.fromkeys(ids) if name not in numbers.known]:
            there = rows_about(connection, "numbers", numbers.recorded(strangers))
            numbers.learn({digest.hex(): number for digest, number in there})
            insert(connection, "add_request", [(number, bytes.fromhex(name)) for number, name in numbers.give(strangers)])
        return numbers.known

    def _transaction(self) -> _Transaction:
        return _Transaction(self)

    def _reading(self) -> _Reading:
        return _Reading(self)


class _Reading:
    """Use of the connection: refused once it is broken, SQLite's errors explained."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> sqlite3.Connection:
        if self._journal._broken:
            raise OurSide(self._journal._broken)
        return self._journal._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            failure = _explain(self._journal.path, error)
            self._journal._broken = str(failure)
            raise failure from error


class _Transaction(_Reading):
    """One transaction: durable when left, rolled back if anything went wrong."""

    def __enter__(self) -> sqlite3.Connection:
        connection = super().__enter__()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            super().__exit__(type(error), error, None)
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        connection = self._journal._connection
        try:
            if error is None:
                connection.commit()
                return
        except sqlite3.Error as failure:
            error = failure
        self._journal._numbers.doubt()
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        super().__exit__(type(error), error, trace)


def give_birth(path: Path, mode: Mode, journal_id: str = "") -> None:
    """Build an empty journal beside `path` and rename it into place, so that nobody ever sees half of one.

    What a birth that was killed left behind is swept away: whoever gives birth holds the job. Raises `OurSide`.
    """
    make_private_folder(path.parent)
    for torn in path.parent.glob(f".{path.name}.*"):
        torn.unlink(missing_ok=True)
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        connection = sqlite3.connect(temp, isolation_level=None)
        try:
            connection.executescript(f"PRAGMA synchronous=FULL; BEGIN; {load_queries()['create']};")
            meta = {"format": str(FORMAT), "mode": mode, "journal": journal_id or secrets.token_hex(16)}
            connection.executemany(load_queries()["write_meta"], meta.items())
            connection.execute("COMMIT")
        finally:
            connection.close()
        temp.rename(path)
        sync_folder(path.parent)
    except sqlite3.Error as error:
        raise _explain(path, error) from error
    except OSError as error:
        raise OurSide(f"{path}: cannot make the journal ({error.strerror}); check the permissions and the disk") from error
    finally:
        temp.unlink(missing_ok=True)


def _refuse_half_swapped(path: Path) -> None:
    """A recovered journal beside this one means that this one is, or was, damaged."""
    recovered = path.with_name(path.name + RECOVERED)
    if recovered.exists():
        raise OurSide(f"{recovered}: waits to take the place of a damaged journal; run `adbatch journal recover JOB --yes` first")


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=patience, cached_statements=STATEMENTS)
    except sqlite3.Error as error:
        raise _explain(path, error) from error


def _check(path: Path, connection: sqlite3.Connection, mode: Mode) -> dict[str, str]:
    """Take the lock, see that the journal is whole, ours, readable by us and of this mode; returns what it says of itself."""
    for setting in SETTINGS:
        connection.execute(setting)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    (health,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise OurSide(f"{path}: the journal is damaged ({health}); {RECOVER}")
    meta = dict(connection.execute(load_queries()["read_meta"]).fetchall())
    if int(meta["format"]) > FORMAT:
        raise OurSide(f"{path}: written by a newer adbatch (format {meta['format']}, this one reads {FORMAT}); upgrade adbatch")
    if meta["mode"] != mode:
        raise OurSide(f"{path}: this is a {meta['mode']} journal and this is a {mode} run; their results never mix")
    return meta


def _explain(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> AdbatchError:
    """SQLite's error as one of ours, with the remedy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Held(f"{path}: another process has this journal open; wait for its run to end")
    if code == sqlite3.SQLITE_FULL:
        return OurSide(f"{path}: the disk is full; free some space and run again, nothing that was acknowledged is lost")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return OurSide(f"{path}: the journal cannot be opened ({error}); check the permissions of the file and its folder")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or any(sign in str(error) for sign in DAMAGE):
        return OurSide(f"{path}: not a journal, or a damaged one ({error}); {RECOVER}")
    return OurSide(f"{path}: the journal failed ({error}); check the disk, then run again")
