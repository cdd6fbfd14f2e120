"""Sessions: one call is one hit, and the trace tells how far it got. If aiohttp changes its mind, these tests say so."""

from __future__ import annotations

import asyncio
import resource
import socket

import aiohttp
import pytest

from runner.edge.guard import Guard
from runner.edge.sessions import MOST_CONNECTIONS, Progress, connections_for, forbid_repeats, open_session
from runner.errors import OurSide
from tests.edge.conftest import Hit, Vendor, open_vendor, reset, says
from tests.hostile.dials import Liar

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")


async def drop(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


async def cut(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Reset the connection without a word."""
    reset(writer)


async def ask(vendor: Vendor, method: str, keep_alive: float = 30.0, calls: int = 1) -> Progress:
    """Make `calls` calls over one session; returns the progress of the last."""
    progress = Progress()
    async with open_session(Guard([vendor.url]).open_local, 4, keep_alive) as session:
        for _ in range(calls):
            progress = Progress()
            try:
                async with session.request(method, vendor.url, trace_request_ctx=progress, allow_redirects=False) as response:
                    await response.read()
            except aiohttp.ClientError:
                pass
    return progress


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("failing", [drop, cut])
async def test_a_dropped_call_is_one_hit(method: str, failing: object) -> None:
    """A server that closes or resets without an answer sees every method exactly once."""
    async with open_vendor(failing) as vendor:  # type: ignore[arg-type]
        progress = await ask(vendor, method)
        assert (len(vendor.hits), progress.sent) == (1, True)


@pytest.mark.parametrize("method", METHODS)
async def test_a_call_dropped_on_a_used_connection_is_one_hit(method: str) -> None:
    """The library's own second try is for connections that were kept alive: there it must be off, too."""

    async def once(hit: Hit, writer: asyncio.StreamWriter) -> None:
        if len(vendor.hits) == 1:
            await says(b"")(hit, writer)
        else:
            writer.close()

    async with open_vendor(once) as vendor:
        await ask(vendor, method, calls=2)
        assert (len(vendor.hits), vendor.dials) == (2, 1)


async def test_a_plain_session_would_hit_twice() -> None:
    """Positive control: the server of the test above makes an untamed aiohttp ask again, so the test can fail."""

    async def once(hit: Hit, writer: asyncio.StreamWriter) -> None:
        if len(vendor.hits) == 1:
            await says(b"")(hit, writer)
        else:
            writer.close()

    async with open_vendor(once) as vendor, aiohttp.ClientSession() as session:
        await (await session.get(vendor.url)).read()
        with pytest.raises(aiohttp.ClientError):
            await session.get(vendor.url)
        assert len(vendor.hits) > 2


async def test_nothing_was_sent_where_nobody_listens() -> None:
    """A refused connection leaves the trace untouched."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vendor = Vendor(drop, url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert (await ask(vendor, "POST")).sent is False


@pytest.mark.parametrize(("keep_alive", "dials"), [(0.0, 3), (30.0, 1)])
async def test_connections_are_fresh_unless_asked_otherwise(vendor: Vendor, keep_alive: float, dials: int) -> None:
    """Without a keep-alive every call has a connection of its own."""
    await ask(vendor, "POST", keep_alive, calls=3)
    assert (vendor.dials, len(vendor.hits)) == (dials, 3)


async def test_cookies_are_not_kept() -> None:
    """What a vendor sets in one answer does not go out with the next call."""
    async with open_vendor(says(b"", 200, "Set-Cookie: a=1; Path=/")) as vendor:
        await ask(vendor, "GET", calls=2)
        assert ["cookie" in hit.headers for hit in vendor.hits] == [False, False]


async def test_the_environment_names_no_proxy(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment, which would see keys and answers, is not used."""
    async with open_vendor(says()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await ask(vendor, "GET")
        assert (len(vendor.hits), len(proxy.hits)) == (1, 0)


async def test_a_library_without_the_switch_is_refused() -> None:
    """If aiohttp hides its second try from us, nothing is sent over it."""
    with pytest.raises(OurSide, match="hides its switch for repeating calls"):
        forbid_repeats(object())  # type: ignore[arg-type]


@pytest.mark.parametrize(("wanted", "lanes"), [(1, 1), (8, 5), (None, 3), (100_000, 2), (None, 100_000)])
def test_connections_stay_within_what_the_system_allows(wanted: int | None, lanes: int) -> None:
    """A lane gets what it wants, at least one, and all lanes together at most half of the open files."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = connections_for(wanted, lanes)
    assert 1 <= given <= (wanted or MOST_CONNECTIONS)
    assert given == 1 or given * lanes <= allowed // 2


async def test_names_are_looked_up_where_one_says(vendor: Vendor) -> None:
    """A resolver given with the session answers for every name."""
    port = int(vendor.url.rpartition(":")[2])
    liar = Liar(lambda host: ["127.0.0.1"])
    async with (
        open_session(Guard([vendor.url]).open_local, 1, 0, liar) as session,
        session.get(f"http://nowhere.invalid:{port}/") as response,
    ):
        assert response.status == 200
    assert liar.asked == ["nowhere.invalid"]
