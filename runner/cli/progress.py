"""The progress of a run as a person wants it: per lane what is done, flying, queued, waiting, failed, the pace and the time left.

On a terminal a table that is redrawn four times a second; in CI a plain line every few seconds; under cron, which mails whatever is
printed, nothing. A progress that cannot be shown never stops a run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.cli.render import say
from runner.core.tally import LaneTally

REDRAWN: Final = 0.25
"""Seconds between two tables on a terminal."""

SPOKEN: Final = 5.0
"""Seconds between two plain lines."""

COLUMNS: Final = ("lane", "done", "flying", "queued", "waiting", "failed", "per second", "left")


class Narrator:
    """Tells a run on stderr; where there is no terminal, with a plain line every `spoken` seconds, or without (None).

    `close` stops whatever is still drawn.
    """

    def __init__(self, quiet: bool = False, spoken: float | None = SPOKEN) -> None:
        self._quiet, self._spoken = quiet, spoken
        self._task: asyncio.Task[None] | None = None

    def say(self, text: str) -> None:
        """A line of narration, unless quiet."""
        if not self._quiet:
            say(text)

    def warn(self, text: str) -> None:
        """A line that is said to the quiet as well."""
        say(text)

    def watch(self, read: Callable[[], Mapping[str, LaneTally]]) -> None:
        """Show the counts until closed."""
        if self._quiet or not (sys.stderr.isatty() or self._spoken is not None):
            return
        show = _draw(read) if sys.stderr.isatty() or self._spoken is None else _speak(read, self._spoken)
        self._task = asyncio.get_running_loop().create_task(show)

    def skipped(self) -> int | None:
        """How many of a run's three lines were said already; None where it is to be told at length, which is on a terminal."""
        if self._quiet:
            return 0
        return None if sys.stderr.isatty() else 1

    async def close(self) -> None:
        """Take the display down, so that what follows is printed below it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await task


def spoken_here() -> float | None:
    """Seconds between two plain lines: CI shows a log that grows, cron mails it."""
    return SPOKEN if os.environ.get("CI") else None


async def _draw(read: Callable[[], Mapping[str, LaneTally]]) -> None:
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while True:
            live.update(table_of(read()), refresh=True)
            await asyncio.sleep(REDRAWN)


async def _speak(read: Callable[[], Mapping[str, LaneTally]], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        say(line_of(read()))


def table_of(tallies: Mapping[str, LaneTally]) -> Table:
    """The lanes as a table, those with nothing to do left out."""
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, tally in tallies.items():
        if tally.planned:
            table.add_row(name, *_cells(tally))
    return table


def line_of(tallies: Mapping[str, LaneTally]) -> str:
    """The lanes as one plain line."""
    lanes = [
        f"{name} {_finished(tally)}/{tally.planned} done, {tally.flying} flying, {tally.queued} queued, {_failed(tally)} failed"
        for name, tally in tallies.items()
        if tally.planned
    ]
    return " · ".join(lanes) or "nothing to do so far"


def _cells(tally: LaneTally) -> Iterator[str | Text]:
    yield f"{_finished(tally)}/{tally.planned}"
    for number in (tally.flying, tally.queued, tally.waiting):
        yield str(number or "")
    yield Text(str(_failed(tally) or ""), "red")
    yield f"{tally.pace:.1f}" if tally.pace else ""
    yield duration(tally.eta)


def _finished(tally: LaneTally) -> int:
    return tally.done + tally.reused


def _failed(tally: LaneTally) -> int:
    return tally.failed + tally.spoiled + tally.refused + tally.uncertain


def duration(seconds: float | None) -> str:
    """`1 h 05 min`, `2 min 10 s`, `9 s`; empty where it is not known."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
