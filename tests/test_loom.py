"""The loom joins variants that want the same thing and lets a failed step block only what reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.loom import Loom, Outcome, Woven, result_of
from runner.records import Artifact
from tests.fakes import make_plan, make_rows

CHAIN = """\
  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}}
  scene: {use: pen/picture, with: {prompt: "{{ steps.copy.text }}"}}
  side: {use: pen/text, with: {prompt: "season"}}
"""
TEXT = (Artifact("text", text="hello"),)
FILE = (Artifact("file", sha256="ab" * 32, size=3, media_type="image/png", width=10, height=10),)


def loom_with(folder: Path, rows: int, steps: str = CHAIN) -> Loom:
    """A loom that has taken up all variants of so many rows."""
    plan = make_plan(folder, steps)
    loom = Loom(plan)
    for variant in plan.variants(make_rows(rows)):
        loom.take_up(variant)
    return loom


def settle_all(loom: Loom, status: str = "done") -> int:
    """Settle everything asked now; how much that was."""
    asks = loom.asks()
    for ask in asks:
        artifacts = FILE if ask.step == "scene" else TEXT
        loom.settle(ask.request.id, Outcome(status, ask.request, artifacts if status == "done" else ()))  # type: ignore[arg-type]
    return len(asks)


def test_a_step_is_asked_when_what_it_reads_is_done(tmp_path: Path) -> None:
    """A step that reads nothing is asked at once, one that reads another only after that one is done."""
    loom = loom_with(tmp_path, 1)
    assert [ask.step for ask in loom.asks()] == ["copy", "side"]
    loom = loom_with(tmp_path, 1)
    settle_all(loom)
    assert [(ask.step, ask.request.params["prompt"]) for ask in loom.asks()] == [("scene", "hello")]


def test_the_same_ask_of_many_variants_is_one_request(tmp_path: Path) -> None:
    """What five hundred variants want alike is asked once, and all of them get it."""
    loom = loom_with(tmp_path, 500, '  side: {use: pen/text, with: {prompt: "season"}}\n')
    assert settle_all(loom) == 1
    assert len(loom.finished()) == 500
    assert len(loom) == 0


def test_a_variant_is_finished_when_all_its_steps_are(tmp_path: Path) -> None:
    """A variant leaves the loom with the outcome of its last step, its results and a status."""
    loom = loom_with(tmp_path, 1)
    while settle_all(loom):
        pass
    [woven] = loom.finished()
    assert woven.status == "done"
    assert set(woven.outcomes) == {"copy", "scene", "side"}
    assert woven.results["scene"].files == ("ab" * 32,)
    assert not loom.waiting_for()


@pytest.mark.parametrize("status", ["failed", "refused", "uncertain", "queued", "waiting"])
def test_a_step_that_is_not_done_blocks_only_what_reads_it(tmp_path: Path, status: str) -> None:
    """The step that reads it is blocked and says why; its neighbours go on."""
    loom = loom_with(tmp_path, 1)
    for ask in loom.asks():
        done = Outcome("done", ask.request, TEXT)
        loom.settle(ask.request.id, Outcome(status, ask.request) if ask.step == "copy" else done)  # type: ignore[arg-type]
    [woven] = loom.finished()
    assert woven.outcomes["scene"] == Outcome("blocked", why=f"it reads step copy, which is {status}")
    assert woven.outcomes["side"].status == "done"
    assert woven.status == status


def test_a_step_whose_condition_is_false_is_skipped(tmp_path: Path) -> None:
    """A skipped step asks nothing and a variant with one is as good as done."""
    loom = loom_with(tmp_path, 1, '  copy: {use: pen/text, with: {prompt: "x"}, when: row.title == "other"}\n')
    assert loom.asks() == []
    [woven] = loom.finished()
    assert (woven.outcomes["copy"].status, woven.status) == ("skipped", "done")


def test_a_step_that_really_reads_a_skipped_one_is_skipped_too(tmp_path: Path) -> None:
    """Reading the answer of a skipped step is no mistake: there is nothing to ask."""
    steps = '  copy: {use: pen/text, with: {prompt: "x"}, when: "false"}\n'
    steps += '  scene: {use: pen/picture, with: {prompt: "{{ steps.copy.text }}"}}\n'
    [woven] = loom_with(tmp_path, 1, steps).finished()
    assert woven.outcomes["scene"].status == "skipped"


def test_what_is_not_as_expected_is_failed_and_keeps_what_came(tmp_path: Path) -> None:
    """An unmet expectation fails the step of that variant; nothing is published, what came is still told."""
    loom = loom_with(tmp_path, 1, '  copy: {use: pen/text, with: {prompt: "x"}, expect: {max_chars: 3}}\n')
    settle_all(loom)
    [woven] = loom.finished()
    outcome = woven.outcomes["copy"]
    assert (outcome.status, outcome.why, outcome.artifacts) == ("failed", "not as expected: 5 characters, at most 3 wanted", TEXT)
    assert loom.yields() == []


def test_what_an_answer_makes_impossible_to_ask_is_failed_unsent(tmp_path: Path) -> None:
    """Params that only an answer shows to be wrong fail the step; they are not sent."""
    steps = '  copy: {use: pen/text, with: {prompt: "x"}}\n'
    steps += '  scene: {use: pen/picture, with: {prompt: "y", image: "blob:{{ steps.copy.text }}"}}\n'
    loom = loom_with(tmp_path, 1, steps)
    settle_all(loom)
    assert loom.asks() == []
    [woven] = loom.finished()
    assert woven.outcomes["scene"].status == "failed"
    assert woven.outcomes["scene"].why.startswith("not sent: ")


def test_done_steps_are_yielded_once_for_each_variant(tmp_path: Path) -> None:
    """Each variant publishes its own copy of a shared result, once."""
    loom = loom_with(tmp_path, 3, '  side: {use: pen/text, with: {prompt: "season"}}\n')
    settle_all(loom)
    assert [(done.variant.key, done.step) for done in loom.yields()] == [("r1|1", "side"), ("r2|1", "side"), ("r3|1", "side")]
    assert loom.yields() == []


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["done", "done"], "done"),
        (["done", "skipped"], "done"),
        (["skipped"], "done"),
        (["done", "blocked", "refused"], "refused"),
        (["failed", "uncertain"], "uncertain"),
        (["waiting", "queued"], "queued"),
    ],
)
def test_a_variant_is_as_good_as_its_worst_step(tmp_path: Path, statuses: list[str], worst: str) -> None:
    """The status of a variant is that of its worst step, uncertain being the worst of all."""
    plan = make_plan(tmp_path, CHAIN)
    [variant] = plan.variants(make_rows(1))
    outcomes = {str(number): Outcome(status) for number, status in enumerate(statuses)}  # type: ignore[arg-type]
    assert Woven(variant, outcomes).status == worst


def test_results_offer_what_templates_may_read() -> None:
    """Text, JSON and the digests of files become what `steps.<name>` offers."""
    result = result_of([*TEXT, *FILE, Artifact("json", data={"a": 1})])
    assert (result.text, result.files, result.json) == ("hello", ("ab" * 32,), {"a": 1})
