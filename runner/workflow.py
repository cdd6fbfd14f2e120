"""The program as a list of named steps: from a job file to pictures, results and an exit code.

`run_job` reads from top to bottom; each step has a name and its own room. Nothing here decides about a single request.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from runner.core.tally import LaneTally
from runner.desk import Desk, check_feed, guard_drop, open_desk
from runner.edge.clock import Clock, SystemClock
from runner.edge.git import read_revision
from runner.edge.rehearsal import Stage, open_stage
from runner.edge.snapshots import find_files, take_snapshot
from runner.edge.state import State
from runner.engine import Ending, Engine
from runner.feed import Source, read_rows
from runner.job.check import Checked
from runner.manifest import Told, manifest_of
from runner.records import Variant
from runner.results import write_results
from runner.workshop import Workshop, open_workshop

GRAVITY: Final = (130, 143, 4, 5, 1, 6, 0)
"""Exit codes of finished runs, the gravest first: an interruption, then what concerns money, then what is missing."""


class Voice(Protocol):
    """Whoever tells a person how the run goes."""

    def say(self, text: str) -> None:
        """A line of narration."""

    def watch(self, read: Callable[[], Mapping[str, LaneTally]]) -> None:
        """Requests begin to leave: `read` gives the lanes' counts whenever asked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks of a run. `fresh` names the steps to buy anew (None: no step, empty: every step).

    `faults` are arguments for the sandbox; a `stage` that is already there is used instead of a new one.
    """

    path: Path
    sandbox: bool = False
    faults: tuple[str, ...] = ()
    limit: int | None = None
    fresh: frozenset[str] | None = None
    stage: Stage | None = None

    def wants_fresh(self, step: str) -> bool:
        """Whether this step is to be bought anew."""
        return self.fresh is not None and (not self.fresh or step in self.fresh)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has to tell in the end, and where its files are."""

    output: Path
    told: Told
    manifest: Mapping[str, Any]


def check_job(path: Path) -> Checked:
    """Everything that can be known of a job without the network; a feed at an https address is not read.

    Raises `Invalid` with every mistake, `Usage`, or `OurSide`.
    """
    desk = open_desk(path)
    spec = desk.job_file.job.feed.path
    if "://" in spec:
        return Checked((), 0, 0, {})
    files = find_files(spec, desk.folder, [desk.project_file.root])
    names = tuple(os.path.relpath(file, desk.folder) for file in files)
    return check_feed(desk, desk.source(tuple(files), names))[1]


async def run_job(order: Order, voice: Voice, clock: Clock | None = None, steer: Callable[[Engine], None] | None = None) -> Report:
    """Make everything the job asks for that is not there yet. `steer` is given the engine, to drain it on a signal.

    Raises `Invalid`, `Usage`, `OurSide` or `Held`; whatever a vendor does ends in the report.
    """
    clock = clock or SystemClock()
    desk = open_desk(order.path)
    state = State(desk.state, "sandbox" if order.sandbox else "live")
    async with AsyncExitStack() as house:
        house.enter_context(state.lock(desk.job_file.job.name, clock.now()))
        stage = await _set_stage(order, state, house)
        desk = open_desk(order.path, stage, state.blobs())
        shop = await house.enter_async_context(open_workshop(desk, state, stage, clock))
        return await _run(order, shop, voice, steer)


async def _set_stage(order: Order, state: State, house: AsyncExitStack) -> Stage | None:
    if not order.sandbox:
        return None
    return order.stage or await house.enter_async_context(open_stage(state.home / "vendors", order.faults))


async def _run(order: Order, shop: Workshop, voice: Voice, steer: Callable[[Engine], None] | None) -> Report:
    """Hold the feed still, check every row, buy what is missing, write down what there is."""
    desk, started = shop.desk, shop.clock.now()
    spec = desk.job_file.job.feed.path
    snapshot = await take_snapshot(spec, desk.folder, [desk.project_file.root], shop.state.feeds, shop.transport.download)
    source = desk.source(snapshot.files, snapshot.names)
    rows, checked = await asyncio.to_thread(check_feed, desk, source)
    guard_drop(desk, rows, shop.journal.runs())
    voice.say(f"{desk.job_file.job.name}: {_size(checked)}")

    number = shop.journal.begin_run(started, {"rows": rows, "job": desk.job_file.digest, "feed": snapshot.sha256})
    variants = partial(_variants, desk, source, order.limit)
    conductor = shop.conductor()
    engine = shop.engine(variants(), conductor, order.wants_fresh)
    if steer is not None:
        steer(engine)
    voice.watch(lambda: conductor.tallies(shop.clock.now()))
    ending = await engine.run()

    results = await asyncio.to_thread(write_results, desk.plan, variants(), shop.look_up, shop.outputs)
    code, ended = exit_code_of(results.counts, ending), shop.clock.now()
    tallies = conductor.tallies(ended)
    revision = await asyncio.to_thread(read_revision, desk.folder)
    known = (shop.state.mode, shop.journal.id, snapshot, revision)
    told = Told(*known, started, ended, code, rows, results, tallies, ending, tuple(shop.kept))
    manifest = manifest_of(desk, told)
    shop.outputs.write_manifest(manifest)
    shop.journal.end_run(number, ended, {"rows": rows, "exit": code, "results": results.file.sha256})
    return Report(desk.output, told, manifest)


def _variants(desk: Desk, source: Source, limit: int | None) -> Iterator[Variant]:
    for variant in desk.plan.variants(read_rows(source)):
        if limit is not None and variant.index >= limit:
            return
        yield variant


def _size(checked: Checked) -> str:
    return f"{checked.rows} rows, {checked.variants} variants, at most {sum(checked.requests.values())} requests"


def graver(one: int, other: int) -> int:
    """The code that two runs end with together."""
    return min(one, other, key=GRAVITY.index)


def exit_code_of(counts: Mapping[str, int], ending: Ending) -> int:
    """The code a run ends with; where several hold, the one that concerns money first."""
    if ending.interrupted:
        return ending.interrupted
    if counts.get("uncertain"):
        return 4
    if ending.broke or ending.closed:
        return 5
    if counts.get("failed") or counts.get("refused"):
        return 1
    return 6 if counts.get("queued") or counts.get("waiting") else 0
