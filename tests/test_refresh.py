"""When a job is due, by a journal that real runs wrote, and what a scheduler is told of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.errors import Invalid, Usage
from runner.facts import Planned, Saved
from runner.records import Artifact, make_request
from runner.refresh import age_in_words, judge, schedule_of
from tests.projects import COPY, SCENE, write_project

ONCE_A_DAY = 'output: {dir: out}\nrefresh: {cron: "15 5 * * *"}\n'
WEEKLY = 'output: {dir: out}\nrefresh: {cron: "0 6 1 1 *", max_age: 7d}\n'
DAY = 86400.0


def at(text: str) -> float:
    """Seconds since the epoch of a moment in UTC."""
    return datetime.fromisoformat(text + "+00:00").timestamp()


NIGHT = at("2026-03-10T05:16:00")


def note_runs(folder: Path, *runs: tuple[float, float | None, Any]) -> None:
    """Runs in the live journal of the job: when each began and ended, and with which code."""
    with Journal.open(State(folder / ".adbatch", "live").journal("small"), "live") as journal:
        for began, ended, code in runs:
            number = journal.begin_run(began, {"rows": 2})
            if ended is not None:
                journal.end_run(number, ended, {"rows": 2, "exit": code})


def note_result(folder: Path, moment: float, prompt: str = "a") -> None:
    """A result that came at this moment."""
    request = make_request("jivox", "text", {"prompt": prompt})
    saved = Saved(moment, request.id, (Artifact("text", "Hello"),))
    with Journal.open(State(folder / ".adbatch", "live").journal("small"), "live") as journal:
        journal.commit([Planned(moment, request, step="copy"), saved])


def test_a_job_that_was_never_run_is_due_and_gets_no_folder(tmp_path: Path) -> None:
    """Nothing is known of it; looking makes no state folder."""
    verdict = judge(write_project(tmp_path, top=ONCE_A_DAY), None, NIGHT)
    assert (verdict.due, verdict.why, verdict.last) == (True, "no run has ended yet", None)
    assert str(verdict.next) == "2026-03-11 05:15:00+00:00"
    assert not (tmp_path / ".adbatch").exists()


@pytest.mark.parametrize(
    ("began", "code", "due", "why"),
    [
        (NIGHT - 30, 0, False, "the last run began 2026-03-10 05:15 UTC"),
        (NIGHT - 60, 0, False, "the last run began 2026-03-10 05:15 UTC"),
        (NIGHT - 61, 0, True, "2026-03-10 05:15 UTC has passed since the last run began"),
        (NIGHT - DAY, 0, True, "2026-03-10 05:15 UTC has passed since the last run began"),
        (NIGHT - 30, 4, False, "the last run began 2026-03-10 05:15 UTC"),
        (NIGHT - 30, 6, True, "the last run ended with 6 (deadline reached; jobs still queued at a vendor, nothing lost)"),
        (NIGHT - 30, 143, True, "the last run ended with 143 (terminated, resumable)"),
    ],
)
def test_due_by_cron(tmp_path: Path, began: float, code: int, due: bool, why: str) -> None:
    """A moment counts that lies after the beginning of the last run that ended; an unfinished run is gone on with."""
    path = write_project(tmp_path, top=ONCE_A_DAY)
    note_runs(tmp_path, (began, began + 5, code))
    verdict = judge(path, None, NIGHT)
    assert (verdict.due, verdict.why) == (due, why)
    assert verdict.last is not None
    assert verdict.last.timestamp() == began


def test_a_run_that_did_not_end_does_not_count(tmp_path: Path) -> None:
    """A run that was killed leaves the job as due as it was."""
    path = write_project(tmp_path, top=ONCE_A_DAY)
    note_runs(tmp_path, (NIGHT - DAY, NIGHT - DAY + 5, 0), (NIGHT - 10, None, None))
    assert judge(path, None, NIGHT).due


def test_a_run_with_a_wrong_clock_does_not_put_off_the_next(tmp_path: Path) -> None:
    """A run of a later day leaves the job due, and says why; once a run has begun in time, that one counts."""
    path = write_project(tmp_path, top=ONCE_A_DAY)
    note_runs(tmp_path, (NIGHT + 1000 * DAY, NIGHT + 1000 * DAY + 5, 0))
    verdict = judge(path, None, NIGHT)
    assert (verdict.due, verdict.why.endswith(" UTC, which is still to come: a clock was wrong")) == (True, True)
    note_runs(tmp_path, (NIGHT - 30, NIGHT - 25, 0))
    assert not judge(path, None, NIGHT).due
    assert judge(path, None, NIGHT + DAY).due


@pytest.mark.parametrize(("selection", "due"), [({"limit": 1}, True), ({"only": "row.id == 'a'"}, True), ({"shard": "1/2"}, False)])
def test_a_run_of_a_few_rows_does_not_count(tmp_path: Path, selection: dict[str, Any], due: bool) -> None:
    """Somebody's try in the afternoon is not the night's run; a machine's own share is all that this machine has to do."""
    path = write_project(tmp_path, top=ONCE_A_DAY)
    note_runs(tmp_path, (NIGHT - DAY, NIGHT - DAY + 5, 0))
    with Journal.open(State(tmp_path / ".adbatch", "live").journal("small"), "live") as journal:
        journal.end_run(journal.begin_run(NIGHT - 30, {}), NIGHT - 25, {"exit": 0, "manifest": {"selection": selection}})
    assert judge(path, None, NIGHT).due is due


def test_due_in_its_own_zone(tmp_path: Path) -> None:
    """Five in the morning is Berlin's where the job says so, and so are the moments that are told."""
    top = 'output: {dir: out}\nrefresh: {cron: "15 5 * * *", timezone: Europe/Berlin}\n'
    path = write_project(tmp_path, top=top)
    verdict = judge(path, None, NIGHT)
    assert str(verdict.next) == "2026-03-11 05:15:00+01:00"


@pytest.mark.parametrize(
    ("results", "due"),
    [
        ([NIGHT - 8 * DAY], True),
        ([NIGHT - 6 * DAY], False),
        ([NIGHT - 8 * DAY, NIGHT - DAY], False),
        ([NIGHT - 20 * DAY], False),
    ],
)
def test_due_by_age(tmp_path: Path, results: list[float], due: bool) -> None:
    """A result makes the job due once it grows too old; one that a later run left as it was, or that was renewed, does not."""
    path = write_project(tmp_path, top=WEEKLY)
    note_runs(tmp_path, (NIGHT - 5 * DAY, NIGHT - 5 * DAY + 5, 0))
    for moment in results:
        note_result(tmp_path, moment)
    verdict = judge(path, None, NIGHT)
    assert verdict.due is due
    if due:
        assert verdict.why == "a result has grown older than max_age (7d) since the last run began"
    elif results == [NIGHT - 6 * DAY]:
        assert verdict.next is not None
        assert verdict.next.timestamp() == NIGHT + DAY


def test_a_run_at_work_is_not_started_again(tmp_path: Path) -> None:
    """While a run holds the job it is not due, and who holds it is told."""
    path = write_project(tmp_path, top=ONCE_A_DAY)
    note_runs(tmp_path)
    with State(tmp_path / ".adbatch", "live").lock("small", NIGHT):
        verdict = judge(path, None, NIGHT)
    assert not verdict.due
    assert verdict.why.startswith("a run is at work: job small is held by process")


def test_a_job_that_never_says_when(tmp_path: Path) -> None:
    """Without refresh: there is nothing to be due, and the remedy is told; mistakes are told as everywhere."""
    with pytest.raises(Usage, match=r"has no refresh:, so it is never due; say when in the job"):
        judge(write_project(tmp_path), None, NIGHT)
    with pytest.raises(Usage, match="has no refresh:"):
        schedule_of(tmp_path / "job.yaml", Path("/bin/adbatch"), NIGHT)
    with pytest.raises(Invalid, match="is not a cron schedule"):
        judge(write_project(tmp_path, top='output: {dir: out}\nrefresh: {cron: "61 5 * * *"}\n'), None, NIGHT)


@pytest.mark.parametrize(("seconds", "told"), [(604800, "7d"), (43200, "12h"), (5400, "90m"), (45, "45s")])
def test_ages_are_told_as_a_job_says_them(seconds: int, told: str) -> None:
    """The largest unit that leaves no rest."""
    assert age_in_words(seconds) == told


PROJECT = """\
version: 1
providers:
  jivox: {account: "1042", key: {file: /run/secrets/jivox}}
  placewise: {club: my-mall}
notify: {ping: {env: PING_URL}, webhook: "https://hooks.example/adbatch"}
"""


def test_what_a_scheduler_is_told(tmp_path: Path) -> None:
    """Absolute paths, the job's own time and zone, and the keys of the accounts that this job uses, by name."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    path = write_project(folder, COPY + SCENE, ONCE_A_DAY, PROJECT)
    told = schedule_of(path, Path("/bin/adbatch"), NIGHT)
    assert (told.name, told.job, told.root, told.output) == ("small", path, folder, folder / "out")
    assert (told.timetable.cron, told.timetable.zone, told.jitter) == ("15 5 * * *", "UTC", 300)
    assert told.keys == ("VYRO_API_KEY", "PING_URL")
    assert dict(told.key_files) == {"JIVOX_KEY": "/run/secrets/jivox"}
    assert (told.env_file, told.repository, told.folder) == ("/etc/adbatch/small.env", tmp_path, "project")
    assert schedule_of(path, Path("/bin/adbatch"), NIGHT, "/keys", "image:1").env_file == "/keys"
