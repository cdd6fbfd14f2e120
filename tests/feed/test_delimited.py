from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid
from runner.feed.delimited import read_csv, read_tsv
from runner.feed.source import CELL_CAP, Record, Source, raise_complaint

Feed = Callable[..., Source]


def rows(source: Source) -> list[Record]:
    """The records of a CSV without mistakes."""
    return list(read_csv(source.members()[0], raise_complaint))


def faults(source: Source) -> list[tuple[int, str]]:
    """Line and message of what makes a CSV unreadable."""
    with pytest.raises(Invalid) as raised:
        rows(source)
    return [(complaint.place.line, complaint.message) for complaint in raised.value.complaints if complaint.place]


def test_every_cell_stays_text(feed: Feed) -> None:
    """Ids with zeros, numbers and empty cells are texts; nothing is guessed."""
    source = feed("a.csv", "id,gtin,size,note\n007,0123,1e3,\n")
    assert rows(source) == [(2, {"id": "007", "gtin": "0123", "size": "1e3", "note": ""})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_every_line_end(feed: Feed, end: str) -> None:
    """A row's line is where it begins, also after cells of several lines and after blank lines."""
    text = end.join(["id,title", "1,one", f'2,"two{end}lines"', "", "3,three", f'4,"a{end}{end}b"', "5,five"])
    assert [(line, values["id"]) for line, values in rows(feed("a.csv", text))] == [
        (2, "1"),
        (3, "2"),
        (6, "3"),
        (7, "4"),
        (10, "5"),
    ]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("id;title\n1;Mug, blue\n", {"delimiter": ";"}, [(2, {"id": "1", "title": "Mug, blue"})]),
        ("\ufeffid,title\n1,a\n", {}, [(2, {"id": "1", "title": "a"})]),
        (" id , Product name \n1, a \n", {}, [(2, {"id": "1", "Product name": " a "})]),
        ('id,title\n1,"say ""hi"""\n', {}, [(2, {"id": "1", "title": 'say "hi"'})]),
        ('id,title\n1,17" screen\n', {}, [(2, {"id": "1", "title": '17" screen'})]),
        ("id,title\n1,{{ campaign }}\n", {}, [(2, {"id": "1", "title": "{{ campaign }}"})]),
        ("\n\n  \nid,b\n1,2\n", {}, [(5, {"id": "1", "b": "2"})]),
        ("Export of May\n\nid,b\n1,2", {"header_line": 3}, [(4, {"id": "1", "b": "2"})]),
        ("id,b\n1,2\nid,b\n3,4\n", {"header_line": 3}, [(4, {"id": "3", "b": "4"})]),
        ("# Required | id,# Optional | b\nid,b\n1,2\n", {}, [(3, {"id": "1", "b": "2"})]),
        ("# ref_asset_id 5\nid,b\n#1,2\n", {}, [(3, {"id": "#1", "b": "2"})]),
        ("#,id\n1,2\n", {}, [(2, {"#": "1", "id": "2"})]),
        ("id,b\n1,2\n,,\n,\n   \n\n", {}, [(2, {"id": "1", "b": "2"})]),
        ("id\n1\n\n2\n", {}, [(2, {"id": "1"}), (4, {"id": "2"})]),
        ("id,b\n", {}, []),
    ],
)
def test_quirks_of_real_feeds_are_read(feed: Feed, text: str, options: dict[str, Any], expected: list[Record]) -> None:
    """Marks, notes, spaces, blank lines and headers further down are read as a person would."""
    assert rows(feed("a.csv", text, **options)) == expected


def test_tsv_is_parted_by_tabs(feed: Feed) -> None:
    """A tab-separated feed keeps its commas, and quotes work as in CSV."""
    source = feed("a.tsv", 'id\ttitle\n1\tMug, blue\n2\t"a\tb"\n')
    assert list(read_tsv(source.members()[0], raise_complaint)) == [
        (2, {"id": "1", "title": "Mug, blue"}),
        (3, {"id": "2", "title": "a\tb"}),
    ]


def test_wrong_rows_are_blamed_and_the_others_read(feed: Feed, blamed: list[Complaint]) -> None:
    """Short and long rows and stray quotes each give a complaint with their line; reading goes on."""
    text = 'id,title,link\n1,a\n2,b,x\n3,c,x,y\n4,"d"e,x\n5,"long\ncell",x\n6,f\n7,g,x\n8,"never closed,x\n9,i,x\n'
    good = list(read_csv(feed("a.csv", text).members()[0], blamed.append))
    assert [(line, values["id"]) for line, values in good] == [(3, "2"), (6, "5"), (9, "7")]
    assert [(complaint.place and complaint.place.line, complaint.message) for complaint in blamed] == [
        (2, "has 2 cells, the header 3; cells are parted by ',': is a line break left unquoted?"),
        (4, "has 4 cells, the header 3; cells are parted by ',': quote the cell that holds one"),
        (5, "a quoted cell goes on after its closing quote; inside quotes write a quote twice"),
        (8, "has 2 cells, the header 3; cells are parted by ',': is a line break left unquoted?"),
        (10, "a quote opened in this row is never closed"),
    ]


def test_a_cell_over_the_cap_is_blamed(feed: Feed, blamed: list[Complaint]) -> None:
    """A cell may be as long as the cap, beyond the csv module's own limit, and no longer."""
    text = f"id,title\n1,{'x' * CELL_CAP}\n2,{'x' * (CELL_CAP + 1)}\n3,c\n"
    good = list(read_csv(feed("a.csv", text).members()[0], blamed.append))
    assert [line for line, _ in good] == [2, 4]
    assert [(complaint.place and complaint.place.line, complaint.message) for complaint in blamed] == [
        (3, "a cell has more than 1 MiB; is a quote left open?")
    ]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("", {}, [(1, "has no header; the first line must name the columns")]),
        ("\n\n", {}, [(3, "has no header; the first line must name the columns")]),
        (
            "id\n1\n",
            {"header_line": 9},
            [(3, "has no header on line 9, where `header_line` says it is; the first line must name the columns")],
        ),
        ("id,b,b\n", {}, [(1, "columns 2 and 3 are both called 'b'; rename one")]),
        ("id,,c\n", {}, [(1, "column 2 has no name; give it one in the header")]),
        ("sku,title\n", {"key": "sk"}, [(1, "the header has no column 'sk'; did you mean sku?")]),
        (
            "id;title\n",
            {},
            [(1, "the header has no column 'id'; the cells seem to be parted by another character: write `delimiter: ';'`")],
        ),
        (
            "id\ttitle\n",
            {},
            [(1, "the header has no column 'id'; the cells seem to be parted by another character: write `delimiter: \"\\t\"`")],
        ),
        (
            "Report of May\nid,b\n",
            {},
            [(1, "the header has no column 'id'; if the header stands on a later line, write `header_line:`")],
        ),
        ("id,Titel\n", {"fields": {"title": "Title"}}, [(1, "the header has no column 'Title'; did you mean Titel?")]),
        ('"id,b\n1,2\n', {}, [(1, "a quote opened in this row is never closed")]),
    ],
)
def test_a_wrong_header_is_refused(feed: Feed, text: str, options: dict[str, Any], expected: list[tuple[int, str]]) -> None:
    """Without a sound header nothing can be read, and the complaint says what to do."""
    assert faults(feed("a.csv", text, **options)) == expected


def test_everything_wrong_with_a_header_comes_at_once(feed: Feed) -> None:
    """A repeated name, an empty one, a missing key and a missing source of a rename are four complaints with their settings."""
    source = feed("a.csv", "\nb,,b\n", fields={"title": "Name"}, key="id")
    with pytest.raises(Invalid) as raised:
        rows(source)
    assert [complaint.path for complaint in raised.value.complaints] == ["", "", "feed.fields.title", "feed.key"]
    assert {complaint.place.line for complaint in raised.value.complaints if complaint.place} == {2}


def test_a_renamed_key_is_looked_for_under_the_feeds_name(feed: Feed) -> None:
    """`key: id` with `fields: {id: SKU}` needs the column SKU, also to tell notes from the header."""
    assert rows(feed("a.csv", "#SKU,b\n1,2\n", fields={"id": "#SKU"})) == [(2, {"#SKU": "1", "b": "2"})]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    table=st.lists(st.tuples(st.integers(0, 10**6).map(str), CELLS, CELLS), max_size=8), end=st.sampled_from(["\r\n", "\n", "\r"])
)
def test_what_a_spreadsheet_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, table: list[Any], end: str) -> None:
    """Any cells written by a CSV writer with any line end come back as they were, each with the line it begins on."""
    text = io.StringIO(newline="")
    lines = []
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "a", "b"])
    for row in table:
        lines.append(len(io.StringIO(text.getvalue(), newline="").readlines()) + 1)
        writer.writerow(row)
    path = tmp_path_factory.getbasetemp() / "property.csv"
    path.write_bytes(text.getvalue().encode())
    expected = [(line, dict(zip(("id", "a", "b"), row, strict=True))) for line, row in zip(lines, table, strict=True)]
    assert rows(Source((path,))) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_complaints(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No file makes the reader fail in any other way than by Invalid or a decoding error its caller words."""
    path: Path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(b"id,b\n" + content)
    try:
        for line, values in read_csv(Source((path,)).members()[0], lambda complaint: None):
            assert line >= 2
            assert set(values) == {"id", "b"}
    except (Invalid, UnicodeDecodeError):
        pass
