"""Two runs compared: what changed, why, and how far."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.comparison.comparing import NOT_AT_HAND, UNMEASURED, Comparison, diff_schema_text
from runner.comparison.differences import Difference
from runner.comparison.sides import Side, Sides
from runner.errors import OurSide
from tests.comparison.lines import file_of, line, write_lines
from tests.schemas import misfits


def test_a_changed_title_is_told_as_what_it_did_to_the_prompts(twice: Path) -> None:
    """What was added, removed and changed; and beside what changed, the words of the prompt that did."""
    with Sides(twice) as house:
        comparison = Comparison(*house.open(["v1:out", "out"]))
        found = {difference.key: difference for difference in comparison.differences()}
    assert {key: difference.how for key, difference in found.items()} == {"mug|1": "changed", "hat|1": "removed", "cup|1": "added"}
    assert comparison.counts == {"changed": 1, "removed": 1, "added": 1, "same": 0}
    assert comparison.differs
    causes = {step.name: [(cause.name, cause.then, cause.now) for cause in step.causes] for step in found["mug|1"].steps}
    assert causes == {
        "copy": [("prompt", "Headline for Mug", "Headline for Blue mug")],
        "scene": [("prompt", "Mug on a beach", "Blue mug on a beach")],
    }
    distance = found["mug|1"].steps[1].parts[0].distance
    assert distance is not None
    assert distance.share is not None
    assert distance.share > 0
    assert "feed.sha256" in [cause.name for cause in comparison.beside]
    told = {**comparison.as_json(), "changes": [difference.as_json() for difference in found.values()]}
    assert list(misfits({**told, "counts": dict(comparison.counts)}, json.loads(diff_schema_text()))) == []


def test_a_run_is_no_way_from_itself(twice: Path) -> None:
    """The same results are the same, in the work tree and in the commit."""
    with Sides(twice) as house:
        comparison = Comparison(*house.open(["v2:out", "out"]))
        assert list(comparison.differences()) == []
    assert (comparison.differs, comparison.counts["same"]) == (False, 2)


def of_lines(
    folder: Path, then: dict[str, object], now: dict[str, object], measured: int = 9
) -> tuple[Comparison, list[Difference]]:
    """The comparison of two files of one line each, with nothing beside them."""
    sides = [
        Side(name, write_lines(folder / name / "results.jsonl", [told]), folder / name, None)
        for name, told in (("a", then), ("b", now))
    ]
    comparison = Comparison(sides[0], sides[1], measured)
    return comparison, list(comparison.differences())


@pytest.mark.parametrize(("measured", "unseen"), [(9, f"the old picture and the new picture: {NOT_AT_HAND}"), (0, UNMEASURED)])
def test_a_picture_that_is_not_measured_says_why(tmp_path: Path, measured: int, unseen: str) -> None:
    """Not at hand, or more than were to be measured."""
    then, now = (line("a|1", scene={"files": [file_of("a.png", data)]}) for data in (b"old", b"new"))
    _, found = of_lines(tmp_path, then, now, measured)
    assert found[0].steps[0].parts[0].unseen == unseen


def test_the_order_of_names_in_a_line_is_no_difference(tmp_path: Path) -> None:
    """Lines that say the same in other bytes are the same variant."""
    comparison, _ = of_lines(tmp_path, line("a|1"), line("a|1"))
    (tmp_path / "b/results.jsonl").write_bytes(
        b'{"steps": {}, "status": "done", "row": "a", "matrix": {}, "variant": 1, "key": "a|1"}\n'
    )
    again = Comparison(comparison.then, comparison.now)
    assert list(again.differences()) == []
    assert again.counts["same"] == 1


@pytest.mark.parametrize("files", [[{}], ["x"], [{"sha256": 1}], 5])
def test_a_line_that_names_files_otherwise_is_told(tmp_path: Path, files: object) -> None:
    """Results may come from anywhere; they are told by their key, and nothing is opened."""
    with pytest.raises(OurSide, match=r"the line of a\|1"):
        of_lines(tmp_path, line("a|1"), line("a|1", scene={"files": files}))
