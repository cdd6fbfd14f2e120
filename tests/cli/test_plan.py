"""`adbatch plan`, and `run --plan`: what is printed where, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.planning.forecast import plan_schema_text
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project
from tests.schemas import misfits


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A small project that was never run."""
    return write_project(tmp_path, COPY)


def test_a_plan_is_data(adbatch: Adbatch, job: Path) -> None:
    """The table goes to stdout and nothing to stderr; nothing to compare with is no failure."""
    ended = adbatch("plan", "job.yaml", "--sandbox")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("small (sandbox): 2 rows, 2 variants; nothing to compare with yet\n")
    assert "requests  2 requests now\n" in ended.out


def test_json_fits_the_schema(adbatch: Adbatch, job: Path) -> None:
    """`--json` prints the document that `adbatch schema plan` describes."""
    ended = adbatch("plan", "job.yaml", "--sandbox", "--json")
    schema = adbatch("schema", "plan")
    assert (ended.code, schema.out) == (0, plan_schema_text())
    assert list(misfits(json.loads(ended.out), json.loads(schema.out))) == []


def test_markdown_is_for_a_comment(adbatch: Adbatch, job: Path) -> None:
    """`--markdown` prints the same for a pull request."""
    assert adbatch("plan", "job.yaml", "--sandbox", "--markdown").out.startswith("### adbatch plan: small\n\n**2 requests now")


def test_a_detailed_exit_code_tells_work_from_failure(adbatch: Adbatch, job: Path) -> None:
    """With `--detailed-exitcode` 0 is nothing to do, 2 is work, and 1 any failure; without it codes are those of every verb."""
    assert adbatch("plan", "job.yaml", "--sandbox", "--detailed-exitcode").code == 2
    assert adbatch("plan", "job.yaml", "--sandbox", "--detailed-exitcode", "--status", "refused").code == 0
    failed = adbatch("plan", "gone.yaml", "--detailed-exitcode")
    assert (failed.code, "no such file" in failed.err) == (1, True)
    assert adbatch("plan", "gone.yaml").code == 2
    job.write_text(job.read_text("utf-8").replace("row.title", "row.titel"), encoding="utf-8")
    assert adbatch("plan", "job.yaml", "--sandbox").code == 2
    assert adbatch("plan", "job.yaml", "--sandbox", "--detailed-exitcode").code == 1


def test_a_plan_can_be_kept_and_done(adbatch: Adbatch, job: Path) -> None:
    """`--out` writes it, `run --plan` does it without naming the job again, and the second time refuses with 2."""
    planned = adbatch("plan", "job.yaml", "--sandbox", "--out", "plan.json")
    assert "the plan is in plan.json" in planned.err
    assert adbatch("run", "--plan", "plan.json", "--quiet").code == 0
    again = adbatch("run", "job.yaml", "--plan", "plan.json", "--quiet")
    assert (again.code, "run 1 was made since" in again.err) == (2, True)


def test_fresh_and_selections_are_planned(adbatch: Adbatch, job: Path) -> None:
    """The options that select are those of a run; a remark about them goes to stderr."""
    ended = adbatch("plan", "job.yaml", "--sandbox", "--only", "row.id == 'mug'", "--fresh", "all")
    assert "requests  1 request now" in ended.out
    assert "there is nothing to do" in adbatch("plan", "job.yaml", "--sandbox", "--status", "failed").err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("run",), "name a job"),
        (("run", "a.yaml", "b.yaml", "--plan", "plan.json"), "--plan is about one job"),
        (("run", "--plan", "plan.json"), "plan.json cannot be read"),
        (("plan", "job.yaml", "--sandbox", "--out", "nowhere/plan.json"), "cannot be written"),
    ],
)
def test_mistakes_of_usage_are_told(adbatch: Adbatch, job: Path, argv: tuple[str, ...], said: str) -> None:
    """What is missing or too much is said, with what to do."""
    ended = adbatch(*argv)
    assert ended.code in (2, 3)
    assert said in ended.err
