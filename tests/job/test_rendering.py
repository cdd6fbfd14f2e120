from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.document import read_document
from runner.job.names import ROOTS, Known
from runner.job.prompts import Compiler
from runner.job.rendering import LONGEST_VALUE, Unrenderable, build, plain, prompts_in
from runner.job.templates import Templates


class Price(str):
    """A text of a class of its own."""

    __slots__ = ()


ROW = {"title": "Mug", "price": {"amount": 5}, "long": "x" * (LONGEST_VALUE + 1), "zero": 0, "text": "abc", "none": None}


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    """A compiler with two template files."""
    (tmp_path / "t.j2").write_text("one\n{% if row.title %}\n  {{ row.colr }}\n{% endif %}\n", encoding="utf-8")
    (tmp_path / "m.j2").write_text("{% macro m() %}{{ row.title }}{% endmacro %}", encoding="utf-8")
    return Compiler(
        read_document("a: 1\n", "job.yaml"), Templates(tmp_path, "templates"), Known(frozenset(), frozenset(), {"cut": "file"})
    )


def scope() -> dict[str, Any]:
    """The names of a variant of ROW."""
    return {"row": ROW, "matrix": {}, "vars": {}, "variant": 1, "seed": 1, "steps": {}, "job": {"name": "tiny"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ row.colr }}", "row has no colr; it takes long, none, price, text, title, zero"),
        ("x {{ row.tilte }}", "row has no tilte; did you mean title?"),
        ("{{ row.price.amout }}", "row.price has no amout; did you mean amount?"),
        ("{{ row['tilte'] }}", "row has no tilte; did you mean title?"),
        ("{% set x = row %}{{ x.tilte }}", "the value has no tilte; did you mean title?"),
        ("{{ steps.cut.file }}", "steps has no cut"),
        ("{{ row.text + 1 }}", 'can only concatenate str (not "int") to str'),
        ("{{ 1 / row.zero }}", "division by zero"),
        ("{{ row.text | fromjson }}", "fromjson: not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("{{ row.long }}", "renders to 65,537 characters; at most 65,536 are allowed (the filters truncate and width cut)"),
        ("{{ row.long }}!", "renders to 65,538 characters; at most 65,536 are allowed (the filters truncate and width cut)"),
        ("{{ [row.titel] }}", "row has no titel; did you mean title?"),
        ("x {{ row.none }}", "prints an empty value (null); write … | default('something', true)"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without end"),
        ("{{ 2.0 ** 2000 }}", "(34, 'Numerical result out of range')"),
        ("{{ row.price.amount * 1e200 * 1e200 }}", "gives inf, which is no number JSON can say"),
        ("{{ 2 ** 60 }}", "gives a whole number beyond 2^53, which JSON cannot say exactly; make it text"),
        ("{% from 'm.j2' import m %}{{ m() }}", "there is no row here; an imported file sees it with: import … with context"),
    ],
)
def test_what_goes_wrong_is_said_for_people(compiler, text, message):
    """Each mistake of a rendering is one Unrenderable with the path of the value."""
    prompt = compiler.text(text, ("a",), ROOTS)
    with pytest.raises(Unrenderable) as raised:
        prompt.render(scope())
    assert raised.value.message == message
    assert raised.value.path == ("a",)


def test_a_mistake_in_a_file_has_its_line(compiler):
    """The place is in the template file: line, column of the name, and the line's text."""
    prompt = compiler.template("t.j2", ("a", "template"), ROOTS)
    with pytest.raises(Unrenderable) as raised:
        prompt.render(scope())
    place = raised.value.place
    assert place is not None
    assert (place.file, place.line, place.column, place.text) == ("templates/t.j2", 3, 10, "  {{ row.colr }}")
    assert raised.value.owner is ROW


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (Price("5 USD"), "5 USD"),
        (Decimal("5.00"), 5),
        (Decimal("5.5"), 5.5),
        ((1, 2), [1, 2]),
        ({"a": (Price("x"),)}, {"a": ["x"]}),
        ({1: 2}, {"1": 2}),
        ({"a": 1}.keys(), ["a"]),
        (range(2), [0, 1]),
        (True, True),
        (2**53 - 1, 2**53 - 1),
        (5.0, 5.0),
        (None, None),
    ],
)
def test_values_come_out_plain(value, out):
    """Prices, decimals, tuples and views become what JSON has, of exactly JSON's types."""
    result = plain(value)
    assert result == out
    assert type(result) is type(out)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, Decimal("NaN"), 2**53, -(2**60), object(), {"a": {1, 2}}, "x" * (LONGEST_VALUE + 1)]
)
def test_what_json_cannot_say_is_refused(value):
    """No NaN, no integers that lose digits, no foreign objects, no giants."""
    with pytest.raises((TypeError, ValueError)):
        plain(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_json_stays_as_it_is(value):
    """Plain JSON goes through unchanged, and a shape without prompts builds itself."""
    assert plain(value) == value
    assert build(value, lambda prompt: None) == value
    assert prompts_in(value) == []


def test_names_are_walked_to_the_same_value_as_run(compiler):
    """The short way for `{{ row.price.amount }}` and Jinja's own agree."""
    walked = compiler.text("{{ row.price.amount }}", ("a",), ROOTS)
    run = compiler.text("{{ (row.price).amount + 0 }}", ("a",), ROOTS)
    assert walked.render(scope()) == run.render(scope()) == 5


def test_a_structure_is_counted_while_it_is_made_plain():
    """Every list and map says how many items it has, however often it is met; what is refused ends it."""
    counted: list[int] = []
    assert plain([[1, 2], [1, 2], {"a": "b"}], counted.append) == [[1, 2], [1, 2], {"a": "b"}]
    assert counted == [3, 2, 2, 1]
