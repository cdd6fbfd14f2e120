"""A second reading of systemd's calendar events (systemd.time(7)), as far as ours use them, to hold against cron's own moments."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def numbers(text: str, first: int, last: int) -> set[int]:
    """`*`, `05`, `01..03,07`, `00/15`."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("..")
        begin = first if low == "*" else int(low)
        end = last if low == "*" or (step and not high) else int(high or low)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def elapses_on(day: date, event: str) -> bool:
    """Whether a calendar event `[WEEKDAYS ]*-MONTHS-DAYS` (or `~DAYS`, counted from the end) takes place on this day."""
    weekdays, _, dates = event.rpartition(" ")
    if weekdays and NAMES[day.weekday()] not in weekdays.split(","):
        return False
    months, mark, days = dates.removeprefix("*-").replace("~", "-~", 1).partition("-")
    assert mark == "-"
    if day.month not in numbers(months, 1, 12):
        return False
    if days.startswith("~"):
        left = calendar.monthrange(day.year, day.month)[1] - day.day + 1
        first, _, step = days[1:].partition("/")
        return left == int(first) if not step else 1 <= left <= int(first)
    return day.day in numbers(days, 1, 31)


def elapses(events: Iterable[str], after: datetime, last_year: int) -> Iterator[datetime]:
    """The moments after `after` at which any of the events (all in one zone) takes place, in order."""
    taken = [event.rsplit(" ", 2) for event in events]
    day = after.date()
    while day.year <= last_year:
        moments = set()
        for dates, clock, _ in taken:
            if elapses_on(day, dates):
                hours, minutes, seconds = clock.split(":")
                assert seconds == "00"
                moments |= {(hour, minute) for hour in numbers(hours, 0, 23) for minute in numbers(minutes, 0, 59)}
        for hour, minute in sorted(moments):
            moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=after.tzinfo)
            if moment > after:
                yield moment
        day += timedelta(days=1)
