"""What journals name in the state folder: the bytes a later run may want again, and by that what nobody wants any more.

A journal names what it bought, the pictures it sent, the answers it could not read; and the last run that ended names what it read:
job, templates, feed. The copy that a text or a JSON value was published as is not written down anywhere, but it is how a published
file is known to be ours, so it counts too. Digests are kept in a temporary file of SQLite's own: there may be millions.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from runner.edge.journal import Journal, Run
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Resolved, Saved
from runner.records import BLOB_SCHEME, Artifact
from runner.results import written
from runner.verdicts import Done, Held

NAMED: Final = re.compile(rf"(?:{BLOB_SCHEME})?([0-9a-f]{{64}})(?:\.[a-z0-9]{{1,8}})?(?:\.gz)?")
"""How a digest stands in a journal: bare, as a parameter, or as the name of a snapshot."""
CREATE: Final = "CREATE TABLE named (digest BLOB PRIMARY KEY, wanted INTEGER NOT NULL) WITHOUT ROWID"
ADD: Final = "INSERT INTO named VALUES (?, ?) ON CONFLICT DO UPDATE SET wanted = max(wanted, excluded.wanted)"
FIND: Final = "SELECT 1 FROM named WHERE digest = ?"


class Holdings:
    """A set of digests that does not grow in memory. Those of facts are `wanted`: a blob of theirs should be there."""

    def __init__(self) -> None:
        self._names = sqlite3.connect("", isolation_level=None)
        self._names.execute("PRAGMA synchronous=OFF")
        self._names.execute(CREATE)
        self._names.execute("BEGIN")

    def __enter__(self) -> Holdings:
        return self

    def __exit__(self, *_: object) -> None:
        self._names.close()

    def __contains__(self, sha256: str) -> bool:
        return self._names.execute(FIND, (bytes.fromhex(sha256),)).fetchone() is not None

    def note(self, journal: Journal) -> None:
        """Add what the journal names."""
        batch: list[Fact] = []
        for fact in journal.facts():
            batch.append(fact)
            if len(batch) == 1000:
                self.note_facts(batch)
                batch.clear()
        self.note_facts(batch)
        self.note_runs(journal.runs())

    def note_facts(self, facts: Iterable[Fact]) -> None:
        """Add what these facts name."""
        rows = [(digest, True) for fact in facts for digest in blobs_of(fact)]
        self._add(rows)
        self._add((digest, False) for fact in facts if isinstance(fact, Saved | Resolved) for digest in copies_of(fact.artifacts))

    def note_runs(self, runs: Sequence[Run]) -> None:
        """Add what those of these runs name that can still be asked for, oldest first."""
        self._add((digest, False) for run in recent(runs) for digest in _digests((run.meta.get("inputs"), run.meta.get("feed"))))

    def note_derived(self, derived: Iterable[tuple[str, str]]) -> None:
        """Add what was made of something that is here: pairs of what was made, and of what."""
        for made, source in derived:
            if source in self:
                self._add([(made, False)])

    def all(self) -> Iterator[tuple[str, bool]]:
        """Every digest in order, and whether a fact names it."""
        for digest, wanted in self._names.execute("SELECT digest, wanted FROM named ORDER BY digest"):
            yield digest.hex(), bool(wanted)

    def _add(self, rows: Iterable[tuple[str, bool]]) -> None:
        try:
            self._names.executemany(ADD, ((bytes.fromhex(digest), wanted) for digest, wanted in rows))
        except sqlite3.OperationalError as error:
            raise OurSide(f"the folder for temporary files is full or closed ({error}); name another by TMPDIR") from error


def blobs_of(fact: Fact) -> Iterator[str]:
    """The digests of the blobs a fact names."""
    if isinstance(fact, Planned):
        yield from (name.removeprefix(BLOB_SCHEME) for name in _texts(fact.request.params) if _is_blob(name))
    elif isinstance(fact, Answered):
        if fact.raw is not None:
            yield fact.raw
        if isinstance(fact.verdict, Done):
            yield from (item.blob.sha256 for item in fact.verdict.items if isinstance(item, Held))
    elif isinstance(fact, Saved | Resolved):
        yield from (artifact.sha256 for artifact in fact.artifacts if artifact.sha256 is not None)


def copies_of(artifacts: Iterable[Artifact]) -> Iterator[str]:
    """The digests of the files that texts and JSON values are published as."""
    for artifact in artifacts:
        if artifact.kind != "file":
            yield hashlib.sha256(written(artifact)).hexdigest()


def recent(runs: Sequence[Run]) -> Sequence[Run]:
    """The last run that ended and told its inputs, and those after it; where none told, the last that ended and those after it."""
    ended = [number for number, run in enumerate(runs) if run.ended is not None]
    told = [number for number in ended if runs[number].meta.get("inputs")]
    return runs[(told or ended or [0])[-1] :]


def _digests(value: Any) -> Iterator[str]:
    for text in _texts(value):
        if (match := NAMED.fullmatch(text)) is not None:
            yield match[1]


def _is_blob(text: str) -> bool:
    return text.startswith(BLOB_SCHEME) and NAMED.fullmatch(text) is not None


def _texts(value: Any) -> Iterator[str]:
    """Every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
