"""Where two results come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.comparison.sides import Side, Sides
from runner.edge.clock import SystemClock
from runner.edge.outputs import read_results
from runner.edge.state import State
from runner.errors import Usage
from runner.report.parts import Part, parts_of


def pictures(side: Side) -> dict[str, Part]:
    """The scene of each row."""
    return {told["row"]: parts_of(told["steps"]["scene"])[0] for told in read_results(side.results)}


@pytest.mark.parametrize(
    ("words", "rev", "rows"),
    [
        (("before", "out"), None, (["mug", "hat"], ["mug", "cup"])),
        (("before/results.jsonl", "out/results.jsonl"), None, (["mug", "hat"], ["mug", "cup"])),
        (("v1:out", "v2:out/results.jsonl"), None, (["mug", "hat"], ["mug", "cup"])),
        (("v1:./out", "out"), None, (["mug", "hat"], ["mug", "cup"])),
        (("job.yaml",), "v1", (["mug", "hat"], ["mug", "cup"])),
        (("job.yaml", "v1"), "v2", (["mug", "cup"], ["mug", "hat"])),
    ],
)
def test_a_side_is_a_folder_a_file_or_what_a_revision_has(
    twice: Path, words: tuple[str, ...], rev: str | None, rows: tuple[list[str], list[str]]
) -> None:
    """However it is named, it has its lines, its pictures and the requests behind them."""
    with Sides(twice) as house:
        for side, wanted in zip(house.open(words, rev), rows, strict=True):
            found = pictures(side)
            assert list(found) == wanted
            assert all(side.picture(part) for part in found.values())
            ids = [told["steps"]["scene"]["request"] for told in read_results(side.results)]
            assert [side.requests(ids)[name].params["seed"] for name in ids] == [7, 7]
            assert side.manifest is not None


@pytest.mark.parametrize("word", ["out", "v1:out"])
def test_without_the_state_folder_pictures_are_where_they_were_published(twice: Path, tmp_path: Path, word: str) -> None:
    """In the folder or in the commit; one that was edited is not taken for the run's, and what was asked is not known."""
    copied = shutil.copytree(twice, tmp_path / "copy", ignore=shutil.ignore_patterns(".adbatch", "vendors"))
    (copied / "out/mug/scene.jpg").unlink(missing_ok=True)
    with Sides(copied) as house:
        side, _ = house.open([word, "before"])
        parts = list(pictures(side).values())
        edited = parts[1].path if word == "out" else None
        if edited is not None:
            (copied / "out" / edited).write_bytes(b"edited")
            assert side.picture(parts[1]) is None
        else:
            assert all(side.picture(part) for part in parts)
        assert side.requests(["a" * 64]) == {}


def test_a_digest_is_no_way_to_a_file(twice: Path) -> None:
    """Results from anywhere name no file but by a sha256."""
    with Sides(twice) as house:
        side, _ = house.open(["out", "before"])
        assert side.picture(Part("picture", "../../../../etc/passwd")) is None
        assert side.picture(Part("picture", "0" * 64, path="../adbatch.yaml")) is None


@pytest.mark.parametrize(
    ("words", "rev", "message"),
    [
        (("out",), None, "name two of"),
        (("out", "nowhere"), None, "no such folder or file"),
        (("out", "job.yaml"), None, "job.yaml is a job"),
        (("out", "out/manifest.json"), None, "manifest.json holds no results; name the results.jsonl"),
        (("out", "vendors"), None, "has no results.jsonl"),
        (("out", "v3:out"), None, "no revision 'v3'"),
        (("out", "v1:before"), None, "v1 has no before/results.jsonl"),
        (("out", "v1:../elsewhere"), None, "outside the repository"),
        (("job.yaml", "v1", "v2"), "v1", "at most one other revision"),
        (("job.yaml",), "-v", "no revision '-v'"),
    ],
)
def test_what_is_not_there_is_told_with_a_remedy(twice: Path, words: tuple[str, ...], rev: str | None, message: str) -> None:
    """No side is guessed."""
    with Sides(twice) as house, pytest.raises(Usage, match=message):
        house.open(words, rev)


def test_a_comparison_stands_in_nobodys_way(twice: Path) -> None:
    """The job is held for the moment of a question: a run may begin, and what was asked is not known until it is over."""
    state = State(twice / ".adbatch", "sandbox")
    with Sides(twice) as house:
        side, _ = house.open(["out", "before"])
        ids = [told["steps"]["scene"]["request"] for told in read_results(side.results)]
        with state.lock("small", SystemClock().now()):
            assert side.requests(ids) == {}
        assert len(side.requests(ids)) == 2
        assert house.remarks == []


def test_a_journal_that_cannot_be_read_is_no_reason_to_fail(twice: Path, tmp_path: Path) -> None:
    """Results and pictures are compared all the same, and what is wrong is said."""
    copied = shutil.copytree(twice, tmp_path / "copy")
    (copied / ".adbatch/sandbox/jobs/small/journal.db").write_bytes(b"no database, but long enough to be looked at" * 99)
    with Sides(copied) as house:
        side, _ = house.open(["out", "before"])
        assert len(pictures(side)) == 2
        assert side.requests(["a" * 64]) == {}
        assert [remark.partition(": ")[0] for remark in house.remarks] == ["what was asked is not told"]


def test_while_a_run_holds_the_job_the_rest_is_compared(twice: Path) -> None:
    """Its journal is not read then, and that is said once."""
    state = State(twice / ".adbatch", "sandbox")
    with state.lock("small", SystemClock().now()), Sides(twice) as house:
        side, _ = house.open(["out", "before"])
        assert side.requests(["a" * 64]) == {}
        assert all(side.picture(part) for part in pictures(side).values())
        assert len(house.remarks) == 1
