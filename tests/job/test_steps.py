from __future__ import annotations

import pytest

from runner.fields import Field, Operation
from runner.job.steps import bring_pictures, pictured
from tests.job.plans import CATALOG, make_plan, said

CHAIN = """
steps:
  ad: {use: brush/paint, with: {prompt: "{{ steps.head.text }}", images: [{url: "{{ steps.cut.file }}"}]}}
  head: {use: pen/text, with: {prompt: "For {{ row.title }} in {{ matrix.locale }}"}}
  cut: {use: brush/cut, with: {image: "{{ row.image }}"}}
matrix: {locale: [en, de]}
"""


def test_order_follows_from_what_is_read(tmp_path):
    """Steps come after those they read, in written order otherwise; what they read counts as read by who reads them."""
    plan = make_plan(tmp_path, CHAIN)
    assert [step.name for step in plan.steps] == ["head", "cut", "ad"]
    assert plan.needs == {"head": frozenset(), "cut": frozenset(), "ad": frozenset({"head", "cut"})}
    assert plan.steps[2].reads == {"steps.head.text", "steps.cut.file", "row.title", "matrix.locale", "row.image"}


@pytest.mark.parametrize(
    ("steps", "complaints"),
    [
        (
            "  a: {use: pen/text, with: {prompt: '{{ steps.b.text }}'}}\n"
            "  b: {use: pen/text, with: {prompt: '{{ steps.a.text }}'}}",
            ["6:3 steps.a: steps wait for each other: a → b → a; one of them must not read the next"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: '{{ steps.a.text }}'}}",
            ["6:3 steps.a: steps wait for each other: a → a; one of them must not read the next"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x}, finish: {format: jpeg}}",
            ["6:49 steps.a.finish: is for pictures, and the step gives a text"],
        ),
        (
            "  a: {use: pen/txt, with: {prompt: x}}",
            ["6:12 steps.a.use: there is no pen/txt; did you mean pen/text?"],
        ),
        (
            "  a: {use: pen/quill, with: {prompt: '{{ rwo }}'}}",
            [
                "6:12 steps.a.use: there is no pen/quill; it takes pen/facts, pen/text",
                "6:38 steps.a.with.prompt: there is no rwo here; did you mean row?",
            ],
        ),
        (
            "  a: {use: crayon/fill}",
            ["6:12 steps.a.use: there is no crayon/fill; it takes brush, pen"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x, tnoe: dry}}",
            ["6:40 steps.a.with.tnoe: not a field of pen/text; did you mean tone?"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x, tone: dri}}",
            ["6:46 steps.a.with.tone: 'dri' is not one of dry, warm; did you mean dry?"],
        ),
        ("  a: {use: pen/text}", ["6:3 steps.a.with: prompt is required by pen/text"]),
        ("  a: {use: pen/text, with: {tone: '{{ row.tone }}'}}", ["6:28 steps.a.with: prompt is required by pen/text"]),
        (
            "  a: {use: brush/cut, with: {image: pics/missing.png}}",
            ["6:37 steps.a.with.image: there is no pics/missing.png"],
        ),
        (
            "  a: {use: brush/cut, with: {image: 'blob:00'}}",
            ["6:37 steps.a.with.image: blob: names bytes of ours; write a path, a URL or {{ steps.NAME.file }}"],
        ),
        (
            "  a: {use: brush/paint, with: {prompt: x, width: 9, height: 9}}",
            ["6:50 steps.a.with.width: width and height must differ"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x}, save: '{{ steps.a.text }}'}",
            ["6:47 steps.a.save: there is no steps here; it takes job, matrix, row, seed, variant, vars"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x}, save: '../ads/{{ row.id }}'}",
            ["6:47 steps.a.save: leads out of the output folder; leave out the .. or move output.dir"],
        ),
        (
            "  a: {use: pen/text, with: {prompt: x}, when: 'rwo.x', expect: {max_chars: '{{ vars.x }}'}}",
            [
                "6:47 steps.a.when: there is no rwo here; did you mean row?",
                "6:76 steps.a.expect.max_chars: vars has no x",
            ],
        ),
        (
            "  a: {use: brush/cut, with: {image: x.png}}\n  b: {use: pen/text, with: {prompt: '{{ steps.a.text }}'}}",
            ["7:37 steps.b.with.prompt: steps.a gives a file, not .text; write steps.a.file"],
        ),
    ],
)
def test_mistakes_are_found_without_any_row(tmp_path, steps, complaints):
    """Operation, fields, constants, rules between constants, names and circles: each with its place."""
    assert said(make_plan(tmp_path, f"steps:\n{steps}\n")) == complaints


def test_what_varies_is_a_smaller_operation(tmp_path):
    """On each row only fields that vary are checked, with the rules that name one of them and no field that is wrong anyway."""
    plan = make_plan(
        tmp_path, "steps:\n  a: {use: brush/paint, with: {prompt: '{{ row.title }}', width: 5, height: '{{ row.h }}', seed: 1}}\n"
    )
    [step] = plan.steps
    assert set(step.varying.fields) == {"prompt", "height"}
    assert [rule.names for rule in step.varying.rules] == [("width", "height")]
    wrong = make_plan(tmp_path, "steps:\n  a: {use: brush/paint, with: {prompt: x, width: wide, height: '{{ row.h }}'}}\n")
    assert wrong.steps[0].varying.rules == ()


@pytest.mark.parametrize(("use", "save", "published"), [("brush/cut", "", True), ("pen/text", "", False), ("pen/text", "x", True)])
def test_pictures_are_published_and_texts_where_asked(tmp_path, use, save, published):
    """A text becomes a file only where `save:` names one."""
    more = f", save: {save}" if save else ""
    plan = make_plan(tmp_path, f"steps:\n  a: {{use: {use}, with: {{prompt: x, image: x.png}}{more}}}\n")
    assert plan.steps[0].publishes is published


def test_pictures_are_brought_at_any_depth():
    """Under lists and maps; URLs, other kinds and missing fields stay, and nothing given is changed."""
    fields = CATALOG["brush/paint"].operation.fields
    params = {"prompt": "a.png", "images": [{"url": "a.png"}, {"url": "https://x.test/b.png"}, {"url": 7}, "odd"]}
    brought = bring_pictures(fields, params, lambda text, path: f"{'.'.join(map(str, path))}={text}")
    assert brought["prompt"] == "a.png"
    assert brought["images"] == [{"url": "images.0.url=a.png"}, {"url": "https://x.test/b.png"}, {"url": 7}, "odd"]
    assert params["images"][0] == {"url": "a.png"}
    assert bring_pictures(fields, "not a map", lambda text, path: text) == "not a map"


def test_operations_with_pictures_are_known():
    """A picture may hide under the items of a list."""
    assert pictured(CATALOG["brush/paint"].operation)
    assert not pictured(CATALOG["pen/text"].operation)
    assert not pictured(Operation("x", "text", {"a": Field("list", item=Field("text"))}))
