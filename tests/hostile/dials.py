"""A witness of every dial this process makes, and a network that takes none of them off this machine.

The interpreter itself reports each `connect` (an audit hook, https://docs.python.org/3/library/audit_events.html), before the
kernel is asked, whoever calls it. While a `Witness` watches, addresses off this machine are refused as an unplugged network would,
so a positive control can be dialled without anything leaving.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult


@dataclass
class Witness:
    """Every address dialled while it watches, in order."""

    dialled: list[tuple[str, int]] = field(default_factory=list)


_watching: list[Witness] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _watching or not isinstance(args[1], tuple):
        return
    host, port = str(args[1][0]), int(args[1][1])
    for witness in _watching:
        witness.dialled.append((host, port))
    if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise OSError(errno.ENETUNREACH, "this test has no network")


sys.addaudithook(_note)


@contextmanager
def witness() -> Iterator[Witness]:
    """Watch all dials of this process, whatever thread makes them."""
    watching = Witness()
    _watching.append(watching)
    try:
        yield watching
    finally:
        _watching.remove(watching)


class Liar(AbstractResolver):
    """A resolver in the enemy's hands: `answer` says where a name leads, at the moment it is asked.

    What reads as an address to the system (`0x7f.1`, `2130706433`) is that address, as it would be without us.
    """

    def __init__(self, answer: Callable[[str], list[str]] = lambda host: ["127.0.0.1", "::1"]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Addresses of `host`."""
        self.asked.append(host)
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            addresses = [str(info[4][0]) for info in known]
        except OSError:
            addresses = self.answer(host)
        return [_result(host, port, address) for address in addresses]

    async def close(self) -> None:
        """Nothing to close."""


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
