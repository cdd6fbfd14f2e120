"""The only room that prints: data to stdout; narration, complaints and progress to stderr.

A terminal gets colour and live bars, a pipe or CI gets plain lines; NO_COLOR is obeyed (rich does both). Whatever came from a job,
a feed or a vendor is stripped of control characters before it is shown.
"""

from __future__ import annotations

import tempfile
import traceback
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import click

from runner.cli.streams import NOBODY_LISTENS, hang_up
from runner.edge.redaction import redact
from runner.errors import AdbatchError, Complaint, Invalid, OurSide, Place

SHOWN: Final = 50
"""Complaints shown at most; the rest are counted."""

FAR: Final = 100
"""Characters before the caret from which a source line is cut at its beginning."""

LONG: Final = 160
"""Characters of a source line that are shown."""

PLAIN: Final = frozenset("\n\t\u200c\u200d")
"""Of what Unicode counts as control and format characters, those that are safe: joiners hold emoji and Persian words together."""


def say(text: str) -> None:
    """A line of narration, on stderr."""
    _print(printable(redact(text)), "stderr")


def give(text: str) -> None:
    """A line of data, on stdout. Raises `OurSide` where it cannot be written, unless nobody reads it any more."""
    _print(text, "stdout")


def _print(text: str, name: Literal["stdout", "stderr"]) -> None:
    """Print without secrets. That nobody listens any more is no reason to stop; the rest is said to nobody."""
    try:
        click.echo(redact(text), err=name == "stderr")
    except OSError as error:
        hang_up(name)
        if name == "stdout" and error.errno not in NOBODY_LISTENS:
            raise OurSide(f"standard output cannot be written ({error.strerror}); free some space or write it elsewhere") from error


def printable(text: str) -> str:
    """The text without control characters and bidirectional overrides, which could forge or hide what a terminal shows."""
    return "".join(char if char in PLAIN or unicodedata.category(char) not in ("Cc", "Cf", "Cs") else "�" for char in text)


def tell_failure(failure: AdbatchError) -> None:
    """Say what went wrong and where, all of it."""
    if not isinstance(failure, Invalid):
        say(f"adbatch: {failure}")
        return
    for complaint in failure.complaints[:SHOWN]:
        say("\n".join(complaint_lines(complaint)))
    total = len(failure.complaints)
    if total > SHOWN:
        say(f"… and {total - SHOWN} more")
    say(f"{total} mistake{'s' if total != 1 else ''}; nothing was sent.")


def complaint_lines(complaint: Complaint) -> Iterator[str]:
    """`file:line:column: path: message`, then the source line with a caret, then the row that is to blame."""
    place = complaint.place
    head = f"{place.file}:{place.line}:{place.column}: " if place else ""
    yield head + (f"{complaint.path}: " if complaint.path else "") + complaint.message
    if place and place.text:
        yield from _source_lines(place)
    if complaint.row:
        row = complaint.row
        others = complaint.count - 1
        more = f", and {others} more row{'s' if others > 1 else ''}" if others else ""
        yield f"    feed {row.file}:{row.line} ({row.key_name} {row.key}){more}"


def _source_lines(place: Place) -> Iterator[str]:
    """The line, clipped around the column where it is long, and a caret below the very character."""
    text, before = place.text.replace("\t", " ").rstrip(), place.column - 1
    if before > FAR:
        cut = before - FAR // 2
        text, before = "…" + text[cut:], before - cut + 1
    if len(text) > LONG:
        text = text[: LONG - 1] + "…"
    number = str(place.line)
    yield f"    {number} | {text}"
    yield f"    {' ' * len(number)} | {' ' * (before + _wide(text[:before]))}^"


def _wide(text: str) -> int:
    """How many columns more than characters a terminal gives the text."""
    return sum((unicodedata.east_asian_width(char) in "WF") - (unicodedata.combining(char) > 0) for char in text)


def tell_bug(bug: BaseException) -> None:
    """Say that this is our mistake, and where the traceback was written."""
    with tempfile.NamedTemporaryFile("w", prefix="adbatch-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(redact("".join(traceback.format_exception(bug))))
    say(f"adbatch: a mistake of ours: {type(bug).__name__}: {bug}")
    say(f"The details are in {Path(log.name)}; please report them. What was bought so far is in the journal; run again to go on.")


def shown(path: Path) -> str:
    """The path as a person in this folder would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def sized(size: float) -> str:
    """Bytes for a person: `820 B`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
