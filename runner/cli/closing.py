"""The end of a run in at most ten lines: what there is, what it cost, why something is missing and what to do, where it all lies.

The same as Markdown for a CI that shows one (`GITHUB_STEP_SUMMARY`, docs.github.com/actions, "Adding a job summary"). What vendors
and feeds say is data there too: it cannot become a link, a picture or a table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from runner.announcements import brief_lines, is_quiet
from runner.causes import Advice
from runner.cli.render import counted, give, printable, say, shown
from runner.core.tally import LaneTally
from runner.edge.outputs import MANIFEST, RESULTS
from runner.edge.redaction import redact
from runner.errors import EXITS
from runner.headway import duration

if TYPE_CHECKING:
    from runner.workflow import Report

NOTES: Final = 5
"""Lines for what is missing or out of the ordinary; with the others they are ten."""
LONG: Final = 160
"""Characters of a vendor's reason that are told."""

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>#|~&@]|:(?=//)|(?<=www)\.")


def tell_report(report: Report, as_json: bool = False, skipped: int | None = None) -> None:
    """Tell the end of a run: what there is, what is missing and why, and where it lies; to a CI that shows it as Markdown too.

    Three lines are enough when all is well, if `skipped` says how many of them were told already.
    """
    if as_json:
        give(orjson.dumps(report.manifest, option=orjson.OPT_INDENT_2).decode())
    brief = skipped is not None and is_quiet(report.manifest)
    lines = brief_lines(report.manifest, shown(report.output))[skipped:] if brief else list(report_lines(report))
    if brief and report.gallery is not None and lines:
        lines[-1] += f"   gallery: {shown(report.gallery)}"
    for line in lines:
        say(line)
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append_summary(report, Path(page))


def report_lines(report: Report) -> Iterator[str]:
    """A run in at most ten lines."""
    yield f"variants: {_counts(report)}"
    yield from _sent(report)
    notes = list(_notes(report))
    yield from (f"  {note}" for note in notes[: NOTES if len(notes) <= NOTES else NOTES - 1])
    if len(notes) > NOTES:
        yield f"  … and {len(notes) - NOTES + 1} more; {RESULTS} says of each variant why"
    yield _end(report)
    yield f"files: {shown(report.output)}/   one line a variant: {shown(report.output / RESULTS)}"
    gallery = f"gallery: {shown(report.gallery)}   " if report.gallery is not None else ""
    yield f"{gallery}manifest: {shown(report.output / MANIFEST)}"


def advice_line(advice: Advice, most: int = LONG) -> str:
    """`37 refused by vyro (scene): style unknown; jobs/x.yaml:31: change what is asked there, then run again`."""
    cause = " ".join(str(advice.cause).split())
    cause = cause if len(cause) <= most else cause[: most - 1] + "…"
    return f"{cause}; {advice.place}: {advice.remedy}"


def _append_summary(report: Report, path: Path) -> None:
    """Append the run as Markdown to the file that CI shows; that it cannot be written is no reason for the run to fail."""
    text = printable(redact("\n".join(summary_lines(report))))
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n\n")
    except OSError as error:
        say(f"{path}: the summary of the run cannot be written ({error.strerror})")


def summary_lines(report: Report) -> Iterator[str]:
    """The run as Markdown: counts, lanes and money, causes with place and remedy, and where the gallery is."""
    told = report.told
    name = report.manifest["job"]["name"]
    yield f"### adbatch: {_plain(name)}"
    yield ""
    yield f"**{_end(report)}**. Variants: {_counts(report)}."
    if lanes := _lanes(report):
        yield from ("", "| provider | sent | reused | failed | cost |", "|---|---:|---:|---:|---:|")
        for lane, tally in lanes:
            failed = tally.failed + tally.spoiled + tally.refused + tally.uncertain
            cells = (tally.submits, told.ending.reused[lane], failed, _cost([tally]) or "nothing")
            yield f"| {_plain(lane)} | {' | '.join(map(str, cells))} |"
    if notes := list(_notes(report)):
        yield ""
        yield from (f"- {_plain(note)}" for note in notes)
    gallery = f"Gallery: `{_code(report.gallery)}`. " if report.gallery is not None else ""
    yield from ("", f"{gallery}Files: `{_code(report.output)}`, one line a variant: `{_code(report.output / RESULTS)}`.")


def _end(report: Report) -> str:
    told = report.told
    well = "all done" if any(tally.submits for tally in told.tallies.values()) else "nothing to do"
    word = EXITS[told.exit_code] if told.exit_code else well
    return f"{word} (exit {told.exit_code}), after {duration(told.ended - told.started)}"


def _counts(report: Report) -> str:
    return ", ".join(f"{count} {status}" for status, count in report.told.results.counts.items()) or "none"


def _lanes(report: Report) -> list[tuple[str, LaneTally]]:
    told = report.told
    return [(name, tally) for name, tally in told.tallies.items() if tally.planned or told.ending.reused[name]]


def _sent(report: Report) -> Iterator[str]:
    """What was sent, reused and asked about, and the money, in a line."""
    told, lanes = report.told, _lanes(report)
    if not lanes:
        return
    sent = ", ".join(f"{name} {tally.submits}" for name, tally in lanes if tally.submits) or "nothing"
    reused, polls = sum(told.ending.reused[name] for name, _ in lanes), sum(tally.polls for _, tally in lanes)
    more = [f"{reused} reused"] if reused else []
    more += [counted(polls, "poll")] if polls else []
    more += [f"cost: {cost}"] if (cost := _cost([tally for _, tally in lanes])) else []
    yield "; ".join([f"{'sent' if told.recorded is None else 'replayed'}: {sent}", *more])


def _notes(report: Report) -> Iterator[str]:
    """What is missing or out of the ordinary, each in a line: what stopped a lane first."""
    told = report.told
    for name, why in told.ending.closed.items():
        yield f"{name} is closed: {why}; mend that and run again"
    for name, why in told.ending.failing.items():
        yield f"{name} is out of order: {why}; run again later"
    yield from told.ending.spent
    yield from map(advice_line, report.causes)
    if told.kept:
        more = f" and {len(told.kept) - 1} more" if len(told.kept) > 1 else ""
        yield f"left as somebody edited it: {told.kept[0]}{more}"
    if told.retired:
        yield f"{counted(told.retired, 'file')} that no result names any more: moved to {shown(report.output / '.retired')}/"


def _cost(tallies: Sequence[LaneTally]) -> str:
    currencies = dict.fromkeys(currency for tally in tallies for currency in tally.cost)
    sums = [f"{sum(tally.cost[name].accrued for tally in tallies if name in tally.cost)} {name}" for name in currencies]
    unpriced = sum(tally.unpriced for tally in tallies)
    return " + ".join([*sums, *([f"{unpriced} of unknown price"] if unpriced else [])])


def _plain(text: str) -> str:
    """The text as Markdown that shows just that: every sign that could mean something is a number."""
    return _MARKUP.sub(lambda sign: f"&#{ord(sign.group())};", " ".join(text.split()))


def _code(path: Path) -> str:
    return " ".join(shown(path).replace("`", "'").split())
