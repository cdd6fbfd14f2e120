"""`adbatch diff`: what became different between two runs, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runner.comparison.causes import Cause
    from runner.comparison.comparing import Comparison
    from runner.comparison.differences import Difference, StepDifference
    from runner.comparison.sheet import Sheet

SHOWN = 40
"""Differences that are told on a terminal."""
AROUND = 30
"""Characters of a text that are told on either side of a change."""
BREAK = re.compile(r"[\r\n]+")


@click.command()
@click.argument("sides", nargs=-1, required=True, metavar="A B")
@click.option("--rev", metavar="REV", help="A is a job: compare what this revision has of its results with B, or with those here.")
@click.option("--json", "as_json", is_flag=True, help="Print every difference as JSON (`adbatch schema diff`).")
@click.option("--html", type=click.Path(path_type=Path), metavar="DIR", help="Write pages: side by side, with a slider.")
@click.option("--exit-code", is_flag=True, help="End with 1 where something is different.")
@click.option(
    "--measure", type=click.IntRange(0), default=2000, show_default=True, metavar="N", help="Measure N pairs of pictures."
)
def command(sides: tuple[str, ...], rev: str | None, as_json: bool, html: Path | None, **more: Any) -> int:
    """Compare two runs, variant by variant: what was added, removed and changed, and beside it why.

    A and B are output folders, results.jsonl files, or REV:PATH for what a revision of git has of either. With --rev, A is a job
    and B another revision; without B the results in the work tree are meant. Nothing is sent and nothing is changed.

    Such as `adbatch diff out/monday out/tuesday --html diff/`, `adbatch diff jobs/mugs.yaml --rev main`, or
    `adbatch diff v1:out/mugs v2:out/mugs --exit-code`.
    """
    from runner.cli.render import say
    from runner.comparison.comparing import Comparison
    from runner.comparison.sheet import Sheet
    from runner.comparison.sides import Sides

    with Sides(Path.cwd()) as house:
        comparison = Comparison(*house.open(sides, rev), more["measure"])
        for remark in house.remarks:
            say(remark)
        sheet = None if html is None else Sheet(html, comparison)
        (_give_json if as_json else _give_table)(comparison, sheet)
        if sheet is not None:
            _close(sheet, as_json)
    return 1 if more["exit_code"] and comparison.differs else 0


def _met(comparison: Comparison, sheet: Sheet | None) -> Iterator[Difference]:
    """The differences, each given to the pages as it passes."""
    for difference in comparison.differences():
        if sheet is not None:
            sheet.add(difference)
        yield difference


def _give_json(comparison: Comparison, sheet: Sheet | None) -> None:
    """One JSON document, printed as it becomes known: what was compared, the differences, and at last how many of each kind."""
    from runner.cli.render import give
    from runner.report.page import dump

    give(f'{dump(comparison.as_json())[:-1]},\n"changes":[')
    before = ""
    for difference in _met(comparison, sheet):
        if before:
            give(f"{before},")
        before = dump(difference.as_json())
    give(f'{before}],\n"counts":{dump(dict(comparison.counts))}}}')


def _give_table(comparison: Comparison, sheet: Sheet | None) -> None:
    from runner.cli.render import give

    seen: dict[tuple[object, ...], str] = {}
    for number, difference in enumerate(_met(comparison, sheet)):
        if number < SHOWN:
            for line in _lines(difference, seen):
                _give_line(line)
    for cause in comparison.beside:
        _give_line(f"beside  {_cause(cause)}")
    counts = comparison.counts
    told = counts["changed"] + counts["added"] + counts["removed"]
    if told > SHOWN:
        give(f"… and {told - SHOWN} more; --json has all, --html shows them")
    give(", ".join(f"{counts[name]} {name}" for name in ("changed", "added", "removed", "same")))


def _give_line(line: str) -> None:
    """One line, whatever results from elsewhere call their variants and steps."""
    from runner.cli.render import give, printable

    give(printable(BREAK.sub(" ", line)))


def _lines(difference: Difference, seen: dict[tuple[object, ...], str]) -> Iterator[str]:
    """A variant in a few lines; what was `seen` of a step that variants share is told once."""
    sign = {"added": "+", "removed": "-", "changed": "~"}[difference.how]
    one, other = difference.status
    yield f"{sign} {difference.key}{f'  {one} → {other}' if difference.how == 'changed' and one != other else ''}"
    if difference.how != "changed":
        return
    for step in difference.steps:
        first = seen.setdefault(step.shared, difference.key)
        if first != difference.key:
            yield f"    {step.name}: as for {first}"
            continue
        yield f"    {step.name}: {', '.join(_what(step))}"
        yield from (f"        {_cause(cause)}" for cause in step.causes)


def _what(step: StepDifference) -> Iterator[str]:
    from runner.comparison.sheet import said
    from runner.comparison.wording import excerpt, told

    yield from step.what
    for pair in step.parts:
        if pair.distance is not None:
            yield said(pair.distance)
        elif pair.unseen:
            yield pair.unseen
        if pair.kind == "text" and pair.words:
            yield _cut(told(excerpt(pair.words, AROUND)))


def _cause(cause: Cause) -> str:
    from runner.comparison.sheet import shown_value
    from runner.comparison.wording import compare_words, excerpt, told
    from runner.edge.histories import is_sha256

    if cause.note:
        return f"{cause.name}: {cause.note}"
    if isinstance(cause.then, str) and isinstance(cause.now, str) and " " in cause.then:
        return f"{cause.name}: {_cut(told(excerpt(compare_words(cause.then, cause.now), AROUND)))}"
    then, now = (value[:12] if is_sha256(value) else _cut(shown_value(value), 70) for value in (cause.then, cause.now))
    return f"{cause.name}: {then} → {now}"


def _cut(text: str, longest: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _close(sheet: Sheet, as_json: bool) -> None:
    """Write the pages and say where they are: as data, unless JSON is what was asked for."""
    from runner.cli.render import give, say, shown

    (say if as_json else give)(shown(sheet.close()))
