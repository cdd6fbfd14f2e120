from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Place
from runner.feed.json_lines import name_type, read_json_lines
from runner.feed.source import Record, Source, raise_complaint

Feed = Callable[..., Source]


def rows(source: Source) -> list[Record]:
    """The records of a JSONL feed without mistakes."""
    return list(read_json_lines(source.members()[0], raise_complaint))


def test_values_keep_their_types(feed: Feed) -> None:
    """Texts, numbers, lists, objects, booleans and null arrive as JSON has them."""
    line = '{"id": "007", "n": 5, "f": 1.5, "tags": ["a"], "g": {"h": null}, "ok": true}'
    expected = {"id": "007", "n": 5, "f": 1.5, "tags": ["a"], "g": {"h": None}, "ok": True}
    assert rows(feed("a.jsonl", line)) == [(1, expected)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_and_blank_ones_skipped(feed: Feed, end: str) -> None:
    """Rows carry the line they stand on, with a mark before the first and every kind of line end."""
    text = end.join(["\ufeff", '{"id": 1}', "", "  ", '{"id": 2}', ""])
    assert rows(feed("a.jsonl", text)) == [(2, {"id": 1}), (5, {"id": 2})]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ('{"id": 1', 9, "is not JSON: unexpected end of data"),
        ('{"id": 1,}', 9, "is not JSON: trailing comma is not allowed"),
        ('{"id": NaN}', 8, "is not JSON: unexpected character"),
        ('{"id": "\\ud83d"}', 9, "is not JSON: no low surrogate in string"),
        ("id,title", 1, "is not JSON: unexpected character"),
        ('{"id": 1} {"id": 2}', 11, "is not JSON: unexpected content after document"),
        ("[1, 2]", 1, "is a list; every line must be a JSON object"),
        ('"mug"', 1, "is a text; every line must be a JSON object"),
        ("null", 1, "is null; every line must be a JSON object"),
        ("[" * 5000, 1, "is not JSON"),
    ],
)
def test_a_wrong_line_is_blamed_and_the_others_read(
    feed: Feed, blamed: list[Complaint], line: str, column: int, message: str
) -> None:
    """A line that is no JSON object is named with column and text; the lines around it are read."""
    text = f'{{"id": "é"}}\n{line}\n{{"id": 2}}\n'
    assert list(read_json_lines(feed("a.jsonl", text).members()[0], blamed.append)) == [(1, {"id": "é"}), (3, {"id": 2})]
    [complaint] = blamed
    assert complaint.message.startswith(message)
    assert complaint.place is not None
    assert (complaint.place.file, complaint.place.line) == ("a.jsonl", 2)
    if len(line) < 100:
        assert complaint.place == Place("a.jsonl", 2, column, line)


def test_other_encodings_are_read(feed: Feed) -> None:
    """The encoding option works for JSON too."""
    assert rows(feed("a.jsonl", '{"id": "Käse"}\n'.encode("latin-1"), encoding="latin-1")) == [(1, {"id": "Käse"})]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("a", "a text"),
        ([], "a list"),
        ({}, "an object"),
    ],
)
def test_json_values_have_names(value: object, name: str) -> None:
    """Complaints call a value what people call it."""
    assert name_type(value) == name


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=6))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, object]]) -> None:
    """Any objects, one per line, come back with their line numbers."""
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    path.write_bytes(b"".join(orjson.dumps(value) + b"\n" for value in objects))
    assert rows(Source((path,))) == list(enumerate(objects, 1))
