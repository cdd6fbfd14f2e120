from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.filters import FILTERS as JINJA_FILTERS

from runner.job.fence import Fence
from runner.job.filters import (
    FILTERS,
    LONGEST_VALUE,
    TESTS,
    Echo,
    Growth,
    bounded,
    fromjson,
    join,
    omit,
    pick,
    replace,
    rounded,
    slug,
    striptags,
    tojson,
    width,
)


@pytest.mark.parametrize(
    "name", ["attr", "center", "format", "indent", "batch", "slice", "random", "xmlattr", "pprint", "wordwrap", "safe"]
)
def test_dangerous_filters_are_not_there(name):
    """Filters that reach into objects, build giants, are random or make HTML are left out of Jinja's."""
    assert name in JINJA_FILTERS
    assert name not in FILTERS


def test_ours_are_there():
    """The filters that the job format promises, and the tests templates commonly use."""
    assert {"fromjson", "omit", "pick", "slug", "striptags", "money", "width"} <= FILTERS.keys()
    assert {"defined", "in", "string", "none"} <= TESTS.keys()


def test_fromjson_reads_json_and_nothing_else():
    """JSON becomes its value; NaN and other text are errors; an answer that is not known yet stays as it is."""
    assert fromjson('{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(ValueError, match="NaN is not JSON"):
        fromjson("NaN")
    with pytest.raises(ValueError, match="fromjson: not JSON"):
        fromjson("{")
    pending = Echo("later")
    assert fromjson(pending) is pending


def test_omit_and_pick_choose_names_of_a_map():
    """Omit leaves names out whether they are there or not; pick wants each to be there."""
    assert omit({"a": 1, "b": 2}, "b", "c") == {"a": 1}
    assert pick({"a": 1, "b": 2}, "b") == {"b": 2}
    with pytest.raises(ValueError, match="pick: there is no titel; did you mean title"):
        pick({"title": 1}, "titel")
    with pytest.raises(TypeError, match="omit: needs a map, got str"):
        omit("a", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Café au Lait", "cafe-au-lait"),
        ("  Ünï--x_y ", "uni-x-y"),
        ("Йогурт 2%", "йогурт-2"),
        ("商品/大", "商品-大"),
        (7, "7"),
        ("!", ""),
    ],
)
def test_slug_keeps_letters_of_any_script(text, said):
    """Lower case, dashes between words; Latin letters lose their accents, other scripts stay."""
    assert slug(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>Soft &amp; <b>warm</b></p>", "Soft & warm"),
        ("a<br/>b", "a b"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("x<!-- <b>hid</b> -->y", "xy"),
        ("x<!-- open", "x"),
        ("  a \n b ", "a b"),
    ],
)
def test_striptags_leaves_the_text(text, said):
    """Tags and comments go, entities are resolved, white space is one space; a lone < is text."""
    assert striptags(text) == said


@pytest.mark.parametrize("evil", ["<" * 200_000, "<!--" * 50_000, "<a" * 100_000, "&" * 200_000])
def test_striptags_takes_time_in_proportion(evil):
    """Unclosed tags and comments by the hundred thousand are no trouble."""
    start = time.process_time()
    striptags(evil)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "most", "said"),
    [
        ("headline", 4, "head"),
        ("商品名", 4, "商品"),
        ("商品名", 5, "商品"),
        ("e\u0301e\u0301", 1, "e\u0301"),
        ("ab cd", 3, "ab"),
        ("ab", 9, "ab"),
    ],
)
def test_width_counts_columns(text, most, said):
    """Wide characters take two columns, combining ones none; the cut is between characters and leaves no space behind."""
    assert width(text, most) == said


@given(st.text(max_size=30), st.integers(0, 20))
def test_width_is_a_prefix(text, most):
    """What is left is always the beginning of what was given, and cutting again changes nothing."""
    cut = width(text, most)
    assert text.startswith(cut)
    assert width(cut, most) == cut


def test_join_and_replace_know_their_size_beforehand():
    """A result that would be too large is refused before it is made."""
    assert join([1, "b"], ", ") == "1, b"
    assert replace("a-b-c", "-", "+", 1) == "a+b-c"
    with pytest.raises(Growth):
        join(["x"] * 2000, "y" * 1000)
    with pytest.raises(Growth):
        replace("x" * 2000, "x", "y" * 1000)
    with pytest.raises(Growth):
        replace("x" * 2000, "", "y" * 1000)
    with pytest.raises(ValueError, match="use map"):
        join([1], attribute="a")


def test_the_bound_is_the_bound():
    """A value of exactly the longest size may be made, one more may not."""
    bounded(LONGEST_VALUE)
    with pytest.raises(Growth, match="1,048,577 characters"):
        bounded(LONGEST_VALUE + 1)


def test_rounding_takes_a_sane_precision():
    """Up to twelve places; ten to the power of a billion is never computed."""
    assert rounded(2.345, 1) == 2.3
    assert rounded(2.1, 0, "ceil") == 3.0
    with pytest.raises(ValueError, match="takes 0 to 12"):
        rounded(1.0, 10**9, "floor")


def test_tojson_is_canonical_and_readable():
    """Keys sorted, letters as they are, no HTML escapes."""
    assert tojson({"b": "é<", "a": 1}) == '{"a": 1, "b": "é<"}'


def test_sum_adds_numbers():
    """Lists added up would grow without end; attributes are read as the fence reads them."""
    fence = Fence()
    assert fence.from_string("{{ [1, 2.5] | sum }} {{ [{'a': 1}, {'a': 2}] | sum(attribute='a', start=10) }}").render() == "3.5 13"
    with pytest.raises(TypeError, match="sum: starts from a number, got list"):
        fence.from_string("{{ [[1], [2]] | sum(start=[]) }}").render()


def test_truncate_says_what_leaves_no_room():
    """A length shorter than the dots is a mistake of the job, not of ours."""
    fence = Fence()
    assert fence.from_string("{{ 'one two three four' | truncate(9) }}").render() == "one..."
    with pytest.raises(ValueError, match="truncate: expected length >= 3, got 2"):
        fence.from_string("{{ 'one two three' | truncate(2) }}").render()
