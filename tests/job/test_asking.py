"""Whoever asks for many variants gets what the plan gives, and what is the same is rendered once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.job.asking import Asking
from runner.job.plan import Plan, Skipped, StepResult
from runner.records import Request, Variant
from tests.job.plans import HEAD, make_plan, make_row

STEPS = """\
variants: 2
matrix: {tone: [dry, warm], size: [1, 2]}
steps:
  side: {use: pen/text, with: {prompt: season}}
  head: {use: pen/text, with: {prompt: "{{ row.title }}"}}
  tone: {use: pen/text, with: {prompt: "{{ row.title }}", tone: "{{ matrix.tone }}"}, save: "{{ row.id }}/{{ matrix.tone }}"}
  body: {use: pen/text, with: {prompt: "{{ steps.head.text }} {{ steps.side.text }}"}, when: row.title != 'Hat'}
  all: {use: pen/text, with: {prompt: "{{ matrix.size }} {{ seed }} {{ variant }}"}}
  odd: {use: pen/text, with: {prompt: "{{ row.maybe }}"}}
"""
NAMES = ("side", "head", "tone", "body", "all", "odd")
ROWS = [make_row("mug"), make_row("hat", 3, title="Hat", maybe="yes"), make_row("cap", 4, title="Cap")]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan whose steps vary with nothing, the row, an axis, another step, and everything."""
    return make_plan(tmp_path_factory.mktemp("plan"), STEPS, head=HEAD)


def told(asker: Plan | Asking, variant: Variant, step: str, results: Mapping[str, StepResult]) -> Request | Skipped | str:
    """What is asked, or the complaint."""
    try:
        return asker.ask(variant, step, results)
    except Invalid as mistake:
        return str(mistake)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_it_asks_what_the_plan_asks(plan: Plan, data: st.DataObject) -> None:
    """For any variants in any order and any answers, request, skip or mistake is that of the plan, and so is the path."""
    asking, variants = Asking(plan), list(plan.variants(ROWS))
    answers = st.sampled_from([StepResult("one"), StepResult("two")])
    for _ in range(12):
        variant, step = data.draw(st.sampled_from(variants)), data.draw(st.sampled_from(NAMES))
        results = {"head": data.draw(answers), "side": data.draw(answers)}
        assert told(asking, variant, step, results) == told(plan, variant, step, results)
        assert asking.save_path(variant, step) == plan.save_path(variant, step)
        assert asking.expectation(variant, step, results) == plan.expectation(variant, step, results)


@pytest.mark.parametrize(("step", "different"), [("side", 1), ("head", 3), ("tone", 6), ("all", 24)])
def test_what_is_the_same_is_asked_once(plan: Plan, step: str, different: int) -> None:
    """In plan order there are as many request objects as there are different views of rows, cells and numbers."""
    asking = Asking(plan)
    asked = [asking.ask(variant, step, {}) for variant in plan.variants(ROWS)]
    assert len(asked) == 24
    assert len({id(request) for request in asked}) == different


def test_another_answer_is_another_ask(plan: Plan) -> None:
    """What a step reads of others is part of what is remembered."""
    asking, variant = Asking(plan), next(plan.variants(ROWS))
    one, other = ({"head": StepResult(text), "side": StepResult("s")} for text in ("one", "two"))
    assert asking.ask(variant, "body", one) == asking.ask(variant, "body", one) != asking.ask(variant, "body", other)
