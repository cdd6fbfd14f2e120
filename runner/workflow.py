"""The program as a list of named steps: from a job file to pictures, results and an exit code.

`run_job` reads from top to bottom; each step has a name and its own room. Nothing here decides about a single request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from runner.budgets import check_budgets
from runner.core.tally import LaneTally
from runner.desk import Desk, check_feed, kinds_read, load_files, open_desk, state_of
from runner.edge.clock import Clock, SystemClock
from runner.edge.git import read_revision
from runner.edge.rehearsal import Stage, open_stage
from runner.edge.snapshots import take_snapshot
from runner.edge.state import State
from runner.engine import Ending, Engine
from runner.errors import Held, Usage
from runner.feed import Source, read_rows
from runner.fields import suggest
from runner.job.check import Checked
from runner.job.load import JobFile
from runner.manifest import Told, manifest_of
from runner.records import Json, Variant
from runner.results import write_results
from runner.workshop import Workshop, open_workshop

GRAVITY: Final = (130, 143, 129, 4, 5, 1, 6, 0)
"""Exit codes of finished runs, the gravest first: an interruption, then what concerns money, then what is missing."""

GLANCE: Final = 0.2
"""Seconds between two looks at whether another run has ended."""

Lock: TypeAlias = Callable[[float], AbstractContextManager[None]]
"""Holds a job, from the moment it is given, which others are told; raises `Held`."""


class Voice(Protocol):
    """Whoever tells a person how the run goes."""

    def say(self, text: str) -> None:
        """A line of narration."""

    def watch(self, read: Callable[[], Mapping[str, LaneTally]]) -> None:
        """Requests begin to leave: `read` gives the lanes' counts whenever asked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks of a run. `fresh` names the steps to buy anew (None: no step, empty: every step).

    `faults` are arguments for the sandbox; a `stage` that is already there is used instead of a new one. `wait` is how many seconds
    another run of the job may take to end, `allow_unpriced` lets a capped run ask for what has no known price.
    """

    path: Path
    sandbox: bool = False
    faults: tuple[str, ...] = ()
    limit: int | None = None
    fresh: frozenset[str] | None = None
    stage: Stage | None = None
    wait: float = 0.0
    allow_unpriced: bool = False

    def wants_fresh(self, step: str) -> bool:
        """Whether this step is to be bought anew."""
        return self.fresh is not None and (not self.fresh or step in self.fresh)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has to tell in the end, and where its files are."""

    output: Path
    told: Told
    manifest: Mapping[str, Any]


async def run_job(order: Order, voice: Voice, clock: Clock | None = None, steer: Callable[[Engine], None] | None = None) -> Report:
    """Make everything the job asks for that is not there yet. `steer` is given the engine, to drain it on a signal.

    Raises `Invalid`, `Usage`, `OurSide` or `Held`; whatever a vendor does ends in the report.
    """
    clock = clock or SystemClock()
    project_file, job_file = load_files(order.path)
    _check_fresh(order, job_file)
    state = State(state_of(project_file), "sandbox" if order.sandbox else "live")
    async with AsyncExitStack() as house:
        if await _hold(house, partial(state.lock, job_file.job.name), order.wait, clock, voice):
            project_file, job_file = load_files(order.path)  # they may have been edited meanwhile
        stage = await _set_stage(order, state, house)
        desk = open_desk((project_file, job_file), stage, state.blobs())
        check_budgets(desk, order.allow_unpriced)
        shop = await house.enter_async_context(open_workshop(desk, state, stage, clock))
        return await _run(order, shop, voice, steer)


async def _hold(house: AsyncExitStack, lock: Lock, patience: float, clock: Clock, voice: Voice) -> bool:
    """Hold the job until `house` closes; whether it had to be waited for. Raises `Held` once `patience` seconds are over."""
    until, waited = clock.now() + patience, False
    while True:
        try:
            house.enter_context(lock(clock.now()))
        except Held as held:
            if clock.now() >= until:
                raise
            if not waited:
                voice.say(f"waiting up to {patience:g} s: {held}")
            waited = True
            await clock.sleep_until(min(until, clock.now() + GLANCE))
        else:
            return waited


def _check_fresh(order: Order, job_file: JobFile) -> None:
    steps = job_file.job.steps
    for step in sorted((order.fresh or frozenset()) - steps.keys()):
        raise Usage(f"{order.path} has no step {step} to buy anew{suggest(step, steps)}")


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
    surveyed, checked = await asyncio.to_thread(check_feed, desk, source, shop.journal.runs())
    voice.say(f"{desk.job_file.job.name}: {_size(checked)}")
    for tight in shop.tight_disks(checked.requests):
        voice.say(tight)

    rows = surveyed.rows
    seen: dict[str, Json] = {"rows": rows, "kinds": kinds_read(desk, surveyed.kinds)}
    number = shop.journal.begin_run(started, {**seen, "job": desk.job_file.digest, "feed": snapshot.sha256})
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
    shop.journal.end_run(number, ended, {**seen, "exit": code, "results": results.file.sha256})
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
    if ending.spent or ending.closed:
        return 5
    if ending.failing or counts.get("failed") or counts.get("refused"):
        return 1
    return 6 if counts.get("queued") or counts.get("waiting") else 0
