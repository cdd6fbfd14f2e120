"""The wire: one request goes out once, and what comes back is handed over while it arrives.

aiohttp's ClientSession does for a call what a browser would: cookies, redirects, passwords and proxies from the environment, a
second try. For us all of that is off, and yet most of what a call costs. So only what is worth having is taken from aiohttp: its
connector, which looks names up, dials, speaks TLS and bounds how many connections there are, and its protocol, which parses
answers. Between calls connections lie in `runner.edge.berths`. The request is written here, in one piece, and nothing here can
repeat, follow or add a word.

How far a call got needs no trace: `Progress.sent` is set right before the first byte is handed to the socket, and not at all where
the connection has gone by then. Letters of one turn of the event loop leave together (`runner.edge.outbox`).
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from yarl import URL

from runner.edge.berths import Berth, Berths
from runner.edge.outbox import Outbox, write
from runner.edge.sessions import USER_AGENT, Dial, Progress, make_connector
from runner.errors import OurSide
from runner.frozen import frozen

PIECE: Final = 256 * 1024
BUFFER: Final = 64 * 1024
"""Bytes of an answer that wait unread before the socket is left alone for a while."""
HEADS_KEPT: Final = 256
USED: Final = frozenset({"skip_payload", "read_until_eof", "read_timeout", "read_bufsize"})
"""What we tell aiohttp's protocol of an answer: it is not part of what is promised to stay."""
BARE: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose call need not say that it has no body."""
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What may be the name of a header (RFC 9110, section 5.6.2)."""
AUTOMATIC: Final = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT}

Known: TypeAlias = tuple[Mapping[str, str], bytes]
"""Headers, and how they are written. Found by which they are, not by what they say: a lane hands on the same ones again."""


@frozen
class Letter:
    """A request as it goes out: secrets in its headers, assets in its data, which may be a file. `timeouts` bound its call."""

    method: str
    url: URL
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | Path = field(default=b"", repr=False)
    timeouts: aiohttp.ClientTimeout = field(default_factory=aiohttp.ClientTimeout)


@frozen
class Arrival:
    """An answer that has begun to arrive: its body comes as `content`. Whoever got it gives it back with `release`."""

    connection: Connection
    status: int
    headers: Mapping[str, str]
    content: StreamReader
    berths: Berths
    berth: Berth

    def close(self) -> None:
        """Hang up: the rest is not wanted."""
        self.connection.close()

    def release(self) -> None:
        """Give the connection back; it is closed unless the answer was read to its end."""
        self.berths.leave(self.berth, self.connection)


class Wire:
    """Connections of one kind: at most `limit`, their sockets from `dial`; one idle for less than `keep_alive` s is used again.

    0 means a fresh one for every call. Names are looked up by the system, or by `resolver`. Small letters leave through `outbox`,
    which wires of one event loop may share. An async context manager.
    """

    def __init__(
        self, dial: Dial, limit: int, keep_alive: float, resolver: AbstractResolver | None = None, outbox: Outbox | None = None
    ) -> None:
        check_library()
        self._outbox = Outbox() if outbox is None else outbox
        self._berths = Berths(make_connector(dial, limit, keep_alive, resolver), keep_alive)
        self._heads: dict[int, Known] = {}

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._berths.close()

    async def send(self, letter: Letter, progress: Progress) -> Arrival:
        """Send the letter, once, and wait for the head of its answer. The total time is the caller's to bound.

        Raises what aiohttp raises: `ClientError`, `OSError`, `TimeoutError`; `ValueError` for a head nobody may write.
        """
        head = write_head(letter, self._heads)
        berth = self._berths.of(letter.url)
        connection = self._berths.take(berth) or await self._dial(berth, letter)
        try:
            protocol = self._write(connection, letter, head, progress)
            if isinstance(letter.data, Path) and progress.sent:
                await _write_file(protocol, letter.data)
            protocol.start_timeout()
            while True:
                message, content = await protocol.read()
                if not progress.sent:
                    raise aiohttp.ClientConnectionResetError("the server spoke before it was asked")
                if message.code == 101 or not 100 <= message.code < 200:  # 1xx: the answer is on its way (RFC 9110, section 15.2)
                    return Arrival(connection, message.code, message.headers, content, self._berths, berth)
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientPayloadError(f"not an answer in HTTP: {error.message or type(error).__name__}") from error
        except BaseException:
            connection.close()
            raise

    async def _dial(self, berth: Berth, letter: Letter) -> Connection:
        try:
            return await self._berths.dial(berth, letter.timeouts)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {letter.url.host}") from error

    def _write(self, connection: Connection, letter: Letter, head: bytes, progress: Progress) -> ResponseHandler:
        """Make ready for the answer, and write what is in memory, or have it written before this turn of the event loop is over."""
        protocol, data = connection.protocol, letter.data
        if protocol is None or connection.closed:
            raise aiohttp.ClientConnectionResetError("the connection was closed before it was used")
        protocol.set_response_params(
            skip_payload=letter.method == "HEAD", read_until_eof=True, read_timeout=letter.timeouts.sock_read, read_bufsize=BUFFER
        )
        if isinstance(data, bytes) and len(data) < PIECE:
            self._outbox.post(protocol, head + data, progress)
        else:
            write(protocol, head, progress)
            if isinstance(data, bytes) and progress.sent and protocol.transport is not None:
                protocol.transport.write(data)
        return protocol


async def _write_file(protocol: ResponseHandler, path: Path) -> None:
    """The file, piece by piece. A server may answer and hang up before the end: then its answer counts."""
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    with path.open("rb") as file, suppress(aiohttp.ClientConnectionResetError):
        while piece := await asyncio.to_thread(file.read, PIECE):
            await writer.write(piece)


def write_head(letter: Letter, known: dict[int, Known] | None = None) -> bytes:
    """The head of the request (RFC 9112). Raises `ValueError` for a name or a value that would end its line.

    `known` are headers that were written before.
    """
    found = None if known is None else known.get(id(letter.headers))
    if found is not None and found[0] is letter.headers:
        lines = found[1]
    else:
        lines = _write_lines(letter.headers)
        if known is not None:
            if len(known) >= HEADS_KEPT:
                known.clear()
            known[id(letter.headers)] = letter.headers, lines
    url = letter.url
    lines = f"{letter.method} {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n".encode() + lines
    size = letter.data.stat().st_size if isinstance(letter.data, Path) else len(letter.data)
    return lines + b"Content-Length: %d\r\n\r\n" % size if size or letter.method not in BARE else lines + b"\r\n"


def _write_lines(headers: Mapping[str, str]) -> bytes:
    """All of the headers but the host and the length of the data."""
    for name, value in headers.items():
        if TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} cannot be the name of a header")
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"header {name}: a character that cannot stand in a header")
    given = {name.lower() for name in headers}
    more = {name: value for name, value in AUTOMATIC.items() if name.lower() not in given}
    return "".join(f"{name}: {value}\r\n" for name, value in (more | dict(headers)).items()).encode()


@cache
def check_library() -> None:
    """See that aiohttp's protocol is the one this was written for: another is refused rather than trusted. Raises `OurSide`."""
    known = inspect.signature(ResponseHandler.set_response_params).parameters.keys()
    if not known >= USED or not hasattr(ResponseHandler, "start_timeout") or not hasattr(ResponseHandler, "should_close"):
        raise OurSide(f"aiohttp {aiohttp.__version__} has changed how answers are read; install the version adbatch asks for")
