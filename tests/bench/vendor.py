"""A vendor on loopback that costs next to nothing: HTTP/1.1 by hand on `asyncio.Protocol`, so that clients are what is measured.

It speaks as much of three vendors as the scenarios need: chats in OpenAI's words, pictures in Jivox's, queued jobs in those of
Black Forest Labs. It answers after a fixed latency, can refuse more than so many calls in any span (a limit nobody told the client
of), and counts what arrived: `GET /_stats`. It runs as a process of its own, `python -m tests.bench.vendor`, and prints where.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import json
import os
import re
import sys
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, cast

import orjson

WORDS: Final = "A headline that says what the thing is for, and a line of copy that says why anyone would want it today. "
TEXT: Final = (WORDS * 6)[:600]
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SPANS: Final = (1.0, 60.0)
"""Seconds of the sliding windows whose fullest moment is told."""
JOB: Final = re.compile(rb"job-[0-9]+")
POLLS: Final = 3
"""Polls after which a queued job is done."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the vendor behaves. `limit` calls in any `span` seconds are let through (0: all), `side` is a picture's width."""

    latency: float = 0.0
    limit: int = 0
    span: float = 1.0
    side: int = 256
    port: int = 0


@dataclass(slots=True)
class Books:
    """What the vendor has seen: calls by kind, when each submit or poll arrived, and how far each job is."""

    calls: Counter[str] = field(default_factory=Counter)
    arrivals: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    let_in: deque[float] = field(default_factory=deque)
    jobs: dict[str, int] = field(default_factory=dict)

    def told(self) -> dict[str, object]:
        """What is told on request: counts, the fullest span of each length, and the refusals by second since the first call."""
        first = self.arrivals[0] if self.arrivals else 0.0
        return {
            "calls": dict(self.calls),
            "fullest": {f"{span:g}": fullest(self.arrivals, span) for span in SPANS},
            "refused": len(self.refusals),
            "refused_late": sum(at > first + 10.0 for at in self.refusals),
            "late": sum(at > first + 10.0 for at in self.arrivals),
            "took": (self.arrivals[-1] - first) if self.arrivals else 0.0,
        }


def fullest(moments: list[float], span: float) -> int:
    """The most of the ascending `moments` that lie in any half-open span of so many seconds."""
    return max((index + 1 - bisect.bisect_right(moments, at - span) for index, at in enumerate(moments)), default=0)


def make_picture(side: int) -> tuple[bytes, bytes]:
    """A PNG of noise, as what stands before and after the chunk that makes each copy different."""
    head = side.to_bytes(4) * 2 + bytes((8, 2, 0, 0, 0))
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    return SIGNATURE + chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG: length, name, data, checksum (ISO/IEC 15948, clause 5.3)."""
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


class Vendor:
    """What there is to answer. `respond` says status, media type, body and after how many seconds."""

    def __init__(self, settings: Settings, clock: asyncio.AbstractEventLoop) -> None:
        self._settings, self._clock = settings, clock
        self._before, self._after = make_picture(settings.side)
        self.books = Books()
        self.base = ""

    def respond(self, method: bytes, path: bytes) -> tuple[int, bytes, bytes, float]:
        """The answer to a call."""
        if path == b"/_stats":
            return 200, b"application/json", orjson.dumps(self.books.told()), 0.0
        if path.startswith(b"/files/"):
            self.books.calls["fetch"] += 1
            return 200, b"image/png", self._before + chunk(b"tEXt", b"Comment\0" + path) + self._after, 0.0
        if not self._let_in():
            return 429, b"application/json", b'{"message":"too many requests"}', 0.0
        self.books.calls["submit" if method == b"POST" else "poll"] += 1
        return 200, b"application/json", orjson.dumps(self._answer(path)), self._settings.latency

    def _let_in(self) -> bool:
        now, books, settings = self._clock.time(), self.books, self._settings
        books.arrivals.append(now)
        if not settings.limit:
            return True
        while books.let_in and books.let_in[0] <= now - settings.span:
            books.let_in.popleft()
        if len(books.let_in) >= settings.limit:
            books.refusals.append(now)
            return False
        books.let_in.append(now)
        return True

    def _answer(self, path: bytes) -> object:
        number = self.books.calls["submit"]
        if path.endswith(b"/imageGen"):
            return {"imageUrl": f"{self.base}/files/{number}.png"}
        if path.endswith(b"/chat/completions"):
            choice = {"index": 0, "message": {"role": "assistant", "content": f"{number}: {TEXT}"}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 120, "completion_tokens": 130, "total_tokens": 250}
            return {"id": f"c-{number}", "object": "chat.completion", "model": "bench", "choices": [choice], "usage": usage}
        return self._queue(path, number)

    def _queue(self, path: bytes, number: int) -> object:
        found = JOB.search(path)
        if found is None:
            return {"id": f"job-{number}", "polling_url": f"{self.base}/get_result?id=job-{number}"}
        name = found[0].decode()
        self.books.jobs[name] = seen = self.books.jobs.get(name, 0) + 1
        if seen < POLLS:
            return {"id": name, "status": "Pending"}
        del self.books.jobs[name]
        return {"id": name, "status": "Ready", "result": {"sample": f"{self.base}/files/{name}.png"}}


class Connection(asyncio.Protocol):
    """One client's connection; calls on it are answered one after the other."""

    def __init__(self, vendor: Vendor, loop: asyncio.AbstractEventLoop) -> None:
        self._vendor, self._loop = vendor, loop
        self._transport: asyncio.Transport | None = None
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take in what came, and answer once a call is complete."""
        self._held += data
        head, blank, rest = self._held.partition(b"\r\n\r\n")
        if not blank:
            return
        at = head.lower().find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._held = rest[length:]
        method, path, _ = head.split(b" ", 2)
        status, kind, body, after = self._vendor.respond(method, path)
        head = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
        if after:
            self._loop.call_later(after, self._send, head + body)
        else:
            self._send(head + body)

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def serve(settings: Settings) -> None:
    """Answer until stdin closes: whoever started this process has gone then."""
    loop = asyncio.get_running_loop()
    vendor = Vendor(settings, loop)
    server = await loop.create_server(lambda: Connection(vendor, loop), "127.0.0.1", settings.port, backlog=1024)
    vendor.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": vendor.base}), flush=True)  # noqa: T201 - a process of its own
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the settings off the command line and serve."""
    parser = argparse.ArgumentParser()
    for name, default in (("latency", 0.0), ("limit", 0), ("span", 1.0), ("side", 256), ("port", 0)):
        parser.add_argument(f"--{name}", type=type(default), default=default)
    work = serve(Settings(**vars(parser.parse_args())))
    try:
        import uvloop  # noqa: PLC0415 - where it is installed
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    main()
