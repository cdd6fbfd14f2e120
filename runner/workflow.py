"""The program as a list of named steps: from a job file to pictures, results and an exit code.

`run_job` reads from top to bottom; each step has a name and its own room. Nothing here decides about a single request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from runner.announcements import announced
from runner.budgets import check_budgets, is_free
from runner.causes import Advice, Cause, advise
from runner.core.tally import LaneTally
from runner.decisions import approved_keys
from runner.desk import Desk, check_feed, kinds_read, open_desk, state_of
from runner.edge.clock import Clock, SystemClock
from runner.edge.journal import Mode
from runner.edge.rehearsal import Players, Stage, open_stage
from runner.edge.retirement import Retirement
from runner.edge.snapshots import Snapshot
from runner.edge.spool import Spool
from runner.edge.state import State
from runner.engine import Ending, Engine
from runner.errors import AdbatchError, Held, OurSide, Usage
from runner.exports.feeds import write_exports
from runner.feed import read_rows
from runner.fields import suggest
from runner.footing import Found, checked_before, keep_inputs, note_checked
from runner.frozen import frozen
from runner.headway import Headway, expected_of, headway_of
from runner.job.beginning import Beginning
from runner.job.load import JobFile
from runner.job.model import Retry
from runner.manifest import Told, manifest_of, note_of
from runner.origin import Origin, open_origin
from runner.provenance import write_told
from runner.records import Json, Row, Variant
from runner.results import Results
from runner.selection import Choice, Selection
from runner.standing import Standing, Wishes
from runner.stillness import Rest, find_rest
from runner.tape.recorder import open_recorder
from runner.tape.replay import Gap, Tape, open_replay
from runner.upkeep.strangers import refuse_strangers
from runner.workshop import Workshop, lanes_used, open_workshop

if TYPE_CHECKING:  # most runs keep no plan and many show no gallery; they start the sooner
    from runner.planning.pledge import Pledge
    from runner.report.viewing import Viewing

GRAVITY: Final = (130, 143, 129, 4, 5, 1, 6, 0)
"""Exit codes of finished runs, the gravest first: an interruption, then what concerns money, then what is missing."""

WORST: Final = 3
"""Causes of failures that are told while a run goes on."""

GLANCE: Final = 0.2
"""Seconds between two looks at whether another run has ended."""

T = TypeVar("T")
Steer: TypeAlias = Callable[[Engine], None]
"""Is given the engine of a run, to drain it on a signal."""
Lock: TypeAlias = Callable[[float], AbstractContextManager[None]]
"""Holds a job, from the moment it is given, which others are told; raises `Held`."""


class Voice(Protocol):
    """Whoever tells a person how the run goes."""

    def say(self, text: str) -> None:
        """A line of narration."""

    def warn(self, text: str) -> None:
        """A line that also those want to read who want no narration."""

    def watch(self, read: Callable[[], Headway]) -> None:
        """Requests begin to leave: `read` tells how far it is whenever asked."""


@frozen
class Order:
    """What the command line asks of a run. `fresh` names the steps to buy anew (None: no step, empty: every step).

    `faults` are arguments for the sandbox; a `stage` that is already there is used instead of a new one, and `players` that were
    called (`rehearsal.calling`) for a new one. `wait` is how many seconds another run of the job may take to end, `allow_unpriced`
    lets a capped run ask for what has no known price. `choice` restricts what is asked; `limit` is its limit; `pledge` is the plan
    that must hold. `tape` says whether the run is recorded, or answered from a recording. `rev` runs the job as that revision of
    git has it. `report` asks for the gallery in the end.
    """

    path: Path
    sandbox: bool = False
    faults: tuple[str, ...] = ()
    limit: int | None = None
    fresh: frozenset[str] | None = None
    stage: Stage | None = None
    players: Players | None = None
    wait: float = 0.0
    allow_unpriced: bool = False
    choice: Choice = field(default_factory=Choice)
    pledge: Pledge | None = None
    tape: Tape | None = None
    rev: str | None = None
    report: bool = False

    @property
    def mode(self) -> Mode:
        """Which state the run belongs to."""
        if self.tape is not None and self.tape.how == "replay":
            return "replay"
        return "sandbox" if self.sandbox else "live"

    @property
    def chosen(self) -> Choice:
        """What is asked for, the limit included."""
        return self.choice if self.limit is None else replace(self.choice, limit=self.limit)

    def wants_fresh(self, step: str) -> bool:
        """Whether this step is to be bought anew."""
        return self.fresh is not None and (not self.fresh or step in self.fresh)


@frozen
class Report:
    """What a run has to tell in the end, where its files are, and why what is missing is."""

    output: Path
    told: Told
    manifest: Mapping[str, Any]
    gallery: Path | None = None
    causes: tuple[Advice, ...] = ()


async def run_job(order: Order, voice: Voice, clock: Clock | None = None, steer: Steer | None = None) -> Report:
    """Make everything the job asks for that is not there yet. `steer` is given the engine, to drain it on a signal.

    Raises `Invalid`, `Usage`, `OurSide` or `Held`; whatever a vendor does ends in the report.
    """
    clock = clock or SystemClock()
    live = order.mode == "live"
    async with announced(order.path, live, clock, voice.warn) as herald, AsyncExitStack() as house:
        origin = house.enter_context(open_origin(order.path, order.rev))
        project_file, job_file = origin.load()
        _check_fresh(order, job_file)
        state = State(state_of(project_file), order.mode)
        if await _hold(house, partial(state.lock, job_file.job.name), order.wait, clock, voice):
            project_file, job_file = origin.load()  # they may have been edited meanwhile
        herald.begin(project_file.project.notify if live else None, job_file.job.name)
        replay = open_replay(order.tape, state, job_file.job.name)
        stage = await _set_stage(order, state, house) if replay is None else replay.stage
        desk = open_desk((project_file, job_file), stage, state.blobs())
        if replay is None:
            check_budgets(desk, order.allow_unpriced)
        shop = await house.enter_async_context(open_workshop(desk, state, stage, clock, replay))
        desk.plan.beginning = Beginning(house.enter_context(Spool(state.home)))
        shop.recorder = open_recorder(order.tape, desk, state, stage)
        report = await _run(order, shop, voice, steer, origin)
        herald.close(report.manifest, report.output)
        return report


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
    return order.stage or await house.enter_async_context(open_stage(state.home / "vendors", order.faults, order.players))


async def _run(order: Order, shop: Workshop, voice: Voice, steer: Steer | None, origin: Origin) -> Report:
    """Hold the feed still, check every row, see what there is, buy what is missing, write down what there is then."""
    desk, started = shop.desk, shop.clock.now()
    wishes = _wishes(order, desk, started)
    feed = await _check(order, shop, voice)
    with shop.standing(wishes) as (standing, known):
        stays = await _unless_stopped(standing, standing.stay, feed.rest, desk.output)
        if not stays and (shop.journal.last() or not standing.take_all(feed.variants)):
            await _unless_stopped(standing, standing.take, desk.plan.variants(feed.read()), known)
        for remark in await _unless_stopped(standing, wishes.selection.review, standing.chosen, feed.read):
            voice.say(remark)
        work = _Work(shop, order, wishes, standing, lambda indexes: desk.plan.variants_at(feed.read(), indexes), feed)
        await _unless_stopped(standing, work.refuse_strangers)
        number = shop.journal.begin_run(started, feed.seen)
        ending, tallies = await work.run(voice, steer)
        retirement = Retirement(shop.outputs)
        await _unless_stopped(standing, retirement.remember)
        results = await _unless_stopped(standing, standing.write, work.variants_at, known, shop.outputs)
        rest = standing.note_rest(results, shop.journal.last())

    complete = not (ending.interrupted or wishes.selection.choice or shop.replay)
    retired = await asyncio.to_thread(retirement.settle, complete, shop.clock.now())
    shop.kept |= dict.fromkeys(retired.kept)
    await _keep_recording(shop, feed, results, bool(wishes.selection.choice))
    if shop.replay is not None:
        voice.say(shop.replay.verdict(results.file.sha256))
    code, ended = exit_code_of(results.counts, ending), shop.clock.now()
    revision = await asyncio.to_thread(origin.revision)
    known_as = (shop.state.mode, shop.journal.id, feed.snapshot, revision)
    told = Told(*known_as, started, ended, code, feed.rows, results, tallies, ending, tuple(shop.kept), shop.recorded, number)
    told = replace(told, selection=wishes.selection.choice.told(), retired=retired.count)
    manifest = manifest_of(desk, told)
    await asyncio.to_thread(write_told, shop.outputs, manifest)
    exported = await asyncio.to_thread(write_exports, desk.plan, feed.read, shop.outputs, feed.exports if stays else None)
    for remark in exported.remarks:
        voice.warn(remark)
    seen = {**feed.seen, "manifest": manifest, "exit": code, "results": results.file.sha256, "rest": rest}
    seen["exports"] = exported.told()
    shop.journal.end_run(number, ended, {**seen, **note_of(told)})
    gallery = await _write_gallery(order, shop, feed, voice, ending)
    return Report(desk.output, told, manifest, gallery, _advise(order, shop, results.troubles))


@frozen
class _Feed:
    """The feed, held still and checked: its rows, what the journal notes of it, and what the last run left if nothing moved."""

    snapshot: Snapshot
    read: Callable[[], Iterator[Row]]
    rows: int
    variants: int
    requests: Mapping[str, int]
    seen: dict[str, Json]
    rest: Rest | None
    exports: Json = None


async def _check(order: Order, shop: Workshop, voice: Voice) -> _Feed:
    """Hold the feed still and check every row, or know from the last run that they are right. Raises `Invalid` and `Usage`."""
    desk, runs, rest = shop.desk, shop.journal.runs(), None
    if order.pledge is not None and "://" in desk.job_file.job.feed.path:
        snapshot = order.pledge.snapshot(shop.state.feeds)
    else:
        snapshot = await desk.take_snapshot(shop.state.feeds, shop.download)
    source = desk.source(snapshot.files, snapshot.names)
    found = await asyncio.to_thread(checked_before, desk, snapshot, runs, shop.blobs)
    if found is None:
        surveyed, checked = await asyncio.to_thread(check_feed, desk, source, runs)
        found = Found(surveyed.rows, kinds_read(desk, surveyed.kinds), checked)
    else:
        checked, rest = found.checked, None if desk.plan.approves else find_rest(runs, shop.journal.last())
    most = sum(checked.requests.values())
    voice.say(f"{desk.job_file.job.name}: {checked.rows} rows, {checked.variants} variants, at most {most} requests")
    for remark in shop.remarks(snapshot, checked.requests):
        voice.say(remark)
    if order.pledge is not None:
        asked = {"path": order.path, "fresh": order.fresh, "choice": order.chosen}
        await asyncio.to_thread(order.pledge.redeem, shop, snapshot, runs, **asked)
    inputs = await asyncio.to_thread(keep_inputs, desk, snapshot, shop.blobs)
    seen: dict[str, Json] = {"rows": found.rows, "kinds": dict(found.kinds), "inputs": inputs}
    seen |= {"checked": note_checked(desk, snapshot, checked), "job": desk.job_file.digest, "feed": snapshot.sha256}
    exports = runs[-1].meta.get("exports") if runs else None
    read = partial(desk.plan.beginning.rows, partial(read_rows, source))
    return _Feed(snapshot, read, found.rows, checked.variants, checked.requests, seen, rest, exports)


async def _keep_recording(shop: Workshop, feed: _Feed, results: Results, restricted: bool) -> None:
    """If the run is recorded, add what it did not have to ask for."""
    if shop.recorder is not None:
        everything = shop.weave(shop.desk.plan.variants(feed.read()))
        known_now = (everything, shop.journal.histories, feed.snapshot, results.file.sha256, restricted)
        await asyncio.to_thread(shop.recorder.finish, *known_now)


@frozen
class _Work:
    """What is left to do, and with what. `variants_at` makes the variants at some places of the plan."""

    shop: Workshop
    order: Order
    wishes: Wishes
    standing: Standing
    variants_at: Callable[[Iterable[int]], Iterator[Variant]]
    feed: _Feed

    def refuse_strangers(self) -> None:
        """Raise `Stranger` if what is left to buy lies here already, bought by another journal."""
        if not self.standing.is_finished and self.shop.replay is None:
            takes = self.wishes.selection.takes_step
            meant = [step for step in self.shop.desk.plan.needs if self.order.wants_fresh(step) or not takes(step)]
            refuse_strangers(self.shop, self.variants_at(self.standing.left()), frozenset(meant))

    def _shown(self) -> AbstractAsyncContextManager[None]:
        """The gallery written as the run goes on, for whoever watches."""
        if not self.order.report or self.shop.replay is not None:
            return nullcontext()
        from runner.report.viewing import Viewing  # noqa: PLC0415 - see above

        return Viewing(self.shop, self.feed.read).watched(self.shop.clock)

    async def run(self, voice: Voice, steer: Steer | None) -> tuple[Ending, Mapping[str, LaneTally]]:
        """Do it, if there is anything; how that ended, and the counts of each lane."""
        shop, wishes, standing = self.shop, self.wishes, self.standing
        if standing.is_finished:
            return Ending(reused=standing.reused), {lane.name: LaneTally() for lane in lanes_used(shop.desk)}
        wanted = {} if wishes.selection.choice else self.feed.requests
        shop.foresee(wanted)
        conductor = shop.conductor()
        variants = self.variants_at(standing.left())
        more = {"again": wishes.orders_again, "reuse": standing.reuse, "asks": wishes.selection.takes_step, "tell": standing.note}
        engine = shop.engine(variants, conductor, self.order.wants_fresh, **more)
        if steer is not None:
            steer(engine)
        counts = expected_of(shop.desk.job_file.job, wanted, standing.reused)
        voice.watch(lambda: headway_of(shop.tallies(conductor), counts, _advise(self.order, shop, standing.seen.worst(WORST))))
        try:
            async with self._shown():
                ending = await engine.run()
        except Gap as gap:
            assert shop.replay is not None
            asking = shop.weave(self.variants_at(standing.left()))
            raise OurSide(await asyncio.to_thread(shop.replay.explain, gap, asking)) from gap
        return ending, shop.tallies(conductor)


def _advise(order: Order, shop: Workshop, causes: Iterable[Cause]) -> tuple[Advice, ...]:
    file = shop.desk.job_file.document.file
    return advise(causes, shop.desk.job_file.document, f"{file} --sandbox" if order.sandbox else file)


async def _write_gallery(order: Order, shop: Workshop, feed: _Feed, voice: Voice, ending: Ending) -> Path | None:
    """Write the gallery, if one is wanted, and say where. That it cannot be written is told, and no reason for the run to fail."""
    if not order.report or ending.interrupted or shop.replay is not None:
        return None
    from runner.report.viewing import Viewing  # noqa: PLC0415 - see above

    viewing = Viewing(shop, feed.read)
    try:
        return (await _unless_stopped(viewing, viewing.write)).page
    except AdbatchError as failure:
        voice.warn(f"the gallery is not written: {failure}")
        return None


async def _unless_stopped(standing: Standing | Viewing, work: Callable[..., T], *args: object) -> T:
    """Work in a thread; if this task is cancelled meanwhile, the thread has ended before what it works with is closed."""
    done = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        standing.stop()
        await asyncio.wait([done])
        raise


def _wishes(order: Order, desk: Desk, now: float) -> Wishes:
    """What the command line and the job ask for beyond what is missing. Raises `Usage` and `Invalid`."""
    job, plan = desk.job_file.job, desk.plan
    selection = Selection(order.chosen, plan, partial(approved_keys, desk.job_file, desk.output))
    selection.check_fresh(order.fresh)
    uses = frozenset(step.use for name, step in job.steps.items() if order.wants_fresh(name) and selection.takes_step(name))
    age = None if job.refresh is None else job.refresh.max_age
    risky = frozenset(name for name, step in job.steps.items() if isinstance(step.uncertain, Retry) or is_free(desk, step.use))
    return Wishes(selection, uses, 0.0 if age is None else now - age, risky)


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
