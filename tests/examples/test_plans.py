"""Every job a reader may copy, rendered row by row against what the vendors take, and counted. Nothing is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.desk import catalog_of
from runner.feed import Source, read_rows
from runner.job.check import Checked, check
from runner.job.load import ProjectFile, load_job, load_project
from runner.job.plan import Plan
from runner.providers.registry import Catalog

ROOT = Path(__file__).parents[2]

JOBS: dict[str, tuple[int, int, dict[str, int]]] = {
    "jobs/summer-sale.yaml": (
        8,
        96,
        {"headline": 24, "cutout": 8, "scene": 16, "ad": 96, "banner": 96, "message": 24, "teaser": 3},
    ),
    "examples/feed-variants/jobs/banners.yaml": (3, 24, {"headline": 6, "cutout": 3, "scene": 12, "banner": 24}),
    "examples/from-git/jobs/launch.yaml": (3, 12, {"headline": 6, "ad": 12}),
    "examples/http-vendors/jobs/launch.yaml": (2, 2, {"headline": 2, "ad": 2}),
    "examples/cron-refresh/jobs/offers.yaml": (3, 3, {"packshot": 3, "mood": 2, "message": 2}),
}
"""Rows after `where` and `limit`, variants, and different requests by step."""


def lanes(project: ProjectFile) -> Catalog:
    """The accounts of a project, opened."""
    return catalog_of(project)


def pictures(folder: Path) -> Callable[[str], str]:
    """Local pictures as blobs, relative to the job's folder."""
    return lambda path: f"blob:{hashlib.sha256((folder / path).read_bytes()).hexdigest()}"


def checked(name: str, **changes: Any) -> Checked:
    """A check of the job called `name`, with its feed changed by `changes`."""
    path = ROOT / name
    job_file, project = load_job(path), load_project(path)
    feed = job_file.job.feed.model_copy(update=changes)
    job_file = replace(job_file, job=job_file.job.model_copy(update={"feed": feed}))
    plan = Plan(job_file, project, lanes(project).offers, pictures(path.parent))
    file = (path.parent / feed.path).resolve()
    source = Source((file,), (file.name,), key=feed.key, format=feed.format, fields=feed.fields)
    return check(plan, lambda: read_rows(source))


@pytest.mark.parametrize("name", JOBS)
def test_every_row_renders_to_what_the_vendors_take(name):
    """There is nothing to complain of, in any row, and no two results meet on one path."""
    assert [complaint.message for complaint in checked(name).complaints] == []


@pytest.mark.parametrize("name", JOBS)
def test_a_job_asks_as_often_as_it_says(name):
    """Rows, variants and requests per step are those the job's comment tells."""
    found = checked(name)
    assert (found.rows, found.variants, dict(found.requests)) == JOBS[name]
    comment = (ROOT / name).read_text("utf-8").split("version:")[0]
    assert re.search(rf"\b{sum(found.requests.values())} requests", comment)


@pytest.mark.parametrize("name", JOBS)
def test_a_project_file_has_no_mistakes_and_lacks_nothing(name):
    """Its vendors know every setting, and no vendor the job uses lacks one."""
    catalog = lanes(load_project(ROOT / name))
    used = {step.use.partition("/")[0] for step in load_job(ROOT / name).job.steps.values()}
    assert catalog.problems == ()
    assert not used & catalog.lacking.keys()


def test_the_list_of_jobs_is_complete():
    """A job added to jobs/ or examples/ is counted here too."""
    there = [*(ROOT / "jobs").glob("*.yaml"), *(ROOT / "examples").glob("*/jobs/*.yaml")]
    assert sorted(JOBS) == sorted(path.relative_to(ROOT).as_posix() for path in there)


def test_the_demo_works_for_its_whole_catalogue():
    """Without its limit the demo makes all ten products that are in stock and cost less than 50, and nothing is amiss."""
    found = checked("jobs/summer-sale.yaml", limit=None)
    assert (found.complaints, found.rows) == ((), 10)
    assert found.requests["teaser"] == 4
