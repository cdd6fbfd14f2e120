"""`adbatch status`: where the jobs stand, on a terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Answered, Planned, Sent
from runner.records import make_request
from runner.verdicts import Lost
from tests.cli.conftest import Adbatch
from tests.projects import write_project
from tests.staging import play, write_pictured


def write_jobs(folder: Path) -> None:
    """A project with two jobs in its `jobs` folder."""
    path = write_project(folder)
    (folder / "jobs").mkdir()
    text = path.read_text().replace("{path: feed.csv}", "{path: ../feed.csv}").replace("{dir: out}", "{dir: ../out/small}")
    (folder / "jobs/a.yaml").write_text(text)
    (folder / "jobs/b.yaml").write_text(text.replace("name: small", "name: other").replace("out/small", "out/other"))
    path.unlink()


def test_a_job_after_its_run_is_told_in_a_dozen_lines(tmp_path: Path, adbatch: Adbatch) -> None:
    """Counts, lanes, budget, the run with its end, what is due and the results, each on its line."""
    play(write_pictured(tmp_path))
    told = adbatch("status", "job.yaml", "--sandbox")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[0] == "small  (job.yaml, sandbox)"
    assert lines[1:6] == [
        "  asked    copy: jivox/text: 2 done",
        "  asked    cutout: jivox/remove-background: 2 done",
        "  asked    scene: vyro/ai-background: 4 done",
        "  lane     jivox: 8 at once",
        "  lane     vyro: 50 in 1 min, 8 at once",
    ]
    assert lines[6] == "  budget   100 requests a run (job)"
    assert lines[7].startswith("  run      1  2")
    assert lines[7].endswith("; 8 sent, 8 of unknown price; exit 0: all done, or nothing to do")
    assert lines[8].startswith("  due      not yet: the last run began ")
    assert lines[9:] == ["  output   out/: results.jsonl is as the last run wrote it"]
    (job,) = json.loads(adbatch("status", "job.yaml", "--sandbox", "--json").out)["jobs"]
    assert job["steps"][0] == {"step": "copy", "use": "jivox/text", "counts": {"done": 2}, "queued_since": None, "at_most": None}
    assert (job["mode"], job["runs"][0]["sent"], job["held"]) == ("sandbox", 8, None)
    live = adbatch("status", "job.yaml").out
    assert "never run live; its sandbox runs: adbatch status job.yaml --sandbox" in live
    assert "out/: holds the results of sandbox runs" in live


def test_without_a_job_all_of_the_project_are_told(tmp_path: Path, adbatch: Adbatch) -> None:
    """All jobs in `jobs` are told, a blank line between them; one that is wrong does not hide the others."""
    write_jobs(tmp_path)
    told = adbatch("status")
    assert told.code == 0
    assert [part.splitlines()[0] for part in told.out.split("\n\n")] == ["small  (jobs/a.yaml, live)", "other  (jobs/b.yaml, live)"]
    assert told.out.count("never run") == 2
    (tmp_path / "jobs/a.yaml").write_text("version: 1\n")
    told = adbatch("status")
    assert told.code == 2
    assert "jobs/a.yaml:1" in told.err
    assert told.out.startswith("other  (jobs/b.yaml, live)\n")
    assert not (tmp_path / ".adbatch").exists()


def test_a_folder_without_jobs_says_what_to_do(adbatch: Adbatch) -> None:
    """Where there is no job, one is to be named."""
    told = adbatch("status")
    assert (told.code, told.err) == (2, "adbatch: jobs holds no job; name one: adbatch status JOB\n")


def test_what_is_uncertain_comes_with_its_remedy(tmp_path: Path, adbatch: Adbatch) -> None:
    """Uncertain requests are told with the most they can cost and the command that settles them; a killed run as such."""
    write_project(tmp_path)
    request = make_request("jivox", "text", {"prompt": "Headline for Mug"})
    state = State(tmp_path / ".adbatch", "live")
    with Journal.open(state.journal("small"), "live") as journal:
        lost = Answered(3.0, request.id, "submit", Lost("reset"))
        journal.commit([Planned(1.0, request, step="copy"), Sent(2.0, request.id, "submit"), lost])
        journal.begin_run(1.0, {})
    told = adbatch("status", "job.yaml").out
    assert "  asked    copy: jivox/text: 1 uncertain (at most 1 submit of unknown price)\n" in told
    assert "settle what is uncertain: adbatch resolve job.yaml\n" in told
    assert "run      1  1970-01-01T00:00:01Z  did not end (killed, or stopped by a failure on our side)" in told


def test_a_job_that_runs_says_who_runs_it(tmp_path: Path, adbatch: Adbatch) -> None:
    """While the job is held its holder is told, and the command succeeds."""
    write_project(tmp_path)
    with State(tmp_path / ".adbatch", "live").lock("small", 5.0):
        told = adbatch("status", "job.yaml")
    assert told.code == 0
    assert "runs     since 1970-01-01T00:00:05Z, by process " in told.out
    assert "its counts are told when that has ended" in told.out
