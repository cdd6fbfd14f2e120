"""The workshop: a run's tools, opened together and closed together.

Journal, blobs, transport and output folder of one job in one mode, and the small jobs the engine gives them: look up what is known,
measure a blob, publish what a step gave. Secrets are resolved here, before anything is sent; in the sandbox none of ours is even
read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from runner.core.conductor import Conductor
from runner.core.gate import Purse
from runner.core.lifecycle import recall
from runner.desk import Desk
from runner.edge.blobs import Blobs
from runner.edge.claim import claim_output
from runner.edge.clock import Clock
from runner.edge.journal import Journal
from runner.edge.media import Bad, Media, inspect
from runner.edge.outputs import Outputs
from runner.edge.rehearsal import Stage
from runner.edge.secrets import Secrets, load_secrets
from runner.edge.state import State
from runner.edge.transport import LaneAccess, Transport
from runner.engine import Engine, Tools, outcome_of
from runner.hands import VendorHands
from runner.loom import Loom, Outcome, Yield
from runner.providers.registry import Lane
from runner.records import Artifact, Blob, Variant
from runner.results import file_paths, text_bytes


@dataclass(slots=True)
class Workshop:
    """The open tools of one run. `kept` collects published paths that somebody edited and that were left alone."""

    desk: Desk
    state: State
    blobs: Blobs
    journal: Journal
    transport: Transport
    outputs: Outputs
    clock: Clock
    kept: list[str] = field(default_factory=list)
    measured: dict[str, Media | Bad] = field(default_factory=dict)

    def conductor(self) -> Conductor:
        """A conductor for the lanes the job uses, with its budget."""
        lanes = {lane.name: lane.limits for lane in lanes_used(self.desk)}
        operations = {use: offer.operation for use, offer in self.desk.catalog.offers.items() if use.partition("/")[0] in lanes}
        return Conductor(lanes, operations, purse_of(self.desk))

    def engine(self, variants: Iterator[Variant], conductor: Conductor, fresh: Callable[[str], bool]) -> Engine:
        """An engine that works with these tools."""
        lanes = {lane.name: lane for lane in lanes_used(self.desk)}
        hands = VendorHands(lanes, self.transport.perform, self.store, self.inspect)
        tools = Tools(self.clock, hands, self.journal, self.measure, self.holds, self.publish, fresh)
        return Engine(Loom(self.desk.plan), variants, conductor, tools)

    def look_up(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What the journal knows of these requests; those it does not know are left out."""
        lives = {name: recall(facts) for name, facts in self.journal.histories(ids).items()}
        return {name: outcome_of(life) for name, life in lives.items() if life is not None}

    async def store(self, data: bytes) -> Blob:
        """The bytes as a blob, written off the event loop."""
        return await asyncio.to_thread(self.blobs.put, data)

    async def inspect(self, blob: Blob) -> Media | Bad:
        """What a blob is, decoded once between its arrival and `measure`."""
        if blob.sha256 not in self.measured:
            self.measured[blob.sha256] = await asyncio.to_thread(inspect, self.blobs.path(blob.sha256))
        return self.measured[blob.sha256]

    async def measure(self, blob: Blob) -> Artifact | str:
        """The blob as an artifact; one that is not what it should be is set aside, and why is returned."""
        media = await self.inspect(blob)
        self.measured.pop(blob.sha256, None)
        if isinstance(media, Bad):
            await asyncio.to_thread(self.blobs.set_aside, blob.sha256)
            return media.why
        return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height)

    def holds(self, artifacts: Sequence[Artifact]) -> bool:
        """Whether all files among the artifacts are still in the store."""
        return all(self.blobs.has(artifact.sha256) for artifact in artifacts if artifact.sha256 is not None)

    def publish(self, ready: Sequence[Yield]) -> None:
        """Put the files of these steps where the job wants them."""
        for done in ready:
            for path, file in file_paths(self.desk.plan, done.variant, done.step, done.outcome).items():
                if file.kind == "text":
                    self.blobs.put(text_bytes(file))
                if self.outputs.publish(str(file.sha256), path) == "kept":
                    self.kept.append(path)


@asynccontextmanager
async def open_workshop(desk: Desk, state: State, stage: Stage | None, clock: Clock) -> AsyncIterator[Workshop]:
    """The tools for a run of `desk`. Raises `OurSide` for a missing key or a disk that fails, before anything is sent."""
    access = _access(desk, stage)
    claim_output(desk.output, state.mode)
    blobs = state.blobs()
    outputs = Outputs(desk.output, blobs)
    outputs.sweep()
    with Journal.open(state.journal(desk.job_file.job.name), state.mode) as journal:
        async with Transport(access, blobs, clock) as transport:
            yield Workshop(desk, state, blobs, journal, transport, outputs, clock)


def lanes_used(desk: Desk) -> list[Lane]:
    """The lanes that some step of the job uses, in the job's order."""
    used = dict.fromkeys(step.use.partition("/")[0] for step in desk.job_file.job.steps.values())
    return [desk.catalog.lanes[name] for name in used]


def purse_of(desk: Desk) -> Purse:
    """The run's budget: the job's, never above the project's."""
    budgets = [budget for budget in (desk.job_file.job.budget, desk.project_file.project.budget) if budget]
    requests = min((budget.requests for budget in budgets if budget.requests is not None), default=None)
    cost: dict[str, Decimal] = {}
    for money in (budget.cost for budget in budgets if budget.cost is not None):
        cost[money.currency] = min(money.amount, cost.get(money.currency, money.amount))
    return Purse(requests, cost or None)


def _access(desk: Desk, stage: Stage | None) -> dict[str, LaneAccess]:
    """Where each lane's calls may go, and with which keys. In the sandbox the one key there is, is the sandbox's."""
    keys = partial(Secrets, {"key": stage.key}) if stage else None
    return {lane.name: _lane_access(lane, keys() if keys else _secrets(lane)) for lane in lanes_used(desk)}


def _secrets(lane: Lane) -> Secrets:
    return load_secrets(lane.name, lane.secrets, os.environ, frozenset(lane.provider.OPTIONAL_KEYS))


def _lane_access(lane: Lane, secrets: Secrets) -> LaneAccess:
    """Further addresses that may receive the key are those the project file itself writes out, such as a poll_url."""
    named = (value for name, value in lane.options.items() if name.endswith("_url") and name != "base_url")
    also = tuple(value for value in named if isinstance(value, str) and "://" in value)
    return LaneAccess(str(lane.options["base_url"]), secrets, lane.limits.concurrent, also)
