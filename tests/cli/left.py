"""A project that was run once in the sandbox, for verbs that read what runs left."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runner.workflow import Order, run_job
from tests.projects import COPY, SCENE, Listener, open_stage_here, write_project


def leave_results(folder: Path, steps: str = COPY + SCENE) -> Path:
    """The job of a small project in `folder` after a sandbox run."""

    async def run() -> None:
        async with open_stage_here(folder / ".adbatch" / "sandbox" / "vendors") as stage:
            report = await run_job(Order(path, sandbox=True, stage=stage), Listener())
            assert report.told.exit_code == 0

    path = write_project(folder, steps)
    asyncio.run(run())
    return path
