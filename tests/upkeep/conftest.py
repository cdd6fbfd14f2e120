"""What the tests of upkeep share: emulated vendors beside the project, and a run that asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runner.edge.rehearsal import Stage
from runner.workflow import Order, Report, run_job
from tests.projects import Listener, open_stage_here


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The emulated vendors; their ledger is under `vendors`."""
    async with open_stage_here(tmp_path / "vendors") as stage:
        yield stage


async def play(path: Path, stage: Stage, **more: Any) -> Report:
    """Run the job."""
    return await run_job(Order(path, sandbox=True, stage=stage, **more), Listener())
