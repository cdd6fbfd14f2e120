"""`adbatch report` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import adbatch
from runner.errors import AdbatchError, Usage
from runner.workflow import Order, run_job
from tests.projects import Listener, open_stage_here, write_project


@pytest.fixture
async def job(tmp_path: Path) -> Path:
    """A small job after its sandbox run."""
    path = write_project(tmp_path)
    async with open_stage_here(tmp_path / "vendors") as stage:
        await run_job(Order(path, sandbox=True, stage=stage), Listener())
    return path


def report(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    done = CliRunner().invoke(adbatch, ["report", *words])
    if isinstance(done.exception, AdbatchError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_it_prints_where_the_page_is(job: Path) -> None:
    """The path is data on stdout; what was made, or that nothing has changed, is narration."""
    code, given, said = report(str(job), "--sandbox")
    assert (code, given) == (0, f"{job.parent}/out/report/index.html\n")
    assert "2 variants, 0 pictures" in said
    assert "nothing has changed" in report(str(job), "--sandbox")[2]


def test_it_goes_where_it_is_wanted(job: Path) -> None:
    """A folder of its own, or one file."""
    assert report(str(job), "--sandbox", "--out", str(job.parent / "mail"))[1] == f"{job.parent}/mail/index.html\n"
    assert report(str(job), "--sandbox", "--single-file", str(job.parent / "mail.html"))[1] == f"{job.parent}/mail.html\n"


@pytest.mark.parametrize(
    "words", [("--out", "a", "--single-file", "b"), ("--serve", "--out", "a"), ("--serve", "--single-file", "b")]
)
def test_options_that_contradict_each_other_are_refused(job: Path, words: tuple[str, ...]) -> None:
    """One form at a time."""
    with pytest.raises(Usage, match=r"--out|--serve"):
        report(str(job), "--sandbox", *words)
