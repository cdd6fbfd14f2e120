"""`adbatch import-state`: what was merged, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Answered, Planned, Saved, Sent
from runner.records import Artifact
from runner.verdicts import Done, Text
from tests.cli.conftest import Adbatch
from tests.cli.test_export_state import REQUEST, bought
from tests.projects import COPY, write_project


@pytest.fixture
def archive(tmp_path: Path, adbatch: Adbatch) -> str:
    """An archive of a state folder that is gone."""
    write_project(tmp_path, COPY)
    bought(tmp_path)
    adbatch("export-state")
    shutil.rmtree(tmp_path / ".adbatch")
    return "adbatch-live.tar"


def test_what_was_merged_is_told(tmp_path: Path, adbatch: Adbatch, archive: str) -> None:
    """A fresh checkout gets all of it; the second time nothing is new."""
    ended = adbatch("import-state", archive)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "adbatch-live.tar: 1 job, 1 file new here\n  small: 1 request, 1 of them new\n"
    told = json.loads(adbatch("import-state", archive, "--json").out)
    nothing = {"requests": 1, "new": 0, "better": 0, "twice": 0, "runs": 0}
    assert told == {"file": archive, "jobs": {"small": nothing}, "files": 0, "missing": 0}


def test_what_was_bought_twice_and_what_is_gone_is_told(tmp_path: Path, adbatch: Adbatch, archive: str) -> None:
    """A request that both sides bought is told, and so is a file that nobody has."""
    done = Answered(6.0, REQUEST.id, "submit", Done((Text("x"),)))
    text = Saved(7.0, REQUEST.id, (Artifact("file", None, None, "ab" * 32, 1, "image/png", 1, 1),))
    state = State(tmp_path / ".adbatch", "live")
    with Journal.open(state.journal("small"), "live") as journal:
        journal.commit([Planned(5.0, REQUEST), Sent(6.0, REQUEST.id, "submit"), done, text])
    adbatch("export-state", "--out", "mine.tar")
    shutil.rmtree(tmp_path / ".adbatch")
    with Journal.open(State(tmp_path / ".adbatch", "live").journal("small"), "live") as journal:
        journal.commit([Planned(1.0, REQUEST), Sent(2.0, REQUEST.id, "submit")])
    ended = adbatch("import-state", "mine.tar", archive)
    assert "0 of them new, 1 known better now" in ended.out
    assert "1 request bought, or perhaps bought, on both sides" in ended.out
    assert "1 file that its facts name: neither in it nor here" in ended.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("adbatch-live.tar", "--sandbox"), "which never mix; leave --sandbox out"),
        (("job.yaml",), "job.yaml: cannot be imported: it is cut off"),
        (("none.tar",), "none.tar: cannot be read"),
    ],
)
def test_what_is_none_of_ours_is_refused(adbatch: Adbatch, archive: str, words: tuple[str, ...], why: str) -> None:
    """The other mode's archive, another file, or none ends with 2."""
    ended = adbatch("import-state", *words)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


def test_a_job_in_use_is_told(tmp_path: Path, adbatch: Adbatch, archive: str) -> None:
    """While a run holds the job, import ends with 75 and merges nothing."""
    with State(tmp_path / ".adbatch", "live").lock("small", 0.0):
        assert adbatch("import-state", archive).code == 75
