"""The notations of a vendor's description: queries, places, statuses, types."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from runner.job import vendor_forms as forms
from runner.job.vendor_forms import Slot


def test_a_text_is_pieces_and_places() -> None:
    """What stands there stays; a place names an option, a param, or the ticket, encoded or as it is."""
    assert forms.pieces_of("/a/{options.plan}/{params.id}{ticket}?{+options.raw}{other}") == (
        "/a/",
        Slot("options", "plan"),
        "/",
        Slot("params", "id"),
        Slot("ticket"),
        "?",
        Slot("options", "raw", raw=True),
        "{other}",
    )
    assert forms.pieces_of("") == ()


def test_places_are_found_at_any_depth() -> None:
    """In lists and maps, and so is what only looks like one."""
    tree = {"a": ["{params.x}", {"b": "c {options.y}"}], "d": 5, "e": "{key} and {ticket}"}
    assert [str(slot) for slot in forms.slots_of(tree)] == ["params.x", "options.y", "ticket"]
    assert list(forms.stray_braces(tree)) == ["{key}"]
    assert list(forms.stray_braces('{"json": 1} { }')) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("a.b[].c", ("a",)),
        ("(model || 'small') == 'small' && !contains(['s'], size || 's')", ("model", "size")),
        ("length([assets.*[], more][][]) > `4`", ("assets", "more")),
        ("a[?b == 'x'].c | [0]", ("a",)),
        ("*.id | [0]", ()),
    ],
)
def test_a_query_tells_which_fields_it_looks_at(query: str, names: tuple[str, ...]) -> None:
    """The names its ways begin with, in order."""
    assert forms.names_in(forms.read_query(query)) == names


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (forms.read_query, "a[", "is no JMESPath query: 'a['"),
        (forms.read_query, "a ? b", "jmespath.org"),
        (forms.read_query, "", "needs a JMESPath query"),
        (forms.read_query, 5, "needs a JMESPath query"),
        (forms.read_query, "a." * 600 + "b", "at most 1000 are read"),
        (forms.read_query, "a|" * 70 + "b", "nested too deeply"),
        (forms.read_query, "(" * 499 + "a" + ")" * 499, "nested too deeply"),
        (forms.read_query, "!a.b && c", "write !(a.b)"),
        (forms.read_status, "6xx", "an HTTP status such as 429, or 4xx"),
        (forms.read_status, True, "got true"),
        (forms.read_status, 42, "got the number 42"),
        (forms.read_types, "text", "needs one of string, integer"),
        (forms.read_types, ["string", "integer"], "such a one with null"),
        (forms.read_types, "null", "needs one of"),
        (forms.read_page, "http://x.y", "the https address of a page"),
        (forms.read_host, "https://x.y", "the name of a host"),
        (forms.read_header_name, "X Y", "the name of a header"),
        (forms.read_secret_form, "Bearer", 'such as "Bearer {}"'),
        (forms.read_secret_form, "{} {}", "once"),
        (forms.read_query_value, {"a": 1}, "{json: …}"),
        (forms.read_query_value, [1], "needs a text"),
    ],
)
def test_wrong_values_are_told_with_the_right_form(read: Callable[[object], Any], value: object, said: str) -> None:
    """One sentence that names what is wanted."""
    with pytest.raises(ValueError, match=re.escape(said)):
        read(value)


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (forms.read_status, 429, "429"),
        (forms.read_status, "5xx", "5xx"),
        (forms.read_types, "image", ["image"]),
        (forms.read_types, ["integer", "null"], ["integer", "null"]),
        (forms.read_query, "!(a.b)", "!(a.b)"),
        (forms.read_query_value, {"json": {"a": "{ticket}"}}, {"json": {"a": "{ticket}"}}),
        (forms.read_query_value, True, True),
    ],
)
def test_right_values(read: Callable[[object], Any], value: object, result: object) -> None:
    """Statuses are text, types a list."""
    assert read(value) == result
