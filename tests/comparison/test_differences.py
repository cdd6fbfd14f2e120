"""What changed between two lines of one variant."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from runner.comparison.differences import compare_lines
from tests.comparison.lines import file_of, line

OLD, NEW = file_of("a/scene.png", b"old"), file_of("a/scene.png", b"new")


@pytest.mark.parametrize(
    ("then", "now", "what"),
    [
        ({"files": [OLD]}, {"files": [NEW]}, ["picture"]),
        ({"files": [OLD]}, {"files": [OLD | {"path": "b.png"}]}, ["path"]),
        ({"files": [OLD]}, {"files": [OLD, NEW]}, ["picture"]),
        ({"files": [OLD]}, {"status": "failed", "why": "gone"}, ["picture", "status", "why"]),
        ({"text": "a"}, {"text": "b"}, ["text"]),
        ({"json": {"a": 1}}, {"json": {"a": 2}}, ["json"]),
        ({"text": "a", "request": "1"}, {"text": "a", "request": "2"}, ["request"]),
        ({"text": "a"}, {"text": "a", "flagged": True}, ["flagged"]),
        ({"text": "a"}, {"text": "a", "try": 2}, ["try"]),
        ({"files": [OLD]}, {"held": [{name: OLD[name] for name in OLD if name != "path"}]}, ["path", "published"]),
        ({"files": [OLD]}, {"files": [OLD | {"c2pa": "lost"}]}, ["made"]),
        ({"files": [file_of("c.txt", b"a\n", "text/plain")], "text": "a"}, {"text": "a"}, ["path"]),
    ],
)
def test_a_step_tells_in_words_what_changed(then: dict[str, Any], now: dict[str, Any], what: list[str]) -> None:
    """Nothing that differs goes without a word."""
    found = compare_lines(line("a|1", scene=then), line("a|1", scene=now))
    assert [list(step.what) for step in found.steps] == [what]


def test_what_is_alike_is_not_told() -> None:
    """Only the steps that differ, and of them only the parts that do."""
    both: dict[str, Any] = {"status": "done", "files": [OLD, OLD | {"path": "a/scene-2.png"}]}
    after = copy.deepcopy(both)
    after["files"][1] = NEW | {"path": "a/scene-2.png"}
    found = compare_lines(line("a|1", copy={"text": "a"}, scene=both), line("a|1", copy={"text": "a"}, scene=after))
    assert [step.name for step in found.steps] == ["scene"]
    assert [(part.then.path, part.now.path) for part in found.steps[0].parts if part.then and part.now] == [
        ("a/scene-2.png", "a/scene-2.png")
    ]


def test_a_variant_comes_or_goes_with_all_it_has() -> None:
    """One side has nothing, and the words of a text are all new or all gone."""
    added, removed = compare_lines(None, line("a|1", copy={"text": "hello"})), compare_lines(line("a|1", copy={"text": "hi"}), None)
    assert (added.how, added.status, removed.how, removed.status) == ("added", (None, "done"), "removed", ("done", None))
    assert added.steps[0].parts[0].words == (("+", "hello"),)
    assert removed.steps[0].parts[0].words == (("-", "hi"),)


def test_it_is_told_as_json() -> None:
    """The shape that scripts read."""
    then, now = line("a|1", scene={"files": [OLD], "request": "1"}), line("a|1", scene={"files": [NEW], "request": "2"})
    told = compare_lines(then, now).as_json()
    part = told["steps"]["scene"].pop("parts")[0]
    assert told == {
        "key": "a|1",
        "row": "a",
        "matrix": {},
        "change": "changed",
        "status": ["done", "done"],
        "steps": {"scene": {"changed": ["picture", "request"], "status": ["done", "done"], "request": ["1", "2"], "why": []}},
    }
    assert (part["then"]["sha256"], part["now"]["sha256"]) == (OLD["sha256"], NEW["sha256"])
