"""CSV and TSV: rows of text under a header.

Everything stays text, so `007` is an id and `1e3` a size; an empty cell is the empty text, so `row.x is defined` is true of every
column and `when: row.x` asks whether there is something in it. Quotes follow RFC 4180, strictly: a lenient reader takes an unclosed
quote for a cell that swallows the rest of the file. Rows without any text (spreadsheets leave them at the end) are no rows.

The header is the first line with text on it, or the one `header_line` names. Before it, lines whose first cell begins with `#` are
notes, as Meta allows (https://developers.facebook.com/docs/marketing-api/catalog/guides/metadata-tags/), unless they name the key.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final, Protocol

from runner.errors import Complaint, Invalid
from runner.feed.files import load_text
from runner.feed.source import CELL_CAP, Blame, Member, Reader, Record
from runner.fields import suggest

DELIMITERS: Final = {",": "','", "\t": '"\\t"', ";": "';'", "|": "'|'"}
"""What commonly parts cells, and how to say so in YAML."""


class _Rows(Protocol):
    """A csv reader: rows, and how many lines it has taken for them."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...


def read_delimited(member: Member, blame: Blame, *, delimiter: str) -> Iterator[Record]:
    """The rows of a CSV or TSV file. A row of too many or too few cells, or with a stray quote, is blamed and left out."""
    csv.field_size_limit(CELL_CAP)  # the limit is the process's: ours is the only csv reader here
    mark = member.source.delimiter or delimiter
    with load_text(member) as file:
        skipped = sum(1 for _ in islice(file, (member.source.header_line or 1) - 1))
        rows = csv.reader(file, delimiter=mark, strict=True)
        header = _read_header(member, rows, skipped)
        width = len(header)
        while True:
            line = rows.line_num + skipped + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                blame(member.complaint(line, _say(error)))
                continue
            if not any(cells):
                continue
            if len(cells) == width:
                yield line, dict(zip(header, cells))  # noqa: B905  (as long as each other; saying so doubles the time)
            elif "".join(cells).strip():
                blame(member.complaint(line, _say_width(len(cells), width, mark)))


def _read_header(member: Member, rows: _Rows, skipped: int) -> list[str]:
    """The column names, without the spaces around them. Raises Invalid with everything that is wrong with them."""
    while True:
        line = rows.line_num + skipped + 1
        try:
            cells = [cell.strip() for cell in next(rows)]
        except StopIteration:
            where = (
                "" if member.source.header_line is None else f" on line {member.source.header_line}, where `header_line` says it is"
            )
            raise member.invalid(line, f"has no header{where}; the first line must name the columns") from None
        except csv.Error as error:
            raise member.invalid(line, _say(error)) from error
        if any(cells) and not _is_note(member, cells):
            break
    complaints = [*_check_names(member, line, cells), *_check_needed(member, line, cells)]
    if complaints:
        raise Invalid(complaints)
    return cells


def _is_note(member: Member, cells: list[str]) -> bool:
    return member.source.header_line is None and cells[0].startswith("#") and _key_column(member) not in cells


def _key_column(member: Member) -> str:
    """The key's name in the feed."""
    source = member.source
    return source.fields.get(source.key, source.key)


def _check_names(member: Member, line: int, names: list[str]) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            yield member.complaint(line, f"column {number} has no name; give it one in the header")
        elif name in seen:
            yield member.complaint(line, f"columns {seen[name]} and {number} are both called {name!r}; rename one")
        seen.setdefault(name, number)


def _check_needed(member: Member, line: int, names: list[str]) -> Iterator[Complaint]:
    fields = member.source.fields
    wanted = [(f"feed.fields.{ours}", theirs) for ours, theirs in fields.items()]
    if member.source.key not in fields:
        wanted.append(("feed.key", member.source.key))
    for path, name in wanted:
        if name not in names:
            yield member.complaint(line, f"the header has no column {name!r}{_hint(name, names)}", path=path)


def _hint(name: str, names: list[str]) -> str:
    """What to do about a column that is not there: a header in one piece was cut at the wrong character."""
    if len(names) == 1:
        for mark, written in DELIMITERS.items():
            if mark in names[0]:
                return f"; the cells seem to be parted by another character: write `delimiter: {written}`"
        return "; if the header stands on a later line, write `header_line:`"
    return suggest(name, names)


def _say(error: csv.Error) -> str:
    """The csv module's words in ours."""
    words = str(error)
    if "field larger" in words:
        return f"a cell has more than {CELL_CAP >> 20} MiB; is a quote left open?"
    if "unexpected end" in words:
        return "a quote opened in this row is never closed"
    if "expected after" in words:
        return "a quoted cell goes on after its closing quote; inside quotes write a quote twice"
    return f"cannot be read as a row: {words}"


def _say_width(cells: int, columns: int, mark: str) -> str:
    remedy = "quote the cell that holds one" if cells > columns else "is a line break left unquoted?"
    return f"has {cells} cells, the header {columns}; cells are parted by {DELIMITERS.get(mark, repr(mark))}: {remedy}"


read_csv: Final[Reader] = partial(read_delimited, delimiter=",")
read_tsv: Final[Reader] = partial(read_delimited, delimiter="\t")
