"""Questions to JSON that cannot fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.providers.described.asking import ask, holds, journalable, texts_of
from tests.providers.questions import values


@pytest.mark.parametrize(
    ("query", "value", "found"),
    [
        ("a.b[0]", {"a": {"b": [7]}}, 7),
        ("a", [1], None),
        (None, {"a": 1}, None),
        ("length(a)", {"a": 5}, None),
        ("join(',', a)", {"a": [1]}, None),
        ("sum(a)", {"a": "x"}, None),
        ("floor(to_number(a))", {"a": "1e999"}, None),
        ("no_such(a)", {"a": 1}, None),
        ("sort(a)", {"a": [1, "x"]}, None),
    ],
)
def test_a_question_is_answered_or_not(query: str | None, value: Any, found: Any) -> None:
    """What cannot be asked of this value has found nothing."""
    assert ask(query, value) == found


@pytest.mark.parametrize(
    ("value", "truth"), [(0, True), ("x", True), ([0], True), (True, True), (False, False), ("", False), ([], False), ({}, False)]
)
def test_what_is_true(value: Any, truth: bool) -> None:
    """As JMESPath has it: 0 is something, emptiness is nothing."""
    assert holds("a", {"a": value}) is truth
    assert not holds("b", {"a": value})


def test_texts_are_found_in_order_however_deep() -> None:
    """Lists are opened, maps and numbers are not texts."""
    assert list(texts_of(["a", [["b"], None, "c"], {"x": "y"}, 5, "d"])) == ["a", "b", "c", "d"]
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert list(texts_of(deep)) == ["x"]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 10**30, object(), {"a": [2.0, float("-inf")]}])
def test_what_json_cannot_say_is_nothing(odd: Any) -> None:
    """A query's arithmetic may leave what JSON has."""
    assert journalable(odd) is None


@settings(max_examples=60, deadline=None)
@given(values, st.sampled_from(["*.*[]", "[].[id, text]", "max_by(@, &id)", "{a: body, b: url}", "values(@)[?id > `3`]", "avg(*)"]))
def test_no_answer_is_too_odd(value: Any, query: str) -> None:
    """Whatever is asked of whatever, what is found can be kept."""
    found = journalable(ask(query, value))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
