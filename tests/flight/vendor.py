"""A vendor in the test: speaks enough of Jivox and Sivi for a run, counts what reaches it, and does what a test wants meanwhile."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from PIL import Image

KEY: Final = "test-key-of-the-account"
ENVIRON: Final = {"JIVOX_API_KEY": KEY, "SIVI_API_KEY": KEY}


@dataclass(frozen=True)
class Hit:
    """A call that came: what it was for (`submit`, `poll` or `fetch`), what it asked for, and when."""

    step: str
    asked: str
    at: float


async def _nothing(hit: Hit) -> None:
    """Answer at once."""


@dataclass
class Vendor:
    """What came, in order; the most calls that were open at once; and `meanwhile`, which is awaited before each is answered."""

    meanwhile: Callable[[Hit], Awaitable[None]] = _nothing
    polls: int = 1
    hits: list[Hit] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    url: str = ""
    asked_for: Counter[str] = field(default_factory=Counter)
    tickets: dict[str, int] = field(default_factory=dict)
    most_tickets: int = 0

    def count(self, *steps: str) -> int:
        """How many calls of these steps came."""
        return sum(hit.step in steps for hit in self.hits)

    async def text(self, request: web.Request) -> web.Response:
        """Jivox: copy from a prompt."""
        prompt = (await request.json())["prompt"]
        return await self._answer("submit", prompt, {"text": f"copy for {prompt}"})

    async def image(self, request: web.Request) -> web.Response:
        """Jivox: a link to a picture."""
        prompt = (await request.json())["prompt"]
        return await self._answer("submit", prompt, {"imageUrl": f"{self.url}/files/{len(self.hits)}.png"})

    async def media(self, request: web.Request) -> web.Response:
        """Sivi: a picture as a queued job."""
        prompt = (await request.json())["prompt"]
        self.tickets[f"t{len(self.tickets)}"] = self.polls
        self.most_tickets = max(self.most_tickets, sum(left >= 0 for left in self.tickets.values()))
        return await self._answer("submit", prompt, {"requestId": f"t{len(self.tickets) - 1}"})

    async def status(self, request: web.Request) -> web.Response:
        """Sivi: how far a job is; done after `polls` questions."""
        ticket = json.loads(request.query["queryParams"])["requestId"]
        self.tickets[ticket] -= 1
        body: dict[str, Any] = {"status": "processing"}
        if self.tickets[ticket] < 0:
            body = {"status": "completed", "result": {"url": f"{self.url}/files/{ticket}.png"}}
        return await self._answer("poll", ticket, body)

    async def file(self, request: web.Request) -> web.Response:
        """A picture."""
        drawn = io.BytesIO()
        Image.new("RGB", (16, 16), "teal").save(drawn, "PNG")
        return await self._answer("fetch", request.path, drawn.getvalue())

    async def _answer(self, step: str, asked: str, answer: bytes | dict[str, Any]) -> web.Response:
        hit = Hit(step, asked, time.monotonic())
        self.hits.append(hit)
        self.asked_for[asked] += step == "submit"
        self.open += step != "fetch"
        self.most_open = max(self.most_open, self.open)
        try:
            await self.meanwhile(hit)
        finally:
            self.open -= step != "fetch"
        return web.Response(body=answer, content_type="image/png") if isinstance(answer, bytes) else web.json_response(answer)


@asynccontextmanager
async def open_vendor(vendor: Vendor) -> AsyncIterator[Vendor]:
    """Serve `vendor` on a free port of this machine."""
    app = web.Application()
    app.add_routes(
        [
            web.post("/accounts/1/textGen", vendor.text),
            web.post("/accounts/1/imageGen", vendor.image),
            web.post("/general/media/generate", vendor.media),
            web.get("/general/get-request-status", vendor.status),
            web.get("/files/{name}", vendor.file),
        ]
    )
    running = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await running.setup()
    site = web.TCPSite(running, "127.0.0.1", 0)
    await site.start()
    vendor.url = f"http://127.0.0.1:{running.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await running.cleanup()


def write_project(
    folder: Path, vendor: Vendor, limits: str = "{concurrent: 4}", *, jobs: int = 1, rows: int = 6, step: str = "text"
) -> Path:
    """A project whose accounts are this vendor, and jobs `job-0.yaml`, …; each asks for other things. Returns the folder."""
    folder.mkdir(exist_ok=True)
    account = f"limits: {limits}, base_url: '{vendor.url}'"
    (folder / "adbatch.yaml").write_text(f'version: 1\nproviders:\n  jivox: {{account: "1", {account}}}\n  sivi: {{{account}}}\n')
    (folder / "feed.csv").write_text("id,title\n" + "".join(f"r{n},Thing {n}\n" for n in range(rows)))
    for number in range(jobs):
        prompt = f'prompt: "{number}: {{{{ row.title }}}}"'
        params = {
            "text": f"jivox/text, with: {{{prompt}}}",
            "image": f"jivox/image, with: {{{prompt}, width: 16, height: 16}}",
            "media": f"sivi/media, with: {{{prompt}, bId: b_1, model: flux-schnell, dimensions: {{width: 1024, height: 1024}}}}",
        }[step]
        (folder / f"job-{number}.yaml").write_text(
            f"version: 1\nname: job-{number}\nfeed: {{path: feed.csv}}\nsteps:\n  ad: {{use: {params}}}\n"
            f"output: {{dir: out-{number}}}\n"
        )
    return folder


def read_results(folder: Path, number: int = 0) -> list[dict[str, Any]]:
    """The lines of a job's results.jsonl, each of which must be JSON; none where there is no such file."""
    path = folder / f"out-{number}" / "results.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


async def pause(seconds: float) -> None:
    """Let so many seconds of real time pass: other processes take theirs."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over


async def until(happens: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something has happened, looking every few milliseconds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        await pause(0.005)
