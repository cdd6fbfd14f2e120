"""Recovering a damaged journal: what can be read of it becomes a new one beside it; the damaged one is never touched.

What is lost may have been a purchase. So a request of which too little is left to know that it was not bought is parked as
uncertain in the new journal: a person settles it (`adbatch resolve`), no run buys it again. Only a request of which nothing at all
is left cannot be protected, and how many facts are gone is told. Reading takes memory in proportion to the journal.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from runner.core.lifecycle import Life, fold, recall
from runner.edge.blobs import PRIVATE_FILE, sync_folder
from runner.edge.journal import FORMAT, RECOVERED, Health, Journal, Mode, Run, give_birth
from runner.edge.salvage import Buffer, Found, Value, read_rows
from runner.edge.writing import seal
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Sent, from_json
from runner.frozen import frozen
from runner.records import Request, request_id
from runner.verdicts import Lost

WHY: Final = "the journal was damaged, and whether this was sent is not known"
UNKNOWN: Final = "unknown"
"""Provider and operation of a request whose plan is lost."""
BATCH: Final = 2000
WAL: Final = "-wal"


@frozen
class Recovered:
    """What came of a recovery: `holds` is in the new journal at `target`.

    `lost` counts facts that are known to have been there, `parked` the requests that are uncertain now and were not before.
    """

    target: Path
    holds: Health
    lost: int
    parked: int


class Row(NamedTuple):
    """A fact as it stands in the file."""

    request: int
    at: float
    kind: str
    body: str
    sealed: int


@dataclass(slots=True)
class Salvage:
    """The rows of a journal by their numbers; of a request's digest, which stands in a table and an index, every version."""

    digests: dict[int, list[bytes]] = field(default_factory=dict)
    facts: dict[int, Row] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)

    def take(self, found: Found) -> None:
        """Put a row where it belongs, by its shape."""
        match found.number, found.values:
            case int(number), (None, bytes(digest)) if len(digest) == 32:
                self.digests.setdefault(number, []).append(digest)
            case None, (bytes(digest), int(number)) if len(digest) == 32:
                self.digests.setdefault(number, []).append(digest)
            case int(number), (None, int(request), int() | float() as at, str(kind), str(body), int(sealed)):
                self.facts[number] = Row(request, float(at), kind, body, sealed)
            case int(number), (None, int() | float() as started, int() | float() | None as ended, str(meta)):
                self._take_run(number, float(started), ended, meta)
            case None, ("format" | "mode" | "journal" as name, str(value)) if name != "format" or value.isdecimal():
                self.meta[name] = value

    def _take_run(self, number: int, started: float, ended: Value, meta: str) -> None:
        try:
            told = orjson.loads(meta)
        except ValueError:
            return
        if isinstance(told, dict):
            self.runs[number] = Run(number, started, float(ended) if isinstance(ended, int | float) else None, told)


def examine(path: Path, mode: Mode) -> Health:
    """Read the whole journal at `path`. Raises `OurSide` where it is damaged or not there, `Held` while a run has it open."""
    if not path.is_file():
        raise OurSide(f"{path}: there is no journal; the job has not been run")
    with Journal.open(path, mode) as journal:
        return journal.examine()


def recover(path: Path, mode: Mode) -> Recovered | None:
    """Write what can be read of the journal at `path` into a new one beside it; None, and nothing written, if it is whole.

    Call it while holding the job. Raises `OurSide` if there is no journal, or no room for a copy.
    """
    if not path.is_file():
        raise OurSide(f"{path}: there is no journal to recover")
    target = path.with_name(path.name + RECOVERED)
    with _disk(target):
        if _is_whole(path, mode):
            return None
        return _rebuild(_salvage(path), target, mode)


def swap(path: Path) -> Path:
    """Let the recovered journal take the place of the damaged one, which is kept; returns its new name.

    A crash on the way leaves the recovered one where it is, and no run begins while it waits (`Journal.open` refuses).
    """
    recovered = path.with_name(path.name + RECOVERED)
    aside = next(name for number in range(1, 1000) if not (name := path.with_name(f"{path.name}.damaged-{number}")).exists())
    with _disk(aside):
        _copy(path, aside)
        for leftover in path.parent.glob(f"{path.name}-*"):
            leftover.unlink()
        recovered.replace(path)
        sync_folder(path.parent)
    return aside


def _is_whole(path: Path, mode: Mode) -> bool:
    """Whether a copy of the journal opens and can be read to the end: SQLite may write to what it opens, so it gets a copy."""
    copy = path.with_name(f".{path.name}.copy")
    try:
        _copy(path, copy)
        examine(copy, mode)
    except OurSide:
        return False
    finally:
        for part in path.parent.glob(f"{copy.name}*"):
            part.unlink()
    return True


def _copy(path: Path, target: Path) -> None:
    """Copies of the file and of its write-ahead log, durable and private."""
    for suffix in ("", WAL):
        source, copy = path.with_name(path.name + suffix), target.with_name(target.name + suffix)
        if source.exists():
            with (
                source.open("rb") as old,
                os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "wb") as new,
            ):
                shutil.copyfileobj(old, new)
                new.flush()
                os.fsync(new.fileno())
    sync_folder(target.parent)


def _salvage(path: Path) -> Salvage:
    salvage = Salvage()
    with ExitStack() as stack:
        for found in read_rows(stack.enter_context(_mapped(path)), stack.enter_context(_mapped(path.with_name(path.name + WAL)))):
            salvage.take(found)
    if int(salvage.meta.get("format", FORMAT)) > FORMAT:
        raise OurSide(f"{path}: written by a newer adbatch (format {salvage.meta['format']}); upgrade adbatch to recover it")
    return salvage


@contextmanager
def _mapped(path: Path) -> Iterator[Buffer]:
    if not path.exists() or not path.stat().st_size:
        yield b""
        return
    with path.open("rb") as file:
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # unmapped with the last view of it


def _rebuild(salvage: Salvage, target: Path, mode: Mode) -> Recovered:
    """Build the new journal under another name and rename it when it is complete."""
    draft = target.with_name(f".{target.name}.draft")
    for torn in target.parent.glob(f"{draft.name}*"):
        torn.unlink()
    histories, lost = _histories(salvage)
    give_birth(draft, mode, salvage.meta.get("journal", ""))
    with Journal.open(draft, mode) as journal:
        for run in sorted(salvage.runs.values(), key=lambda run: run.number):
            _write_run(journal, run)
        _write(
            journal, (fact for _, fact in sorted((pair for history in histories.values() for pair in history), key=itemgetter(0)))
        )
        parked = list(_parked(histories))
        _write(journal, (fact for facts in parked for fact in facts))
        holds = journal.examine()
    draft.replace(target)
    sync_folder(target.parent)
    return Recovered(target, holds, lost, len(parked))


def _write_run(journal: Journal, run: Run) -> None:
    number = journal.begin_run(run.started, run.meta)
    if run.ended is not None:
        journal.end_run(number, run.ended, run.meta)


def _write(journal: Journal, facts: Iterable[Fact]) -> None:
    batch: list[Fact] = []
    for fact in facts:
        batch.append(fact)
        if len(batch) == BATCH:
            journal.commit(batch)
            batch = []
    journal.commit(batch)


def _histories(salvage: Salvage) -> tuple[dict[str, list[tuple[int, Fact]]], int]:
    """The facts of each request with their numbers, as far as they can be told, and how many facts are gone."""
    names = _names(salvage)
    histories: dict[str, list[tuple[int, Fact]]] = {name: [] for found in names.values() for name in found}
    lives: dict[str, Life] = {}
    kept = 0
    for number in sorted(salvage.facts):
        row = salvage.facts[number]
        fact = next((fact for name in names.get(row.request, ()) if (fact := _read_fact(name, row)) is not None), None)
        if fact is None:
            continue
        kept += 1
        if fact.id not in lives and not isinstance(fact, Planned):
            plan = Planned(fact.at, Request(fact.id, UNKNOWN, UNKNOWN, {}))
            lives[fact.id] = fold(None, plan)
            histories[fact.id].append((number, plan))
        with suppress(ValueError, LookupError):  # it tells of something that is lost, such as the link it downloads
            lives[fact.id] = fold(lives.get(fact.id), fact)
            histories[fact.id].append((number, fact))
    return histories, max(salvage.facts, default=0) - kept


def _names(salvage: Salvage) -> dict[int, list[str]]:
    """What the id of each request may be, by its number: the digests found, and what a plan is the hash of."""
    names = {number: [digest.hex() for digest in found] for number, found in salvage.digests.items()}
    for row in salvage.facts.values():
        if row.kind == "planned" and (name := _planned_id(row.body)) is not None:
            names.setdefault(row.request, []).append(name)
    return names


def _read_fact(name: str, row: Row) -> Fact | None:
    """The fact, if it is one of this request and as it was written."""
    if seal(name, row.at, row.kind, row.body) != row.sealed:
        return None
    try:
        return from_json(row.kind, row.at, name, orjson.loads(row.body))
    except (ValueError, LookupError, TypeError):
        return None


def _planned_id(body: str) -> str | None:
    """The id of the request that a plan is of, from what it asks for."""
    try:
        told = orjson.loads(body)
        return request_id(told["provider"], told["operation"], told["params"], told.get("again", 1))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _parked(histories: Mapping[str, list[tuple[int, Fact]]]) -> Iterator[list[Fact]]:
    """For each request that the next run would buy, or could not ask for: the facts that make it uncertain instead."""
    for name, history in histories.items():
        facts = [fact for _, fact in history]
        life = recall(facts)
        at = life.at if life is not None else 0.0
        if life is None:
            yield [Planned(at, Request(name, UNKNOWN, UNKNOWN, {})), *_perhaps_sent(at, name)]
        elif life.state in ("new", "failed") or (life.state in ("waiting", "overdue") and life.ticket is None):
            yield _perhaps_sent(at, name)


def _perhaps_sent(at: float, name: str) -> list[Fact]:
    return [Sent(at, name, "submit"), Answered(at, name, "submit", Lost(WHY))]


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OurSide(f"{path}: cannot be written ({error.strerror}); free some space or mend the permissions") from error
