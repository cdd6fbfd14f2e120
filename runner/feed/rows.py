"""Records to Rows: columns renamed, prices marked, the key taken out.

Keys are checked here one by one; that no two rows share one can only be known at the end and is `survey`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from runner.errors import Invalid
from runner.feed.files import reading
from runner.feed.formats import choose_reader
from runner.feed.prices import mark_prices
from runner.feed.source import Blame, Member, Reader, Source, check_options, raise_complaint
from runner.fields import suggest
from runner.records import Json, Row


def read_rows(source: Source) -> Iterator[Row]:
    """The rows of a feed in order, one in memory at a time. Raises Invalid at the first mistake; `survey` finds them all.

    Repeated keys pass unseen. OurSide is raised where the disk fails.
    """
    reader = open_reader(source)
    for member in source.members():
        yield from read_member(member, reader, raise_complaint)


def open_reader(source: Source) -> Reader:
    """The reader for this feed, its options checked. Raises Invalid with everything wrong with them."""
    complaints = check_options(source)
    if complaints:
        raise Invalid(complaints)
    return choose_reader(source)


def read_member(member: Member, reader: Reader, blame: Blame) -> Iterator[Row]:
    """The rows of one file. A wrong row goes to `blame`; what makes the rest unreadable raises Invalid."""
    key, fields, name = member.source.key, member.source.fields, member.name
    replaced = frozenset(fields) | frozenset(fields.values())
    with reading(member):
        for line, record in reader(member, blame):
            values = _rename(record, fields, replaced) if fields else record
            try:
                mark_prices(values)
            except ValueError as error:
                blame(member.complaint(line, str(error)))
                continue
            value = values.get(key)
            text = value if type(value) is str and not value.isspace() else read_key(value)
            if text:
                yield Row(text, values, name, line)
            else:
                blame(member.complaint(line, _say_keyless(key, values), path="feed.key"))


def read_key(value: Json) -> str:
    """The key as text, empty where there is none. JSON's whole numbers are keys too; a fraction, list or map is not."""
    if isinstance(value, str):
        return value if not value.isspace() else ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _rename(record: Mapping[str, Json], fields: Mapping[str, str], replaced: frozenset[str]) -> dict[str, Json]:
    """Our names for the feed's. A column of the feed that is called as one of ours gives way."""
    values = {name: value for name, value in record.items() if name not in replaced}
    for ours, theirs in fields.items():
        if theirs in record:
            values[ours] = record[theirs]
    return values


def _say_keyless(key: str, values: Mapping[str, Json]) -> str:
    if key not in values:
        return f"has no {key!r}, which is the feed's key{_suggest(key, tuple(values))}"
    if values[key] is None or isinstance(values[key], str):
        return f"{key!r} is empty; every row needs its own"
    return f"{key!r} must be a text or a whole number that JSON holds exactly"


@lru_cache(maxsize=64)
def _suggest(key: str, columns: tuple[str, ...]) -> str:
    """Remembered, because a wrong key is wrong in every row."""
    return suggest(key, columns)
