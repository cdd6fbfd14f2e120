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
from typing import TYPE_CHECKING, Final

import click
import orjson

from runner.errors import EXITS, AdbatchError, Complaint, Invalid, Place

if TYPE_CHECKING:
    from runner.core.tally import LaneTally
    from runner.workflow import Report

SHOWN: Final = 50
"""Complaints shown at most; the rest are counted."""


def say(text: str) -> None:
    """A line of narration, on stderr."""
    click.echo(printable(text), err=True)


def give(text: str) -> None:
    """A line of data, on stdout."""
    click.echo(text)


def printable(text: str) -> str:
    """The text without control characters and bidirectional overrides, which could forge or hide what a terminal shows."""
    return "".join(char if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs") else "�" for char in text)


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
        more = f", and {complaint.count - 1} more rows" if complaint.count > 1 else ""
        yield f"    feed {row.file}:{row.line} ({row.key_name} {row.key}){more}"


def _source_lines(place: Place) -> Iterator[str]:
    text, column = place.text.replace("\t", " "), place.column
    if column > 100:
        cut = column - 40
        text, column = "…" + text[cut:], column - cut + 1
    number = str(place.line)
    yield f"    {number} | {text[:160].rstrip()}"
    yield f"    {' ' * len(number)} | {' ' * (column - 1)}^"


def tell_bug(bug: BaseException) -> None:
    """Say that this is our mistake, and where the traceback was written."""
    with tempfile.NamedTemporaryFile("w", prefix="adbatch-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write("".join(traceback.format_exception(bug)))
    say(f"adbatch: a mistake of ours: {type(bug).__name__}: {bug}")
    say(f"The details are in {Path(log.name)}; please report them. What was bought so far is in the journal; run again to go on.")


def tell_report(report: Report, as_json: bool = False) -> None:
    """The end of a run: what there is, what is missing and why, and where it lies."""
    if as_json:
        give(orjson.dumps(report.manifest, option=orjson.OPT_INDENT_2).decode())
    for line in report_lines(report):
        say(line)


def report_lines(report: Report) -> Iterator[str]:
    """A run in at most a dozen lines."""
    told = report.told
    counts = ", ".join(f"{count} {status}" for status, count in told.results.counts.items()) or "none"
    yield f"variants: {counts}"
    lanes = {name: tally for name, tally in told.tallies.items() if tally.planned or told.ending.reused[name]}
    for name, tally in lanes.items():
        yield f"  {name}: {tally.submits} sent, {told.ending.reused[name]} reused, {tally.polls} polls{_cost(tally)}"
    for name, why in told.ending.closed.items():
        yield f"  {name} is closed: {why}; mend that and run again"
    for trouble, count in told.results.troubles.items():
        yield f"  {count} × {trouble}"
    if told.kept:
        yield f"  {len(told.kept)} files were edited by somebody and left alone, the first: {told.kept[0]}"
    yield f"{EXITS[told.exit_code]} (exit {told.exit_code})"
    yield f"files: {shown(report.output)}/   one line a variant: {shown(report.output / 'results.jsonl')}"


def _cost(tally: LaneTally) -> str:
    sums = [f"{cost.accrued} {currency}" for currency, cost in tally.cost.items()]
    unpriced = [f"{tally.unpriced} of unknown price"] if tally.unpriced else []
    return f", {' + '.join(sums + unpriced)}" if sums or unpriced else ""


def shown(path: Path) -> str:
    """The path as a person in this folder would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
