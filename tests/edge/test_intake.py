"""Reading what comes in: caps on decoded bytes, on time, and on dripping, against servers that overdo it."""

from __future__ import annotations

import asyncio
import gzip
import io
import resource
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from yarl import URL

from runner.edge.blobs import Blobs
from runner.edge.clock import VirtualClock
from runner.edge.guard import Guard
from runner.edge.intake import HEAD, Caps, Exceeded, Patience, Watch, read_into, read_whole
from runner.edge.sessions import Progress
from runner.edge.wire import Arrival, Letter, Wire
from runner.records import Blob
from tests.edge.conftest import Answer, Hit, open_vendor, says

T = TypeVar("T")
CAPS = Caps(memory=1000, picture=50_000, video=400_000, feed=1000)
MP4 = b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"


def watch(clock: VirtualClock | None = None) -> Watch:
    """A watch that begins now; a second of patience, then 1000 bytes a second."""
    return Patience(grace=1.0, slowest=1000.0).watch(clock or VirtualClock())


def files_in(folder: Path) -> list[Path]:
    """Every file below the folder, torn ones among them."""
    return [path for path in folder.rglob("*") if path.is_file()]


async def get(answer: Answer, read: Callable[[Arrival], Awaitable[T]]) -> T:
    """Ask a server that answers so, and read it."""
    async with open_vendor(answer) as vendor, Wire(Guard([vendor.url]).open_local, 1, 0) as wire:
        arrival = await wire.send(Letter("GET", URL(vendor.url), {}), Progress())
        try:
            return await read(arrival)
        finally:
            arrival.release()


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
async def test_a_body_within_its_cap_is_read_whole(size: int) -> None:
    """Up to the cap, to the byte, a body comes as it was sent."""
    body = b"x" * size
    assert await get(says(body), lambda response: read_whole(response, watch(), 1000, strict=True)) == body


async def test_a_body_beyond_its_cap_is_refused() -> None:
    """One byte more is an error where the whole matters."""
    with pytest.raises(Exceeded, match="an answer of more than 1000 bytes"):
        await get(says(b"x" * 1001), lambda response: read_whole(response, watch(), 1000, strict=True))


async def test_an_error_page_beyond_its_cap_is_cut() -> None:
    """Of an endless error page the beginning is enough."""
    body = await get(says(b"x" * 200_000, 500), lambda response: read_whole(response, watch(), 1000, strict=False))
    assert body == b"x" * 1000


def bomb(size: int) -> bytes:
    """Gzip of `size` zero bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()])


async def test_a_gzip_bomb_ends_at_the_cap() -> None:
    """Decoded bytes count: 128 MiB in an eighth of one stop at the cap, without being unpacked."""
    answer = says(bomb(128 << 20), 200, "Content-Encoding: gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Exceeded):
        await get(answer, lambda response: read_whole(response, watch(), 1 << 20, strict=True))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


async def test_gzip_is_decoded() -> None:
    """Positive control: a compressed body within its cap is read."""
    answer = says(gzip.compress(b"hello" * 100), 200, "Content-Encoding: gzip")
    assert await get(answer, lambda response: read_whole(response, watch(), 1000, strict=True)) == b"hello" * 100


@pytest.mark.parametrize("size", [0, 1, HEAD - 1, HEAD, HEAD + 1, 700_000])
async def test_a_body_goes_to_its_sink(tmp_path: Path, size: int) -> None:
    """All of it becomes a blob, and its first 64 KiB are given to the reader."""
    blobs = Blobs(tmp_path)
    body = io.BytesIO(b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))).read(size)
    with blobs.sink() as sink:
        head, blob = await get(says(body), lambda response: read_into(response, sink, watch(), Caps()))
    assert (head, blobs.read(blob.sha256)) == (body[:HEAD], body)
    assert blob == Blob(blob.sha256, size)


@pytest.mark.parametrize(
    ("head", "size", "fits"),
    [(b"", 50_000, True), (b"", 50_001, False), (MP4, 50_001, True), (MP4, 400_000, True), (MP4, 400_001, False)],
)
async def test_only_what_begins_like_a_video_may_be_large(tmp_path: Path, head: bytes, size: int, fits: bool) -> None:
    """The first bytes decide which cap holds, and what is too large leaves nothing behind."""
    answer = says(head + bytes(size - len(head)), 200, "Content-Type: video/mp4")

    async def read(response: Arrival) -> None:
        with Blobs(tmp_path).sink() as sink:
            await read_into(response, sink, watch(), CAPS)

    if fits:
        await get(answer, read)
    else:
        with pytest.raises(Exceeded, match="a file of more than"):
            await get(answer, read)
    assert len(files_in(tmp_path)) == int(fits)


async def test_a_cap_of_its_own_counts_for_a_feed(tmp_path: Path) -> None:
    """A caller's cap stands above those for pictures and videos."""
    with Blobs(tmp_path).sink() as sink, pytest.raises(Exceeded, match="a file of more than 1000 bytes"):
        await get(says(MP4 + bytes(1000)), lambda response: read_into(response, sink, watch(), CAPS, 1000))


async def test_a_dripping_body_is_given_up() -> None:
    """When the grace is over, fewer bytes than the slowest pace end the reading."""
    clock = VirtualClock()

    async def drip(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100)
        await writer.drain()

    async def read(response: Arrival) -> bytes:
        started = watch(clock)
        clock.advance(5.0)
        return await read_whole(response, started, 1 << 20, strict=True)

    with pytest.raises(Exceeded, match="too slow: 100 bytes in 5 s"):
        await get(drip, read)


@pytest.mark.parametrize(
    ("took", "size", "fine"), [(0.9, 0, True), (1.1, 1100, True), (1.1, 1099, False), (60.0, 60_000, True), (60.0, 9, False)]
)
def test_slowness_is_told_by_the_clock(took: float, size: int, fine: bool) -> None:
    """Within the grace nothing is too slow; after it the pace counts from the beginning."""
    clock = VirtualClock(0.0)
    started = watch(clock)
    clock.advance(took)
    if fine:
        started.check(size)
    else:
        with pytest.raises(Exceeded, match="too slow"):
            started.check(size)


@pytest.mark.parametrize(("purpose", "total", "silence"), [("submit", 300.0, None), ("poll", 60.0, 45.0), ("fetch", 600.0, 45.0)])
def test_a_submit_is_waited_for_longest_in_silence(purpose: str, total: float, silence: float | None) -> None:
    """Giving up on a purchase makes it uncertain, so a submit may be silent for as long as it may take."""
    timeout = Patience().of(purpose)
    assert (timeout.total, timeout.sock_read, timeout.sock_connect) == (total, silence, 15.0)
