"""What journals name: bought bytes, pictures that were sent, answers nobody could read, published copies, and what a run read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.journal import Journal, Run
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.records import Artifact, Blob, make_request
from runner.upkeep.holdings import Holdings, blobs_of, copies_of, recent
from runner.verdicts import Done, Held, Link, Lost, Queued, Text

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
PICTURE: Final = Artifact("file", None, None, A, 3, "image/png", 1, 1)
REQUEST: Final = make_request("pen", "text", {"image": f"blob:{A}", "more": [{"mask": f"blob:{B}"}, "blob:none", A]})


@pytest.mark.parametrize(
    ("fact", "names"),
    [
        (Planned(1.0, REQUEST), [A, B]),
        (Sent(1.0, REQUEST.id, "submit"), []),
        (Answered(1.0, REQUEST.id, "submit", Lost("?"), 0, C), [C]),
        (Answered(1.0, REQUEST.id, "submit", Queued("t")), []),
        (
            Answered(1.0, REQUEST.id, "fetch", Done((Held(Blob(A, 3)), Text("x"), Link("https://x.test/"), Held(Blob(B, 3))))),
            [A, B],
        ),
        (Saved(1.0, REQUEST.id, (PICTURE, Artifact("text", text="x"))), [A]),
        (Resolved(1.0, REQUEST.id, "billed", "me", artifacts=(PICTURE,)), [A]),
        (Stopped(1.0, REQUEST.id, "spoiled", "bad"), []),
    ],
)
def test_facts_name_blobs(fact: Fact, names: list[str]) -> None:
    """Every blob that a fact stands for is named, and nothing else that looks like one."""
    assert list(blobs_of(fact)) == names


def test_texts_are_known_by_what_they_are_published_as() -> None:
    """The copy of a text or of JSON counts, with the newline it gets; a file is no copy."""
    found = list(copies_of([PICTURE, Artifact("text", text="Hello"), Artifact("json", data={"a": 1})]))
    assert found == [hashlib.sha256(data).hexdigest() for data in (b"Hello\n", b'{\n  "a": 1\n}\n')]


def run(number: int, ended: bool, **meta: Any) -> Run:
    """A run that told this."""
    return Run(number, float(number), float(number) if ended else None, meta)


@pytest.mark.parametrize(
    ("runs", "counted"),
    [
        ([], []),
        ([run(1, False)], [1]),
        ([run(1, True), run(2, True), run(3, False)], [2, 3]),
        ([run(1, True, inputs={"feed": {}}), run(2, True), run(3, False)], [1, 2, 3]),
        ([run(1, True, inputs={"feed": {}}), run(2, True, inputs={"feed": {}})], [2]),
    ],
)
def test_the_last_run_that_told_counts(runs: list[Run], counted: list[int]) -> None:
    """Runs count from the last one that ended and told what it read."""
    assert [one.number for one in recent(runs)] == counted


def test_a_journal_is_noted(tmp_path: Path) -> None:
    """All of a journal is in the holdings, sorted; what facts name is wanted, what a run read is not insisted on."""
    job: dict[str, Any] = {"inputs": {"job": ["job.yaml", B], "feed": {"files": [[f"{C}.csv.gz", "feed.csv"]]}}, "feed": "d" * 64}
    with Journal.open(tmp_path / "journal.db", "live") as journal, Holdings() as holdings:
        journal.commit([Planned(1.0, REQUEST), Saved(2.0, REQUEST.id, (PICTURE, Artifact("text", text="Hello")))])
        journal.end_run(journal.begin_run(1.0, job), 2.0, job)
        holdings.note(journal)
        copy = hashlib.sha256(b"Hello\n").hexdigest()
        assert sorted(holdings.all()) == list(holdings.all())
        assert dict(holdings.all()) == {A: True, B: True, C: False, "d" * 64: False, copy: False}
        assert A in holdings
        assert "e" * 64 not in holdings
