"""One look at the whole feed before anything is sent: how many rows, which columns, every mistake.

Repeated keys are found by a census of fingerprints (16 bytes a row), so memory hardly grows with the feed; only where there are
some is the feed read again, to name the lines of both. The same mistake in many rows is one complaint with a count.

Whoever does more with each row than to look at it reads them from the survey (`Surveying`), so that one reading serves both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from runner.census import Census, fingerprint
from runner.errors import Complaint, Invalid
from runner.feed.rows import open_reader, read_member, read_rows
from runner.feed.source import Blame, Reader, Source
from runner.fields import suggest
from runner.frozen import frozen
from runner.records import Json, Row

LISTED: Final = 20
"""Complaints that are listed; the rest is only counted."""

ALSO: Final = 5
"""Further lines named where a mistake repeats."""

TRACED: Final = 10_000
"""Repeated keys that are traced to their lines. More are only counted, so a feed pasted twice into itself takes no memory."""


COLUMNS: Final = 10_000
"""Columns beyond these are not collected: a feed that names a new one in each row must not fill the memory."""

KINDS: Final[Mapping[type, str]] = {bool: "boolean", int: "number", float: "number", list: "list", dict: "map"}
"""What a value is where it is no text; a price is a text."""


@frozen
class Survey:
    """What a feed holds. `columns` are the names templates see, in order of appearance. With `complaints` nothing may be sent.

    `kinds` says of each column what its values are (text, number, boolean, list, map); empty ones, and zero, say nothing.
    """

    rows: int
    columns: tuple[str, ...]
    complaints: tuple[Complaint, ...]
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)


def survey(source: Source) -> Survey:
    """Read everything once. Mistakes of the feed and its options are returned, not raised; OurSide is raised."""
    return Surveying(source).finish()


class Surveying:
    """A survey under way: somebody reads `rows`, as far as they like, and `finish` looks at the rest and says what was found."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._faults, self._census = _Faults(), Census()
        self._columns: dict[str, set[type]] = {}
        self._count = 0
        self._refusal: Invalid | None = None
        self._noted = self._note()
        self._is_first = True

    def rows(self) -> Iterator[Row]:
        """The rows from the beginning, as `read_rows` gives them: Invalid is raised where one is wrong. Noted the first time."""
        if not self._is_first:
            yield from read_rows(self._source)
            return
        self._is_first = False
        for row in self._noted:
            if self._faults.found:
                break
            yield row
        if self._refusal is not None:
            raise self._refusal
        if self._faults.found:
            raise Invalid(tuple(self._faults.found.values()))

    def finish(self) -> Survey:
        """What the feed holds. Mistakes are returned, not raised; OurSide is raised."""
        for _ in self._noted:
            pass
        if self._refusal is not None:
            return Survey(0, (), self._refusal.complaints)
        faults, columns = self._faults, self._columns
        if not faults.found:
            for ours, theirs in self._source.fields.items():
                if self._count and ours not in columns:
                    known = suggest(theirs, columns)
                    faults.add(Complaint(f"no row of the feed has {theirs!r}{known}", f"feed.fields.{ours}"))
        repeated = self._census.repeated()
        if repeated:
            for complaint in _name_repeats(self._source, open_reader(self._source), repeated):
                faults.add(complaint)
            faults.unlisted += max(0, len(repeated) - TRACED)
        kinds = {name: frozenset(KINDS.get(kind, "text") for kind in types) for name, types in columns.items()}
        return Survey(self._count, tuple(columns), faults.sum_up(), kinds)

    def _note(self) -> Iterator[Row]:
        try:
            reader = open_reader(self._source)
        except Invalid as error:
            self._refusal = error
            return
        for row in _read_all(self._source, reader, self._faults.add):
            self._count += 1
            self._census.add(row.key, self._count)
            _note_types(self._columns, row.values)
            yield row


def _note_types(columns: dict[str, set[type]], values: Mapping[str, Json]) -> None:
    for name, value in values.items():
        types = columns.get(name)
        if types is None:
            if len(columns) >= COLUMNS:
                continue
            types = columns[name] = set()
        if value:
            types.add(type(value))


def _read_all(source: Source, reader: Reader, blame: Blame) -> Iterator[Row]:
    """The rows of every file, each as far as it can be read."""
    for member in source.members():
        try:
            yield from read_member(member, reader, blame)
        except Invalid as error:
            for complaint in error.complaints:
                blame(complaint)


def _name_repeats(source: Source, reader: Reader, repeated: set[int]) -> Iterator[Complaint]:
    """A complaint for every row whose key an earlier row has, naming both lines."""
    traced = set(sorted(repeated)[:TRACED])
    first: dict[str, Row] = {}
    members = {member.name: member for member in source.members()}
    for row in _read_all(source, reader, _ignore):
        if fingerprint(row.key) not in traced:
            continue
        earlier = first.setdefault(row.key, row)
        if earlier is not row:
            where = f"on line {earlier.line}" if earlier.file == row.file else f"in {earlier.file}:{earlier.line}"
            message = f"{source.key} {row.key!r} is already {where}; every row needs its own"
            yield members[row.file].complaint(row.line, message, path="feed.key")


def _ignore(complaint: Complaint) -> None:
    """The first pass has noted it."""


class _Faults:
    """Complaints by file and message: the first of each is kept, further ones are counted."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Complaint] = {}
        self._also: dict[tuple[str, str], list[int]] = {}
        self.unlisted = 0

    def add(self, complaint: Complaint) -> None:
        """Note one."""
        place = complaint.place
        mistake = (place.file if place else "", complaint.message)
        known = self.found.get(mistake)
        if known is not None:
            self.found[mistake] = dataclasses.replace(known, count=known.count + 1)
            if place and len(self._also[mistake]) < ALSO:
                self._also[mistake].append(place.line)
        elif len(self.found) < LISTED:
            self.found[mistake] = complaint
            self._also[mistake] = []
        else:
            self.unlisted += 1

    def sum_up(self) -> tuple[Complaint, ...]:
        """All of them, each with where else it was made, and how many there is no room for."""
        listed = [self._with_lines(mistake) for mistake in self.found]
        if self.unlisted:
            listed.append(Complaint(f"and {self.unlisted} more mistakes in the feed", "feed", count=self.unlisted))
        return tuple(listed)

    def _with_lines(self, mistake: tuple[str, str]) -> Complaint:
        complaint, lines = self.found[mistake], self._also[mistake]
        if not lines:
            return complaint
        rest = complaint.count - 1 - len(lines)
        more = f" and {rest} more" if rest else ""
        message = f"{complaint.message} (also line {', '.join(map(str, lines))}{more})"
        return dataclasses.replace(complaint, message=message)
