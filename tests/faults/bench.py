"""A bench for one small job: real HTTP, real journal, real files, and a clock that need not wait.

Everything is the real thing: the emulated vendors in this process, the transport (with little patience), provider, hands, engine,
journal and results. Parts can be exchanged through constructors, which is how `tests.planted` puts mistakes in.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from aiohttp.test_utils import TestServer
from PIL import Image

from runner.desk import check_feed, load_files, open_desk
from runner.edge.intake import Caps, Patience
from runner.edge.rehearsal import Stage
from runner.edge.secrets import Secrets
from runner.edge.snapshots import take_snapshot
from runner.edge.state import State
from runner.edge.transport import LaneAccess, Transport
from runner.engine import Ending, Engine
from runner.facts import Answered, Fact
from runner.feed import read_rows
from runner.records import Call, Reply, Step, Variant
from runner.results import write_results
from runner.sandbox.app import make_app
from runner.sandbox.behaviour import Fault
from runner.sandbox.desk import Settings
from runner.sandbox.serve import describe
from runner.workflow import exit_code_of
from runner.workshop import Workshop, lanes_used, open_workshop
from tests.projects import DRAWN, KEY, write_project

QUIET: Final = 0.001
"""Seconds without a call under way after which whoever sleeps is woken."""
TURNS: Final = 10
"""Turns of the event loop in which an answer that is here is taken in."""
SHORT: Final = Patience(connect=2.0, submit=0.25, poll=0.25, fetch=0.25, silence=0.2, grace=0.1, slowest=1024.0)
"""For vendors that keep us waiting on purpose."""
LONG: Final = Patience(connect=5.0, submit=5.0, poll=5.0, fetch=5.0, silence=5.0)
"""For all others: this machine may be busy."""
SMALL: Final = Caps(memory=1 << 20, picture=4 << 20, video=8 << 20)
QUEUE: Final = 10.0
"""Seconds (of the leaping clock) that a queued job takes."""


class LeapingClock:
    """Real time that leaps ahead when somebody sleeps and no call is under way. `calls` counts those that were begun."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()
        self.flying = self.calls = 0

    def now(self) -> float:
        """Seconds since the epoch, with all leaps."""
        return time.monotonic() + self._ahead

    async def sleep_until(self, at: float) -> None:
        """Leap to `at` as soon as nothing happens any more."""
        while self.now() < at:
            await asyncio.sleep(QUIET)
            calls = None if self.flying else self.calls
            for _ in range(TURNS):  # whoever brings an answer in is let through, and then nobody sleeps any more
                await asyncio.sleep(0)
            if calls == self.calls:
                self._ahead += max(0.0, at - self.now())


class Carrier(Transport):
    """The transport, which tells the leaping clock when a call is under way."""

    async def perform(self, lane: str, call: Call) -> Reply:
        """Carry the call out and count it."""
        clock = self._clock
        assert isinstance(clock, LeapingClock)
        clock.calls += 1
        clock.flying += 1
        try:
            return await super().perform(lane, call)
        finally:
            clock.flying -= 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run left: its exit code, the status of each step of each variant, the facts of its requests, and how it ended."""

    code: int
    lines: tuple[Mapping[str, Any], ...]
    facts: tuple[Fact, ...]
    ending: Ending

    @property
    def statuses(self) -> list[str]:
        """The status of every step of every variant, in order."""
        return [step["status"] for line in self.lines for step in line["steps"].values()]

    def verdicts(self, step: Step) -> list[Any]:
        """What the answers to this step meant, in order."""
        return [fact.verdict for fact in self.facts if isinstance(fact, Answered) and fact.step == step]


@dataclass
class Bench:
    """A project folder with vendors beside it."""

    folder: Path
    job: Path
    stage: Stage
    clock: LeapingClock

    def billed(self) -> Counter[str]:
        """How often each content was billed, by its digest."""
        return Counter(entry["digest"] for entry in self.ledger())

    def ledger(self) -> list[dict[str, Any]]:
        """Accepted submits, oldest first."""
        return [json.loads(line) for line in (self.folder / "vendors" / "ledger.jsonl").read_text("utf-8").splitlines()]

    async def run(self, engine: Callable[[Workshop, Iterator[Variant]], Engine] | None = None, **transport: Any) -> Seen:
        """One run of the job, with another engine or transport where they are given."""
        async with self.open(**transport) as shop:
            return await self.turn(shop, engine)

    async def turn(self, shop: Workshop, engine: Callable[[Workshop, Iterator[Variant]], Engine] | None = None) -> Seen:
        """Check the feed, run the engine, write the results."""
        variants = await self.survey(shop)
        made = (engine or usual_engine)(shop, variants())
        ending = await made.run()
        results = await asyncio.to_thread(write_results, shop.desk.plan, variants(), shop.look_up, shop.outputs)
        lines = tuple(json.loads(line) for line in (self.folder / "out" / "results.jsonl").read_text("utf-8").splitlines())
        ids = [step["request"] for line in lines for step in line["steps"].values() if "request" in step]
        facts = tuple(fact for history in shop.journal.histories(ids).values() for fact in history)
        return Seen(exit_code_of(results.counts, ending), lines, facts, ending)

    async def survey(self, shop: Workshop) -> Callable[[], Iterator[Variant]]:
        """Hold the feed still and check it; what gives its variants."""
        desk = shop.desk
        spec = desk.job_file.job.feed.path
        snapshot = await take_snapshot(spec, desk.folder, [desk.project_file.root], shop.state.feeds, shop.transport.download)
        source = desk.source(snapshot.files, snapshot.names)
        check_feed(desk, source)
        return lambda: desk.plan.variants(read_rows(source))

    @asynccontextmanager
    async def open(self, kind: type[Carrier] = Carrier, patience: Patience = LONG) -> AsyncIterator[Workshop]:
        """The workshop of one run, with a transport of this kind and patience."""
        files = load_files(self.job)
        state = State(self.folder / ".adbatch", "sandbox")
        desk = open_desk(files, self.stage, state.blobs())
        access = {
            lane.name: LaneAccess(
                str(lane.options["base_url"]),
                Secrets(dict.fromkeys(lane.secrets, KEY)),
                lane.limits.concurrent,
                tuple(str(value) for name, value in lane.options.items() if name == "poll_url" and value),
            )
            for lane in lanes_used(desk)
        }
        async with (
            open_workshop(desk, state, self.stage, self.clock) as shop,
            kind(access, shop.blobs, self.clock, patience, SMALL) as transport,
        ):
            yield replace(shop, transport=transport)


def usual_engine(shop: Workshop, variants: Iterator[Variant]) -> Engine:
    """The engine as a run has it."""
    return shop.engine(variants, shop.conductor(), lambda _step: False)


def write_job(folder: Path, steps: str, feed: str, top: str) -> Path:
    """A project in `folder` with a picture beside its job."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "mug.png").exists():
        Image.new("RGB", (24, 24), "teal").save(folder / "mug.png")
    return write_project(folder, steps, top=f"output: {{dir: out}}\n{top}", feed=feed)


@asynccontextmanager
async def open_bench(
    folder: Path, steps: str, faults: tuple[Fault, ...] = (), feed: str = "id,title\nmug,Mug\n", top: str = "", **settings: Any
) -> AsyncIterator[Bench]:
    """A bench in `folder` whose vendors misbehave as ordered; opened again on the same folder, all is as it was."""
    job = write_job(folder, steps, feed, top)
    clock = LeapingClock()
    wanted = {"state": folder / "vendors", "key": KEY, "latency": 0.0, "queue": QUEUE, "faults": faults, **settings}
    before = folder / "port"
    port = int(before.read_text("utf-8")) if before.exists() else 0
    server = TestServer(make_app(Settings(**wanted), clock.now, DRAWN), host="127.0.0.1", port=port)
    await server.start_server(shutdown_timeout=0.1)
    before.write_text(str(server.port), "utf-8")
    url = f"http://127.0.0.1:{server.port}"
    try:
        yield Bench(folder, job, Stage(url, KEY, describe(url, KEY)["vendors"]), clock)
    finally:
        await server.close()
