"""The berths: connections lie here between two calls, at hand for the next one to the same host.

aiohttp's connector keeps connections, too, but to hand one out and to take it back it asks again what is the same for every call
of a lane: whose it is, whether there is room, whether anybody waits. So one that is whole after its call stays here. The connector
goes on counting it as in use, so its limit holds; and before anybody dials, all that is idle here goes back to it: a host without
calls keeps no room from others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from runner.edge.trust import trusted

PLACES_KEPT: Final = 256


@dataclass(slots=True, eq=False)
class Berth:
    """A host, and connections to it with the loop's time since when they lie idle. `way` tells the connector where it is."""

    origin: URL
    way: aiohttp.ClientRequest | None = None
    idle: deque[tuple[Connection, float]] = field(default_factory=deque)


class Berths:
    """Connections of one connector. One that is idle for less than `keep_alive` s is used again, the longest idle first; 0: none.

    Use it inside the event loop; `close` it when nothing is sent any more.
    """

    def __init__(self, connector: aiohttp.BaseConnector, keep_alive: float) -> None:
        self._connector, self._keep_alive = connector, keep_alive
        self._loop = asyncio.get_running_loop()
        self._berths: dict[tuple[str, str], Berth] = {}
        self._dialling = 0

    def of(self, url: URL) -> Berth:
        """The berth of the host that `url` names."""
        place = url.scheme, url.host_port_subcomponent or ""
        berth = self._berths.get(place)
        if berth is None:
            if len(self._berths) >= PLACES_KEPT:
                self._clear()
                self._berths.clear()
            berth = self._berths[place] = Berth(url.origin())
        return berth

    def take(self, berth: Berth) -> Connection | None:
        """A connection that lay idle, if there is one that can be used."""
        while berth.idle:
            connection, since = berth.idle.popleft()
            if self._loop.time() - since <= self._keep_alive and not connection.closed:
                return connection
            connection.close()
        return None

    async def dial(self, berth: Berth, timeouts: aiohttp.ClientTimeout) -> Connection:
        """Another connection, as the connector has it. Raises what aiohttp raises."""
        self._clear()
        self._dialling += 1
        try:
            if berth.way is None:
                trust = await trusted(berth.origin.scheme)
                berth.way = aiohttp.ClientRequest("GET", berth.origin, loop=self._loop, ssl=trust)
            return await self._connector.connect(berth.way, [], timeouts)
        finally:
            self._dialling -= 1

    def leave(self, berth: Berth, connection: Connection) -> None:
        """Take a connection back; it is closed unless the answer on it was read to its end, and given away if anybody waits."""
        protocol = connection.protocol
        if protocol is None or protocol.should_close or self._dialling or self._keep_alive <= 0:
            connection.release()
        else:
            berth.idle.append((connection, self._loop.time()))

    async def close(self) -> None:
        """Hang up, and close the connector. What comes back from now on is let go of."""
        self._keep_alive = 0.0
        self._clear()
        await self._connector.close()

    def _clear(self) -> None:
        for berth in self._berths.values():
            while berth.idle:
                berth.idle.popleft()[0].release()
