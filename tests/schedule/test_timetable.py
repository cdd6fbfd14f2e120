"""Moments of a cron expression in its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.schedule.timetable import Timetable
from tests.schedule.samples import AT, CRONS, SPECIAL


def at(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 moment."""
    return datetime.fromisoformat(text).timestamp()


@given(st.sampled_from((*CRONS, *SPECIAL)), st.floats(0, 10**8))
def test_the_last_moment_is_the_one_before_the_next(cron: str, later: float) -> None:
    """No moment lies between the last and now, and the last one's next lies in the future."""
    timetable, now = Timetable(cron), AT + later
    last = timetable.last(now)
    assert last is not None
    assert last.timestamp() <= now
    assert next(timetable.after(last.timestamp())).timestamp() > now


def test_a_moment_counts_from_its_very_second() -> None:
    """At the moment itself it is the last one, a second before it is the next."""
    timetable, moment = Timetable("15 5 * * *"), at("2026-03-10T05:15:00+00:00")
    assert timetable.last(moment) == datetime.fromtimestamp(moment, UTC)
    assert timetable.last(moment + 0.5) == datetime.fromtimestamp(moment, UTC)
    assert timetable.last(moment - 0.5) == datetime.fromtimestamp(moment - 86400, UTC)
    assert next(timetable.after(moment)).timestamp() == moment + 86400


def test_a_zone_moves_with_its_clocks() -> None:
    """Five in the morning in Berlin is three or four in UTC; a skipped time comes as soon as there is one; a doubled one once."""
    moments = islice(Timetable("30 2 * * *", "Europe/Berlin").after(at("2026-03-28T00:00:00+00:00")), 3)
    told = [moment.astimezone(UTC).isoformat() for moment in moments]
    assert told == ["2026-03-28T01:30:00+00:00", "2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"]
    autumn = list(islice(Timetable("30 2 * * *", "Europe/Berlin").after(at("2026-10-24T12:00:00+00:00")), 2))
    assert [moment.day for moment in autumn] == [25, 26]


@pytest.mark.parametrize(("zone", "changes"), [("UTC", False), ("Europe/Berlin", True), ("Asia/Kolkata", False)])
def test_whether_clocks_change(zone: str, changes: bool) -> None:
    """Summer time is seen within a year from any month."""
    assert {Timetable("* * * * *", zone).changes_clocks(AT + month * 2_600_000) for month in range(12)} == {changes}


def test_what_comes_once_in_years() -> None:
    """A leap day is found from either side."""
    leap = Timetable("0 0 29 2 *")
    assert [str(moment) for moment in islice(leap.after(AT), 2)] == ["2028-02-29 00:00:00+00:00", "2032-02-29 00:00:00+00:00"]
    assert str(leap.last(AT)) == "2024-02-29 00:00:00+00:00"
