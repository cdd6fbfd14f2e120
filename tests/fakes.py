"""Fakes that implement the real interfaces: a vendor behind `Hands`, a journal in memory, and jobs small enough to read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from runner.core.conductor import Conductor
from runner.core.purse import Purse, Purses
from runner.edge.clock import VirtualClock
from runner.engine import WINDOW, Engine
from runner.facts import Fact
from runner.fields import Field, Offer, Operation, Polling
from runner.hands import Carried
from runner.job.load import load_job, load_project
from runner.job.plan import Plan
from runner.loom import Ask, Loom, Yield
from runner.records import Artifact, Blob, Limits, Row, Send, Variant
from runner.tools import Tools
from runner.verdicts import Data, Done, Held, Link, Queued, Text, Verdict

PROMPT: Final = {"prompt": Field("text", required=True)}
OPERATIONS: Final[Mapping[str, Operation]] = {
    "pen/text": Operation("text", "text", PROMPT),
    "pen/picture": Operation("picture", "file", {**PROMPT, "image": Field("image", takes=("base64",))}),
    "press/job": Operation("job", "file", PROMPT, polling=Polling(1.0, 1.5, 10.0), deadline=600.0),
}
"""Two lanes: `pen` answers at once, `press` queues."""

HEADER: Final = "version: 1\nname: small\nfeed: {path: feed.csv}\noutput: {dir: out}\n"


def make_plan(folder: Path, steps: str, top: str = "") -> Plan:
    """A compiled plan of a job with these steps (YAML), in a project of its own."""
    path = folder / "job.yaml"
    path.write_text(f"{HEADER}{top}steps:\n{steps}", encoding="utf-8")
    offers = {use: Offer(operation) for use, operation in OPERATIONS.items()}
    plan = Plan(load_job(path), load_project(path), offers, lambda text: f"blob:{'0' * 64}")
    plan.require()
    return plan


def make_rows(count: int, **more: str) -> list[Row]:
    """Rows `r1`, `r2`, … with a title each."""
    return [Row(f"r{n}", {"id": f"r{n}", "title": f"Thing {n}", **more}, "feed.csv", n + 1) for n in range(1, count + 1)]


class Shelves:
    """Pages in memory, at most `room` of them."""

    def __init__(self, room: int = 1_000) -> None:
        self._pages: list[bytes] = []
        self._room = room

    def __len__(self) -> int:
        return len(self._pages)

    def append(self, page: bytes) -> bool:
        """Keep the page, if there is room."""
        if len(self._pages) < self._room:
            self._pages.append(page)
            return True
        return False

    def read(self, number: int) -> bytes:
        """The page of this number."""
        return self._pages[number]


class MemoryLedger:
    """A journal that forgets everything with the process, and can be told to fail."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.commits: list[list[Fact]] = []
        self.failure: Exception | None = None

    def commit(self, facts: Sequence[Fact]) -> None:
        """Keep the facts, all or none."""
        if self.failure is not None:
            raise self.failure
        self.commits.append(list(facts))
        self.facts.extend(facts)

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any."""
        wanted = set(ids)
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            if fact.id in wanted:
                found.setdefault(fact.id, []).append(fact)
        return found


Script = Callable[[Send], Verdict]


def obliging(send: Send) -> Verdict:
    """A vendor that grants everything at once: `pen` answers, `press` queues, then links, then gives."""
    if send.step == "fetch":
        return Done((Held(Blob("ab" * 32, 3)),))
    if send.request.operation == "text":
        return Done((Text(f"copy for {send.request.params['prompt']}"),))
    if send.request.operation == "picture":
        return Done((Held(Blob("cd" * 32, 3)),))
    return Queued(f"ticket-{send.request.id[:8]}") if send.step == "submit" else Done((Link("https://cdn.example/1.png"),))


class FakeVendor:
    """Hands whose answers come from a script; remembers every duty and in which order it came.

    An answer takes `turns` of the event loop; `most` is how many duties were under way at once at most.
    """

    def __init__(self, script: Script = obliging, hold: asyncio.Event | None = None) -> None:
        self.script = script
        self.sends: list[Send] = []
        self.hold = hold
        self.turns = self.most = self._under_way = 0

    async def carry(self, send: Send) -> Carried:
        """Answer as scripted, after `hold` is set where there is one."""
        self.sends.append(send)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        if self.hold is not None:
            await self.hold.wait()
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self._under_way -= 1
        return Carried(send, self.script(send))

    def count(self, step: str = "submit") -> int:
        """How many duties of this step came."""
        return sum(send.step == step for send in self.sends)


class Floor:
    """An engine with everything faked but the brain; `run` turns it to the end in virtual time."""

    def __init__(
        self,
        plan: Plan,
        rows: Iterable[Row],
        script: Script = obliging,
        *,
        ledger: MemoryLedger | None = None,
        limits: Limits | None = None,
        purse: Purse | None = None,
        steps: Mapping[str, Purse] | None = None,
        fresh: Callable[[str], bool] = lambda _: False,
        risk: Callable[[Ask, int], bool] = lambda ask, tries: False,
        window: int = WINDOW,
    ) -> None:
        self.clock = VirtualClock()
        self.ledger = ledger or MemoryLedger()
        self.vendor = FakeVendor(script)
        self.published: list[Yield] = []
        self.missing: set[str] = set()
        self.bad: dict[str, str] = {}
        self.publish_failure: Exception | None = None
        lanes = {name: limits or Limits() for name in ("pen", "press")}
        self.conductor = Conductor(lanes, OPERATIONS, Purses(purse or Purse(), steps=steps or {}))
        self.tools = Tools(self.clock, self.vendor, self.ledger, self._measure, self._holds, self._publish, fresh, risk)
        self.variants: Iterator[Variant] = plan.variants(rows)
        self.engine = Engine(Loom(plan), self.variants, self.conductor, self.tools, window)

    async def run(self) -> Counter[str]:
        """Run to the end; counts of published statuses by step."""
        work = asyncio.ensure_future(self.engine.run())
        while not work.done():
            await asyncio.wait([work], timeout=0.001)
            at = self.clock.next_at()
            if at is not None:
                self.clock.advance(at - self.clock.now())
        await work
        return Counter(done.step for done in self.published)

    async def _measure(self, blob: Blob) -> Artifact | str:
        if blob.sha256 in self.bad:
            return self.bad[blob.sha256]
        return Artifact("file", None, None, blob.sha256, blob.size, "image/png", 10, 10)

    def _holds(self, artifacts: Sequence[Artifact]) -> bool:
        return not any(artifact.sha256 in self.missing for artifact in artifacts)

    def _publish(self, ready: Sequence[Yield]) -> None:
        if self.publish_failure is not None:
            raise self.publish_failure
        self.published.extend(ready)


__all__ = ["OPERATIONS", "Data", "FakeVendor", "Floor", "MemoryLedger", "make_plan", "make_rows", "obliging"]
