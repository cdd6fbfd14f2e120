"""The workshop: a run's tools, opened together and closed together.

Journal, blobs, transport and output folder of one job in one mode, and the small jobs the engine gives them: look up what is known,
measure a blob, publish what a step gave. Secrets are resolved here, before anything is sent; in the sandbox none of ours is even
read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from runner.batches.answers import PACE, STAGED_PACE
from runner.batches.hands import BatchHands
from runner.batches.lanes import batch_lanes, batch_operations, batched_steps, window_of
from runner.batches.pledges import Pledges
from runner.budgets import purses_of, risk_of
from runner.compose.hands import LocalHands
from runner.core.conductor import Conductor
from runner.core.tally import LaneTally
from runner.desk import Desk
from runner.edge.blobs import Blobs
from runner.edge.claim import claim_output
from runner.edge.clock import Clock
from runner.edge.glance import Glance
from runner.edge.journal import Journal, Mode
from runner.edge.media import Bad, Media, inspect, inspect_bytes
from runner.edge.outputs import Outputs
from runner.edge.rehearsal import Stage
from runner.edge.room import size_of, tight_disks
from runner.edge.secrets import Secrets, load_secrets
from runner.edge.shelf import Shelf
from runner.edge.snapshots import Download, Snapshot
from runner.edge.state import State
from runner.edge.transport import LaneAccess, Transport
from runner.edge.turnstile import Turnstile
from runner.edge.worker import Worker
from runner.engine import Engine
from runner.errors import OurSide
from runner.hands import Hands, VendorHands
from runner.loom import Chore, LookUp, Loom, Outcome, Woven, Yield
from runner.outcomes import GONE
from runner.providers.addresses import hosts_for
from runner.providers.contract import Weighing
from runner.providers.registry import Lane, is_local
from runner.records import Artifact, Blob, Variant
from runner.results import Files, published_files, size_without_blob, weave, without_blobs
from runner.standing import Standing, Wishes, look_up
from runner.tape.recorder import Recorder
from runner.tape.replay import NEVER, Replay, base_urls_of, unhurried
from runner.tools import Tools
from runner.upkeep.neighbours import refuse_neighbour

SMALL: Final = 512 * 1024
"""Bytes of a picture up to which one thread decodes as many as two, which would mostly wait for their turn at the interpreter; a
process of its own does better, once there is one."""
LOT: Final = 32
"""Pictures that are seen to together: enough to share what a question costs, few enough that the first need not wait for long."""
TORN_AFTER: Final = 3600.0
"""Seconds after which a half-written blob is surely nobody's any more: another job of the project may be writing just now."""


@dataclass(slots=True)
class Workshop:
    """The open tools of one run.

    `kept` collects, each once and in order, the published paths that somebody edited and that were left alone. `judged` holds what
    is known of blobs between their arrival and `measure`, and of bad ones to the end: their bytes are not decoded twice. Emulated
    vendors bill nobody and need no `turnstile`.
    """

    desk: Desk
    state: State
    blobs: Blobs
    journal: Journal
    transport: Transport
    outputs: Outputs
    worker: Worker
    clock: Clock
    turnstile: Turnstile | None = None
    replay: Replay | None = None
    recorder: Recorder | None = None
    kept: dict[str, None] = field(default_factory=dict)
    judged: dict[str, asyncio.Task[Media | Bad]] = field(default_factory=dict)
    finishing: dict[tuple[tuple[str, ...], str], asyncio.Task[tuple[Artifact, ...] | str]] = field(default_factory=dict)
    benches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(os.cpu_count() or 1))
    marking: Shelf[Chore, tuple[Artifact, ...] | str] = field(init=False)
    judging: Shelf[str, Media | Bad] = field(init=False)
    judging_large: Shelf[str, Media | Bad] = field(init=False)

    def __post_init__(self) -> None:
        self.marking = Shelf(self._finish_all, asyncio.Semaphore(2), LOT)
        self.judging = Shelf(self._see_all, asyncio.Semaphore(2), LOT)
        self.judging_large = Shelf(self._judge_all, self.benches)

    def conductor(self) -> Conductor:
        """A conductor for the lanes the job uses, with its budget."""
        used = lanes_used(self.desk)
        lanes = {lane.name: lane.limits for lane in used}
        operations = {use: offer.operation for use, offer in self.desk.catalog.offers.items() if use.partition("/")[0] in lanes}
        if self.replay is not None:
            patient = {use: replace(operation, deadline=NEVER) for use, operation in operations.items()}
            return Conductor({name: unhurried(limits) for name, limits in lanes.items()}, patient)
        lanes, operations = {**lanes, **batch_lanes(self.desk)}, {**operations, **batch_operations(self.desk)}
        weigh = {
            lane.name: partial(lane.provider.weigh, options=lane.options) for lane in used if isinstance(lane.provider, Weighing)
        }
        conductor = Conductor(lanes, operations, purses_of(self.desk), weigh, batched_steps(self.desk))
        if self.turnstile is not None:
            with self.turnstile.turn(conductor):  # what was sent before counts, also what is not recalled
                pass
        return conductor

    def tallies(self, conductor: Conductor) -> dict[str, LaneTally]:
        """The counts of each lane until now; what is replayed costs nothing."""
        tallies = conductor.tallies(self.clock.now())
        return tallies if self.replay is None else {name: replace(tally, cost={}, unpriced=0) for name, tally in tallies.items()}

    def engine(self, variants: Iterator[Variant], conductor: Conductor, fresh: Callable[[str], bool], **more: Any) -> Engine:
        """An engine that works with these tools, and with `more` of them: `again`, `reuse`, and the steps it `asks`."""
        lanes = {lane.name: lane for lane in lanes_used(self.desk)}
        direct = VendorHands(lanes, self.transport.perform, self.store, self.inspect, self.replay or self.recorder)
        pace = PACE if self.turnstile is not None else STAGED_PACE  # emulated vendors have none
        ledger = Pledges(self.journal, batched_steps(self.desk) if self.replay is None else ())
        batching = BatchHands(lanes, direct, self.transport.perform, self.blobs, self.clock, pace, ledger.leave)
        hands: Hands = direct if self.replay is not None else batching
        if local := frozenset(name for name, lane in lanes.items() if is_local(lane.kind)):
            hands = LocalHands(hands, local, self.blobs.read, self.store)
        loom = Loom(self.desk.plan, more.pop("asks", lambda _: True), chores=True)
        tools = Tools(self.clock, hands, ledger, self.measure, self.holds, self.publish, fresh, risk_of(self.desk), **more)
        tools = replace(tools, drain=batching.drain, finish=self.finish)
        if self.turnstile is not None:
            tools = replace(tools, turn=self.turnstile.turn)
        if self.replay is not None:
            tools = replace(tools, stays=self.replay.stays)
        engine = Engine(loom, variants, conductor, tools, window_of(self.desk))
        if self.recorder is not None:
            self.recorder.give_up = engine.give_up
        return engine

    @property
    def recorded(self) -> Mode | None:
        """The mode of the run that this one replays."""
        return None if self.replay is None else self.replay.recorded

    @property
    def download(self) -> Download:
        """How a feed at an address is had."""
        if self.replay is not None:
            return self.replay.download
        return self.transport.download if self.recorder is None else self.recorder.listen(self.transport.download)

    def look_up(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What the journal knows of these requests; those it does not know are left out."""
        return look_up(self.journal, ids, self.holds)

    def weave(self, variants: Iterator[Variant]) -> Iterator[Woven]:
        """These variants with what is known of their steps."""
        return weave(Loom(self.desk.plan), variants, self.look_up)

    @contextmanager
    def standing(self, wishes: Wishes) -> Iterator[tuple[Standing, LookUp]]:
        """The pass over the plan, and what it is to look things up with: both remember what they saw on the disk."""
        with Glance(self.outputs.root, self.blobs) as glance:

            def holds(artifacts: Sequence[Artifact]) -> bool:
                return all(glance.holds(artifact.sha256) for artifact in artifacts if artifact.sha256 is not None)

            def see_to(files: Files) -> None:
                for file, path in ((file, path) for step in files.values() for path, file in step.items()):
                    if not glance.is_right(str(file.sha256), path, size_without_blob(file)):
                        self._publish([(file, path)])

            with Standing(self.desk.plan, wishes, see_to, glance, self.state.home) as standing:
                yield standing, lambda ids: look_up(self.journal, ids, holds)

    async def store(self, data: bytes) -> Blob:
        """The bytes as a blob, written off the event loop together with others."""
        return await self.transport.shelf.put(data)

    async def inspect(self, blob: Blob) -> Media | Bad:
        """What a blob is, decoded once however many wait for it; one that is not what it should be is set aside."""
        if blob.sha256 not in self.judged:
            shelf = self.judging if blob.size <= SMALL else self.judging_large
            self.judged[blob.sha256] = asyncio.create_task(shelf.put(blob.sha256))
        return await asyncio.shield(self.judged[blob.sha256])

    async def measure(self, blob: Blob) -> Artifact | str:
        """The blob as an artifact, or why it is none."""
        media = await self.inspect(blob)
        if isinstance(media, Bad):
            return media.why
        self.judged.pop(blob.sha256, None)
        look = None if media.look is None else str(media.look)
        return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height, look)

    async def finish(self, chore: Chore) -> tuple[Artifact, ...] | str:
        """What becomes of a chore, done once however many wait for it, and no more at a time than there are processors.

        What is only marked is not decoded: that takes so little that all who wait have it done together.
        """
        if chore.wish.is_mark_only:
            return await self.marking.put(chore)
        files = tuple(str(artifact.sha256) for artifact in chore.outcome.artifacts)
        key = (files, chore.wish.digest)
        if key not in self.finishing:
            self.finishing[key] = asyncio.create_task(self._finish(chore))
        try:
            return await asyncio.shield(self.finishing[key])
        finally:
            self.finishing.pop(key, None)

    async def _finish(self, chore: Chore) -> tuple[Artifact, ...] | str:
        async with self.benches:
            return (await asyncio.to_thread(self._finish_all, [chore]))[0]

    def _finish_all(self, chores: Sequence[Chore]) -> list[tuple[Artifact, ...] | str]:
        finisher = self.desk.plan.finisher
        if finisher is None:
            return [chore.outcome.artifacts for chore in chores]
        elsewhere = self.worker.mark if all(chore.wish.is_mark_only for chore in chores) else None
        return finisher.finish_all([(chore.outcome.artifacts, chore.wish) for chore in chores], elsewhere)

    def holds(self, artifacts: Sequence[Artifact]) -> bool:
        """Whether all files among the artifacts are still in the store."""
        return all(self.blobs.has(artifact.sha256) for artifact in artifacts if artifact.sha256 is not None)

    def tight_disks(self, requests: Mapping[str, int]) -> Iterator[str]:
        """A warning for each disk that may be too small for so many requests of each step, those that have their result left out.

        Raises `OurSide` where there is no room to begin.
        """
        steps, offers = self.desk.job_file.job.steps, self.desk.catalog.offers
        size = sum(count * size_of(offers[steps[step].use].operation.gives) for step, count in requests.items())
        if list(tight_disks({self.state.home: size, self.desk.output: size})):
            total = max(sum(requests.values()), 1)
            left = size * max(total - self.journal.stored(), 0) // total
            yield from tight_disks({self.state.home: left, self.desk.output: left})

    def remarks(self, snapshot: Snapshot, requests: Mapping[str, int]) -> Iterator[str]:
        """What should be known before anything is asked: disks that are tight, and what a replay has to say."""
        yield from self.tight_disks(requests)
        if self.replay is not None:
            yield from self.replay.remarks(snapshot)

    def foresee(self, requests: Mapping[str, int]) -> None:
        """Have whoever is needed for the files of so many requests of each step get ready, less what the journal has."""
        steps = [(requests.get(step.name, 0), step) for step in self.desk.plan.steps]
        pictures = sum(count for count, step in steps if step.offer.operation.gives in {"file", "files"})
        files = sum(count for count, step in steps if step.publishes)
        left = max(sum(requests.values()) - self.journal.stored(), 0) / max(sum(requests.values()), 1)
        self.worker.expect(int(pictures * left), int(files * left))

    def publish(self, ready: Sequence[Yield]) -> None:
        """Put the files of these steps where the job wants them."""
        for done in ready:
            done.files[done.step] = published_files(self.desk.plan, done.variant, done.step, done.outcome)
        self._publish([(file, path) for done in ready for path, file in done.files[done.step].items()])

    def _publish(self, files: Sequence[tuple[Artifact, str]]) -> None:
        named = [(str(file.sha256), path) for file, path in files]
        remade = without_blobs((file for file, _ in files), self.blobs)
        told = self.worker.publish(named, remade)
        if told is None:
            told = self.outputs.publish_all(named, remade)
        self.kept |= dict.fromkeys(path for (_, path), how in zip(files, told, strict=True) if how == "kept")

    def _see_all(self, digests: Sequence[str]) -> list[Media | Bad]:
        seen = self.worker.look(digests) or [None] * len(digests)
        told = zip(digests, seen, strict=True)
        return [self._judge(sha256) if media is None else self._sort(sha256, media) for sha256, media in told]

    def _judge_all(self, digests: Sequence[str]) -> list[Media | Bad]:
        return [self._judge(sha256) for sha256 in digests]

    def _judge(self, sha256: str) -> Media | Bad:
        data = self.blobs.lately.get(sha256)
        if data is None and not self.blobs.has(sha256):
            return Bad(GONE)
        return self._sort(sha256, inspect(self.blobs.path(sha256)) if data is None else inspect_bytes(data))

    def _sort(self, sha256: str, media: Media | Bad) -> Media | Bad:
        if isinstance(media, Bad):
            self.blobs.set_aside(sha256)
        return media


@asynccontextmanager
async def open_workshop(
    desk: Desk, state: State, stage: Stage | None, clock: Clock, replay: Replay | None = None
) -> AsyncIterator[Workshop]:
    """The tools for a run of `desk`; a `replay` needs no keys and brings its own clock.

    Raises `OurSide` for a missing key or a disk that fails, before anything is sent.
    """
    access = _access(desk, stage) if replay is None else {}
    claim = (state.mode, None) if replay is None else (replay.recorded, replay.index.results)
    refuse_neighbour(desk.project_file, desk.job_file)
    blobs = state.blobs()
    blobs.sweep(clock.now() - TORN_AFTER)
    journal_path = state.journal(desk.job_file.job.name)
    with claim_output(desk.output, *claim), Journal.open(journal_path, state.mode) as journal:
        outputs = Outputs(desk.output, blobs, state.drawings())
        outputs.sweep()
        transport = Transport(access, blobs, clock)
        with closing(Worker(outputs)) as worker:
            if replay is not None:  # its transport is never opened and reaches nobody
                replay.lay(base_urls_of(desk), blobs, journal)
                yield Workshop(desk, state, blobs, journal, transport, outputs, worker, replay.clock, replay=replay)
                return
            async with transport:
                with _turnstile(desk, state, stage, clock) as turnstile:
                    yield Workshop(desk, state, blobs, journal, transport, outputs, worker, clock, turnstile)


def lanes_used(desk: Desk) -> list[Lane]:
    """The lanes that some step of the job uses, in the job's order."""
    used = dict.fromkeys(step.use.partition("/")[0] for step in desk.job_file.job.steps.values())
    return [desk.catalog.lanes[name] for name in used]


def _turnstile(desk: Desk, state: State, stage: Stage | None, clock: Clock) -> AbstractContextManager[Turnstile | None]:
    if stage is not None:
        return nullcontext()
    return Turnstile(state.home / "lanes", {lane.name: lane.limits for lane in lanes_used(desk)}, clock)


def _access(desk: Desk, stage: Stage | None) -> dict[str, LaneAccess]:
    """Where each lane's calls may go, with which keys. Raises `OurSide` that tells all missing keys, and the line of each."""
    access: dict[str, LaneAccess] = {}
    missing: list[str] = []
    for lane in lanes_used(desk):
        if is_local(lane.kind):
            continue
        try:
            access[lane.name] = access_of(lane, stage)
        except OurSide as failure:
            missing.append(f"{_line_of(desk, lane)}{failure}")
    if missing:
        raise OurSide("\n".join(missing))
    return access


def _line_of(desk: Desk, lane: Lane) -> str:
    """The line of the project file that names the lane's key, or the lane; nothing where there is no project file."""
    written = desk.project_file.document
    if written is None:
        return ""
    place = written.place(("providers", lane.name, "key"))
    return f"{place.file}:{place.line}: "


def access_of(lane: Lane, stage: Stage | None) -> LaneAccess:
    """Where a lane's calls may go, and with which keys. Raises `OurSide` for a missing key."""
    return _lane_access(lane, _secrets(lane, stage))


def _secrets(lane: Lane, stage: Stage | None) -> Secrets:
    """The lane's secrets; on a stage each of them is the stage's one key, and none of ours is looked up."""
    if stage is not None:
        return Secrets(dict.fromkeys([*lane.secrets, *lane.provider.KEYS], stage.key))
    return load_secrets(lane.name, lane.secrets, os.environ, lane.optional)


def _lane_access(lane: Lane, secrets: Secrets) -> LaneAccess:
    """Further addresses that may receive the key are those the project file itself writes out, such as a poll_url."""
    named = (value for name, value in lane.options.items() if name.endswith("_url") and name != "base_url")
    also = tuple(value for value in named if isinstance(value, str) and "://" in value)
    base_url = str(lane.options["base_url"])
    hosts = hosts_for(base_url, getattr(lane.provider, "HOSTS", ()))
    return LaneAccess(base_url, secrets, lane.limits.concurrent, also, hosts)
