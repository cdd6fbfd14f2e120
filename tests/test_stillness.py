"""Nothing has moved exactly if the journal, the last run's note and results.jsonl are as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.causes import Cause
from runner.edge.blobs import Blobs
from runner.edge.journal import Run
from runner.edge.outputs import Outputs, result_line
from runner.loom import Outcome
from runner.records import Artifact
from runner.results import Results
from runner.stillness import Rest, Restlessness, find_rest, note_rest, read_rest

FILE = {"path": "a/b.png", "sha256": "ab" * 32, "bytes": 3, "media_type": "image/png"}
TEXT = {"path": "a.txt", "sha256": "cd" * 32, "bytes": 2, "media_type": "text/plain"}
DATA = {"path": "a.json", "sha256": "ef" * 32, "bytes": 12, "media_type": "application/json"}
LINES: list[dict[str, Any]] = [
    {"key": "a|1", "steps": {"it": {"status": "done", "files": [FILE]}, "copy": {"status": "done", "text": '"files":['}}},
    {"key": "b|1", "steps": {"it": {"status": "refused"}}},
    {"key": "c|1", "steps": {"it": {"text": "a", "files": [TEXT]}, "as": {"json": {"a": 1}, "files": [DATA]}}},
]


def results_in(folder: Path) -> Results:
    """Three lines, written for real."""
    file = Outputs(folder / "out", Blobs(folder / "blobs")).write_results(map(result_line, LINES))
    return Results({"done": 1, "refused": 1}, (Cause("it", "refused", "no", "pen"),), file)


def run_with(results: Results, **more: Any) -> Run:
    """A run that ended and noted that it left all at rest when the journal had seven facts."""
    return replace(Run(1, 1.0, 2.0, {"rest": note_rest(results, {"pen": 2}, 5.0, 7)}), **more)


def test_what_was_noted_is_found(tmp_path: Path) -> None:
    """A note read again says what was told, and that all requests are settled."""
    results = results_in(tmp_path)
    assert find_rest([run_with(results)], 7) == Rest(7, 5.0, results, Counter(pen=2))


@pytest.mark.parametrize(
    ("change", "facts"), [({}, 8), ({"ended": None}, 7), ({"meta": {}}, 7), ({"meta": {"rest": None}}, 7)], ids=str
)
def test_a_journal_that_went_on_is_not_at_rest(tmp_path: Path, change: dict[str, Any], facts: int) -> None:
    """A fact more, a run that was killed, or one that noted nothing: then there is no rest."""
    results = results_in(tmp_path)
    assert find_rest([run_with(results), run_with(results, **change)], facts) is None
    assert find_rest([], 0) is None


def test_files_are_read_from_the_lines(tmp_path: Path) -> None:
    """Where results.jsonl is as it was, the files that its lines name are given with their digests."""
    results = results_in(tmp_path)
    lines = read_rest(tmp_path / "out", results.file)
    assert lines is not None
    assert list(lines) == [
        ("a/b.png", Artifact("file", sha256="ab" * 32, size=3)),
        ("a.json", Artifact("json", None, {"a": 1}, "ef" * 32, 12)),
        ("a.txt", Artifact("text", "a", None, "cd" * 32, 2)),
    ]


def swap(path: Path) -> None:
    """As many bytes, one of them another."""
    path.write_bytes(path.read_bytes().replace(b"refused", b"REFUSED"))


def link(path: Path) -> None:
    """A link to the very bytes."""
    path.symlink_to(path.rename(path.with_name("real")))


@pytest.mark.parametrize("move", [Path.unlink, swap, link, lambda path: path.write_bytes(b"")])
def test_results_that_moved_are_not_believed(tmp_path: Path, move: Callable[[Path], object]) -> None:
    """Removed, edited, emptied or replaced by a link: nothing is read from them."""
    results = results_in(tmp_path)
    move(tmp_path / "out" / "results.jsonl")
    assert read_rest(tmp_path / "out", results.file) is None


@pytest.mark.parametrize(
    ("outcome", "restless"),
    [
        (Outcome("done", None, (Artifact("text", text="x"),), at=3.0), False),
        (Outcome("failed", None, (Artifact("text", text="x"),), "not as expected", at=3.0), False),
        (Outcome("refused", why="no"), False),
        (Outcome("skipped"), False),
        (Outcome("blocked"), False),
        (Outcome("failed", why="not sent"), True),
        (Outcome("uncertain"), True),
        (Outcome("waiting", left=True), True),
        (Outcome("queued", left=True), True),
    ],
    ids=lambda value: value.status if isinstance(value, Outcome) else "",
)
def test_what_may_go_otherwise_is_restless(outcome: Outcome, restless: bool) -> None:
    """What a run would go on with, what failed on our side and what is uncertain leave no rest; the oldest result is remembered."""
    notes = Restlessness()
    notes.see(Outcome("done", None, (Artifact("text", text="y"),), at=9.0))
    notes.see(outcome)
    assert notes.is_restless is restless
    assert notes.oldest == (3.0 if outcome.artifacts else 9.0)
