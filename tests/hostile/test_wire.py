"""No answer of a stranger floods us: packed, endless, slow or absurd, it ends at a bound, leaves nothing, and counts as sent."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.edge.intake import Caps, Patience
from runner.edge.secrets import Secrets
from runner.edge.transport import LaneAccess, Transport
from runner.records import Answer, Asset, Call, JsonBody, NoAnswer
from tests.edge.conftest import Answer as Behaviour
from tests.edge.conftest import Hit, Vendor, open_vendor, says
from tests.hostile.memory import growth
from tests.hostile.pictures import draw

PATIENCE = Patience(connect=2.0, submit=5.0, poll=5.0, fetch=5.0, silence=1.0, grace=0.3, slowest=1024.0)
CAPS = Caps(memory=4 << 20, picture=4 << 20, video=8 << 20)


def bombs(mebibytes: int) -> tuple[bytes, bytes]:
    """Zeros as gzip and as zlib pack them, but packed once a mebibyte and repeated: making the bomb costs us little."""
    zeros = bytes(1 << 20)
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (press.compress(zeros) + press.flush(zlib.Z_FULL_FLUSH)) * mebibytes + press.flush()
    crc, adler = 0, 1
    for _ in range(mebibytes):
        crc, adler = zlib.crc32(zeros, crc), zlib.adler32(zeros, adler)
    tail = struct.pack("<II", crc, mebibytes << 20)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + packed + tail, b"\x78\xda" + packed + struct.pack(">I", adler)


BOMB, ZLIB_BOMB = bombs(200)
PNG = draw("PNG")


def flood(head: str, piece: bytes, count: int, status: str = "200 OK") -> Behaviour:
    """A head, then `piece` so many times, as fast as it is taken, then the end of the connection."""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}".encode())
        for _ in range(count):
            writer.write(piece)
            await writer.drain()
        writer.close()

    return answer


async def drip(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """A few bytes now and then, never silent for long, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + PNG[:64])
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.05)


FLOODS: dict[str, Behaviour] = {
    "a gzip bomb": says(BOMB, 200, "Content-Encoding: gzip"),
    "a deflate bomb": says(ZLIB_BOMB, 200, "Content-Encoding: deflate"),
    "a gzip bomb in chunks": flood(
        "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", f"{len(BOMB):x}\r\n".encode() + BOMB + b"\r\n", 1
    ),
    "a bomb of brotli": says(bytes(5000), 200, "Content-Encoding: br"),
    "a body without end": flood("\r\n", bytes(1 << 16), 400),
    "a body of chunks without end": flood("Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(1 << 16) + b"\r\n", 400),
    "more than it said": flood("Content-Length: 99999999\r\n\r\n", bytes(1 << 16), 400),
    "a header without end": flood("X: ", b"x" * (1 << 16), 100),
    "headers without end": flood("", b"X-Header: value\r\n" * 4000, 100),
    "informational answers without end": flood("\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 5000, "103 Early Hints"),
    "a chunk of a senseless size": flood("Transfer-Encoding: chunked\r\n\r\n", b"ffffffffffffffffff\r\n", 1),
    "a chunk below zero": flood("Transfer-Encoding: chunked\r\n\r\n", b"-5\r\nxxxxx\r\n", 1),
    "a chunk with a long extension": flood("Transfer-Encoding: chunked\r\n\r\n5;", b"x" * (1 << 16), 100),
    "a length below zero": flood("Content-Length: -1\r\n\r\n", b"x", 9),
    "two lengths": flood("Content-Length: 5\r\nContent-Length: 7\r\n\r\n", b"x", 9),
    "a length and chunks": flood("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nxxxxx\r\n", 1),
    "a status of four digits": flood("Content-Length: 0\r\n\r\n", b"", 1, "2000 OK"),
    "a drip": drip,
}
CALLS: dict[str, Callable[[str], Call]] = {
    "submit": lambda url: Call("POST", url, "submit", body=JsonBody({})),
    "submit for a picture": lambda url: Call("POST", url, "submit", sink="blob"),
    "poll": lambda url: Call("GET", url, "poll"),
    "fetch": lambda url: Call("GET", url, "fetch", sink="blob"),
}


async def perform(root: Path, vendor: Vendor, call: Call) -> object:
    """One call over a transport of its own, with small caps."""
    access = {"house": LaneAccess(vendor.url, Secrets({"key": "test-key-0123456789"}))}
    async with Transport(access, Blobs(root / "blobs"), SystemClock(), PATIENCE, CAPS) as transport:
        return await transport.perform("house", call)


@pytest.mark.parametrize("purpose", CALLS)
@pytest.mark.parametrize("name", FLOODS)
async def test_no_answer_floods_us(tmp_path: Path, name: str, purpose: str) -> None:
    """Whatever comes: no answer, known to have been sent, forty megabytes at the most, and nothing left in the store."""
    async with open_vendor(FLOODS[name]) as vendor:
        with growth() as grown:
            reply = await perform(tmp_path, vendor, CALLS[purpose](f"{vendor.url}/x"))
    assert isinstance(reply, NoAnswer), reply
    assert (reply.sent, bool(reply.why), len(reply.why) < 400) == (True, True, True)
    assert grown.bytes < 40 << 20
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["a gzip bomb", "a body without end", "a drip"])
async def test_no_input_picture_floods_us(tmp_path: Path, name: str) -> None:
    """A picture that a row names is bounded as a result is, and the call it was for is not made."""
    async with open_vendor(FLOODS[name]) as vendor:
        body = JsonBody({"image": Asset(f"{vendor.url}/in.png")})
        reply = await perform(tmp_path, vendor, Call("POST", f"{vendor.url}/x", "submit", body=body))
        assert [hit.line for hit in vendor.hits] == ["GET /in.png"]
    assert isinstance(reply, NoAnswer)
    assert reply.sent is False


@pytest.mark.parametrize("purpose", ["submit", "poll"])
async def test_what_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path: Path, purpose: str) -> None:
    """Beyond a mebibyte the ratio counts, well before the cap does; below it, and for honest text, it does not."""
    honest = gzip.compress(b"".join(b'{"n": %d}' % (number * 7919) for number in range(150_000)))
    for packed, fine in ((gzip.compress(bytes(3 << 20)), False), (gzip.compress(bytes(1 << 20)), True), (honest, True)):
        async with open_vendor(says(packed, 200, "Content-Encoding: gzip")) as vendor:
            reply = await perform(tmp_path, vendor, CALLS[purpose](f"{vendor.url}/x"))
        assert isinstance(reply, Answer) is fine
        assert fine or (isinstance(reply, NoAnswer) and "more than 100 times its size" in reply.why)
