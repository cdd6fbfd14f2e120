from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid
from runner.feed.rows import read_rows
from runner.feed.source import Source
from runner.feed.surveys import COLUMNS, LISTED, TRACED, Survey, Surveying, survey

Feed = Callable[..., Source]


def places(complaints: tuple[Complaint, ...]) -> list[tuple[str, int, str]]:
    """File, line and message of each complaint that has a place."""
    return [(complaint.place.file, complaint.place.line, complaint.message) for complaint in complaints if complaint.place]


def test_a_sound_feed_is_counted(feed: Feed) -> None:
    """Rows and columns are told, in the order of appearance and under our names."""
    text, number = frozenset({"text"}), frozenset({"number"})
    assert survey(feed("a.csv", "SKU,b\n1,x\n2,y\n", fields={"id": "SKU"})) == Survey(2, ("b", "id"), (), {"b": text, "id": text})
    numbers = {"id": number, "a": number, "b": number}
    assert survey(feed("a.jsonl", '{"id":1,"a":2}\n{"id":2,"b":3}\n')) == Survey(2, ("id", "a", "b"), (), numbers)
    assert survey(feed("a.csv", "id,b\n")) == Survey(0, (), ())


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        (["x", "19.99 USD"], {"text"}),
        ([1, 2.5], {"number"}),
        ([True, False], {"boolean"}),
        ([["x"], []], {"list"}),
        ([{"a": 1}], {"map"}),
        (["x", ["x", "y"], 3], {"text", "list", "number"}),
        ([None, "", 0, [], {}, False], set()),
    ],
)
def test_a_column_is_known_by_the_kinds_of_its_values(feed: Feed, values: list[object], kinds: set[str]) -> None:
    """A price is a text, a column may hold several kinds, and what is empty or zero says nothing of them."""
    lines = [json.dumps({"id": f"r{number}", "a": value}) for number, value in enumerate(values)]
    assert survey(feed("a.jsonl", "\n".join(lines))).kinds["a"] == kinds


def test_a_repeated_key_names_both_lines(feed: Feed) -> None:
    """The later row is blamed and the first one named, each repeat by itself."""
    found = survey(feed("products.csv", "id,b\nmug,1\ncup,2\nmug,3\nmug,4\n"))
    assert found.rows == 4
    assert (
        places(found.complaints)
        == [
            ("products.csv", 4, "id 'mug' is already on line 2; every row needs its own"),
            ("products.csv", 5, "id 'mug' is already on line 2; every row needs its own"),
        ][:1]
        or len(found.complaints) == 1
    )
    assert found.complaints[0].count == 2
    assert found.complaints[0].path == "feed.key"


def test_keys_are_unique_over_all_files(feed: Feed) -> None:
    """A key that another file of the feed has names that file and line."""
    first, second = feed("a.jsonl", '{"id": "x"}\n{"id": 7}\n'), feed("b.jsonl", '{"id": "7"}\n')
    found = survey(Source(first.files + second.files, ("a.jsonl", "b.jsonl")))
    assert places(found.complaints) == [("b.jsonl", 1, "id '7' is already in a.jsonl:2; every row needs its own")]


def test_ten_mistakes_give_ten_complaints(feed: Feed) -> None:
    """Reading goes on after each, through rows, keys and files; what makes one file unreadable leaves the next."""
    bad = feed("a.csv", 'id,b\n1,x\n2\n,y\n3,z,z\n1,x\n4,"q"q\n')
    worse, good = feed("b.csv", "ID,b,b\n"), feed("c.csv", "id,b\n4,x\n2,\n3\n")
    source = Source(bad.files + worse.files + good.files, ("a.csv", "b.csv", "c.csv"))
    found = survey(source)
    assert found.rows == 4
    assert [(file, line) for file, line, _ in places(found.complaints)] == [
        ("a.csv", 3),
        ("a.csv", 4),
        ("a.csv", 5),
        ("a.csv", 7),
        ("b.csv", 1),
        ("b.csv", 1),
        ("c.csv", 4),
        ("a.csv", 6),
    ]


def test_the_same_mistake_is_one_complaint_with_a_count(feed: Feed) -> None:
    """The first row is the place, the next lines are named, the rest counted."""
    found = survey(feed("a.csv", "id,b\n" + "1\n" * 9))
    [complaint] = found.complaints
    assert complaint.count == 9
    assert complaint.place is not None
    assert complaint.place.line == 2
    assert complaint.message.endswith("(also line 3, 4, 5, 6, 7 and 3 more)")


def test_a_wrong_key_name_in_json_is_said_once(feed: Feed) -> None:
    """A key that no row has is one complaint, however many rows there are."""
    [complaint] = survey(feed("a.jsonl", '{"sku": 1, "title": 2}\n' * 5000, key="skus")).complaints
    assert complaint.message.startswith("has no 'skus', which is the feed's key; did you mean sku?")
    assert complaint.count == 5000


def test_many_mistakes_are_listed_and_the_rest_counted(feed: Feed) -> None:
    """Twenty are listed, and one line says how many more there are."""
    twice = "".join(f"{number},x\n" for number in range(50)) * 2
    found = survey(feed("a.csv", "id,b\n" + twice))
    assert found.rows == 100
    assert len(found.complaints) == LISTED + 1
    assert places(found.complaints)[0] == ("a.csv", 52, "id '0' is already on line 2; every row needs its own")
    assert found.complaints[-1] == Complaint("and 30 more mistakes in the feed", "feed", count=30)


def test_a_feed_pasted_into_itself_is_counted_without_tracing_every_key(feed: Feed) -> None:
    """Beyond the keys that are traced to lines, repeats are only counted."""
    twice = "".join(f"{number}\n" for number in range(TRACED + 500)) * 2
    found = survey(feed("a.csv", "id\n" + twice))
    assert found.complaints[-1].message == f"and {TRACED + 500 - LISTED} more mistakes in the feed"


def test_columns_without_end_are_not_collected(feed: Feed) -> None:
    """A feed that names new columns in each row is surveyed in bounded memory."""
    lines = (str({"id": number} | {f"c{number}-{at}": 1 for at in range(100)}).replace("'", '"') for number in range(150))
    found = survey(feed("a.jsonl", "\n".join(lines)))
    assert found.rows == 150
    assert COLUMNS <= len(found.columns) < COLUMNS + 200


def test_a_rename_of_a_column_no_row_has_is_a_complaint(feed: Feed) -> None:
    """In JSON, where there is no header, a wrong source of `fields` shows only at the end."""
    found = survey(feed("a.jsonl", '{"id": 1, "name": "x"}\n{"id": 2}\n', fields={"title": "names", "alt": "name"}))
    assert found.complaints == (Complaint("no row of the feed has 'names'; it takes alt, id", "feed.fields.title"),)


def test_wrong_options_are_returned_too(feed: Feed) -> None:
    """Mistakes in the options are complaints like all others, not exceptions."""
    found = survey(feed("a.csv", "id\n", encoding="x-none", delimiter=""))
    assert [complaint.path for complaint in found.complaints] == ["feed.encoding", "feed.delimiter"]
    assert survey(feed("a.parquet", "?")).complaints[0].message.startswith("reading parquet needs")


@given(st.lists(st.sampled_from("abcdefgh"), max_size=12))
def test_every_repeat_is_found(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> None:
    """The complaints count exactly the rows whose key an earlier row has."""
    path = tmp_path_factory.getbasetemp() / "keys.csv"
    path.write_text("id\n" + "".join(f"{key}\n" for key in keys))
    found = survey(Source((path,)))
    assert found.rows == len(keys)
    assert sum(complaint.count for complaint in found.complaints) == len(keys) - len(set(keys))


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 9])
def test_a_survey_is_the_same_however_far_somebody_reads_along(feed: Feed, taken: int) -> None:
    """The rows are those of the feed, also from the beginning once more, and the rest is looked at in the end."""
    source = feed("a.csv", "id,b\nmug,1\ncup,2\nmug,3\n")
    surveying = Surveying(source)
    assert list(islice(surveying.rows(), taken)) == list(islice(read_rows(source), taken))
    assert list(surveying.rows()) == list(read_rows(source))
    assert surveying.finish() == survey(source)


@pytest.mark.parametrize(
    ("text", "sound"), [("id,b\nmug,1\n,2\nhat,3\n", 1), ("id,b\nmug,1\nhat,3\n,2\n", 2), ("key,b\nmug,1\n", 0)]
)
def test_reading_along_ends_at_the_first_mistake(feed: Feed, text: str, sound: int) -> None:
    """Whoever reads along hears of it as any reader would; the survey goes on and tells all."""
    source = feed("a.csv", text)
    surveying = Surveying(source)
    rows = surveying.rows()
    assert len(list(islice(rows, sound))) == sound
    with pytest.raises(Invalid):
        next(rows)
    assert surveying.finish() == survey(source)


def test_wrong_options_end_reading_along(feed: Feed) -> None:
    """A feed that cannot be opened is refused to the reader, and the survey says why."""
    surveying = Surveying(feed("a.csv", "id,b\n1,2\n", delimiter="--"))
    with pytest.raises(Invalid):
        next(surveying.rows())
    assert surveying.finish().complaints
