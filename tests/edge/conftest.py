"""Servers on loopback for the edge: each listens on a port of its own and remembers what reached it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

import pytest

Answer = Callable[["Hit", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Hit:
    """One request as it came over the wire."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        """The request line without its version."""
        return self.head.split(b"\r\n")[0].decode().rpartition(" ")[0]

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name."""
        pairs = (line.partition(": ") for line in self.head.decode("latin-1").split("\r\n")[1:] if line)
        return {name.lower(): value for name, _, value in pairs}


@dataclass
class Vendor:
    """A server whose answers are raw bytes, so that it can break every rule. `hits` are the requests it read."""

    answer: Answer
    hits: list[Hit] = field(default_factory=list)
    dials: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until somebody closes it."""
        self.dials += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                hit = Hit(head, b"")
                hit.body = await reader.readexactly(int(hit.headers.get("content-length", "0")))
                self.hits.append(hit)
                await self.answer(hit, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with an RST instead of a FIN."""
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(body: bytes = b"{}", status: int = 200, *headers: str) -> Answer:
    """Always the same complete answer."""
    head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers])

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + b"\r\n\r\n" + body)

    return answer


@asynccontextmanager
async def open_vendor(answer: Answer) -> AsyncIterator[Vendor]:
    """A vendor on a free port of 127.0.0.1."""
    vendor = Vendor(answer)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(vendor.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor that answers `{}` until a test gives it something else to say."""
    async with open_vendor(says()) as opened:
        yield opened
