"""`adbatch prune`: shown first, removed when told to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.edge.state import State
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A retired file of the year 2001, in a project without a run."""
    write_project(tmp_path, COPY)
    path = tmp_path / "out/.retired/hat/copy.txt"
    path.parent.mkdir(parents=True)
    path.write_text("a hat")
    os.utime(path, (1e9, 1e9))
    return path


def test_it_is_shown_before_it_is_removed(old: Path, adbatch: Adbatch) -> None:
    """Without --yes nothing is touched and the command to remove it is told; with it, it is gone."""
    ended = adbatch("prune", "job.yaml", "--older", "30d")
    told = "retired files:  1 file, 5 B, since 2001-09-09\nfeed snapshots: none\nblobs:          none\n"
    assert (ended.code, ended.out) == (0, told)
    assert ended.err == "nothing was removed; to remove it: adbatch prune job.yaml --older 30d --yes\n"
    assert old.exists()
    ended = adbatch("prune", "job.yaml", "--older", "30d", "--yes")
    assert (ended.code, ended.out, ended.err) == (0, told, "removed\n")
    assert not old.parent.exists()
    assert adbatch("prune", "job.yaml", "--yes").err == ""


def test_json_tells_the_same(old: Path, adbatch: Adbatch) -> None:
    """As JSON: files, bytes, and the times of oldest and newest."""
    told = json.loads(adbatch("prune", "job.yaml", "--json").out)
    nothing = {"files": 0, "bytes": 0, "oldest": None, "newest": None}
    heap = {"files": 1, "bytes": 5, "oldest": "2001-09-09T01:46:40Z", "newest": "2001-09-09T01:46:40Z"}
    assert told == {"retired": heap, "feeds": nothing, "blobs": nothing, "left": None, "removed": False}


def test_a_state_folder_in_use_is_left_alone(tmp_path: Path, old: Path, adbatch: Adbatch) -> None:
    """While another job is in use only retired files are looked at; while this one is, nothing."""
    state = State(tmp_path / ".adbatch", "live")
    with state.lock("other", 0.0):
        assert "the state folder was left alone: job other is in use" in adbatch("prune", "job.yaml").err
    with state.lock("small", 0.0):
        assert adbatch("prune", "job.yaml", "--yes").code == 75
    assert old.exists()


@pytest.mark.parametrize("older", ["30", "soon", "0d"])
def test_what_is_no_duration_is_refused(old: Path, adbatch: Adbatch, older: str) -> None:
    """--older wants a duration."""
    ended = adbatch("prune", "job.yaml", "--older", older)
    assert (ended.code, "--older" in ended.err) == (2, True)
