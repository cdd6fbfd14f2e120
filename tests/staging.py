"""A small project that was run once on emulated vendors, for whoever reads what a run leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from PIL import Image

from runner.edge.rehearsal import Stage
from runner.workflow import Order, Report, run_job
from tests.projects import COPY, Listener, open_stage_here, write_project

CUTOUT: Final = """\
  cutout:
    use: jivox/remove-background
    with: {image: "{{ row.picture }}"}
  scene:
    use: vyro/ai-background
    with: {image: "{{ steps.cutout.file }}", prompt: "{{ row.title | upper }} on a {{ vars.place }}", seed: "{{ seed }}"}
"""
TOP: Final = """\
output: {dir: out}
vars: {place: beach}
matrix:
  size:
    - {name: small, width: 3}
    - {name: large, width: 4}
budget: {requests: 100}
refresh: {cron: "0 6 * * *"}
"""


def write_pictured(folder: Path, steps: str = COPY + CUTOUT, top: str = TOP) -> Path:
    """The job of a project with a picture for each of its two rows, two cells, and three steps of which one reads another."""
    for name, colour in (("mug", "red"), ("hat", "blue")):
        Image.new("RGB", (64, 64), colour).save(folder / f"{name}.png")
    return write_project(folder, steps, top)


def play(path: Path, **settings: Any) -> tuple[Report, Stage]:
    """Run the job once in the sandbox; the vendors are gone afterwards, what they were is told."""

    async def run() -> tuple[Report, Stage]:
        async with open_stage_here(path.parent / ".adbatch/sandbox/vendors", **settings) as stage:
            return await run_job(Order(path, sandbox=True, stage=stage), Listener()), stage

    return asyncio.run(run())
