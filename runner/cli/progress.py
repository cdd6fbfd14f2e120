"""The progress of a run as a person wants it: a bar for each lane, the money, the time left, and what goes wrong with what to do.

On a terminal it is redrawn in place twice a second; in CI, and in a pipe somebody looks at, it is a plain line every few seconds,
ever more seldom; under cron, which mails whatever is printed, it is nothing. It is drawn by the clock and never for a request, so
it costs a fast run no more than a slow one. A progress that cannot be shown never stops a run. What draws is imported by who draws.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runner.causes import Advice
from runner.cli.closing import advice_line
from runner.cli.render import printable, say
from runner.edge.redaction import redact
from runner.headway import Headway, Progress, duration, told_money

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

REDRAWN: Final = 0.5
"""Seconds between two pictures on a terminal."""

SPOKEN: Final = 5.0
"""Seconds between two plain lines, at first."""
SELDOM: Final = 60.0
"""Seconds between two plain lines at most: a night in CI is no thousand lines."""

BAR: Final = 20
"""Columns of a bar."""
NARROW: Final = 80
"""Columns of a terminal below which there is no bar."""
NAME: Final = 16
"""Columns of a lane's name at most."""

COLUMNS: Final = ("lane", "", "done", "failed", "out", "per second", "left")
SIGNS: Final = ("█", "▒", "·")
PLAIN_SIGNS: Final = ("#", "x", ".")
"""Done, failed and to do; for terminals that know no Unicode."""


class Narrator:
    """Tells a run on stderr; where there is no terminal, with a plain line every `spoken` seconds and more, or without (None).

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

    def watch(self, read: Callable[[], Headway]) -> None:
        """Show how far it is until closed."""
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
    """Seconds between two plain lines: CI shows a log that grows, a pipe is looked at by who typed it, cron mails all of it."""
    return SPOKEN if os.environ.get("CI") or (sys.stdin is not None and sys.stdin.isatty()) else None


async def _draw(read: Callable[[], Headway]) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(picture_of(read(), console.width, console.encoding.startswith("utf")), refresh=True)
            await asyncio.sleep(REDRAWN)


async def _speak(read: Callable[[], Headway], every: float) -> None:
    troubles: tuple[object, ...] = ()
    while True:
        await asyncio.sleep(every)
        headway = read()
        now = tuple(advice.place for advice in headway.causes)
        say(line_of(headway, news=now != troubles))
        troubles, every = now, min(every * 1.2, max(every, SELDOM))


def picture_of(headway: Headway, width: int = NARROW, unicode: bool = True) -> Group:
    """What a terminal of so many columns shows: the lanes, money and time in a line, and what goes wrong, a line each."""
    from rich.console import Group
    from rich.text import Text

    return Group(
        table_of(headway, width, unicode),
        *(Text(_shown(line), no_wrap=True, overflow="ellipsis" if unicode else "crop") for line in _below(headway)),
    )


def table_of(headway: Headway, width: int = NARROW, unicode: bool = True) -> Table:
    """The lanes as a table."""
    from rich.table import Table

    columns = COLUMNS if width >= NARROW else tuple(name for name in COLUMNS if name)
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
        column.justify = "left" if column.header in ("lane", "") else "right"
    for name, lane in headway.lanes.items():
        bar = [_bar(lane, SIGNS if unicode else PLAIN_SIGNS)] if width >= NARROW else []
        table.add_row(_short(name, unicode), *bar, *_cells(lane))
    return table


def line_of(headway: Headway, news: bool = False) -> str:
    """The run as one plain line; with `news` the worst of what goes wrong too."""
    lanes = [f"{name} {lane.done}/{lane.total}{_aside(lane)}" for name, lane in headway.lanes.items()]
    if not lanes:
        return "nothing to do so far"
    worst = [_trouble(advice) for advice in headway.causes[:1]] if news else []
    return " · ".join([*lanes, *_sums(headway), *worst])


def _aside(lane: Progress) -> str:
    told = [f"{lane.out} out"] if lane.out else []
    told += [f"{lane.failed} failed"] if lane.failed else []
    return f" ({', '.join(told)})" if told else ""


def _below(headway: Headway) -> Iterator[str]:
    if sums := " · ".join(_sums(headway)):
        yield sums
    yield from map(_trouble, headway.causes)


def _sums(headway: Headway) -> Iterator[str]:
    if money := told_money(headway):
        yield f"cost: {money}"
    if headway.left is not None:
        yield f"about {duration(headway.left)} left"


def _trouble(advice: Advice) -> str:
    return advice_line(advice, 90)


def _shown(text: str) -> str:
    """What goes to the terminal past `say`: without secrets, and without what could forge it."""
    return printable(redact(text))


def _bar(lane: Progress, signs: tuple[str, str, str]) -> Text:
    """Done, failed and to do as a bar; whatever is not nothing is seen, and only what is all done is full."""
    from rich.text import Text

    failed = min(max(BAR * lane.failed // lane.total, 1), BAR - bool(lane.done)) if lane.failed else 0
    done = BAR * lane.done // lane.total if lane.done + lane.failed < lane.total else BAR - failed
    done = min(done, BAR - failed)
    return Text.assemble((signs[0] * done, "green"), (signs[1] * failed, "red"), (signs[2] * (BAR - done - failed), "dim"))


def _cells(lane: Progress) -> Iterator[str | Text]:
    from rich.text import Text

    yield f"{lane.done}/{lane.total}"
    yield Text(str(lane.failed or ""), "red")
    yield str(lane.out or "")
    yield f"{lane.pace:.1f}" if lane.pace else ""
    yield duration(lane.left)


def _short(name: str, unicode: bool) -> str:
    return name if len(name) <= NAME else name[: NAME - 1] + ("…" if unicode else ".")
