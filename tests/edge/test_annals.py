"""The journal as a whole: read in the order of ids, rewritten in one transaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.edge.annals import Annals
from runner.edge.journal import Run
from runner.facts import Fact, Planned, Sent, Stopped
from runner.records import make_request

REQUESTS = [make_request("pen", "text", {"prompt": f"mug {number}"}) for number in range(2500)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def test_ids_come_sorted(path: Path) -> None:
    """All ids in their own order, however many; or those after one of them."""
    with Annals.open(path, "live") as journal:
        journal.commit([Planned(1.0, request) for request in REQUESTS])
        names = sorted(request.id for request in REQUESTS)
        assert list(journal.ids()) == names
        assert list(journal.ids(names[-3])) == names[-2:]


def test_histories_are_rewritten_whole(path: Path) -> None:
    """A rewritten request has these facts in this order, a new one is added, and the others are as they were; for ever."""
    one, other, third = REQUESTS[:3]
    new: list[Fact] = [Planned(5.0, one), Sent(2.0, one.id, "submit"), Stopped(3.0, one.id, "failed", "why")]
    with Annals.open(path, "live") as journal:
        journal.commit([Planned(1.0, one), Planned(1.0, other), Sent(4.0, one.id, "submit")])
        journal.rewrite({one.id: new, third.id: [Planned(9.0, third)]})
        journal.commit([Sent(9.0, other.id, "submit")])
    with Annals.open(path, "live") as journal:
        histories = journal.histories([one.id, other.id, third.id])
        assert histories[one.id] == new
        assert histories[other.id] == [Planned(1.0, other), Sent(9.0, other.id, "submit")]
        assert histories[third.id] == [Planned(9.0, third)]
        assert journal.examine().facts == 6


def test_a_rewrite_is_all_or_nothing(path: Path) -> None:
    """Where one history cannot be written, none is, and what is written next is found."""
    one, other = REQUESTS[:2]
    with Annals.open(path, "live") as journal:
        journal.commit([Planned(1.0, one)])
        with pytest.raises(AttributeError):
            journal.rewrite({one.id: [Planned(2.0, one)], other.id: [None]})  # type: ignore[list-item]
        assert journal.histories([one.id, other.id]) == {one.id: [Planned(1.0, one)]}
        journal.commit([Planned(3.0, other)])
        assert journal.histories([one.id, other.id]) == {one.id: [Planned(1.0, one)], other.id: [Planned(3.0, other)]}


def test_runs_are_numbered_anew(path: Path) -> None:
    """Runs get the numbers of their order, and the next one goes on from there."""
    with Annals.open(path, "live") as journal:
        journal.end_run(journal.begin_run(5.0, {"rows": 5}), 6.0, {"rows": 5})
        journal.rewrite_runs([Run(0, 1.0, None, {"rows": 1}), *journal.runs()])
        assert journal.begin_run(9.0, {}) == 3
        assert [(run.number, run.started, run.ended, run.meta) for run in journal.runs()[:2]] == [
            (1, 1.0, None, {"rows": 1}),
            (2, 5.0, 6.0, {"rows": 5}),
        ]
