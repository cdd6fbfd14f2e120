"""The berths: a connection is used again where that is right, and keeps nobody from anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.connector import Connection
from yarl import URL

from runner.edge.berths import PLACES_KEPT, Berths
from runner.edge.guard import Guard
from runner.edge.sessions import Progress, make_connector
from runner.edge.wire import Letter, Wire
from tests.edge.conftest import Vendor, open_vendor, says
from tests.flight.vendor import pause, until

TIMEOUTS = aiohttp.ClientTimeout(sock_connect=5.0)


@asynccontextmanager
async def open_berths(*vendors: Vendor, limit: int = 1, keep_alive: float = 30.0) -> AsyncIterator[Berths]:
    """Berths for connections to these vendors."""
    berths = Berths(make_connector(Guard([vendor.url for vendor in vendors]).open_local, limit, keep_alive), keep_alive)
    yield berths
    await berths.close()


async def call(berths: Berths, vendor: Vendor) -> Connection:
    """A connection to the vendor, and back with it."""
    berth = berths.of(URL(vendor.url))
    connection = berths.take(berth) or await berths.dial(berth, TIMEOUTS)
    berths.leave(berth, connection)
    return connection


@pytest.mark.parametrize(("keep_alive", "again"), [(30.0, True), (0.01, False), (0.0, False)])
async def test_a_connection_is_used_again_while_it_is_fresh(vendor: Vendor, keep_alive: float, again: bool) -> None:
    """It is the same one within its time, and a new one after it, or where none is to be kept."""
    async with open_berths(vendor, keep_alive=keep_alive) as berths:
        first = await call(berths, vendor)
        await pause(0.03)
        assert (await call(berths, vendor) is first) is again


async def test_the_longest_idle_is_used_first(vendor: Vendor) -> None:
    """So that calls which become fewer let none of them grow old unseen."""
    async with open_berths(vendor, limit=2) as berths:
        berth = berths.of(URL(vendor.url))
        both = [await berths.dial(berth, TIMEOUTS) for _ in range(2)]
        for connection in both:
            berths.leave(berth, connection)
        assert [berths.take(berth), berths.take(berth), berths.take(berth)] == [*both, None]
        for connection in both:
            connection.release()


async def test_one_that_the_server_gave_up_is_not_used_again() -> None:
    """Its room is free again, though nobody asked for it meanwhile."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    vendor = Vendor(says(), url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, open_berths(vendor) as berths:
        first = await call(berths, vendor)
        await until(lambda: len(writers) == 1)
        writers[0].close()
        await until(lambda: first.closed)
        assert await asyncio.wait_for(call(berths, vendor), 5.0) is not first
        await until(lambda: len(writers) == 2)
        writers[1].close()


async def test_what_is_idle_takes_no_room_from_another_host(vendor: Vendor) -> None:
    """With room for one connection, calls go to two hosts in turns."""
    async with open_vendor(says()) as other, open_berths(vendor, other) as berths:
        for each in (vendor, other, vendor, other):
            assert not (await asyncio.wait_for(call(berths, each), 5.0)).closed


async def test_whoever_waits_is_served_first(vendor: Vendor) -> None:
    """A connection that comes back while another call waits for room goes to that call."""
    async with open_berths(vendor) as berths:
        berth = berths.of(URL(vendor.url))
        taken = await berths.dial(berth, TIMEOUTS)
        waiting = asyncio.ensure_future(berths.dial(berth, TIMEOUTS))
        await pause(0.01)
        berths.leave(berth, taken)
        berths.leave(berth, await asyncio.wait_for(waiting, 5.0))
        assert len(berth.idle) == 1


async def test_hosts_are_forgotten_but_not_their_connections(vendor: Vendor) -> None:
    """Of more hosts than are kept, what is idle goes back to the connector, which has it for the next call."""
    async with open_berths(vendor) as berths:
        first = (await call(berths, vendor)).protocol
        for number in range(PLACES_KEPT):
            berths.of(URL(f"http://host-{number}.invalid"))
        assert (await call(berths, vendor)).protocol is first


async def test_what_comes_back_after_the_end_is_let_go_of(vendor: Vendor) -> None:
    """A call that was still under way keeps no connection from being closed."""
    async with open_berths(vendor) as berths:
        berth = berths.of(URL(vendor.url))
        taken = await berths.dial(berth, TIMEOUTS)
    berths.leave(berth, taken)
    assert (taken.closed, len(berth.idle)) == (True, 0)


async def test_many_calls_need_as_many_connections_as_go_at_once(vendor: Vendor) -> None:
    """However calls overlap, no more are dialled than the limit, and each call gets its own answer."""

    async def some(wire: Wire, name: int) -> None:
        for number in range(10):
            arrival = await wire.send(Letter("POST", URL(vendor.url), {}, b"%d-%d" % (name, number)), Progress())
            assert await arrival.content.read() == b"{}"
            arrival.release()

    async with Wire(Guard([vendor.url]).open_local, 3, 30.0) as wire:
        await asyncio.gather(*(some(wire, name) for name in range(8)))
    assert (len({hit.body for hit in vendor.hits}), len(vendor.hits), vendor.dials) == (80, 80, 3)
