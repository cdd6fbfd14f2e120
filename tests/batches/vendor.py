"""A vendor of batches behind `perform`: it reads the file it is sent, and answers as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.batches.answers import PACE
from runner.batches.hands import BatchHands
from runner.edge.blobs import Blobs
from runner.edge.clock import LeapingClock
from runner.edge.media import Bad, Media
from runner.hands import Carried, VendorHands
from runner.providers.openai_batch import BATCH, Batches
from runner.providers.openai_presets import Preset
from runner.providers.registry import Lane
from runner.records import BY_BATCH, Answer, Blob, Call, FileBody, JsonBody, NoAnswer, Reply, Request, Send, make_request

Line = Callable[[Mapping[str, Any]], Any]


def reply(status: int, body: object = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, {}, json.dumps(body).encode())


def answered(line: Mapping[str, Any]) -> Any:
    """The answer to a line, as a chat gives it: the prompt in capitals."""
    text = line["body"]["messages"][0]["content"].upper()
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return {"response": {"status_code": 200, "body": {"choices": [choice], "usage": {"total_tokens": 7}}}, "error": None}


class Vendor:
    """Keeps files and batches, counts calls, and walks each batch through `states`. `faults` are replies given first, by call.

    `looked` is set once somebody was told the last of the states.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.states = ["validating", "in_progress", "completed"]
        self.line: Line = answered
        self.faults: dict[str, list[Reply]] = {}
        self.calls: Counter[str] = Counter()
        self.urls: list[str] = []
        self.files: dict[str, list[dict[str, Any]]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.errors: Any = None
        self.counted = 0
        self.looked = asyncio.Event()

    async def perform(self, lane: str, call: Call) -> Reply:
        """Answer as the documents say, or as a fault says; not at once, like any network."""
        await asyncio.to_thread(len, lane)
        way = call.url.split("/v1/")[1].partition("?")[0].split("/")
        name = f"{call.method} {way[0]}{'/content' if way[-1] == 'content' else ''}"
        self.calls[name] += 1
        self.urls.append(call.url)
        fault = self.faults.get(name, [])
        if isinstance(call.body, FileBody):
            data = self.blobs.read(call.body.sha256)
            if not fault:
                return self._keep(data)
        if name == "POST batches" and isinstance(call.body, JsonBody) and (not fault or isinstance(fault[0], NoAnswer)):
            made = self._create(dict(call.body.value))  # type: ignore[call-overload]
            if not fault:
                return made
        if fault:
            return fault.pop(0)
        if name == "GET files/content":
            return self.content(way[1])
        if name == "GET files":
            return reply(200 if way[1] in self.files else 404, {})
        return reply(200, {"data": list(self.batches.values())}) if len(way) == 1 else self._look(way[1])

    def _keep(self, data: bytes) -> Reply:
        lines = [json.loads(line) for line in data.split(b"\r\n") for line in line.splitlines() if line.startswith(b"{")]
        name = f"file-{len(self.files) + 1}"
        self.files[name] = lines
        return reply(200, {"id": name})

    def _create(self, body: dict[str, Any]) -> Reply:
        name = f"batch-{len(self.batches) + 1}"
        self.batches[name] = {"id": name, **body, "seen": 0}
        return reply(200, {"id": name, "status": "validating"})

    def _look(self, name: str) -> Reply:
        batch = self.batches[name]
        state = self.states[min(batch["seen"], len(self.states) - 1)]
        batch["seen"] += 1
        if batch["seen"] == len(self.states):
            self.looked.set()
        return reply(
            200,
            {
                "id": name,
                "status": state,
                "output_file_id": f"out.{name}",
                "errors": self.errors,
                "request_counts": {"completed": self.counted},
            },
        )

    def content(self, name: str) -> Answer:
        """The file of answers, in another order than they were asked in."""
        lines = self.files[self.batches[name.removeprefix("out.")]["input_file_id"]]
        told = [{"custom_id": line["custom_id"], **said} for line in reversed(lines) if (said := self.line(line)) is not None]
        data = b"".join(json.dumps(line).encode() + b"\n" for line in told)
        return Answer(200, {}, data, self.blobs.put(data))


class Bench:
    """Hands over such a vendor, with a disk and a clock that waits for nobody. `limits` are those of a file (`MOST_LINES`).

    `left` has who left under which ticket, and the calls that had been made by then.
    """

    def __init__(self, folder: Path, **limits: int) -> None:
        self.blobs = Blobs(folder / "blobs")
        self.vendor = Vendor(self.blobs)
        self.clock = LeapingClock()
        batching = Batches(BATCH.ENDPOINTS)
        for name, most in limits.items():
            setattr(batching, name, most)
        house = Preset("house", "https://house.example/v1", "https://house.example", {"key": "HOUSE_KEY"}, BATCH=batching)
        options = {"base_url": house.BASE_URL, "keys": ()}
        self.lanes = {"house": Lane("house", "house", house, options, house.limits(options), {})}
        direct = VendorHands(self.lanes, self.vendor.perform, self._store, self._measure)
        self.left: list[tuple[dict[str, int], list[str], str]] = []
        self.hands = BatchHands(self.lanes, direct, self.vendor.perform, self.blobs, self.clock, PACE, self._leave)

    async def submit(self, *requests: Request) -> list[Carried]:
        """Carry out the purchases at once, by batch."""
        sends = [Send(request, "submit", lane="house" + BY_BATCH) for request in requests]
        return list(await asyncio.gather(*map(self.hands.carry, sends)))

    async def poll(self, ticket: str, *requests: Request, lane: str = "house" + BY_BATCH) -> list[Carried]:
        """Ask for all of them at once."""
        sends = [Send(request, "poll", ticket=ticket, lane=lane) for request in requests]
        return list(await asyncio.gather(*map(self.hands.carry, sends)))

    def _leave(self, ids: Sequence[str], ticket: str) -> None:
        self.left.append((dict(self.vendor.calls), list(ids), ticket))

    async def _store(self, data: bytes) -> Blob:
        return self.blobs.put(data)

    async def _measure(self, blob: Blob) -> Media | Bad:
        return Bad(f"{blob.sha256} is not looked at here")


def chats(count: int, model: str = "m") -> list[Request]:
    """So many different requests."""
    return [make_request("house", "chat", {"model": model, "prompt": f"thing {number}"}) for number in range(count)]
