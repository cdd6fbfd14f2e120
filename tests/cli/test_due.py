"""`adbatch due`: exit codes for a shell, a line for a person, JSON for a program."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from runner.edge.clock import SystemClock
from runner.edge.journal import Journal
from runner.edge.state import State
from tests.cli.conftest import Adbatch
from tests.projects import write_project

TOP = 'output: {dir: out}\nrefresh: {cron: "0 0 1 1 *"}\n'


def note_run(folder: Path) -> datetime:
    """A run that began just now and has ended, in the sandbox's journal; when that was."""
    began = SystemClock().now()
    with Journal.open(State(folder / ".adbatch", "sandbox").journal("small"), "sandbox") as journal:
        journal.end_run(journal.begin_run(began, {}), began, {"exit": 0})
    return datetime.fromtimestamp(began, UTC)


def test_due_or_not(tmp_path: Path, adbatch: Adbatch) -> None:
    """0 and a reason where a run is due, 1 where none is; live and sandbox are asked apart; quiet says nothing."""
    write_project(tmp_path, top=TOP)
    ended = adbatch("due", "job.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(r"small: due; no run has ended yet; next \d{4}-01-01 00:00 UTC\n", ended.out)
    began = note_run(tmp_path)
    assert adbatch("due", "job.yaml", "--quiet") == type(ended)(0, "", "")
    ended = adbatch("due", "job.yaml", "--sandbox")
    assert ended.code == 1
    assert ended.out.startswith(f"small: not due; the last run began {began:%Y-%m-%d %H:%M} UTC; next ")
    assert adbatch("due", "job.yaml", "--sandbox", "--quiet") == type(ended)(1, "", "")


def test_as_json(tmp_path: Path, adbatch: Adbatch) -> None:
    """What is told is told to programs too, with moments they can read; one due job is enough for 0."""
    write_project(tmp_path, top=TOP)
    began = note_run(tmp_path)
    (tmp_path / "other.yaml").write_text((tmp_path / "job.yaml").read_text().replace("name: small", "name: other"))
    ended = adbatch("due", "job.yaml", "other.yaml", "--sandbox", "--json")
    one, other = json.loads(ended.out)["jobs"]
    assert ended.code == 0
    assert set(one) == {"job", "path", "due", "why", "last", "next"}
    assert (one["due"], one["last"], other["due"], other["last"]) == (False, began.isoformat(timespec="seconds"), True, None)


def test_mistakes(tmp_path: Path, adbatch: Adbatch) -> None:
    """A job that never says when, or that is wrong, ends with 2 and its remedy."""
    write_project(tmp_path)
    ended = adbatch("due", "job.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert "job.yaml has no refresh:, so it is never due" in ended.err
    assert adbatch("due", "jop.yaml").code == 2
