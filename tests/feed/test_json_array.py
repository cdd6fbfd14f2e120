from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid
from runner.feed.json_array import WINDOW, read_json
from runner.feed.source import ROW_CAP, Record, Source, raise_complaint
from tests.feed.test_json_lines import JSON

Feed = Callable[..., Source]


def rows(source: Source) -> list[Record]:
    """The records of a JSON feed without mistakes."""
    return list(read_json(source.members()[0], raise_complaint))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"id": "007"}, {"id": 2}]', [(1, {"id": "007"}), (1, {"id": 2})]),
        ('\ufeff[\n {"id": 1},\n\n {\n  "id": 2\n },\r\n {"id": 3}\n]\n', [(2, {"id": 1}), (4, {"id": 2}), (7, {"id": 3})]),
        ("[]", []),
        (" [ ] ", []),
        ("{}", []),
        ('{"products": []}', []),
        ('{"products": [\n{"id": 1},\n{"id": 2}]}', [(2, {"id": 1}), (3, {"id": 2})]),
        ('{"count": 12,\n "tags": ["a"], "meta": {"x": [{"y": 1}]}, "rows": [ {"id": 1} ], "next": null}', [(2, {"id": 1})]),
    ],
)
def test_rows_are_found_in_the_array_or_the_object_around_it(feed: Feed, text: str, expected: list[Record]) -> None:
    """A bare array, or the one member that is an array of objects, gives the rows with the lines they begin on."""
    assert rows(feed("a.json", text)) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "is empty"),
        ("\n 7", 2, 2, "must be an array of objects"),
        ('[{"id": 1},\n {"id": 2 x}]', 2, 11, "is not JSON: "),
        ('[{"id": 1}\n {"id": 2}]', 2, 2, "needs ',' or ']' here, found '{'"),
        ('[{"id": 1},\n', 2, 1, "is not JSON: Expecting value"),
        ('[{"id": 1}', 1, 11, "needs ',' or ']' here, found the end of the file (is it cut off?)"),
        ('[\n{"id": NaN}]', 2, 1, "is no JSON a feed may hold: NaN is not a number JSON knows"),
        ('[{"id":\n "\\ud83d"}]', 2, 3, "is not JSON: "),
        ('{"id": 1}\n{"id": 2}', 2, 1, "a second document begins here; if every line is one, write `format: jsonl`"),
        ("[]\n,", 2, 1, "the document has ended before this"),
        (
            '{"a": [{"id": 1}],\n "b": [{"id": 2}]}',
            2,
            7,
            "holds rows under 'a' and under 'b'",
        ),
        ('{"a" 1}', 1, 6, "needs ':' here, found '1'"),
        ('{"a": 1 "b": 2}', 1, 9, "needs ',' here, found '\"'"),
        ('{"a": 1', 1, 8, "needs ',' here, found the end of the file (is it cut off?)"),
        ('{"a": [', 1, 8, "is not JSON: "),
        ("[" + "[" * 100_000, 1, 2, "is no"),
        ('[{"id": ' + "9" * 5000 + "}]", 1, 2, "is no JSON a feed may hold: Exceeds the limit"),
    ],
)
def test_broken_json_is_refused_at_its_place(feed: Feed, text: str, line: int, column: int, message: str) -> None:
    """What is not JSON, or not one document with one array of objects, is named by line and column."""
    with pytest.raises(Invalid) as raised:
        rows(feed("a.json", text))
    [complaint] = raised.value.complaints
    assert complaint.message.startswith(message)
    assert complaint.place is not None
    assert complaint.place.line == line
    if not text.startswith("[["):
        assert complaint.place.column == column


def test_elements_that_are_no_objects_are_blamed(feed: Feed, blamed: list[Complaint]) -> None:
    """A stray number or list among the rows is a complaint; the rows around it are read."""
    source = feed("a.json", '[{"id": 1},\n 17,\n [],\n {"id": 2}]')
    assert list(read_json(source.members()[0], blamed.append)) == [(1, {"id": 1}), (4, {"id": 2})]
    assert [(complaint.place and complaint.place.line, complaint.message) for complaint in blamed] == [
        (2, "is a number; every element must be an object"),
        (3, "is a list; every element must be an object"),
    ]


def test_pairs_of_surrogates_are_text(feed: Feed) -> None:
    """An emoji written as two escapes is one character."""
    assert rows(feed("a.json", '[{"id": "\\ud83d\\ude00", "t": "\\u00e4"}]')) == [(1, {"id": "😀", "t": "ä"})]


def test_a_document_on_one_line_may_be_longer_than_a_row(feed: Feed) -> None:
    """Minified feeds have no line ends at all, and many rows."""
    one = {"id": 1, "text": "x" * 1000}
    assert len(rows(feed("a.json", gzip.compress(json.dumps([one] * 9000).encode())))) == 9000


def test_an_element_larger_than_the_window_is_read_and_one_over_the_cap_refused(feed: Feed) -> None:
    """The window grows with an element, up to the cap of a row."""
    assert len(str(rows(feed("a.json", json.dumps([{"id": "x" * (3 * WINDOW)}]))))) > 3 * WINDOW
    with pytest.raises(Invalid, match="is not JSON: Unterminated string"):
        rows(feed("a.json", gzip.compress(b'[{"id": "' + b"x" * (4 * ROW_CAP))))


@given(
    objects=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    padding=st.integers(WINDOW - 60, WINDOW + 10),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]], indent: int | None, ascii_only: bool, padding: int
) -> None:
    """Any rows come back in any layout, wherever the window's edge cuts them."""
    path = tmp_path_factory.getbasetemp() / "property.json"
    text = json.dumps(objects, indent=indent, ensure_ascii=ascii_only)
    path.write_text(" " * padding + text, encoding="utf-8")
    read = rows(Source((path,)))
    assert [values for _, values in read] == objects
    if indent is None:
        assert all(line == 1 for line, _ in read)
    lines = text.split("\n")
    assert all(lines[line - 1].lstrip().startswith(("{", "[")) for line, _ in read)
