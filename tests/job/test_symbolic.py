from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import Place
from runner.job.plan import Plan, Skipped, StepResult
from runner.job.symbolic import BROKEN, Symbol
from runner.records import Request, Variant
from tests.job.plans import make_plan, make_row

CHAIN = """
steps:
  head: {use: pen/text, with: {prompt: "For {{ row.title }}"}}
  cut: {use: brush/cut, with: {image: "{{ row.image }}"}, when: row.cut is defined}
  ad:
    use: brush/paint
    with: {prompt: "{{ steps.head.text }}, {{ row.tone | default('dry') }}", width: 5, height: "{{ row.height | default(7) }}"}
"""


class Walked:
    """The symbolic identities of a plan's steps for a row, with what was noted."""

    def __init__(self, plan: Plan, **values: Any) -> None:
        self.noted: list[tuple[str, tuple[str | int, ...]]] = []
        self.identities: dict[str, int | None] = {}
        symbols = [Symbol(plan, step, self._note) for step in plan.steps]
        stand_ins = {symbol.step.name: symbol.stand_in for symbol in symbols}
        row = make_row(**values)
        for symbol in symbols:
            left = {name: stand_in for name, stand_in in stand_ins.items() if self.identities.get(name, 1) is not None}
            scope = plan.scope(row, {}, 1, 1, left)
            self.identities[symbol.step.name] = symbol.ask(scope, self.identities)[0]
            symbol.judge(scope, self.identities)

    def _note(self, message: str, path: tuple[str | int, ...], place: Place | None) -> None:
        self.noted.append((message, path))


def test_the_same_ask_has_the_same_identity(tmp_path):
    """Rows that differ in what nobody reads ask the same; a title that is read makes everything after it different."""
    plan = make_plan(tmp_path, CHAIN)
    one, same, other = Walked(plan), Walked(plan, key="cup", stock=3), Walked(plan, title="Cup")
    assert one.identities == same.identities
    assert one.identities["head"] != other.identities["head"]
    assert one.identities["ad"] != other.identities["ad"]
    assert one.noted == []


def test_what_stands_beside_a_pending_value_counts(tmp_path):
    """Two rows with the same headline but another tone do not ask the same, though neither headline is known yet."""
    plan = make_plan(tmp_path, CHAIN)
    assert Walked(plan, tone="warm").identities["ad"] != Walked(plan, tone="cool").identities["ad"]


def test_skipped_steps_have_no_identity(tmp_path):
    """A false `when` skips, and whoever reads the skipped step is skipped too."""
    body = CHAIN + '  wide: {use: brush/cut, with: {image: "{{ steps.cut.file }}"}}\n'
    walked = Walked(make_plan(tmp_path, body))
    assert walked.identities["cut"] is None
    assert walked.identities["wide"] is None
    assert Walked(make_plan(tmp_path, body), cut="yes").identities["wide"] is not None


@pytest.mark.parametrize(
    ("values", "noted"),
    [
        ({"title": "x" * 300}, [("has 304 characters; at most 200 are allowed", ("steps", "head", "with", "prompt"))]),
        ({"height": "9"}, [("needs a whole number, got the text '9'; write {{ … | int }}", ("steps", "ad", "with", "height"))]),
        ({"height": 5}, [("width and height must differ", ("steps", "ad", "with", "width"))]),
        ({"cut": 1, "image": "missing.png"}, [("there is no missing.png", ("steps", "cut", "with", "image"))]),
    ],
)
def test_mistakes_are_noted_and_break_the_request(tmp_path, values, noted):
    """What the vendor's rules or the project's files refuse is noted once, at its field."""
    walked = Walked(make_plan(tmp_path, CHAIN), **values)
    assert walked.noted == noted
    assert BROKEN in walked.identities.values()


def test_names_missing_beside_pending_values_are_found(tmp_path):
    """A template that reads an answer is rendered too, so an undefined column in it is found; oddities of the stand-in are not."""
    body = """
steps:
  head: {use: pen/text, with: {prompt: x}}
  a: {use: pen/text, with: {prompt: "{{ steps.head.text }} {{ row.colr }}"}}
  b: {use: pen/text, with: {prompt: "{{ steps.head.text | int + 'x' }}"}}
  c: {use: pen/text, with: {prompt: "{{ (steps.head.json.items | first).name }} {{ steps.head.text | fromjson | length }}"}}
"""
    walked = Walked(make_plan(tmp_path, body), color="red")
    assert walked.noted == [("row has no colr; did you mean color?", ("steps", "a", "with", "prompt"))]


def test_a_with_that_is_all_pending_is_not_judged(tmp_path):
    """One expression that gives the whole map from an answer cannot be checked before the answer is there."""
    body = 'steps:\n  f: {use: pen/facts, with: {about: x}}\n  a: {use: brush/paint, with: "{{ steps.f.json }}"}\n'
    walked = Walked(make_plan(tmp_path, body))
    assert walked.noted == []
    assert walked.identities["a"]


def test_expectations_are_judged(tmp_path):
    """An `expect` that renders to no number is noted; one that reads an answer waits for it."""
    body = """
steps:
  head: {use: pen/text, with: {prompt: x}, expect: {max_chars: "{{ row.most }}"}}
  next: {use: pen/text, with: {prompt: x}, expect: {max_chars: "{{ steps.head.text | length }}"}}
"""
    assert Walked(make_plan(tmp_path, body), most=3).noted == []
    [(message, path)] = Walked(make_plan(tmp_path, body), most="3").noted
    assert message.startswith("needs a whole number")
    assert path == ("steps", "head", "expect", "max_chars")


VALUES = st.fixed_dictionaries(
    {"title": st.sampled_from(["a", "b", "ab"]), "tone": st.sampled_from(["", "b"]), "height": st.sampled_from([6, 7])},
    optional={"cut": st.just("yes"), "key": st.sampled_from("xy")},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(one=VALUES, other=VALUES)
def test_symbolic_equality_is_real_equality(tmp_path, one, other):
    """Where two rows have one symbolic identity, they ask one request, whatever a vendor answers (the same to the same)."""
    plan = make_plan(tmp_path, CHAIN + '  last: {use: pen/text, with: {prompt: "{{ steps.head.text | length }}{{ row.tone }}"}}\n')
    left, right = Walked(plan, **one), Walked(plan, **other)
    real = [_ask_all(plan, **values) for values in (one, other)]
    for step in plan.steps:
        if left.identities[step.name] == right.identities[step.name]:
            assert real[0][step.name] == real[1][step.name]


def _ask_all(plan: Plan, **values: Any) -> dict[str, Request | Skipped]:
    """Every step asked for real, each answered by a function of its request."""
    row = make_row(**values)
    asked: dict[str, Request | Skipped] = {}
    results: dict[str, StepResult] = {}
    for step in plan.steps:
        request = asked[step.name] = plan.ask(Variant(row.key, row, {}, 1, 1, 0), step.name, results)
        if isinstance(request, Request):
            results[step.name] = StepResult(text=request.id[:5] * (1 + int(request.id[0], 16)), files=(request.id,))
    return asked
