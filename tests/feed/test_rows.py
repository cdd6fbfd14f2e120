from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import Complaint, Invalid
from runner.feed.prices import Price
from runner.feed.rows import read_key, read_rows
from runner.feed.source import Source
from runner.records import Json, Row

Feed = Callable[..., Source]

CSV = "id,title,price\n007,Mug,19.99 USD\n008,Cup,5 EUR\n"
TSV = CSV.replace(",", "\t")
JSON = '[{"id": "007", "title": "Mug", "price": "19.99 USD"},\n{"id": "008", "title": "Cup", "price": "5 EUR"}]'
JSONL = '{"id": "007", "title": "Mug", "price": "19.99 USD"}\n{"id": "008", "title": "Cup", "price": "5 EUR"}\n'
XML = """<rss><channel>
<item><id>007</id><title>Mug</title><price>19.99 USD</price></item>
<item><id>008</id><title>Cup</title><price>5 EUR</price></item></channel></rss>"""


def fault(source: Source) -> Complaint:
    """The first mistake of a feed."""
    with pytest.raises(Invalid) as raised:
        list(read_rows(source))
    return raised.value.complaints[0]


@pytest.mark.parametrize(
    ("name", "text", "first"), [("a.csv", CSV, 2), ("a.tsv", TSV, 2), ("a.json", JSON, 1), ("a.jsonl", JSONL, 1), ("a.xml", XML, 2)]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_format_gives_the_same_rows(feed: Feed, name: str, text: str, first: int, pack: Callable[[bytes], bytes]) -> None:
    """One feed in five formats, plain or gzip, is one sequence of rows; only the lines differ."""
    source = feed(name, pack(text.encode()))
    rows = list(read_rows(source))
    assert rows == [
        Row("007", {"id": "007", "title": "Mug", "price": "19.99 USD"}, name, first),
        Row("008", {"id": "008", "title": "Cup", "price": "5 EUR"}, name, first + 1),
    ]
    assert [type(row.values["price"]) for row in rows] == [Price, Price]


def test_files_are_read_in_order_as_one_feed(feed: Feed) -> None:
    """Rows of several files come one file after the other, each with its own file and lines."""
    first, second = feed("a.csv", "id,x\n1,a\n"), feed("b.csv", "x,id\nb,2\n")
    rows = list(read_rows(Source(first.files + second.files, ("a.csv", "b.csv"))))
    assert rows == [Row("1", {"id": "1", "x": "a"}, "a.csv", 2), Row("2", {"x": "b", "id": "2"}, "b.csv", 2)]


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "SKU,Product name,title\n7,Mug,x\n"), ("a.jsonl", '{"SKU":"7","Product name":"Mug","title":"x"}')]
)
def test_columns_get_our_names(feed: Feed, name: str, text: str) -> None:
    """`fields` renames; a column of the feed that has the name already gives way; one source may serve two names."""
    source = feed(name, text, fields={"id": "SKU", "title": "Product name", "alt": "Product name"})
    [row] = read_rows(source)
    assert row.key == "7"
    assert row.values == {"id": "7", "title": "Mug", "alt": "Mug"}


def test_names_can_be_swapped(feed: Feed) -> None:
    """Two columns may exchange their names."""
    [row] = read_rows(feed("a.csv", "id,a,b\n1,A,B\n", fields={"a": "b", "b": "a"}))
    assert row.values == {"id": "1", "a": "B", "b": "A"}


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("mug-1", "mug-1"),
        (" mug", " mug"),
        ("", ""),
        ("  ", ""),
        (4711, "4711"),
        (0, "0"),
        (None, ""),
        (True, ""),
        (1.5, ""),
        ([], ""),
        ({}, ""),
    ],
)
def test_a_key_is_text_or_a_whole_number(value: Json, key: str) -> None:
    """Texts are keys as they stand; blanks, fractions, lists and maps are none."""
    assert read_key(value) == key


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("a.csv", "id,b\n1,2\n,3\n", 3, "'id' is empty; every row needs its own"),
        ("a.csv", "id,b\n \t,3\n", 2, "'id' is empty; every row needs its own"),
        ("a.jsonl", '{"id": null}', 1, "'id' is empty; every row needs its own"),
        ("a.jsonl", '{"id": 1.5}', 1, "'id' must be a text or a whole number that JSON holds exactly"),
        ("a.jsonl", '{"id": 1}\n{"ids": 1}', 2, "has no 'id', which is the feed's key; did you mean ids?"),
        ("a.xml", XML.replace("<id>008</id>", ""), 3, "has no 'id', which is the feed's key; it takes price, title"),
    ],
)
def test_a_row_without_a_key_is_refused(feed: Feed, name: str, text: str, line: int, message: str) -> None:
    """A missing, empty or impossible key is named with its line."""
    complaint = fault(feed(name, text))
    assert complaint.message == message
    assert complaint.path == "feed.key"
    assert complaint.place is not None
    assert (complaint.place.file, complaint.place.line) == (name, line)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_row_of_bottomless_values_is_refused(feed: Feed, name: str) -> None:
    """Nesting that a parser bears and later steps would not is the feed's mistake, with its line."""
    row = '{"id": 1, "x": ' + "[" * 400 + "]" * 400 + "}"
    complaint = fault(feed(name, f"[\n{row}]" if name == "a.json" else f'{{"id": 0}}\n{row}'))
    assert complaint.message == "holds values nested deeper than 50 levels"
    assert complaint.place is not None
    assert complaint.place.line == 2


def test_wrong_options_are_refused_before_reading(tmp_path: Path) -> None:
    """Options are checked even if the file is not there."""
    assert fault(Source((tmp_path / "absent.csv",), delimiter="ab")).path == "feed.delimiter"


@pytest.mark.parametrize("content", [b"id\n\xe4\n", gzip.compress(b"id\n" + bytes(range(48, 58)) * 9999)[:-20]])
def test_unreadable_bytes_are_complaints(feed: Feed, content: bytes) -> None:
    """What the codec or gzip cannot read ends in words, not in their exceptions."""
    place = fault(feed("a.csv", content)).place
    assert place is not None
    assert place.file == "a.csv"


def test_an_abandoned_feed_is_closed(feed: Feed) -> None:
    """Whoever stops after the first row leaves no file open (a leak would be a warning, and warnings are errors)."""
    for name, text in (("a.csv", CSV), ("a.json", JSON), ("a.jsonl", JSONL), ("a.xml", XML)):
        rows = read_rows(feed(name, text))
        assert next(rows).key == "007"
        del rows


GROWTH = """
import resource, sys
from pathlib import Path
from runner.feed import Source, read_rows, survey
small, large = (Source((Path(path),)) for path in sys.argv[1:])
def peak(source):
    return sum(1 for _ in read_rows(source)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(few, before), (many, after) = peak(small), peak(large)
surveyed = survey(large if large.files[0].suffix == ".csv" else small)
last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(few, many, after - before, last - after, surveyed.rows, len(surveyed.complaints))
"""


@pytest.mark.parametrize("name", ["csv", "jsonl", "json", "xml"])
def test_memory_does_not_grow_with_the_feed(tmp_path: Path, name: str) -> None:
    """Ten times the rows need less than 4 MB more to read, and a survey of them some 16 bytes a row."""
    few, many = (20_000, 200_000) if name == "csv" else (5_000, 50_000)
    for count in (few, many):
        write_feed(tmp_path / f"{count}.{name}", name, count)
    paths = [str(tmp_path / f"{count}.{name}") for count in (few, many)]
    done = subprocess.run([sys.executable, "-c", GROWTH, *paths], capture_output=True, text=True, check=True)
    read_few, read_many, growth, survey_growth, surveyed, complaints = map(int, done.stdout.split())
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    assert (read_few, read_many, surveyed, complaints) == (few, many, many if name == "csv" else few, 0)
    assert growth < 4 * unit
    assert survey_growth < 12 * unit


def write_feed(path: Path, format: str, count: int) -> None:
    """A feed of so many rows."""
    head, row, end = {
        "csv": ("id,title,price\n", "{},{},5 EUR\n", ""),
        "jsonl": ("", '{{"id":"{}","title":"{}"}}\n', ""),
        "json": ('{"rows":[{"id":"first"}', ',\n{{"id":"{}","title":"{}"}}', "]}"),
        "xml": ("<rss><channel>", "<item><id>{}</id><title>{}</title></item>\n", "</channel></rss>"),
    }[format]
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        file.writelines(row.format(number, "x" * 40) for number in range(count - ("first" in head)))
        file.write(end)
