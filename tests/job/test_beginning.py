"""What a check has made of the first rows comes back as it was; what was not kept is read again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.feed.prices import Price
from runner.job.beginning import LARGEST, LOT, Beginning
from runner.records import Row, make_request
from tests.fakes import Shelves

TEXT = "x" * 1000
MANY = 3 * LOT // 1000


def feed(count: int = MANY) -> Iterator[Row]:
    """Rows of a feed, other objects each time."""
    return (
        Row(f"r{number}", {"title": f"{number} {TEXT}", "price": Price("9.99 EUR")}, "feed.csv", number + 2)
        for number in range(count)
    )


def asked_of(row: Row):
    """What a row asks."""
    return make_request("pen", "text", {"prompt": row.values["title"]})


def kept(beginning: Beginning, count: int = MANY) -> Beginning:
    """The beginning, with all the rows of a feed offered to it, each asking one thing."""
    for row in feed(count):
        beginning.keep(row)
        beginning.put(row, "head", 1, asked_of(row))
    beginning.close(is_whole=True)
    return beginning


def unread() -> Iterator[Row]:
    """A feed that nobody may read."""
    raise AssertionError("the feed was read")


@pytest.mark.parametrize("count", [0, 1, 5, MANY])
def test_a_feed_that_was_kept_is_not_read_again(count):
    """Rows come back as they were, prices as prices, as often as they are wanted, with what they ask."""
    beginning = kept(Beginning(Shelves()), count)
    assert beginning.is_whole
    for _ in range(2):
        rows = []
        for row in beginning.rows(unread):
            rows.append(row)
            assert beginning.asked(row, "head", 1) == asked_of(row)
            assert beginning.asked(row, "head", 1) is beginning.asked(row, "head", 1)
            assert type(row.values["price"]) is Price
        assert rows == list(feed(count))


@pytest.mark.parametrize("room", [0, 1, 2])
def test_what_there_was_no_room_for_is_read_again(room):
    """However many pages there is room for, all rows come, in their order; those that were kept know what they ask."""
    beginning = kept(Beginning(Shelves(room)))
    assert not beginning.is_whole
    known = [beginning.asked(row, "head", 1) is not None for row in beginning.rows(feed)]
    assert known == sorted(known, reverse=True)
    assert 0 < sum(known) < len(known)
    assert list(beginning.rows(feed)) == list(feed())


def test_memory_does_not_grow_with_the_feed():
    """Rows are put away a lot at a time, and of one row that asks very much only the first is kept."""
    shelves = Shelves()
    kept(Beginning(shelves))
    assert len(shelves) > 1
    beginning, row = Beginning(shelves), next(feed(1))
    beginning.keep(row)
    for key in range(2 * LARGEST // 1000):
        beginning.put(row, "head", key, asked_of(row))
    assert beginning.asked(row, "head", 0) == asked_of(row)
    assert beginning.asked(row, "head", 2 * LARGEST // 1000 - 1) is None


def test_without_pages_nothing_is_kept():
    """Nothing is at hand afterwards, and the feed is read."""
    beginning = kept(Beginning())
    assert not beginning.is_whole
    assert [beginning.asked(row, "head", 1) for row in beginning.rows(feed)] == [None] * MANY


def test_what_was_asked_is_known_by_the_very_row():
    """A row that is equal and another object has asked nothing: it may be of a feed that says something else by now."""
    beginning, row = kept(Beginning(Shelves()), 1), next(feed(1))
    assert beginning.asked(row, "head", 1) is None
    (same,) = beginning.rows(unread)
    assert same == row
    assert beginning.asked(same, "head", 2) is beginning.asked(same, "body", 1) is beginning.asked(row, "head", 1) is None


def test_a_feed_that_was_left_early_is_not_whole():
    """Where somebody had enough rows, the rest is read when it is wanted."""
    beginning, rows = Beginning(Shelves()), list(feed(5))
    for row in rows[:2]:
        beginning.keep(row)
    assert not beginning.is_whole
    assert list(beginning.rows(lambda: feed(5))) == rows


def test_text_that_json_cannot_say_is_kept():
    """Half a surrogate pair, which only comes from JSON escapes, comes back as it was."""
    beginning, odd = Beginning(Shelves()), Row("odd", {"title": "\ud800"}, "feed.csv", 2)
    beginning.keep(odd)
    beginning.close(is_whole=True)
    assert list(beginning.rows(unread)) == [odd]
