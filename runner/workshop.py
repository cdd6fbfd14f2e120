"""The workshop: a run's tools, opened together and closed together.

Journal, blobs, transport and output folder of one job in one mode, and the small jobs the engine gives them: look up what is known,
measure a blob, publish what a step gave. Secrets are resolved here, before anything is sent; in the sandbox none of ours is even
read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final

from runner.budgets import purses_of, risk_of
from runner.core.conductor import Conductor
from runner.core.lifecycle import recall
from runner.desk import Desk
from runner.edge.blobs import Blobs
from runner.edge.claim import claim_output
from runner.edge.clock import Clock
from runner.edge.journal import Journal
from runner.edge.media import Bad, Media, inspect
from runner.edge.outputs import Outputs
from runner.edge.rehearsal import Stage
from runner.edge.room import size_of, tight_disks
from runner.edge.secrets import Secrets, load_secrets
from runner.edge.state import State
from runner.edge.transport import LaneAccess, Transport
from runner.edge.turnstile import Turnstile
from runner.engine import GONE, Engine, Tools, outcome_of
from runner.hands import VendorHands
from runner.loom import Loom, Outcome, Yield
from runner.providers.registry import Lane
from runner.records import Artifact, Blob, Variant
from runner.results import file_paths, written

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
    clock: Clock
    turnstile: Turnstile | None = None
    kept: dict[str, None] = field(default_factory=dict)
    judged: dict[str, asyncio.Task[Media | Bad]] = field(default_factory=dict)

    def conductor(self) -> Conductor:
        """A conductor for the lanes the job uses, with its budget."""
        lanes = {lane.name: lane.limits for lane in lanes_used(self.desk)}
        operations = {use: offer.operation for use, offer in self.desk.catalog.offers.items() if use.partition("/")[0] in lanes}
        conductor = Conductor(lanes, operations, purses_of(self.desk))
        if self.turnstile is not None:
            with self.turnstile.turn(conductor):  # what was sent before counts, also what is not recalled
                pass
        return conductor

    def engine(self, variants: Iterator[Variant], conductor: Conductor, fresh: Callable[[str], bool]) -> Engine:
        """An engine that works with these tools."""
        lanes = {lane.name: lane for lane in lanes_used(self.desk)}
        hands = VendorHands(lanes, self.transport.perform, self.store, self.inspect)
        tools = Tools(self.clock, hands, self.journal, self.measure, self.holds, self.publish, fresh, risk_of(self.desk))
        if self.turnstile is not None:
            tools = replace(tools, turn=self.turnstile.turn)
        return Engine(Loom(self.desk.plan), variants, conductor, tools)

    def look_up(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What the journal knows of these requests; those it does not know are left out."""
        lives = {name: recall(facts) for name, facts in self.journal.histories(ids).items()}
        return {name: self._present(outcome_of(life)) for name, life in lives.items() if life is not None}

    async def store(self, data: bytes) -> Blob:
        """The bytes as a blob, written off the event loop."""
        return await asyncio.to_thread(self.blobs.put, data)

    async def inspect(self, blob: Blob) -> Media | Bad:
        """What a blob is, decoded once however many wait for it; one that is not what it should be is set aside."""
        if blob.sha256 not in self.judged:
            self.judged[blob.sha256] = asyncio.create_task(asyncio.to_thread(self._judge, blob.sha256))
        return await asyncio.shield(self.judged[blob.sha256])

    async def measure(self, blob: Blob) -> Artifact | str:
        """The blob as an artifact, or why it is none."""
        media = await self.inspect(blob)
        if isinstance(media, Bad):
            return media.why
        self.judged.pop(blob.sha256, None)
        return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height)

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

    def publish(self, ready: Sequence[Yield]) -> None:
        """Put the files of these steps where the job wants them."""
        for done in ready:
            for path, file in file_paths(self.desk.plan, done.variant, done.step, done.outcome).items():
                if file.kind != "file":
                    self.blobs.put(written(file))
                if self.outputs.publish(str(file.sha256), path) == "kept":
                    self.kept.setdefault(path)

    def _judge(self, sha256: str) -> Media | Bad:
        if not self.blobs.has(sha256):
            return Bad(GONE)
        media = inspect(self.blobs.path(sha256))
        if isinstance(media, Bad):
            self.blobs.set_aside(sha256)
        return media

    def _present(self, outcome: Outcome) -> Outcome:
        """The outcome as the engine saw it: a result whose bytes are gone is not there, whatever the journal says."""
        if outcome.status != "done" or self.holds(outcome.artifacts):
            return outcome
        return Outcome("failed", outcome.request, why=GONE)


@asynccontextmanager
async def open_workshop(desk: Desk, state: State, stage: Stage | None, clock: Clock) -> AsyncIterator[Workshop]:
    """The tools for a run of `desk`. Raises `OurSide` for a missing key or a disk that fails, before anything is sent."""
    access = _access(desk, stage)
    blobs = state.blobs()
    blobs.sweep(clock.now() - TORN_AFTER)
    with claim_output(desk.output, state.mode), Journal.open(state.journal(desk.job_file.job.name), state.mode) as journal:
        outputs = Outputs(desk.output, blobs, state.drawings())
        outputs.sweep()
        async with Transport(access, blobs, clock) as transport:
            with _turnstile(desk, state, stage, clock) as turnstile:
                yield Workshop(desk, state, blobs, journal, transport, outputs, clock, turnstile)


def lanes_used(desk: Desk) -> list[Lane]:
    """The lanes that some step of the job uses, in the job's order."""
    used = dict.fromkeys(step.use.partition("/")[0] for step in desk.job_file.job.steps.values())
    return [desk.catalog.lanes[name] for name in used]


def _turnstile(desk: Desk, state: State, stage: Stage | None, clock: Clock) -> AbstractContextManager[Turnstile | None]:
    if stage is not None:
        return nullcontext()
    return Turnstile(state.home / "lanes", {lane.name: lane.limits for lane in lanes_used(desk)}, clock)


def _access(desk: Desk, stage: Stage | None) -> dict[str, LaneAccess]:
    """Where each lane's calls may go, and with which keys."""
    return {lane.name: _lane_access(lane, _secrets(lane, stage)) for lane in lanes_used(desk)}


def _secrets(lane: Lane, stage: Stage | None) -> Secrets:
    """The lane's secrets; on a stage each of them is the stage's one key, and none of ours is looked up."""
    if stage is not None:
        return Secrets(dict.fromkeys(lane.secrets, stage.key))
    return load_secrets(lane.name, lane.secrets, os.environ, frozenset(lane.provider.OPTIONAL_KEYS))


def _lane_access(lane: Lane, secrets: Secrets) -> LaneAccess:
    """Further addresses that may receive the key are those the project file itself writes out, such as a poll_url."""
    named = (value for name, value in lane.options.items() if name.endswith("_url") and name != "base_url")
    also = tuple(value for value in named if isinstance(value, str) and "://" in value)
    return LaneAccess(str(lane.options["base_url"]), secrets, lane.limits.concurrent, also)
