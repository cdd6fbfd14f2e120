"""Reading what comes in, with a bound on everything a stranger decides: bytes, time, and how slowly they drip.

Caps count decoded bytes, so a gzip bomb ends where its content does. A body goes to memory or, piece by piece, to a sink; disk
writes and syncs happen in threads. What kind of file may be large is told by its first bytes, never by its header.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

import aiohttp

from runner.edge.blobs import Sink
from runner.edge.clock import Clock
from runner.edge.media import HEAD_BYTES, MP4, sniff
from runner.edge.wire import Arrival
from runner.frozen import frozen
from runner.records import Blob

HEAD: Final = 64 * 1024
"""Bytes of a stored body that its reader is given."""
MOST_RATIO: Final = 100
SMALL: Final = 1 << 20
"""Beyond so many bytes, what was compressed on its way may be at most a hundred times what came over the wire."""
PIECE: Final = 512 * 1024
"""Bytes gathered before a thread writes them: fewer hops between threads, and most pictures in one."""

Put: TypeAlias = Callable[[bytes], Awaitable[Blob]]
"""Puts bytes away durably."""


class Exceeded(ValueError):
    """What came is larger, or comes more slowly, than we put up with."""


@frozen
class Caps:
    """Most bytes, once decoded, of an answer in memory (which may hold a picture in base64), of a picture, a video, and a feed."""

    memory: int = 36 << 20
    picture: int = 25 << 20
    video: int = 500 << 20
    feed: int = 4 << 30


@frozen
class Patience:
    """How long we wait, in seconds.

    `connect` for a connection; `submit`, `poll` and `fetch` for the whole of such a call; `silence` between two pieces of an answer
    (for a submit the answer may take as long as the whole). After `grace` seconds of reading, fewer than `slowest` bytes a second
    is too slow.
    """

    connect: float = 15.0
    submit: float = 300.0
    poll: float = 60.0
    fetch: float = 600.0
    silence: float = 45.0
    grace: float = 20.0
    slowest: float = 1024.0

    def of(self, purpose: str) -> aiohttp.ClientTimeout:
        """The timeouts of a call of this purpose, as aiohttp takes them."""
        whole: float = {"submit": self.submit, "poll": self.poll}.get(purpose, self.fetch)
        silence = None if purpose == "submit" or self.silence >= whole else self.silence
        return aiohttp.ClientTimeout(total=whole, sock_connect=self.connect, sock_read=silence)

    def watch(self, clock: Clock) -> Watch:
        """A watch over one body that begins now."""
        return Watch(self, clock, clock.now())


@frozen
class Watch:
    """Sees that a body does not drip."""

    patience: Patience
    clock: Clock
    began_at: float

    def check(self, size: int) -> None:
        """Raises `Exceeded` if `size` bytes are too few by now."""
        took = self.clock.now() - self.began_at
        if took > self.patience.grace and size < took * self.patience.slowest:
            raise Exceeded(f"too slow: {size} bytes in {took:.0f} s")


def read_arrived(response: Arrival, cap: int) -> bytes | None:
    """The body where all of it came with its head, as it nearly always does; None where it has to be waited for, or is large."""
    content = response.content
    return content.read_nowait() if content.is_eof() and content.total_bytes <= min(cap, SMALL) else None


async def read_whole(response: Arrival, watch: Watch, cap: int, strict: bool) -> bytes:
    """The body in memory. Beyond `cap` bytes it raises `Exceeded` if `strict`, else the rest is left unread."""
    pieces, size = [], 0
    async for piece in _pieces(response, watch):
        size += len(piece)
        if size > cap:
            if strict:
                raise Exceeded(f"an answer of more than {cap} bytes")
            pieces.append(piece[: cap - size])
            response.close()
            break
        pieces.append(piece)
    return b"".join(pieces)


async def read_into(  # noqa: PLR0913, PLR0917 - what bounds it, and the two places it may go
    response: Arrival, sink: Sink, watch: Watch, caps: Caps, cap: int | None = None, put: Put | None = None
) -> tuple[bytes, Blob]:
    """The body into `sink`, which is finished; returns its first 64 KiB and the blob. Beyond its cap it raises `Exceeded`.

    One of a single piece goes to the store by `put`, if there is one, as the sink would have it. Without a `cap`, what begins like
    an MP4 may be as large as a video, any other as large as a picture.
    """
    head, waiting, size, held = b"", list[bytes](), 0, 0
    most = caps.picture if cap is None else cap
    async for piece in _pieces(response, watch):
        waiting.append(piece)
        size, held = size + len(piece), held + len(piece)
        if size > most and cap is None and sniff((head or b"".join(waiting))[:HEAD_BYTES]) is MP4:
            most = caps.video
        if size > most:
            raise Exceeded(f"a file of more than {most} bytes")
        if held >= PIECE:
            joined = b"".join(waiting)
            head = head or joined[:HEAD]
            await asyncio.to_thread(sink.write, joined)
            waiting, held = [], 0
    last = b"".join(waiting)
    head = head or last[:HEAD]
    if put is not None and sink.size == 0:
        return head, await put(sink.clean(last))
    return head, await asyncio.to_thread(_end, sink, last)


def _end(sink: Sink, last: bytes) -> Blob:
    sink.write(last)
    return sink.finish()


async def _pieces(response: Arrival, watch: Watch) -> AsyncIterator[bytes]:
    size = 0
    while piece := await response.content.readany():
        size += len(piece)
        watch.check(size)
        if size > SMALL and size > MOST_RATIO * max(response.content.total_raw_bytes, 1):
            raise Exceeded(f"an answer that unpacks to more than {MOST_RATIO} times its size")
        yield piece
