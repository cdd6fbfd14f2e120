"""A small project with the emulated vendors beside it: run it, edit it, ask what the next run would do, and see what it did."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from runner.edge.clock import Clock, SystemClock
from runner.edge.journal import Journal
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.planning.forecast import Forecast, Question, make_forecast
from runner.selection import Choice
from runner.workflow import Order, Report, run_job
from tests.projects import Listener, billed, open_stage_here, write_project

EVERYTHING = Choice()


@dataclass(slots=True)
class Bench:
    """A project in `folder` and the vendors it is played on."""

    folder: Path
    stage: Stage

    @property
    def job(self) -> Path:
        """The job file."""
        return self.folder / "job.yaml"

    def write(self, files: Mapping[str, str]) -> None:
        """These files, by path below the project; one called *.png holds a picture of that colour."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".png":
                Image.new("RGB", (8, 8), text).save(path)
            else:
                path.write_text(text, encoding="utf-8")

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file; each must be there."""
        text = (self.folder / name).read_text("utf-8")
        for old, new in changes:
            assert old in text, f"{name} does not hold {old!r}"
            text = text.replace(old, new)
        (self.folder / name).write_text(text, encoding="utf-8")

    async def run(self, clock: Clock | None = None, **more: Any) -> Report:
        """Run the job in the sandbox; `more` is ordered."""
        order = Order(self.job, sandbox=True, stage=self.stage, **more)
        return await run_job(order, Listener(), clock)

    async def plan(self, fresh: frozenset[str] | None = None, choice: Choice = EVERYTHING, clock: Clock | None = None) -> Forecast:
        """What the next run would do."""
        return await make_forecast(Question(self.job, self.stage, fresh, choice), clock)

    def sent(self) -> int:
        """How many requests the vendors have billed so far."""
        return billed(self.folder / "vendors").total()

    def journal(self) -> Journal:
        """The job's journal, open."""
        return Journal.open(State(self.folder / ".adbatch", "sandbox").journal("small"), "sandbox")


class Later(SystemClock):
    """The real clock, so many days ahead."""

    def __init__(self, days: float) -> None:
        super().__init__()
        self._origin += days * 86400


@asynccontextmanager
async def open_bench(folder: Path, steps: str, files: Mapping[str, str] | None = None, **project: Any) -> AsyncIterator[Bench]:
    """A project with these steps (and `top`, `feed`, `project` of `write_project`), further files, and vendors that answer."""
    faults = {name: project.pop(name) for name in ("faults", "credits") if name in project}
    write_project(folder, steps, **project)
    async with open_stage_here(folder / "vendors", **faults) as stage:
        bench = Bench(folder, stage)
        bench.write(files or {})
        yield bench


def whys(forecast: Forecast, step: str = "copy") -> dict[str, tuple[int, list[str]]]:
    """Why the step's requests are asked: for each reason how many, and the changes that are examples of it."""
    told = next(one for one in forecast.document["steps"] if one["step"] == step)
    return {why["reason"]: (why["requests"], [example["change"] for example in why["examples"]]) for why in told["why"]}


def counts(forecast: Forecast, step: str = "copy") -> dict[str, int]:
    """What becomes of the step's requests, without what there is none of."""
    told = next(one for one in forecast.document["steps"] if one["step"] == step)
    return {prospect: count for prospect, count in told["counts"].items() if count}
