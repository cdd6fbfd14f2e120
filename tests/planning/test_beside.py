"""The check beside something else: the same mistakes, whether in this process or in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.desk import Desk, load_files, open_desk
from runner.errors import Invalid, Usage
from runner.feed import Source
from runner.planning.beside import LARGE, checked_beside
from tests.projects import COPY, said, write_project

WRONG = COPY.replace("row.title", "row.titel")


def desk_of(folder: Path, steps: str) -> tuple[Desk, Source]:
    """The desk of a small job, and its feed."""
    desk = open_desk(load_files(write_project(folder, steps)))
    return desk, desk.source((folder / "feed.csv",), ("feed.csv",))


@pytest.mark.parametrize("size", [0, LARGE])
def test_what_is_wrong_is_told_once_the_other_work_is_done(tmp_path: Path, size: int) -> None:
    """A right feed passes; a wrong row ends the block with its complaint, from this process and from another one."""
    with checked_beside(*desk_of(tmp_path, COPY), None, size):
        pass
    done = []
    with pytest.raises(Invalid) as wrong, checked_beside(*desk_of(tmp_path, WRONG), None, size):
        done.append("the other work")
    assert len(said(wrong.value)) == 1
    assert "row has no titel" in said(wrong.value)[0]
    assert bool(done) == (size >= LARGE)


def test_a_job_that_is_edited_meanwhile_is_noticed(tmp_path: Path) -> None:
    """The other process reads the files again; if they are others, nothing it says would be about this plan."""
    desk, source = desk_of(tmp_path, COPY)
    (tmp_path / "job.yaml").write_text((tmp_path / "job.yaml").read_text("utf-8") + "# edited\n", encoding="utf-8")
    with pytest.raises(Usage, match="was edited meanwhile"), checked_beside(desk, source, None, LARGE):
        pass
