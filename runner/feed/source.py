"""What a feed is, and what a reader gets and gives.

A reader turns one file into records: the 1-based line where a row begins, and the row's values. A row that is wrong does not end
the reading; the reader reports it to `blame` and goes on, so that ten mistakes give ten complaints. Whoever wants the first mistake
to end it passes a `blame` that raises. What makes the rest of a file meaningless (no header, broken XML) is raised as `Invalid`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from runner.errors import Complaint, Invalid, Place
from runner.frozen import frozen
from runner.records import Json

Format: TypeAlias = Literal["auto", "csv", "tsv", "json", "jsonl", "merchant", "parquet", "xlsx"]

CELL_CAP: Final = 1 << 20
"""The most characters one cell may have. A longer one is an unclosed quote, or no text for an ad."""

ROW_CAP: Final = 8 << 20
"""The most characters one line, JSON element or XML item may have (Meta allows 5,242,880 bytes); it bounds memory."""

DEEPEST: Final = 50
"""Levels of values inside values; Google's specification knows two."""

SHOWN: Final = 300
"""A source line longer than this is not repeated in a complaint."""


@frozen
class Source:
    """A feed: its local files (snapshots), read in this order as one, and how to read them.

    `names` are what people are told instead of the paths. `key` is the column that names a row, as templates see it, so after
    `fields` (our name -> the feed's name) has renamed. `encoding` None is UTF-8 with or without a byte order mark. `header_line`
    is the 1-based line where a CSV's header stands; lines before it are skipped.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    key: str = "id"
    format: Format = "auto"
    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", tuple(map(str, self.files)))
        if len(self.names) != len(self.files):
            raise ValueError(f"{len(self.files)} files have {len(self.names)} names")

    def members(self) -> tuple[Member, ...]:
        """The files one by one."""
        return tuple(Member(path, name, self) for path, name in zip(self.files, self.names, strict=True))


@frozen
class Member:
    """One file of a feed, under the name people know it by."""

    path: Path
    name: str
    source: Source

    def complaint(self, line: int, message: str, column: int = 1, text: str = "", path: str = "") -> Complaint:
        """A mistake at this point of the file; `text` is the line itself, left out where it is long."""
        text = text.rstrip("\r\n")
        return Complaint(message, path, Place(self.name, line, column, text if len(text) <= SHOWN else ""))

    def invalid(self, line: int, message: str, column: int = 1, text: str = "", path: str = "") -> Invalid:
        """The same, to be raised where the file cannot be read on."""
        return Invalid([self.complaint(line, message, column, text, path)])


Record: TypeAlias = tuple[int, dict[str, Json]]
"""The line where a row begins, and its values."""

Blame: TypeAlias = Callable[[Complaint], None]
Reader: TypeAlias = Callable[[Member, Blame], Iterator[Record]]


def raise_complaint(complaint: Complaint) -> None:
    """The `blame` of whoever stops at the first mistake."""
    raise Invalid([complaint])


def check_options(source: Source) -> list[Complaint]:
    """What is wrong with the options themselves, before any file is opened. The paths are those of the job file."""
    complaints = []
    if not source.files:
        complaints.append(Complaint("no file matches", "feed.path"))
    if source.encoding is not None and not _decodes(source.encoding):
        known = "utf-8, utf-16, latin-1, cp1252 or cp1251"
        complaints.append(Complaint(f"{source.encoding!r} is not an encoding; write one such as {known}", "feed.encoding"))
    if source.delimiter is not None and (len(source.delimiter) != 1 or source.delimiter in '"\r\n\0'):
        remedy = 'write one character, a tab as "\\t" in double quotes'
        complaints.append(Complaint(f"{source.delimiter!r} cannot part cells; {remedy}", "feed.delimiter"))
    if source.header_line is not None and source.header_line < 1:
        complaints.append(Complaint(f"is {source.header_line}; the first line is 1", "feed.header_line"))
    return complaints


def _decodes(encoding: str) -> bool:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding).close()
    except (LookupError, ValueError):
        return False
    return True
