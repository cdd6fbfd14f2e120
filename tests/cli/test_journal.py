"""`adbatch journal`: whole or damaged, told and recovered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Answered, Planned, Sent
from runner.records import make_request
from runner.verdicts import Queued
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project

REQUEST = make_request("jivox", "text", {"prompt": "mug"})


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a project's job, with one queued request and two that are only planned."""
    write_project(tmp_path, COPY)
    path = State(tmp_path / ".adbatch", "sandbox").journal("small")
    more = [Planned(4.0, make_request("jivox", "text", {"prompt": "x" * 5000, "n": n})) for n in range(2)]
    queued = Answered(3.0, REQUEST.id, "submit", Queued("t-1"))
    with Journal.open(path, "sandbox") as opened:
        opened.commit([Planned(1.0, REQUEST), Sent(2.0, REQUEST.id, "submit"), queued, *more])
    return path


@pytest.mark.parametrize("words", [(), ("job.yaml",)])
def test_a_whole_journal_is_counted(journal: Path, adbatch: Adbatch, words: tuple[str, ...]) -> None:
    """`check` tells what every journal of the project, or of the job, holds, and ends with 0."""
    ended = adbatch("journal", "check", *words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("sandbox/jobs/small/journal.db: whole, 3 requests, 5 facts, 0 runs, 0 uncertain\n")


def test_a_damaged_journal_is_told(journal: Path, adbatch: Adbatch) -> None:
    """`check` ends with 3 for a damaged journal and names the way out."""
    os.truncate(journal, 9000)
    ended = adbatch("journal", "check")
    assert (ended.code, ended.out) == (3, "")
    assert "adbatch journal recover" in ended.err


def test_a_journal_in_use_is_told(journal: Path, adbatch: Adbatch) -> None:
    """While a run has the journal open, `check` ends with 75."""
    with Journal.open(journal, "sandbox"):
        ended = adbatch("journal", "check")
    assert ended.code == 75
    assert "another process has this journal open" in ended.err


def test_a_job_without_a_journal_is_told(tmp_path: Path, adbatch: Adbatch) -> None:
    """A job that was never run has nothing to check or recover; a project without journals is fine."""
    write_project(tmp_path, COPY)
    assert "it has not been run" in adbatch("journal", "check", "job.yaml").err
    assert adbatch("journal", "recover", "job.yaml").code == 3
    assert adbatch("journal", "check").code == 0


def test_a_whole_journal_is_not_recovered(journal: Path, adbatch: Adbatch) -> None:
    """`recover` of a whole journal says so and writes nothing."""
    ended = adbatch("journal", "recover", "job.yaml", "--sandbox", "--yes")
    assert (ended.code, ended.out) == (0, f"{journal}: whole; nothing to recover\n")


def test_recovery_copies_and_swaps_only_on_demand(journal: Path, adbatch: Adbatch) -> None:
    """`recover` leaves the damaged journal and says what was found; `--yes` puts the new one in its place and keeps the old."""
    journal.write_bytes(bytes(4096) + journal.read_bytes()[4096:])
    damaged = journal.read_bytes()
    ended = adbatch("journal", "recover", "job.yaml", "--sandbox")
    assert ended.code == 0
    assert "recovered 3 requests, 9 facts, 0 runs" in ended.out
    assert "2 requests may have been bought in what is lost; they are uncertain now: adbatch resolve" in ended.out
    assert "adbatch journal recover job.yaml --sandbox --yes" in ended.out
    assert journal.read_bytes() == damaged
    ended = adbatch("journal", "recover", "job.yaml", "--sandbox", "--yes")
    assert (ended.code, "journal.db.damaged-1" in ended.out) == (0, True)
    assert journal.with_name("journal.db.damaged-1").read_bytes() == damaged
    assert adbatch("journal", "check").out.endswith("whole, 3 requests, 9 facts, 0 runs, 2 uncertain\n")
