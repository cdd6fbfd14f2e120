"""Where we may dial: URLs that lie, addresses that are nobody's business, and the ones that are fine."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.guard import FORBIDDEN, Denied, Guard, Origin, origin_of, read_url

BASE = "http://127.0.0.1:8000/v1"
GUARD = Guard(["https://api.vendor.test/v2", "https://odd.vendor.test:9443/v1", BASE])
HOME = frozenset({Origin("http", "127.0.0.1", 8000)})


def info(address: str, port: int = 443) -> tuple[object, ...]:
    """What the resolver hands to the connector for an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//127.0.0.1/",
        "///etc/passwd",
        "https://",
        "https:///x",
        "https://:443/",
        "file:///etc/passwd",
        "ftp://vendor.test/x",
        "gopher://vendor.test/",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "blob:abc",
        "https://vendor.test:0/",
        "https://vendor.test:99999/",
        "https://vendor.test:x/",
        "https://user@vendor.test/",
        "https://user:pw@vendor.test/",
        "https://vendor.test@127.0.0.1/",
        "https://@vendor.test/",
        "https://vendor.test\\@127.0.0.1/",
        "https://vendor.test/\r\nX-Evil: 1",
        "https://vendor.test/\0",
        "https://vendor.test/a b",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://%31%32%37.0.0.1/",
        "https://vendor.test/" + "a" * 9000,
    ],
)
def test_what_is_no_plain_url_is_denied(url: str) -> None:
    """A URL that is broken, of another scheme, or dressed up to be read two ways never gets as far as a look-up."""
    with pytest.raises(Denied):
        GUARD.check(read_url(url), HOME)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://vendor.test/x.png", "not https"),
        ("https://vendor.test:22/", "unusual port"),
        ("https://vendor.test:8000/", "unusual port"),
        ("https://localhost/x", "this machine"),
        ("https://LOCALHOST./x", "this machine"),
        ("https://127.0.0.1/x", "this machine"),
        ("https://[::1]/x", "this machine"),
        ("http://127.0.0.1:8001/", "this machine"),
        ("https://127.0.0.1:8000/", "this machine"),
        ("http://127.1.2.3:8000/", "this machine"),
        ("http://[::1]:8000/", "this machine"),
    ],
)
def test_addresses_nobody_named_are_denied(url: str, reason: str) -> None:
    """Plain http, odd ports and this machine are for what the project file itself names, to the letter."""
    with pytest.raises(Denied, match=reason):
        GUARD.check(read_url(url), HOME)


@pytest.mark.parametrize(
    "url",
    [
        "https://vendor.test/x.png?sig=a%2Fb%3D",
        "https://vendor.test:8443/",
        "https://odd.vendor.test:9443/x",
        "https://bücher.test/ü.png",
        "https://93.184.216.34/",
        "https://[2606:4700::6810:1]/",
    ],
)
def test_public_https_passes(url: str) -> None:
    """Positive control: public addresses are dialled, as public ones."""
    assert GUARD.check(read_url(url)) is False


def test_a_named_loopback_passes_only_near_its_lane() -> None:
    """What the project names on this machine is for its own lane; a link from elsewhere does not get there."""
    assert GUARD.check(read_url("http://127.0.0.1:8000/files/1.png"), HOME) is True
    with pytest.raises(Denied, match="this machine"):
        GUARD.check(read_url("http://127.0.0.1:8000/files/1.png"))


def test_a_public_name_is_not_local_because_somebody_trusts_it() -> None:
    """Only an origin that is loopback by its own spelling may be dialled as local."""
    near = frozenset({Origin("https", "api.vendor.test", 443)})
    assert GUARD.check(read_url("https://api.vendor.test/x"), near) is False


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_special_addresses_get_no_public_socket(address: str) -> None:
    """The address is judged at the dial, so a name that resolves to this network is found out, however often it changes."""
    with pytest.raises(Denied, match="is not a public address"):
        GUARD.open_public(info(address))


@given(st.ip_addresses())
def test_every_address_python_calls_special_is_denied(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """The table leaves out nothing that Python's own knows as not global."""
    if not address.is_global:
        assert any(address in network for network in FORBIDDEN)


@pytest.mark.parametrize("network", FORBIDDEN, ids=str)
def test_both_ends_of_every_forbidden_network_are_denied(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    """First and last address of each range get no socket."""
    for address in (network[0], network[-1]):
        with pytest.raises(Denied):
            GUARD.open_public(info(str(address)))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "172.32.0.1", "2606:4700::6810:1"])
def test_public_addresses_get_a_socket(address: str) -> None:
    """Positive control: a public address reaches the point of connecting, without blocking."""
    opened = GUARD.open_public(info(address))
    try:
        assert opened.getblocking() is False
    finally:
        opened.close()


@pytest.mark.parametrize(("address", "port"), [("127.0.0.1", 8001), ("10.0.0.1", 8000), ("93.184.216.34", 8000), ("::1", 22)])
def test_a_local_socket_is_for_named_ports_on_loopback(address: str, port: int) -> None:
    """A session for this machine reaches nothing else, and no other port."""
    with pytest.raises(Denied, match="is no base_url"):
        GUARD.open_local(info(address, port))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_named_port_on_loopback_gets_a_socket(address: str) -> None:
    """Positive control: `localhost` may be either address family."""
    with GUARD.open_local(info(address, 8000)) as opened:
        assert opened.fileno() >= 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://v.test/a%2Fb%20c?sig=x%2By%3D&e=1", "https://v.test/a%2Fb%20c?sig=x%2By%3D&e=1"),
        ("https://v.test/a+b?q=(1)~'", "https://v.test/a+b?q=(1)~'"),
        ("https://v.test/x#part", "https://v.test/x"),
        ("https://v.test/ü", "https://v.test/%C3%BC"),
    ],
)
def test_a_signed_link_is_not_changed(given: str, kept: str) -> None:
    """Percent-encoding stays as the vendor signed it; what cannot stand on the wire is encoded."""
    assert str(read_url(given)) == kept


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://V.test./x", Origin("https", "v.test", 443)),
        ("http://[::1]:80/", Origin("http", "::1", 80)),
        ("https://v.test:8443", Origin("https", "v.test", 8443)),
    ],
)
def test_origins_compare_as_browsers_do(url: str, origin: Origin) -> None:
    """Case, a final dot and the default port make no difference."""
    assert origin_of(read_url(url)) == origin


@pytest.mark.parametrize(("host", "loopback"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("localhost.test", False)])
def test_loopback_is_told_by_spelling(host: str, loopback: bool) -> None:
    """A name that only resolves to this machine does not count as naming it."""
    assert Origin("http", host, 80).is_loopback is loopback
    assert str(Origin("http", host, 80)) == (f"http://[{host}]:80" if ":" in host else f"http://{host}:80")


def test_a_denial_is_a_failed_connect() -> None:
    """The connector takes a denial for an `OSError`, so the call counts as not sent."""
    assert isinstance(Denied("no"), OSError)
    assert Denied("no").strerror == "no"


@pytest.mark.parametrize("host", ["[fe80::1%25lo]", "\u00b8", "a b", "*", "$host", "{host}", ".", ".."])
def test_a_host_is_made_of_what_hosts_are_made_of(host: str) -> None:
    """Mapped to ASCII, letters of other scripts may leave a space or a sign; such a name is nobody's."""
    with pytest.raises(Denied):
        read_url(f"https://{host}/")


@pytest.mark.parametrize("address", ["1::1", "400::1", "1fff:ffff::1", "4000::1", "8000::1", "e000::1"])
def test_addresses_nobody_was_given_are_denied(address: str) -> None:
    """Of IPv6 only 2000::/3 is handed out (IANA, IPv6 Global Unicast Address Assignments)."""
    with pytest.raises(Denied, match="is not a public address"):
        GUARD.open_public(info(address))
