"""A cron expression in a time zone, as moments.

The moments are cronsim's, which reads an expression as Debian's cron does: a job at a fixed time that a change to summer time skips
runs as soon as there is a time again, and one that comes twice in autumn runs once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from runner.frozen import frozen

MONTHS_LOOKED_AT: Final = 12


@frozen
class Timetable:
    """Five cron fields, meant in the zone of this IANA name. Both have been checked by whoever read them."""

    cron: str
    zone: str = "UTC"

    @property
    def tzinfo(self) -> tzinfo:
        """The zone; UTC needs no database."""
        return UTC if self.zone == "UTC" else ZoneInfo(self.zone)

    def after(self, at: float) -> Iterator[datetime]:
        """The moments after `at` (seconds since the epoch), in order; none where the expression never comes true."""
        yield from CronSim(self.cron, datetime.fromtimestamp(at, self.tzinfo))

    def last(self, at: float) -> datetime | None:
        """The latest moment that is not after `at`; None where there is none within fifty years."""
        beyond = datetime.fromtimestamp(int(at), UTC) + timedelta(seconds=1)
        return next(CronSim(self.cron, beyond.astimezone(self.tzinfo), reverse=True), None)

    def changes_clocks(self, at: float) -> bool:
        """Whether the zone's distance from UTC changes within a year from `at`."""
        start = datetime.fromtimestamp(at, UTC)
        months = (start + timedelta(days=30 * month) for month in range(MONTHS_LOOKED_AT + 1))
        return len({moment.astimezone(self.tzinfo).utcoffset() for moment in months}) > 1
