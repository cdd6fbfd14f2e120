"""A cron expression taken apart, and said again in the words of others.

What makes it hard is cron's own rule about days: where neither the day of the month nor the weekday begins with `*`, either will
do; else both must hold. Kubernetes and GitHub know the first half of that rule only, systemd the second. So an expression becomes
sets of numbers and a list of rules of which any may hold, and from there the words of the scheduler, or a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cronsim import CronSim

from runner.errors import Usage
from runner.frozen import frozen

MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS = (frozenset(range(*ends)) for ends in ((0, 60), (0, 24), (1, 32), (1, 13), (0, 7)))
LAST_DAY: Final = "~01"
LAST_WEEK: Final = "~07/1"


@frozen
class DayRule:
    """Days on which all of this holds: day of the month, weekday (0 is Sunday), and place from the end of the month.

    `tail` is written as systemd writes it: `~01` is the last day, `~07/1` one of the last seven; empty: anywhere.
    """

    days: frozenset[int] = DAYS
    weekdays: frozenset[int] = WEEKDAYS
    tail: str = ""

    @property
    def is_any(self) -> bool:
        """Whether it holds on every day."""
        return self == DayRule()


@frozen
class Cron:
    """An expression as sets. `days` has one rule for each way a day can be meant; a day counts if one of them holds."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    dates: tuple[DayRule, ...]
    weekdays: tuple[DayRule, ...]
    both: bool

    @property
    def days(self) -> list[DayRule]:
        """The rules of which one must hold. Raises `Usage` where two cannot be said together."""
        if self.both:
            met = (meet(one, other, self.text) for one in self.dates for other in self.weekdays)
            return [rule for rule in met if rule is not None]
        rules = [*self.dates, *self.weekdays]
        return [DayRule()] if any(rule.is_any for rule in rules) else rules


def read_cron(text: str) -> Cron:
    """Take apart an expression that has been checked."""
    read = CronSim(text, datetime(2026, 1, 1))
    minutes, hours, months = (frozenset(part) for part in (read.minutes, read.hours, read.months))
    return Cron(text, minutes, hours, months, tuple(_date_rules(read.days)), tuple(_weekday_rules(read.weekdays)), read.day_and)


def _date_rules(days: set[int]) -> Iterator[DayRule]:
    plain = frozenset(days) & DAYS
    if plain:
        yield DayRule(days=plain)
    if CronSim.LAST in days:
        yield DayRule(tail=LAST_DAY)
    if CronSim.LAST_WEEKDAY in days:
        yield DayRule(weekdays=frozenset(range(1, 6)), tail=LAST_DAY)
        yield from (DayRule(weekdays=frozenset({5}), tail=tail) for tail in ("~02", "~03"))


def _weekday_rules(weekdays: set[int | tuple[int, int]]) -> Iterator[DayRule]:
    plain = frozenset(day % 7 for day in weekdays if isinstance(day, int))
    if plain:
        yield DayRule(weekdays=plain)
    for day, nth in sorted(day for day in weekdays if isinstance(day, tuple)):
        only = frozenset({day % 7})
        if nth == CronSim.LAST:
            yield DayRule(weekdays=only, tail=LAST_WEEK)
        else:
            yield DayRule(weekdays=only, days=frozenset(range(7 * nth - 6, 7 * nth + 1)) & DAYS)


def meet(one: DayRule, other: DayRule, text: str) -> DayRule | None:
    """The rule that holds where both do; None where that is on no day. Raises `Usage` where no one rule says it."""
    days, weekdays = one.days & other.days, one.weekdays & other.weekdays
    tails = sorted({one.tail, other.tail} - {"", LAST_WEEK}) or sorted({one.tail, other.tail} - {""})
    tail = tails[0] if tails else ""
    if tail and days != DAYS:
        raise Usage(f'refresh.cron "{text}" counts days from both ends of the month; write it without L or without #')
    return DayRule(days, weekdays, tail) if days and weekdays else None


def plain_fields(cron: Cron, later: int, who: str, starred: bool = False) -> str:
    """The five fields in the words that every cron understands, starting `later` minutes later.

    `starred` is for a cron that itself has the rule about `*`. Raises `Usage` for what `who` cannot say.
    """
    dates, weekdays = _plain_days(cron, who, starred)
    minutes = frozenset(minute + later for minute in cron.minutes)
    return " ".join([compact(minutes, MINUTES), compact(cron.hours, HOURS), dates, compact(cron.months, MONTHS), weekdays])


def _plain_days(cron: Cron, who: str, starred: bool) -> tuple[str, str]:
    """Day of the month and weekday."""
    named = [*cron.dates, *cron.weekdays]
    if len(named) != 2 or any(rule.tail for rule in named) or cron.weekdays[0].days != DAYS:
        raise Usage(f'refresh.cron "{cron.text}" uses L, LW or #, which {who} does not know; --as systemd does')
    if any(rule.is_any for rule in cron.days):
        return "*", "*"
    fields = compact(cron.dates[0].days, DAYS), compact(cron.weekdays[0].weekdays, WEEKDAYS)
    if not cron.both or "*" in fields:
        return fields
    if not starred:
        raise Usage(f'refresh.cron "{cron.text}" wants a weekday on certain dates, which {who} cannot say; --as systemd can')
    words = cron.text.split()
    return tuple(word if word.startswith("*") else field for word, field in zip(words[2::2], fields, strict=True))  # type: ignore[return-value]


def delay_of(cron: Cron, minutes: int) -> int:
    """How many of these `minutes` it can start later without crossing the hour, where every cron could not say it any more."""
    return min(minutes, max(MINUTES) - max(cron.minutes)) if cron.minutes != MINUTES else 0


def compact(numbers: frozenset[int], whole: frozenset[int], dash: str = "-", digits: int = 1, open_steps: bool = False) -> str:
    """A set of numbers as a scheduler writes it: `*`, `1-5`, `0-45/15` (`00/15` with `open_steps`), or one by one."""
    if numbers == whole:
        return "*"
    ordered = sorted(numbers)
    step = _step(ordered)
    if len(ordered) > 3 and step > 1:
        if not open_steps:
            return f"{ordered[0]}-{ordered[-1]}/{step}"
        if ordered[-1] + step > max(whole):
            return f"{ordered[0]:0{digits}}/{step}"
    return ",".join(_span(run, dash, digits) for run in _runs(ordered))


def _step(ordered: Sequence[int]) -> int:
    """The distance between neighbours where it is always the same, else 0."""
    steps = {after - before for before, after in pairwise(ordered)}
    return steps.pop() if len(steps) == 1 else 0


def _runs(ordered: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for number in ordered:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    yield run


def _span(run: Sequence[int], dash: str, digits: int) -> str:
    if len(run) < 3:
        return ",".join(f"{number:0{digits}}" for number in run)
    return f"{run[0]:0{digits}}{dash}{run[-1]:0{digits}}"
