"""A small job run twice in between edits, and committed each time."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from runner.workflow import Order, run_job
from tests.edge.test_git import git
from tests.projects import COPY, Listener, open_stage_here, write_project
from tests.report.conftest import chromium, visit

__all__ = ["chromium", "visit"]

SCENE = """\
  scene:
    use: vyro/text-to-image
    with: {prompt: "{{ row.title }} on a beach", style: realistic, seed: 7}
    save: "{{ row.id }}/scene"
"""


@pytest.fixture(scope="package")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder: `out` of the second run, `before` a copy of the first's, `v1` and `v2` tags of both.

    Between them the mug became a blue one, the hat left the feed and a cup came.
    """
    folder = tmp_path_factory.mktemp("twice")
    git(folder, "init", "--quiet")
    job = write_project(folder, COPY + SCENE)

    async def run() -> None:
        async with open_stage_here(folder / "vendors") as stage:
            await run_job(Order(job, sandbox=True, stage=stage), Listener())

    for tag, feed in (("v1", "mug,Mug\nhat,Hat\n"), ("v2", "mug,Blue mug\ncup,Cup\n")):
        (folder / "feed.csv").write_text(f"id,title\n{feed}", encoding="utf-8")
        asyncio.run(run())
        git(folder, "add", "job.yaml", "feed.csv", "out")
        git(folder, "commit", "--quiet", "--message", tag)
        git(folder, "tag", tag)
        if tag == "v1":
            shutil.copytree(folder / "out", folder / "before")
    return folder
