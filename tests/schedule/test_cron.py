"""Cron expressions taken apart and said again."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Usage
from runner.schedule.cron import DAYS, MINUTES, WEEKDAYS, compact, delay_of, plain_fields, read_cron
from tests.schedule.samples import AT, CRONS, SPECIAL


def moments(cron: str, count: int = 50) -> list[datetime]:
    """The next moments by cronsim, from a full hour on."""
    return list(islice(CronSim(cron, datetime.fromtimestamp(AT - AT % 3600 - 1, UTC)), count))


@pytest.mark.parametrize(
    ("cron", "plain"),
    [
        ("15 5 * * *", "15 5 * * *"),
        ("*/15 * * * *", "0-45/15 * * * *"),
        ("5/15 8-18 * * MON-FRI", "5-50/15 8-18 * * 1-5"),
        ("0 6 1,15 * 1", "0 6 1,15 * 1"),
        ("0 6 * * 7", "0 6 * * 0"),
        ("0 6 1-31 * MON", "0 6 * * *"),
        ("0 12 * JAN,jul SUN", "0 12 * 1,7 0"),
        ("0 6 */2 * *", "0 6 1-31/2 * *"),
        ("0 6 15 * */1", "0 6 15 * *"),
    ],
)
def test_plain_fields(cron: str, plain: str) -> None:
    """Names, steps and the seventh weekday become numbers that every cron reads alike."""
    assert plain_fields(read_cron(cron), 0, "cron") == plain


DATED_WEEKDAYS = ("0 6 1,15 * */2", "0 6 */2 * MON")
"""Both must hold here, for a star begins one of the fields; few crons have that rule."""


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize("starred", [False, True])
def test_plain_fields_mean_the_same(cron: str, starred: bool) -> None:
    """The moments of the plain fields are those of the expression; where a cron has the rule about *, that is used."""
    if starred or cron not in DATED_WEEKDAYS:
        assert moments(plain_fields(read_cron(cron), 0, "this cron", starred)) == moments(cron)


@pytest.mark.parametrize("cron", DATED_WEEKDAYS)
def test_a_weekday_on_certain_dates_is_refused(cron: str) -> None:
    """A cron without the rule about * would run on either."""
    with pytest.raises(Usage, match="wants a weekday on certain dates, which this cron cannot say; --as systemd can"):
        plain_fields(read_cron(cron), 0, "this cron")


@pytest.mark.parametrize("cron", SPECIAL)
def test_what_only_some_know_is_refused(cron: str) -> None:
    """L, LW and # are refused for a cron that has no such words."""
    with pytest.raises(Usage, match="uses L, LW or #, which cron does not know; --as systemd does"):
        plain_fields(read_cron(cron), 0, "cron", starred=True)


@pytest.mark.parametrize("cron", ["0 6 */2 * 5L", "0 6 */2,L * MON#2"])
def test_counting_from_both_ends_is_refused(cron: str) -> None:
    """A date and the last such weekday together are no rule that a scheduler has."""
    with pytest.raises(Usage, match="counts days from both ends of the month"):
        _ = read_cron(cron).days


@given(st.sampled_from(CRONS), st.integers(0, 90))
def test_a_delay_never_crosses_the_hour(cron: str, minutes: int) -> None:
    """Every moment of the delayed fields is that much later, and in the same hour."""
    read = read_cron(cron)
    later = delay_of(read, minutes)
    assert 0 <= later <= minutes
    delayed = moments(plain_fields(read, later, "cron", starred=True), 5)
    assert [(moment - before).total_seconds() for moment, before in zip(delayed, moments(cron, 5), strict=True)] == [60 * later] * 5


@given(st.frozensets(st.integers(0, 59), min_size=1))
def test_compact_says_the_very_numbers(numbers: frozenset[int]) -> None:
    """What is written compactly is read back as the same set, with steps and without."""
    assert set(read_cron(f"{compact(numbers, MINUTES)} * * * *").minutes) == numbers


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({1}, "01"),
        ({1, 2}, "01,02"),
        ({1, 2, 3, 9}, "01..03,09"),
        ({0, 15, 30, 45}, "00/15"),
        ({0, 10, 20, 30}, "00,10,20,30"),
        (set(range(60)), "*"),
    ],
)
def test_compact_for_systemd(numbers: set[int], told: str) -> None:
    """For systemd: it wants two digits and two dots, and its steps go on to the end."""
    assert compact(frozenset(numbers), MINUTES, "..", 2, open_steps=True) == told


def test_whole_sets() -> None:
    """Every day and every weekday are all of them."""
    read = read_cron("* * * * *")
    assert (read.dates[0].days, read.weekdays[0].weekdays, [rule.is_any for rule in read.days]) == (DAYS, WEEKDAYS, [True])
