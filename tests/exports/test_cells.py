"""Cells that people open in spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.exports.cells import FORMULA, csv_line, one_line, safe, safe_id, said, tsv_line


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=x", "=HYPERLINK(1)", "-2+3+cmd|' /C calc'!A0", "＝1", "＋1", "－1", "＠x"],
)
def test_a_text_that_would_run_is_made_text(text: str) -> None:
    """An apostrophe before it, and nothing else."""
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"), [(-5, "-5"), (-0.5, "-0.5"), ("20 % off", "20 % off"), ("a=b", "a=b"), ("", ""), (None, "")]
)
def test_what_does_no_harm_stays(value: Any, cell: str) -> None:
    """Numbers are numbers, below zero too."""
    assert safe(value) == cell


@pytest.mark.parametrize(("value", "cell"), [(True, "true"), ([1, "ü"], '[1, "ü"]'), ({"a": None}, '{"a": null}'), ("a\0b", "ab")])
def test_values_are_said_as_json_has_them(value: Any, cell: str) -> None:
    """A cell is text; what is no text is the JSON of it."""
    assert said(value) == cell


@pytest.mark.parametrize(
    ("name", "cell"), [("-4711", "-4711"), ("@a.b", "@a.b"), ("=A1", "'=A1"), ("-1|' /C calc'!A0", "'-1|' /C calc'!A0"), ("ü", "ü")]
)
def test_a_product_keeps_its_name_unless_it_is_a_formula(name: str, cell: str) -> None:
    """A platform knows a product by it."""
    assert safe_id(name) == cell


def test_a_line_has_one_line() -> None:
    """Tabs and line ends of every kind are a space."""
    assert one_line(" a\r\n\tb\u2028c\x85d \x00") == "a b c d"


@given(st.lists(st.text(max_size=12), min_size=2, max_size=5))
def test_a_reader_gets_the_cells_that_were_written(cells: list[str]) -> None:
    """Whatever is in them, and none of them runs."""
    written = [safe(cell) for cell in cells]
    [read] = csv.reader(io.StringIO(csv_line(written).decode(), newline=""))
    assert read == [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in written]
    assert not any(cell.startswith(FORMULA) for cell in read)
    flat = [one_line(cell) for cell in cells]
    [again] = csv.reader(io.StringIO(tsv_line(flat).decode()), delimiter="\t", quoting=csv.QUOTE_MINIMAL)
    assert again == flat


def test_a_cell_that_begins_with_a_quote_is_quoted() -> None:
    """Else a reader of TSV takes tabs and lines up to the next quote for part of it; a quote further on means nothing."""
    assert tsv_line(['"a" mug', 'a "b"']) == b'"""a"" mug"\ta "b"\n'
