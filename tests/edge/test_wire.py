"""The wire: one letter is one hit, written as it was given, and it is known how far it got.

If aiohttp changes, these tests say so.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from runner.edge.guard import Guard
from runner.edge.sessions import Progress
from runner.edge.wire import BUFFER, HEADS_KEPT, PIECE, Known, Letter, Wire, check_library, write_head
from tests.edge.conftest import Answer, Hit, Vendor, open_vendor, reset, says
from tests.hostile.dials import Liar

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")
URL_HERE = URL("https://api.vendor.test/v1/x?q=%2F", encoded=True)


async def drop(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


async def cut(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Reset the connection without a word."""
    reset(writer)


async def ask(wire: Wire, letter: Letter) -> tuple[bytes, Progress]:
    """The answer's body, or what went wrong, and how far the letter got."""
    progress = Progress()
    try:
        arrival = await wire.send(letter, progress)
    except (aiohttp.ClientError, OSError) as error:
        return type(error).__name__.encode(), progress
    try:
        return await arrival.content.read(), progress
    finally:
        arrival.release()


def letter(vendor: Vendor, method: str = "POST", data: bytes | Path = b"", **headers: str) -> Letter:
    """A letter to this vendor."""
    return Letter(method, URL(vendor.url) / "x", headers, data, aiohttp.ClientTimeout(sock_read=5.0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("failing", [drop, cut])
async def test_a_dropped_letter_is_one_hit(method: str, failing: Answer) -> None:
    """A server that closes or resets without an answer sees every method exactly once, on a fresh connection and on a used one."""

    async def once(hit: Hit, writer: asyncio.StreamWriter) -> None:
        await (says(b"") if len(vendor.hits) == 1 else failing)(hit, writer)

    async with open_vendor(once) as vendor, Wire(Guard([vendor.url]).open_local, 4, 30.0) as wire:
        assert (await ask(wire, letter(vendor, method)))[0] == b""
        _, progress = await ask(wire, letter(vendor, method))
        assert (len(vendor.hits), vendor.dials, progress.sent) == (2, 1, True)


async def test_nothing_was_sent_where_nobody_listens() -> None:
    """A refused connection leaves the progress untouched."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vendor = Vendor(drop, url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        async with Wire(Guard([vendor.url]).open_local, 1, 0) as wire:
            assert (await ask(wire, letter(vendor)))[1].sent is False


async def test_interim_answers_are_passed_over() -> None:
    """A 1xx says that the answer is on its way; the one that counts comes after it."""

    async def slowly(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async with open_vendor(slowly) as vendor, Wire(Guard([vendor.url]).open_local, 1, 0) as wire:
        assert (await ask(wire, letter(vendor)))[0] == b"{}"


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, 3 * PIECE + 1])
async def test_large_data_goes_out_whole(tmp_path: Path, size: int) -> None:
    """From memory or from a file, in one piece or several, the server gets every byte and their number."""
    data = bytes(index % 251 for index in range(size))
    (tmp_path / "data").write_bytes(data)
    async with open_vendor(says()) as vendor, Wire(Guard([vendor.url]).open_local, 1, 0) as wire:
        for source in (data, tmp_path / "data"):
            await ask(wire, letter(vendor, data=source))
            assert (vendor.hits[-1].body, vendor.hits[-1].headers["content-length"]) == (data, str(size))


async def test_an_answer_before_the_end_of_the_data_counts(tmp_path: Path) -> None:
    """A server that refuses a large file and hangs up is heard."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()
        await reader.read(PIECE)
        writer.close()

    (tmp_path / "data").write_bytes(bytes(2 * PIECE))
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    vendor = Vendor(drop, url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, Wire(Guard([vendor.url]).open_local, 1, 0) as wire:
        assert (await ask(wire, letter(vendor, data=tmp_path / "data")))[0] == b"big"


async def test_cookies_proxies_and_passwords_are_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a vendor sets in one answer does not go out with the next call, and the environment has no say."""
    async with (
        open_vendor(says(b"", 200, "Set-Cookie: a=1; Path=/")) as vendor,
        open_vendor(says()) as proxy,
        Wire(Guard([vendor.url]).open_local, 1, 30.0) as wire,
    ):
        monkeypatch.setenv("http_proxy", proxy.url)
        for _ in range(2):
            await ask(wire, letter(vendor))
        assert ([set(hit.headers) & {"cookie", "authorization"} for hit in vendor.hits], proxy.dials) == ([set(), set()], 0)


async def test_names_are_looked_up_where_one_says(vendor: Vendor) -> None:
    """A resolver given with the wire answers for every name, and the name is what the server is told."""
    port = int(vendor.url.rpartition(":")[2])
    liar = Liar(lambda host: ["127.0.0.1"])
    async with Wire(Guard([vendor.url]).open_local, 1, 0, liar) as wire:
        await ask(wire, Letter("GET", URL(f"http://nowhere.invalid:{port}/"), {}))
    assert (liar.asked, vendor.hits[0].headers["host"]) == (["nowhere.invalid"], f"nowhere.invalid:{port}")


@pytest.mark.parametrize(
    ("method", "headers", "data", "lines"),
    [
        ("GET", {}, b"", ["Accept: */*", "Accept-Encoding: gzip, deflate", "User-Agent: adbatch"]),
        ("POST", {}, b"", ["Accept: */*", "Accept-Encoding: gzip, deflate", "User-Agent: adbatch", "Content-Length: 0"]),
        (
            "POST",
            {"accept": "application/json", "X-Plan": "größe"},
            b"{}",
            [
                "Accept-Encoding: gzip, deflate",
                "User-Agent: adbatch",
                "accept: application/json",
                "X-Plan: größe",
                "Content-Length: 2",
            ],
        ),
    ],
)
def test_a_head_is_what_was_given_and_little_more(method: str, headers: Mapping[str, str], data: bytes, lines: list[str]) -> None:
    """The path as it was encoded, the host without its own port, our headers before none of aiohttp's, and the length."""
    first = [f"{method} /v1/x?q=%2F HTTP/1.1", "Host: api.vendor.test"]
    assert write_head(Letter(method, URL_HERE, headers, data)).decode().split("\r\n") == [*first, *lines, "", ""]


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX-Evil: 1"}, {"X-A": "b\n"}, {"X-A": "\0"}, {"X A": "b"}, {"X-A\r\nX-Evil": "b"}, {"": "b"}]
)
def test_no_header_ends_its_line(headers: dict[str, str]) -> None:
    """What could begin another header, or another request, is refused."""
    with pytest.raises(ValueError, match="header"):
        write_head(Letter("POST", URL_HERE, headers))


def test_headers_that_are_known_are_written_as_they_are() -> None:
    """Those that are handed on again are found, and none is taken for another, however many come and go."""
    known: dict[int, Known] = {}
    for number in range(3 * HEADS_KEPT):
        headers = {"X-Number": str(number)}
        heads = [write_head(Letter("GET", URL_HERE, headers), known) for _ in range(2)]
        assert heads == [write_head(Letter("GET", URL_HERE, headers))] * 2
        assert len(known) <= HEADS_KEPT


def test_the_library_is_the_one_this_was_written_for() -> None:
    """What we use of aiohttp beyond its promises is there."""
    check_library()


@pytest.mark.parametrize("size", [2, 20 * BUFFER])
async def test_an_answer_is_read_whole_however_often_it_was_paused(size: int) -> None:
    """Small ones are read without a pause, large ones with many, all on one connection."""
    body = bytes(index % 251 for index in range(size))
    async with open_vendor(says(body)) as vendor, Wire(Guard([vendor.url]).open_local, 1, 30.0) as wire:
        for _ in range(2):
            arrival = await wire.send(letter(vendor), Progress())
            assert b"".join([piece async for piece in arrival.content.iter_any()]) == body
            arrival.release()
        assert vendor.dials == 1
