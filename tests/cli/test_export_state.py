"""`adbatch export-state`: what goes into the archive, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Planned, Saved
from runner.records import Artifact, make_request
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project

REQUEST: Final = make_request("jivox", "text", {"prompt": "mug"})


def bought(root: Path, job: str = "small") -> State:
    """The live state of a project whose job has bought one picture."""
    state = State(root / ".adbatch", "live")
    blob = state.blobs().put(b"a mug")
    artifact = Artifact("file", None, None, blob.sha256, blob.size, "image/png", 1, 1)
    with Journal.open(state.journal(job), "live") as journal:
        journal.commit([Planned(1.0, REQUEST), Saved(2.0, REQUEST.id, (artifact,))])
    return state


@pytest.mark.parametrize("words", [(), ("job.yaml",)])
def test_what_was_exported_is_told(tmp_path: Path, adbatch: Adbatch, words: tuple[str, ...]) -> None:
    """The archive lies where it was run, named by its mode, and a line says what is in it."""
    write_project(tmp_path, COPY)
    bought(tmp_path)
    ended = adbatch("export-state", *words)
    assert (ended.code, ended.out, ended.err) == (0, "adbatch-live.tar: small; 1 request, 1 file, 5 B\n", "")
    assert (tmp_path / "adbatch-live.tar").exists()


def test_only_the_named_jobs_are_exported(tmp_path: Path, adbatch: Adbatch) -> None:
    """Of several journals those of the named jobs; without a name all of them; and JSON says so."""
    write_project(tmp_path, COPY)
    bought(tmp_path)
    bought(tmp_path, "other")
    told = json.loads(adbatch("export-state", "job.yaml", "--json", "--out", "a.tar.gz").out)
    assert told == {"file": "a.tar.gz", "jobs": ["small"], "requests": 1, "files": 1, "size": 5, "missing": 0}
    assert json.loads(adbatch("export-state", "--json").out)["jobs"] == ["other", "small"]


def test_a_job_without_a_journal_is_told(tmp_path: Path, adbatch: Adbatch) -> None:
    """A job that was never run makes an archive of nothing, so that a pipeline can go on, and says so."""
    write_project(tmp_path, COPY)
    ended = adbatch("export-state", "job.yaml", "--sandbox")
    assert (ended.code, ended.out) == (0, "adbatch-sandbox.tar: no job; 0 requests, 0 files, 0 B\n")
    assert ended.err == "small has no journal yet: it has not been run\n"
    assert adbatch("import-state", "adbatch-sandbox.tar", "--sandbox").code == 0


def test_what_is_gone_is_told(tmp_path: Path, adbatch: Adbatch) -> None:
    """Files that the journal names and that are gone are counted."""
    write_project(tmp_path, COPY)
    state = bought(tmp_path)
    for blob in state.blobs().root.glob("*/*"):
        blob.unlink()
    assert "1 file that the journals name: gone from the state folder" in adbatch("export-state").err


def test_jobs_of_two_projects_are_refused(tmp_path: Path, adbatch: Adbatch) -> None:
    """Jobs with different state folders do not go into one archive."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_project(tmp_path / name, COPY)
    ended = adbatch("export-state", "one/job.yaml", "two/job.yaml")
    assert (ended.code, "2 state folders" in ended.err) == (2, True)


def test_a_job_in_use_is_told(tmp_path: Path, adbatch: Adbatch) -> None:
    """While a run holds the job, export ends with 75."""
    write_project(tmp_path, COPY)
    with bought(tmp_path).lock("small", 0.0):
        assert adbatch("export-state").code == 75
    assert not (tmp_path / "adbatch-live.tar").exists()
