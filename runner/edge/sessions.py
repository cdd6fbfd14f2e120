"""HTTP sessions that do only what they are told: one call is one hit.

By itself aiohttp repeats GET, PUT and DELETE once on a dropped connection, follows redirects with custom headers, keeps cookies
and takes proxies and passwords from the environment. Each of these could pay twice or hand a key to a stranger, so a session made
here has all of them off. How far a call got is told by a trace that fires before the first byte of its headers is written.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver

from runner.errors import OurSide

USER_AGENT: Final = "adbatch"
Dial: TypeAlias = Callable[[tuple[Any, ...]], socket.socket]
"""Makes the socket for an address of the resolver, or raises."""
MOST_CONNECTIONS: Final = 100
"""Connections of a lane that names no limit of its own."""


@dataclass(slots=True)
class Progress:
    """How far a call got: `sent` is set right before the first byte of the request leaves."""

    sent: bool = False


def connections_for(wanted: int | None, lanes: int) -> int:
    """How many connections one of `lanes` lanes may open: what it wants, within half of what the system allows the process."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = max(1, allowed // 2 // max(lanes, 1)) if allowed != resource.RLIM_INFINITY else MOST_CONNECTIONS
    return min(wanted or MOST_CONNECTIONS, share)


def make_connector(dial: Dial, limit: int, keep_alive: float, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """What looks names up, dials through `dial`, and keeps idle connections. Call it inside the event loop."""
    reuse: dict[str, Any] = {"keepalive_timeout": keep_alive} if keep_alive > 0 else {"force_close": True}
    return aiohttp.TCPConnector(limit=limit, socket_factory=dial, ttl_dns_cache=60, resolver=resolver, **reuse)


def open_session(dial: Dial, limit: int, keep_alive: float, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session whose sockets come from `dial`, with at most `limit` connections. Names are looked up by the system, or `resolver`.

    A connection is used again if it has been idle for less than `keep_alive` seconds; 0 means a fresh one for every call, so that
    a server closing an idle connection just then cannot be mistaken for one that lost a purchase. Call it inside the event loop.
    """
    session = aiohttp.ClientSession(
        connector=make_connector(dial, limit, keep_alive, resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
        trace_configs=[_trace()],
    )
    forbid_repeats(session)
    return session


def forbid_repeats(session: aiohttp.ClientSession) -> None:
    """Switch off aiohttp's own second try. The switch is private, so a version without it is refused rather than trusted."""
    if not isinstance(getattr(session, "_retry_connection", None), bool):
        raise OurSide(f"aiohttp {aiohttp.__version__} hides its switch for repeating calls; install the version adbatch asks for")
    session._retry_connection = False


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note_sent)
    return trace


async def _note_sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    if isinstance(context.trace_request_ctx, Progress):
        context.trace_request_ctx.sent = True
