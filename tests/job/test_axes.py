from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.fields import Problem
from runner.job.axes import MATRIX_SCHEMA, axes_problems

NAME = "an axis begins with a letter and holds letters, digits and _ only, so that a template can read it"
KINDS = "an axis value is text, a number, true or false, or a map"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"locale": ["en-US"]},
        {"size": [{"name": "mpu"}, {"name": "board"}], "on": [True, 1, "1", 1.5]},
        {"a": [1], "include": [], "exclude": []},
        {"a": [1], "include": [{"a": 2, "b": {"c": []}}], "exclude": [{"a": 1}]},
        {"include": [{"a": 1}]},
    ],
)
def test_right(value):
    """Axes of scalars and maps, with or without entries to include and exclude, are right."""
    assert list(axes_problems(value)) == []


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"a-b": [1]}, [Problem(("a-b",), NAME)]),
        ({"_a": [1]}, [Problem(("_a",), NAME)]),
        ({"a": 5}, [Problem(("a",), "an axis needs a list of values, such as [en-US, de-DE]; got the number 5")]),
        ({"a": None}, [Problem(("a",), "an axis needs a list of values, such as [en-US, de-DE]; got nothing")]),
        ({"a": {"b": 1}}, [Problem(("a",), "an axis needs a list of values, such as [en-US, de-DE]; got a map")]),
        ({"a": []}, [Problem(("a",), "an axis needs at least one value; leave it out if it has none")]),
        ({"a": [1, None]}, [Problem(("a", 1), f"is empty; {KINDS}")]),
        ({"a": [[1], 2, [3]]}, [Problem(("a", 0), f"is a list; {KINDS}"), Problem(("a", 2), f"is a list; {KINDS}")]),
        ({"a": ["x", "y", "x"]}, [Problem(("a", 2), "is the same value as a[0]; an axis names each value once")]),
        (
            {"a": [{"n": 1, "m": 2}, {"m": 2, "n": 1}]},
            [Problem(("a", 1), "is the same value as a[0]; an axis names each value once")],
        ),
        ({"exclude": {"a": 1}}, [Problem(("exclude",), "needs a list of maps, such as [{locale: de-DE}]; got a map")]),
        ({"include": None}, [Problem(("include",), "needs a list of maps, such as [{locale: de-DE}]; got nothing")]),
        ({"include": ["de"]}, [Problem(("include", 0), "needs a map, such as {locale: de-DE}; got the text 'de'")]),
        ({"exclude": [{"a": 1}, {}]}, [Problem(("exclude", 1), "is an empty map; name the axes it is about")]),
        ({"exclude": [{"a": None}]}, [Problem(("exclude", 0, "a"), f"is empty; {KINDS}")]),
        ({"include": [{"a": [1]}]}, [Problem(("include", 0, "a"), f"is a list; {KINDS}")]),
    ],
)
def test_wrong(value, problems):
    """Each mistake is named at its own way below the matrix."""
    assert list(axes_problems(value)) == problems


def test_all_at_once():
    """Mistakes of several axes and entries come together, in the order of the file."""
    value = {"a": 1, "b": [], "exclude": [0], "c d": [None]}
    assert [problem.path for problem in axes_problems(value)] == [("a",), ("b",), ("exclude", 0), ("c d",), ("c d", 0)]


def test_schema_describes_the_written_form():
    """The schema shown to editors has include and exclude beside any axis, each described."""
    assert set(MATRIX_SCHEMA["properties"]) == {"include", "exclude"}
    assert all(part["description"] for part in (*MATRIX_SCHEMA["properties"].values(), MATRIX_SCHEMA["additionalProperties"]))


@given(
    st.dictionaries(
        st.sampled_from(["a", "a b", "include", "exclude"]),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
        ),
    )
)
def test_any_map_is_judged(value):
    """Any map YAML can give is judged without an error, and every way leads into it."""
    for problem in axes_problems(value):
        at = value
        for part in problem.path:
            at = at[part]
        assert problem.message
