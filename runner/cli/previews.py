"""What a plan says, for people: a table for terminals, and Markdown for a comment on a pull request.

Both are made of the plan's document alone. Columns in which nothing stands are left out, so nothing to do is a short story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

TITLES: Final = {
    "new": "new",
    "changed": "changed",
    "again": "again",
    "blocked": "blocked",
    "resumed": "at vendor",
    "reused": "reused",
    "uncertain": "uncertain",
    "left": "left alone",
    "stuck": "stuck",
}
"""The heading of each prospect."""

NOTES: Final = {
    "again": "again: bought once more",
    "blocked": "blocked: asked once the answers it reads are there",
    "resumed": "at vendor: accepted, waited for, not sent again",
    "uncertain": "uncertain: perhaps billed, never repeated by itself; see `adbatch resolve`",
    "left": "left alone: refused, or bought and not usable",
    "stuck": "stuck: reads a step that has no answer and will get none",
}
"""What a heading means, where it does not say so itself."""

WARNINGS: Final = frozenset({"lane", "budget", "note"})
"""What a reviewer should see without unfolding anything."""

MOST_REASONS: Final = 12
"""Reasons of one step that are shown; `--json` has all."""

SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#!|&@~$]|^[-+=]|^[0-9](?=[0-9]*[.)])|(?<=https):|(?<=http):|(?<=www)\.", re.IGNORECASE)
"""What Markdown, or GitHub's reading of it, would take for more than text."""

Table = Sequence[Sequence[str]]


def text_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The plan for a terminal."""
    yield _head(told)
    if told["steps"]:
        yield ""
        yield from _aligned(_counts(told))
        yield from (f"  {NOTES[name]}" for name in _columns(told) if name in NOTES)
    if whys := list(_whys(told)):
        yield ""
        yield "why"
        yield from _aligned(
            [[f"  {step}", f"{count:,} ×", f"{reason}{example}"] for step, count, reason, example in whys], right=(1,)
        )
    yield ""
    yield from _aligned([[name, value] for name, value in _facts(told)])


def markdown_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The plan for a pull request: the sum in a line, the table, and everything else folded away."""
    yield f"### adbatch plan: {_plain(told['job']['name'])}"
    yield ""
    yield f"**{_plain(_sum(told))}**"
    yield ""
    yield from _markdown_table(_counts(told), numbers_from=2)
    warnings = [f"{name}: {value}" for name, value in _facts(told) if name in WARNINGS]
    if warnings:
        yield ""
        yield from (f"- {_plain(warning)}" for warning in warnings)
    if whys := list(_whys(told)):
        yield ""
        yield f"<details><summary>Why ({len(whys)} reason{'s' if len(whys) > 1 else ''})</summary>"
        yield ""
        rows = [[step, f"{count:,}", f"{reason}{example}"] for step, count, reason, example in whys]
        yield from _markdown_table([["step", "requests", "reason"], *rows], numbers_from=9)
        yield ""
        yield "</details>"
    yield ""
    yield "<details><summary>Details</summary>"
    yield ""
    yield f"- {_plain(_head(told))}"
    yield from (f"- {_plain(name)}: {_plain(value)}" for name, value in _facts(told) if name not in WARNINGS)
    yield ""
    yield "</details>"


def _head(told: Mapping[str, Any]) -> str:
    since = told["since"]
    compared = "nothing to compare with yet" if since is None else f"compared with run {since['run']}, which ended {since['ended']}"
    mode = " (sandbox)" if told["mode"] == "sandbox" else ""
    return f"{told['job']['name']}{mode}: {_many(told['rows'], 'row')}, {_many(told['variants'], 'variant')}; {compared}"


def _sum(told: Mapping[str, Any]) -> str:
    """The plan in a line."""
    if told["nothing_to_do"]:
        return "Nothing to do"
    parts = [value for name, value in _facts(told) if name in ("requests", "cost", "time", "retired")]
    return " · ".join(parts)


def _columns(told: Mapping[str, Any]) -> list[str]:
    return [name for name in TITLES if told["counts"][name]]


def _counts(told: Mapping[str, Any]) -> Table:
    """Heading and a line for each step."""
    columns = _columns(told)
    rows = [[step["step"], step["use"], *(_number(step["counts"][name]) for name in columns)] for step in told["steps"]]
    return [["step", "use", *(TITLES[name] for name in columns)], *rows]


def _whys(told: Mapping[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    """Step, requests, reason and example, the most frequent of each step first."""
    for step in told["steps"]:
        for cause in step["why"][:MOST_REASONS]:
            yield step["step"], cause["requests"], cause["reason"], _examples(cause)
        if len(step["why"]) > MOST_REASONS:
            rest = step["why"][MOST_REASONS:]
            yield step["step"], sum(cause["requests"] for cause in rest), f"{len(rest)} more reasons", ""
        for trouble in step["troubles"]:
            yield step["step"], trouble["requests"], trouble["why"], ""


def _examples(cause: Mapping[str, Any]) -> str:
    """` "Mug" → "Blue mug"`; of several, whose that is."""
    examples = cause["examples"]
    if not examples:
        return ""
    if cause["requests"] == 1:
        return f" {examples[0]['change']}"
    if len(examples) == 1:
        return f" {examples[0]['change']}"
    return ", such as " + " or ".join(f"{example['change']} ({example['key']})" for example in examples)


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is to be said in a line each: a word, and the sentence."""
    if told["retired"]["variants"]:
        keys = ", ".join(told["retired"]["keys"])
        rest = ", …" if told["retired"]["variants"] > len(told["retired"]["keys"]) else ""
        verb = "is" if told["retired"]["variants"] == 1 else "are"
        yield "retired", f"{_many(told['retired']['variants'], 'variant')} {verb} no longer in the plan: {keys}{rest}"
    for lane in told["lanes"]:
        waits = any(lane["counts"][name] for name in ("new", "changed", "again", "blocked", "resumed"))
        if lane["blocked"] and waits:
            yield "lane", f"blocked: {lane['blocked']}"
        if lane["closed_last_run"]:
            yield "lane", f"{lane['lane']} was closed in the last run: {lane['closed_last_run']}"
    if told["nothing_to_do"]:
        yield "requests", "nothing to do"
        return
    yield "requests", _requests(told)
    if cost := _cost(told):
        yield "cost", cost
    yield from (("budget", text) for text in told["budgets"])
    yield from (("note", text) for text in told["notes"])
    if told["requests"]["most"] or told["counts"]["resumed"]:
        yield "time", f"{'at least' if told['time']['at_least'] else 'about'} {duration(told['time']['seconds'])}"


def _requests(told: Mapping[str, Any]) -> str:
    least, most = told["requests"]["least"], told["requests"]["most"]
    later = f", then up to {most - least:,} more once these are answered" if most > least else ""
    resumed = told["counts"]["resumed"]
    waiting = f"; {resumed:,} at a vendor already" if resumed else ""
    return f"{_many(least, 'request')} now{later}{waiting}" if least or most else f"none to send{waiting}"


def _cost(told: Mapping[str, Any]) -> str:
    """Money by currency, and how many requests have no known price."""
    sums = [
        f"{span['least']} {currency}" if span["least"] == span["most"] else f"{span['least']} to {span['most']} {currency}"
        for currency, span in told["cost"].items()
    ]
    unknown = told["unpriced"]
    if unknown["most"]:
        least, most = f"{unknown['least']:,}", _many(unknown["most"], "request")
        sums.append(f"{most if unknown['least'] == unknown['most'] else f'{least} to {most}'} of unknown price")
    return " + ".join(sums)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`, rounded as a guess should be."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest and hours < 24 else f"{round(minutes / 60)} h"


def _number(count: int) -> str:
    return f"{count:,}" if count else "·"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _aligned(rows: Table, right: Sequence[int] | None = None) -> Iterator[str]:
    """The rows with their columns under one another; from the third on to the right, unless `right` says which."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    flush = range(2, len(widths)) if right is None else right
    for row in rows:
        cells = (
            cell.rjust(width) if at in flush else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _markdown_table(rows: Table, numbers_from: int) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield "| " + " | ".join(map(_plain, row)) + " |"
        if number == 0:
            yield "|" + "|".join("--:" if at >= numbers_from else "---" for at in range(len(row))) + "|"


def _plain(text: str) -> str:
    """The text as Markdown that reads as exactly this text: no mention, link, tag or table is made of it."""
    return SPECIAL.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))
