"""The meter: what values weigh, what bodies cost, and that nothing is had for free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import SecurityError, TemplateSyntaxError

from runner.job.fence import Fence
from runner.job.filters import LONGEST_VALUE, Growth
from runner.job.meter import CALL, FILTERING, SCATTERED, TURN, WORK, Purse, metered, price_of, weigh

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "weight"),
    [
        ("", 0),
        ("abc", 3),
        (7, 1),
        (None, 1),
        ([], 1),
        (["ab", "c"], 5),
        (("ab", 1), 4),
        ({"key": "value"}, 9),
        (range(9), 9),
        ({"a": [1, {"b": "c"}]}, 7),
        ({"a": 1}.items(), 4),
        ({"a": 1}.values(), 1),
        (iter([1, 2]), 1),
        ([["ab"] * 3] * 3, 30),
    ],
)
def test_a_value_weighs_what_it_unfolds_to(value: Any, weight: int) -> None:
    """Characters and items count, shared parts each time; empty things other than text weigh something."""
    assert weigh(value) == weight


def test_shared_parts_cannot_hide() -> None:
    """A list of lists of lists that would unfold to a thousand million items is refused after a million."""
    value: Any = ["a"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(Growth):
        weigh(value)
    with pytest.raises(Growth):
        weigh({"x": value})
    with pytest.raises(Growth):
        weigh([["x" * 1000] * (LONGEST_VALUE // 1000)] * 2)


@pytest.mark.parametrize("value", [print, "x".upper, Fence(), object(), [len], {"a": iter}])
def test_what_is_no_data_has_no_weight(value: Any) -> None:
    """Methods, macros and our own objects are not handed around."""
    with pytest.raises(SecurityError, match="is no value to work with"):
        weigh(value)


@given(JSON)
def test_any_json_can_be_weighed(value: Any) -> None:
    """Whatever a feed says has a weight, which grows when it is put into something."""
    assert 0 <= weigh(value) < weigh([value, "x"])


def test_a_purse_is_never_filled_by_paying() -> None:
    """A price below zero is none."""
    purse = Purse()
    purse.pay(-5)
    purse.pay(WORK)
    assert purse.left == 0
    with pytest.raises(Growth, match="does too much"):
        purse.pay(1)


@pytest.mark.parametrize(
    ("name", "args", "price"),
    [
        ("upper", ("abc",), FILTERING + 3),
        ("list", ("abc",), FILTERING + 3 * SCATTERED),
        ("replace", ("abc", "b", "xyz"), FILTERING + 3 + 1 + 3),
        ("first", (["abc"] * 9,), FILTERING + 1),
    ],
)
def test_a_filter_pays_for_what_it_is_given(name: str, args: tuple[Any, ...], price: int) -> None:
    """By its length; more where a text falls apart, next to nothing where it is only handed on."""
    purse = Purse()
    metered(name, lambda *_: None, purse)(*args)
    assert purse.left == WORK - price


def test_an_iterator_is_for_filters_that_draw_from_it() -> None:
    """What a filter would print as an address is a mistake, told with its remedy."""
    items: Iterator[str] = iter("ab")
    assert metered("join", "".join, Purse())(items) == "ab"
    with pytest.raises(TypeError, match=r"upper: needs a value, got the items of one; write … \| list"):
        metered("upper", str, Purse())(iter("ab"))


def spent(text: str, **files: str) -> int:
    """The work of rendering `text`."""
    fence = Fence()
    template = fence.from_string(text)
    fence.purse.left = WORK
    template.render(xs=[1, 2, 3], big="x" * 1000)
    return WORK - fence.purse.left


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("{% for x in xs %}{% endfor %}", 3 * TURN),
        ("{% for x in xs %}" + "y" * 100 + "{% endfor %}", 3 * (TURN + 100)),
        ("{% for x in xs %}{{ 'yyyyyyyyyy' }}{% endfor %}", 3 * (TURN + 10 + 10)),
        ("{% macro m() %}" + "y" * 100 + "{% endmacro %}{% set a = m() %}{% set a = m() %}", 2 * (CALL + 100)),
        ("{{ big.upper() | length }}", CALL + 1000),
        ("{% if big == 'y' %}{% endif %}", 1000),
        ("{% if 'y' in big %}{% endif %}", 1000),
        ("{% set a = big[1:] %}", 1000),
        ("{% set a = big ~ big %}", 2000),
        ("{% set a = big + big %}", 2000),
        ("{% set a = big * 3 %}", 3000),
        ("{% set a = {big: 1} %}", 1000),
        ("{% set a %}{{ big }}{% endset %}", 1000),
        ("{% filter upper %}{{ big }}{% endfilter %}", 2000),
        ("{{ big | upper | length }}", 1000),
        ("{{ [big, big] | map('upper') | list | length }}", 4000),
    ],
)
def test_work_is_paid_for(text: str, least: int) -> None:
    """Turns, bodies, calls, comparisons, copies and constants all cost at least what they make."""
    assert spent(text) >= least


def test_a_body_costs_its_nodes_and_its_text() -> None:
    """Three nodes, and eight characters written out."""
    tree = Fence().parse("{{ 'abc' }}12345")
    assert price_of(tree.body) == 3 + 3 + 5


@pytest.mark.parametrize("text", ["{{ xs | _turns(-9) }}", "{{ 'x' | _paid }}", "{% autoescape true %}{% endautoescape %}"])
def test_what_is_not_for_templates(text: str) -> None:
    """The meter's own filters, and what makes HTML of texts, are mistakes with their line."""
    with pytest.raises(TemplateSyntaxError):
        Fence().from_string(text)
