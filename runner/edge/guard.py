"""Where we may dial: a policy for every URL, and a check of every address at the moment of connecting.

URLs come from feeds and from vendors' answers, so a name may resolve to the machine next door, and to something else a moment
later. The address is therefore judged where the socket is made, once per dial, against an explicit table; no earlier look-up can be
trusted. Plain http and loopback are for origins the project file itself names as a `base_url`, and for links on that same origin.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from yarl import URL

from runner.frozen import frozen

FORBIDDEN: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relay
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "100::/64",  # discard
        "100:0:0:1::/64",  # dummy
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
        "::/3",  # not unicast of the internet: only 2000::/3 is
        "4000::/2",  # not assigned
        "8000::/1",  # not assigned, or one of those above
    )
)
"""IANA's special-purpose registries (IPv4 and IPv6) plus multicast, reserved and translated ranges: nothing public lives there."""

LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
PUBLIC_PORTS: Final = frozenset({443, 8443})
_LEGAL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""A host once its letters are mapped to ASCII (UTS 46, which can leave spaces and signs behind)."""
_FORBIDDEN_CHARS: Final = re.compile(r"[\x00-\x20\x7f\\]")
LONGEST_URL: Final = 8_000


class Denied(OSError):
    """We do not dial there. An `OSError`, so that the connector treats it as a failed connect: nothing was sent."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)


@frozen
class Origin:
    """Scheme, host and port: what browsers call an origin."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether the host is written as loopback: `localhost` or a literal. A name that merely resolves there is not."""
        if self.host == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return any(address in network for network in LOOPBACK)

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@lru_cache(maxsize=2048)
def read_url(text: str) -> URL:
    """The URL, percent-encoding kept as it was given (a signed link must not change). Raises `Denied`, saying what is wrong."""
    if len(text) > LONGEST_URL:
        raise Denied(f"a URL of {len(text)} characters")
    if _FORBIDDEN_CHARS.search(text):
        raise Denied("a URL with a space, a backslash or a control character")
    try:
        url = URL(text, encoded=_LEGAL.fullmatch(text) is not None).with_fragment(None)
        port, host = url.port, url.host
    except ValueError as error:
        raise Denied(f"not a URL ({error})") from error
    if url.scheme not in ("http", "https") or not host or not host.strip(".") or port is None or port == 0:
        raise Denied("not an http or https URL with a host")
    if url.user is not None or url.password is not None or "@" in url.raw_authority:
        raise Denied("a URL with a user name in it")
    if not _HOST.fullmatch(url.raw_host or ""):
        raise Denied("a URL with a zone, an escape or a sign in its host")
    return url


@lru_cache(maxsize=2048)
def origin_of(url: URL) -> Origin:
    """The origin of a URL that `read_url` gave."""
    return Origin(url.scheme, (url.host or "").lower().rstrip("."), url.port or 0)


class Guard:
    """The policy of one run. `named` are the base URLs (and others that get a key) the project file itself names."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        origins = {origin_of(read_url(url)) for url in named}
        self.named = frozenset(origins)
        self.local = frozenset(origin for origin in origins if origin.is_loopback)

    def check(self, url: URL, near: frozenset[Origin] = frozenset()) -> bool:
        """Whether `url` may be dialled, and how: True if it is loopback that the project names, False if it must be public.

        `near` are the origins whose links are trusted as the project's own are (a lane's). Raises `Denied`.
        """
        origin = origin_of(url)
        if origin in near and origin in self.local:
            return True
        if origin.is_loopback:
            raise Denied(f"{origin} is this machine, and no base_url of the project file")
        if origin.scheme != "https":
            raise Denied(f"{origin} is not https")
        if origin.port not in PUBLIC_PORTS and origin not in self.named:
            raise Denied(f"{origin} is on an unusual port")
        return False

    def open_public(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for a public address; the connector calls this for every dial. Raises `Denied` for any other address."""
        address = ipaddress.ip_address(str(info[4][0]).partition("%")[0])
        if any(address in network for network in FORBIDDEN):
            raise Denied(f"{address} is not a public address")
        return _open(info)

    def open_local(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for a loopback address on a port that the project names. Raises `Denied` for anything else."""
        address, port = ipaddress.ip_address(str(info[4][0]).partition("%")[0]), info[4][1]
        if not any(address in network for network in LOOPBACK) or port not in {origin.port for origin in self.local}:
            raise Denied(f"{address} port {port} is no base_url of the project file")
        return _open(info)


def _open(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = info[:3]
    opened = socket.socket(family=family, type=kind, proto=protocol)
    opened.setblocking(False)
    return opened
