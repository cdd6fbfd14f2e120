"""The outbox: letters of one turn leave together, each once or not at all, and `sent` says which.

Held back on purpose, a letter stays where it is between having been written and leaving; what happens to it meanwhile is real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from runner.edge.guard import Guard
from runner.edge.outbox import MOST, Outbox
from runner.edge.sessions import Progress
from runner.edge.wire import PIECE, Arrival, Letter, Wire
from tests.edge.conftest import Hit, Vendor, open_vendor, says
from tests.flight.vendor import pause, until

Happening = Callable[[asyncio.StreamWriter, "asyncio.Task[Arrival]"], None]


class Held(Outbox):
    """An outbox that lets nothing go until it is opened."""

    closed = False

    def send(self) -> None:
        """Not yet."""
        if not self.closed:
            super().send()


async def line(vendor: Vendor) -> ResponseHandler:
    """A connection to this vendor."""
    host, _, port = vendor.url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(lambda: ResponseHandler(loop), host, int(port)))[1]


def letter(vendor: Vendor) -> Letter:
    """A purchase from this vendor."""
    return Letter("POST", URL(vendor.url), {}, b"{}")


@pytest.mark.parametrize("count", [1, MOST - 1, MOST, 3 * MOST + 1])
async def test_every_letter_arrives_once_and_whole(count: int) -> None:
    """However many calls begin in one turn, each is one hit with its own data, and knows that it was sent."""
    async with open_vendor(says()) as vendor, Wire(Guard([vendor.url]).open_local, count, 30.0) as wire:
        for _ in range(2):  # the second time over connections that are there
            progress = [Progress() for _ in range(count)]
            letters = [Letter("POST", URL(vendor.url), {}, str(number).encode()) for number in range(count)]
            for arrival in await asyncio.gather(*map(wire.send, letters, progress)):
                arrival.release()
            assert sorted(hit.body for hit in vendor.hits) == sorted(each.data for each in letters)
            assert all(each.sent for each in progress)
            vendor.hits.clear()


async def test_letters_wait_for_each_other_but_not_for_long(vendor: Vendor) -> None:
    """They leave by themselves when the turn is over, and before that when `MOST` have gathered."""
    outbox, progress = Outbox(), [Progress() for _ in range(MOST + 1)]
    lines = [await line(vendor) for _ in progress]
    for protocol, each in zip(lines, progress, strict=True):
        assert not each.sent
        outbox.post(protocol, b"GET / HTTP/1.1\r\n\r\n", each)
    assert ([each.sent for each in progress], len(outbox)) == ([True] * MOST + [False], 1)
    await until(lambda: len(vendor.hits) > MOST)
    assert (progress[-1].sent, len(vendor.hits)) == (True, MOST + 1)
    for protocol in lines:
        protocol.close()


@pytest.mark.parametrize("close", [ResponseHandler.close, lambda protocol: protocol.transport.abort()], ids=["by-us", "below-us"])
async def test_a_closed_connection_takes_no_other_letter_with_it(vendor: Vendor, close: Callable[[ResponseHandler], None]) -> None:
    """What was to go over it stays unsent; the others leave."""
    outbox, progress = Outbox(), [Progress() for _ in range(3)]
    lines = [await line(vendor) for _ in progress]
    for protocol, each in zip(lines, progress, strict=True):
        outbox.post(protocol, b"GET / HTTP/1.1\r\n\r\n", each)
    close(lines[1])
    await until(lambda: len(vendor.hits) > 1)
    assert ([each.sent for each in progress], len(vendor.hits)) == ([True, False, True], 2)
    for protocol in lines:
        protocol.close()


def hang_up(writer: asyncio.StreamWriter, call: asyncio.Task[Arrival]) -> None:
    """The server closes the connection."""
    writer.close()


def speak(writer: asyncio.StreamWriter, call: object = None) -> None:
    """The server says something nobody asked for."""
    writer.write(b"HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n")


def give_up(writer: asyncio.StreamWriter, call: asyncio.Task[Arrival]) -> None:
    """The call is cancelled."""
    call.cancel()


@asynccontextmanager
async def open_line(outbox: Outbox) -> AsyncIterator[tuple[Vendor, Wire, list[asyncio.StreamWriter]]]:
    """A vendor, a wire with an idle connection to it, and the vendor's end of each connection."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await says()(hit, writer)

    async with open_vendor(answer) as vendor, Wire(Guard([vendor.url]).open_local, 1, 30.0, outbox=outbox) as wire:
        (await wire.send(letter(vendor), Progress())).release()
        yield vendor, wire, writers


@pytest.mark.parametrize("happening", [hang_up, speak, give_up])
async def test_what_ends_before_it_was_sent_is_never_sent(happening: Happening) -> None:
    """Whoever ends the call while its letter waits: it has not been sent, does not leave later, and its connection is gone."""
    outbox, progress = Held(), Progress()
    async with open_line(outbox) as (vendor, wire, writers):
        outbox.closed = True
        call = asyncio.ensure_future(wire.send(letter(vendor), progress))
        await until(lambda: len(outbox) > 0)
        happening(writers[0], call)
        await asyncio.wait([call], timeout=5)
        assert call.cancelled() or isinstance(call.exception(), aiohttp.ClientError)
        outbox.closed = False
        outbox.send()
        (await wire.send(letter(vendor), Progress())).release()
        assert (progress.sent, len(vendor.hits), vendor.dials) == (False, 2, 2)


@pytest.mark.parametrize("size", [2, PIECE])
async def test_what_was_said_unasked_answers_nothing(size: int) -> None:
    """An answer that came while nothing was asked is not the one to the next call, which does not leave over that connection."""
    outbox, progress = Outbox(), Progress()
    async with open_line(outbox) as (vendor, wire, writers):
        speak(writers[0])
        await writers[0].drain()
        await pause(0.01)  # it is there already, and will be read
        with pytest.raises(aiohttp.ClientConnectionResetError, match="before it was asked"):
            await wire.send(Letter("POST", URL(vendor.url), {}, bytes(size)), progress)
        (await wire.send(letter(vendor), Progress())).release()
        assert (progress.sent, len(vendor.hits), vendor.dials) == (False, 2, 2)
