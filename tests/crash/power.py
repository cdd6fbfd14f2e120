"""A disk that forgets: an SQLite VFS whose writes reach the platter only when they are synced, and a power cut at any moment.

Files live in memory. What is written since the last sync of a file is pending, sector by sector; at a cut each pending sector has
been written or not, as the dice fall, in any order, so writes are torn and reordered. Names are durable at once: a lost directory
entry is not modelled. The workload is the journal's own SQL and settings, through apsw because the standard library has no VFS.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import apsw

from runner.edge.journal import SETTINGS
from runner.edge.writing import load_queries, seal

Turn: TypeAlias = list[tuple[bytes, float, str, str]]
"""What one turn of the engine commits: digest, moment, kind and body of each fact."""
NAME: Final = "adbatch-power"
SESSIONS: Final = 3
TURNS: Final = 7
"""A workload is so many runs, each of so many turns; at the end of each the log is folded into the file."""
MOST_OPS: Final = 440
"""About as many writes and syncs as a workload takes."""


@dataclass
class Drive:
    """The platter and what is on its way there. `ops` counts writes and syncs; before number `cut_at` the power fails.

    What the platter holds then is kept in `platter`; whatever the dying process does after that changes nothing.
    """

    sector: int = 512
    cut_at: int | None = None
    dice: random.Random = field(default_factory=random.Random)
    durable: dict[str, bytearray] = field(default_factory=dict)
    current: dict[str, bytearray] = field(default_factory=dict)
    dirty: dict[str, set[int]] = field(default_factory=dict)
    ops: int = 0
    platter: dict[str, bytearray] | None = None

    def tick(self) -> None:
        """One more write or sync; the power may fail just before it."""
        self.ops += 1
        if self.ops == self.cut_at:
            self.platter = self.after_cut()
            raise PowerCut

    def write(self, name: str, data: bytes, offset: int) -> None:
        """What programs see changes at once, the platter does not."""
        file, end = self.current[name], offset + len(data)
        if len(file) < end:
            file.extend(bytes(end - len(file)))
        file[offset:end] = data
        self.dirty[name].update(range(offset // self.sector, (end - 1) // self.sector + 1))

    def sync(self, name: str) -> None:
        """Everything written to the file is durable."""
        self.durable[name] = bytearray(self.current[name])
        self.dirty[name].clear()

    def after_cut(self) -> dict[str, bytearray]:
        """What the platter holds: of each pending sector, the old bytes or the new."""
        survived = {}
        for name, old in self.durable.items():
            new, file = self.current.get(name, old), bytearray(old)
            for sector in sorted(self.dirty.get(name, ())):
                if self.dice.random() < 0.5:
                    start, end = sector * self.sector, min((sector + 1) * self.sector, len(new))
                    if len(file) < end:
                        file.extend(bytes(end - len(file)))
                    file[start:end] = new[start:end]
            survived[name] = file
        return survived


class PowerCut(Exception):
    """The power has failed."""


class DriveFile:
    """An open file of the drive, as SQLite wants it."""

    def __init__(self, drive: Drive, name: str) -> None:
        self._drive, self._name = drive, name
        for files in (drive.durable, drive.current):
            files.setdefault(name, bytearray())
        drive.dirty.setdefault(name, set())

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names
        """Bytes; what lies beyond the end is missing."""
        return bytes(self._drive.current[self._name][offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        self._drive.tick()
        self._drive.write(self._name, data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        """Shorten, durably: the mildest reading; a log that is not shortened is only longer."""
        self._drive.tick()
        del self._drive.current[self._name][size:]
        del self._drive.durable[self._name][size:]

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Make durable."""
        self._drive.tick()
        self._drive.sync(self._name)

    def xFileSize(self) -> int:  # noqa: N802
        """Size in bytes."""
        return len(self._drive.current[self._name])

    def xSectorSize(self) -> int:  # noqa: N802
        """The unit in which writes are torn."""
        return self._drive.sector

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        """No promises at all: a sector beside a written one stays as it is, which is all that is assumed."""
        return 0

    def xLock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        """Nobody else is here."""
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: N802
        """Nothing special."""
        return False

    def xClose(self) -> None:  # noqa: N802
        """Nothing is lost by closing."""


class DriveVFS(apsw.VFS):
    """SQLite's way to the drive that is in at the moment; there is one for all tests, as making one is for ever."""

    def __init__(self) -> None:
        self.drive = Drive()
        super().__init__(NAME, "", makedefault=False)

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> DriveFile:  # type: ignore[override]  # noqa: N802
        """Open or make a file."""
        shown = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        flags[1] = flags[0]
        return DriveFile(self.drive, shown)

    def xAccess(self, name: str, flags: int) -> bool:  # noqa: N802
        """Whether the file is there."""
        return name in self.drive.current

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        """Remove a file."""
        self.drive.tick()
        for files in (self.drive.current, self.drive.durable, self.drive.dirty):
            files.pop(name, None)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Names are full."""
        return name


VFS: Final = DriveVFS()
"""Registered for as long as the process lives."""


def connect(drive: Drive, settings: Sequence[str] = SETTINGS) -> apsw.Connection:
    """A connection to the journal on `drive`, with these settings."""
    VFS.drive = drive
    connection = apsw.Connection("journal.db", vfs=NAME)
    for setting in settings:
        connection.execute(setting).fetchall()
    return connection


def give_birth(drive: Drive) -> None:
    """An empty journal, durable, as the real one has before anything is committed to it."""
    connection = connect(drive, ("PRAGMA synchronous=FULL",))
    connection.execute(f"BEGIN; {load_queries()['create']}; COMMIT")
    connection.close()
    for name in list(drive.current):
        drive.sync(name)


def commit(connection: apsw.Connection, turn: Turn) -> None:
    """One durable commit of facts (digest, moment, kind, body), statement by statement as the journal does it."""
    queries = load_queries()
    connection.execute("BEGIN IMMEDIATE")
    for digest, at, kind, body in turn:
        row = connection.execute(queries["numbers"], (digest,)).fetchone()
        if row is None:
            (last,) = connection.execute(queries["last_request"]).fetchone() or (None,)
            row = (digest, (last or 0) + 1)
            connection.execute(queries["add_request"], (row[1], digest))
        connection.execute(queries["add_fact"], (row[1], at, kind, body, seal(digest.hex(), at, kind, body)))
    connection.execute("COMMIT")


def turns(dice: random.Random, count: int) -> Iterator[Turn]:
    """Turns of an engine: a few requests each, with plans of very different length, and what was heard of them."""
    for turn in range(count):
        digests = [dice.randbytes(32) for _ in range(dice.randint(1, 3))]
        planned = [
            (digest, float(turn), "planned", '{"prompt": "' + "x" * dice.choice((20, 300, 6000)) + '"}') for digest in digests
        ]
        yield planned + [(digest, turn + 0.5, "sent", '{"step": "submit"}') for digest in digests]


def survives(seed: int, settings: Sequence[str] = SETTINGS) -> str:
    """One power cut at a moment drawn from `seed`: an empty text if every acknowledged fact is there and the file is whole."""
    dice = random.Random(seed)
    drive = Drive(dice.choice((512, 4096)), None, dice)
    give_birth(drive)
    drive.cut_at = drive.ops + dice.randint(1, MOST_OPS)
    acknowledged: Turn = []
    flying: Turn = []
    with suppress(PowerCut):
        for _ in range(SESSIONS):
            connection = connect(drive, settings)
            for turn in turns(dice, TURNS):
                flying = turn
                commit(connection, turn)
                acknowledged += turn
            connection.close()
            flying = []
    drive.cut_at = None
    return _verdict(drive.platter or drive.after_cut(), settings, acknowledged, flying)


def _verdict(platter: dict[str, bytearray], settings: Sequence[str], acknowledged: Turn, flying: Turn) -> str:
    restarted = Drive(current=dict(platter), durable={name: bytearray(file) for name, file in platter.items()})
    try:
        connection = connect(restarted, settings)
        ((health,),) = connection.execute("PRAGMA integrity_check(1)")
        found = list(
            connection.execute("SELECT digest, at, kind, body FROM fact JOIN request ON request.n = request ORDER BY fact.n")
        )
        connection.close()
    except apsw.Error as error:
        return f"damaged: {error}"
    if health != "ok":
        return f"damaged: {health}"
    if found not in (acknowledged, acknowledged + flying):
        return f"lost: {len(acknowledged)} facts were acknowledged, {len(found)} are there"
    return ""
