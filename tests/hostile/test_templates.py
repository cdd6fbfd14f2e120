"""No template gets out of its fence or brings the machine down, no cell is ever a template, and the next row renders."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.feed import Source, survey
from runner.feed.prices import Price
from runner.feed.source import CELL_CAP
from runner.job.document import read_document
from runner.job.filters import FILTERS
from runner.job.names import ROOTS, Known
from runner.job.prompts import Compiler
from runner.job.rendering import Unrenderable
from runner.job.templates import Templates
from tests.hostile.memory import growth
from tests.hostile.pace import slowness
from tests.hostile.payloads import BOMBS, ESCAPES
from tests.job.plans import checked, make_plan, make_row, said

ROW = {"id": "mug", "title": "Mug", "tags": ["a", "b"], "big": "x" * 60_000, "price": Price("5 USD")}
LONGEST_SECONDS = 2.0
MOST_BYTES = 50 << 20
TELLING = (
    "0x",
    "<class",
    "<function",
    "<built-in",
    "<bound",
    "<module",
    "<jinja",
    "<Macro",
    "__globals__",
    "PATH",
    "root:",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Template files: a large one, a chain in which each includes ten of the next, circles, and a link that leads out."""
    made = tmp_path_factory.mktemp("templates")
    (made / "big.j2").write_text("y" * 60_000)
    (made / "a.j2").write_text("a")
    (made / "print.j2").write_text("{{ row.title }}")
    for number in range(20):
        (made / f"f{number}.j2").write_text(f"{{% include 'f{number + 1}.j2' %}}" * 10)
        (made / f"ring{number}.j2").write_text(f"{{% include 'ring{(number + 1) % 20}.j2' %}}")
    (made / "f20.j2").write_text("x")
    (made / "self.j2").write_text("{% include 'self.j2' %}")
    (made / "link.j2").symlink_to("/etc/passwd")
    return made


def scope(**row: Any) -> dict[str, Any]:
    """The names of a variant of ROW."""
    compiled = Compiler(read_document("a: 1\n", "job.yaml"), Templates(Path("/nowhere"), "templates"), KNOWN)
    values = {"row": {**ROW, **row}, "matrix": {}, "vars": {}, "variant": 1, "seed": 1, "steps": {}, "job": {"name": "tiny"}}
    return {**values, **compiled.fence.globals}


KNOWN = Known(frozenset(), frozenset(), {})


def attempt(folder: Path, text: str) -> Any:
    """What the template renders to, or the complaint or mistake it ends in; then the same fence renders the next row."""
    compiler = Compiler(read_document("a: 1\n", "job.yaml"), Templates(folder, "templates"), KNOWN)
    prompt = compiler.text(text, ("a",), ROOTS)
    values = scope() | compiler.fence.globals
    try:
        return compiler.complaints[0] if prompt is None else prompt.render(values)
    except Unrenderable as mistake:
        return mistake
    finally:
        after = Compiler(read_document("a: 1\n", "job.yaml"), Templates(folder, "templates"), KNOWN)
        after.fence = compiler.fence if prompt is not None else after.fence
        following = after.text("next: {{ row.title }} {% for t in row.tags %}{{ t }}{% endfor %}", ("a",), ROOTS)
        assert following is not None
        assert following.render(values) == "next: Mug ab"


def test_the_corpora_are_as_large_as_they_were_meant_to_be() -> None:
    """Sixty ways out and forty bombs at the least."""
    assert len(set(ESCAPES)) == len(ESCAPES) >= 60
    assert len(BOMBS) >= 40


@pytest.mark.parametrize("text", ESCAPES)
def test_no_template_gets_out(folder: Path, text: str) -> None:
    """Each known way out ends in a complaint or a mistake that tells nothing of our insides, or in nothing at all."""
    outcome = attempt(folder, text)
    told = str(getattr(outcome, "message", outcome))
    assert not any(word in told for word in TELLING if word not in text), told
    assert len(told) < 1000
    assert not any(len(value) > 8 and value in told for value in os.environ.values())


@pytest.mark.parametrize("name", BOMBS)
def test_no_template_takes_much(folder: Path, name: str) -> None:
    """Each bomb is refused or comes to a small end, within two seconds of work and 50 MB of memory."""
    began = time.thread_time()
    with growth() as grown:
        outcome = attempt(folder, BOMBS[name])
    assert time.thread_time() - began < LONGEST_SECONDS * slowness()
    assert grown.bytes < MOST_BYTES
    assert len(json.dumps(outcome, default=str)) < 100_000


@pytest.mark.parametrize("through", ["{{ row.title }}", "{{ row['title'] ~ '' }}", "x{{ row.title }}x", "{% include 'print.j2' %}"])
def test_a_cell_is_never_a_template(folder: Path, through: str) -> None:
    """Every payload as what the feed says comes out as it is, braces and all, in whatever way it is printed."""
    compiler = Compiler(read_document("a: 1\n", "job.yaml"), Templates(folder, "templates"), KNOWN)
    prompt = compiler.text(through, ("a",), ROOTS)
    assert prompt is not None
    for text in [*ESCAPES, "{{ 7 * 7 }}", "{% raw %}", "{# x #}", "{{", "}}", "{%", "${7*7}", "<%= 7 %>", "#{7}", "${{7}}"]:
        values = scope(title=text) | compiler.fence.globals
        assert prompt.render(values) == through.replace("x{", "x{").replace(_printed(through), text)


def _printed(through: str) -> str:
    """The part of the template that stands for the cell."""
    return through.strip("x") if through.startswith("x") else through


def test_an_answer_is_never_a_template(folder: Path) -> None:
    """What a vendor wrote goes into the next step's prompt as it is."""
    compiler = Compiler(read_document("a: 1\n", "job.yaml"), Templates(folder, "t"), Known(frozenset(), frozenset(), {"s": "text"}))
    prompt = compiler.text("{{ steps.s.text }}!", ("a",), ROOTS)
    assert prompt is not None
    for text in ESCAPES:
        assert prompt.render(scope() | {"steps": {"s": {"text": text}}} | compiler.fence.globals) == f"{text}!"


def test_a_prompt_that_is_too_long_is_told_with_its_place_and_row(tmp_path: Path) -> None:
    """Where a cell makes a prompt of more than a vendor or we take, the complaint names the field and the feed's line."""
    plan = make_plan(tmp_path, 'steps:\n  ad:\n    use: pen/text\n    with: {prompt: "{{ row.text }}"}\n')
    rows = [make_row("ok", text="short"), make_row("long", 3, text="x" * 201), make_row("huge", 4, text="x" * 70_000)]
    assert said(checked(plan, rows)) == [
        "8:20 steps.ad.with.prompt: has 201 characters; at most 200 are allowed [long at 3]",
        "8:20 steps.ad.with.prompt: renders to 70,000 characters; at most 65,536 are allowed (the filters truncate and width cut) "
        "[huge at 4]",
    ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_cell_that_is_too_long_is_told_with_its_line(tmp_path: Path, suffix: str) -> None:
    """A cell beyond a mebibyte is refused while it is read, by the line it stands in."""
    feed = tmp_path / f"feed.{suffix}"
    cells = {"id": "long", "text": "x" * (CELL_CAP + 1)}
    lines = (
        ["id,text", "ok,short", ",".join(cells.values())]
        if suffix == "csv"
        else ["{}", json.dumps({"id": "ok"}), json.dumps(cells)]
    )
    feed.write_text("\n".join(lines[suffix == "jsonl" :]) + "\n")
    complaints = survey(Source((feed,))).complaints
    assert [
        (found.place.line if found.place else 0, "1,048,576" in found.message or "1 MiB" in found.message) for found in complaints
    ] == [(3 - (suffix == "jsonl"), True)]


VALUES = st.sampled_from(
    [
        "row",
        "row.title",
        "row.big",
        "row.tags",
        "row.price",
        "row.price.amount",
        "row.nothing",
        "range(9)",
        "{}",
        "[]",
        "[[]]",
        "''",
        "0",
        *("-1", "1.5", "none", "true", "{'a': [1]}", "[1, 'a']", "'<b>'", "'9' * 999", "(1, 2)", "row.title.upper", "range"),
    ]
)
CALLS = st.builds(
    lambda name, args: f" | {name}({', '.join(args)})" if args else f" | {name}",
    st.sampled_from(sorted(FILTERS)),
    st.lists(VALUES, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.lists(CALLS, max_size=3), st.booleans())
def test_any_filters_in_any_order_end_in_a_value_or_a_mistake(value: str, calls: list[str], printed: bool) -> None:
    """Whatever is piped into whatever, with whatever arguments: a plain value or a sentence, never a traceback."""
    outcome = attempt(Path("/nowhere"), f"{'x' if printed else ''}{{{{ {value}{''.join(calls)} }}}}")
    if not isinstance(outcome, Unrenderable) and not hasattr(outcome, "message"):
        assert json.dumps(outcome, allow_nan=False) is not None
        assert "object at 0x" not in str(outcome)
