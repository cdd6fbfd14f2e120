"""Whoever asks for many variants gets what the plan gives, and what is the same is rendered once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.job.asking import Asking
from runner.job.beginning import Beginning
from runner.job.check import check
from runner.job.plan import Plan, Skipped, StepResult
from runner.records import Request, Variant
from tests.fakes import Shelves
from tests.job.plans import HEAD, bring, make_plan, make_row

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


KEPT = """\
variants: 2
matrix: {size: [1, 2.5]}
steps:
  cut: {use: brush/cut, with: {image: "{{ row.image }}"}}
  scene: {use: brush/paint, with: {prompt: "{{ row.title }}", width: 9, images: [{url: mask.png}]}}
  mood: {use: brush/paint, with: {prompt: "{{ row.title }}", width: 9, size: {x: "{{ matrix.size }}"}, seed: "{{ seed }}"}}
  rare: {use: pen/text, with: {prompt: "{{ row.title }}"}, when: row.id == 'mug', again: 2}
  copy: {use: pen/text, with: {prompt: "{{ steps.rare.text }} {{ row.title }}"}}
  same: {use: pen/text, with: {prompt: season}}
"""


def test_what_a_check_has_made_is_what_the_plan_asks(tmp_path):
    """Every request is the plan's, whether the check left it or not; of steps that read the row it left what is final."""
    fresh, plan = (make_plan(tmp_path, KEPT, head=HEAD) for _ in range(2))
    rows = [make_row("mug", image="a.png"), make_row("cup", 3), make_row("hat", 4, title="Hat")]
    plan.beginning = Beginning(Shelves())
    assert check(plan, lambda: rows).complaints == ()
    asking, results, left = Asking(plan), {"rare": StepResult("text")}, set()
    for variant in plan.variants(plan.beginning.rows(lambda: rows)):
        for step in plan.needs:
            asked = asking.ask(variant, step, results)
            assert asked == fresh.ask(variant, step, results)
            key = asking.key(variant, step)
            left |= {step} if plan.beginning.asked(variant.row, step, key) is asked else set()
    assert left == {"cut", "mood", "rare"}
    scene = fresh.ask(next(fresh.variants(rows)), "scene", {})
    assert isinstance(scene, Request)
    assert scene.params["images"] == [{"url": bring("mask.png")}]


def test_another_try_is_not_the_first(tmp_path):
    """What the check left is the first try; the second asks something else."""
    plan = make_plan(tmp_path, KEPT, head=HEAD)
    rows = [make_row()]
    plan.beginning = Beginning(Shelves())
    check(plan, lambda: rows)
    variant = next(plan.variants(rows))
    assert Asking(plan).ask(variant, "cut", {}, 2) == plan.ask(variant, "cut", {}, number=2) != plan.ask(variant, "cut", {})


def test_a_check_leaves_nothing_unasked(tmp_path):
    """Where there is nowhere to put it a check makes nothing for later, so it may look at any feed."""
    plan = make_plan(tmp_path, KEPT, head=HEAD)
    rows = [make_row()]
    check(plan, lambda: rows)
    assert plan.beginning.asked(rows[0], "cut", 0) is None
    assert not plan.beginning.is_whole
