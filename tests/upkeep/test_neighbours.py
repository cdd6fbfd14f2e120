"""Two jobs do not share an output folder; one job that was renamed, moved or sent elsewhere is not two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.edge.rehearsal import Stage
from runner.errors import Usage
from runner.planning.forecast import Question, make_forecast
from tests.projects import billed, write_project
from tests.upkeep.conftest import play


def write_other(path: Path) -> Path:
    """A copy of the job beside it, under another name, that asks for something else."""
    other = path.with_name("other.yaml")
    other.write_text(path.read_text("utf-8").replace("name: small", "name: other").replace("Headline", "Slogan"), "utf-8")
    return other


def files_in(folder: Path) -> list[Path]:
    """Everything in the output folder."""
    return sorted(folder.glob("out/**/*"))


async def test_the_folder_of_another_job_is_left_alone(tmp_path: Path, stage: Stage) -> None:
    """A job that was copied with its output.dir is refused before anything is sent or moved; the plan says so too."""
    path = write_project(tmp_path)
    await play(path, stage)
    found, paid, other = files_in(tmp_path), billed(tmp_path / "vendors"), write_other(path)
    forecast = await make_forecast(Question(other, stage))
    with pytest.raises(Usage, match=r"out is where job small \(job\.yaml\) publishes.*give one of them another output") as refused:
        await play(other, stage)
    assert str(refused.value) in forecast.document["notes"]
    assert (files_in(tmp_path), billed(tmp_path / "vendors")) == (found, paid)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text("utf-8").replace("dir: out", "dir: elsewhere"), "utf-8"),
        lambda path: path.write_text(path.read_text("utf-8").replace("name: small", "name: third"), "utf-8"),
        lambda path: path.write_text("version: 1\n", "utf-8"),
    ],
    ids=["gone", "elsewhere", "renamed", "broken"],
)
async def test_who_left_the_folder_is_no_neighbour(tmp_path: Path, stage: Stage, change: Callable[[Path], object]) -> None:
    """Where no job says any more that it publishes here, another may."""
    path = write_project(tmp_path)
    await play(path, stage)
    other = write_other(path)
    change(path)
    assert (await play(other, stage)).told.exit_code == 0
