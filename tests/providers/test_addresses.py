"""Addresses from answers: which of them may become a ticket, and what a ticket stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.providers.addresses import NEXT_STAGE, address_of, hosts_for, next_ticket, pack, ticket_at, unpack

HOSTS = ("vendor.example",)
HOME = {"base_url": "https://api.vendor.example/v1"}
STAGE = {"base_url": "http://127.0.0.1:8080/vendor/v1"}
PROXY = {"base_url": "https://proxy.example/vendor"}


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        ("https://api.vendor.example/v1", HOSTS),
        ("https://vendor.example", HOSTS),
        ("https://vendor.example:443/x", HOSTS),
        ("https://vendor.example:8443/x", ()),
        ("http://vendor.example", ()),
        ("https://notvendor.example", ()),
        ("https://proxy.example/vendor.example", ()),
        ("http://127.0.0.1:8080/v1", ()),
        ("https://[oops", ()),
    ],
)
def test_the_vendors_hosts_are_for_accounts_that_go_to_it(base_url: str, hosts: tuple[str, ...]) -> None:
    """An account that goes through a proxy or an emulation has a key of theirs, which is not the vendor's to see."""
    assert hosts_for(base_url, HOSTS) == hosts


@pytest.mark.parametrize(
    ("url", "options", "ticket"),
    [
        ("https://api.vendor.example/v1/get?id=1", HOME, "/v1/get?id=1"),
        ("https://api.eu.vendor.example/v1/get?id=1", HOME, "https://api.eu.vendor.example/v1/get?id=1"),
        ("http://127.0.0.1:8080/vendor/v1/get?id=1", STAGE, "/vendor/v1/get?id=1"),
        ("https://proxy.example/other", PROXY, "/other"),
        ("https://api.vendor.example/v1/get?id=1", PROXY, None),
        ("https://api.vendor.example/v1/get?id=1", STAGE, None),
        ("http://127.0.0.1:8081/vendor/v1/get", STAGE, None),
        ("https://api.vendor.example.evil.example/", HOME, None),
        ("https://evil.example/?vendor.example", HOME, None),
        ("https://api.vendor.example@evil.example/", HOME, None),
        ("https://api.vendor.example/a#b", HOME, None),
        ("https://api.vendor.example/ä", HOME, None),
        ("https://api.vendor.example", HOME, "https://api.vendor.example"),
        ("https://api.vendor.example/" + "x" * 2000, HOME, None),
        *((odd, HOME, None) for odd in (None, 7, "", "/v1/get", "api.vendor.example/v1", ["https://api.vendor.example/"])),
    ],
)
def test_a_url_is_a_ticket_where_the_key_may_go(url: object, options: dict[str, str], ticket: str | None) -> None:
    """The account's own origin and, for accounts of the vendor itself, its hosts by https; anything else is no ticket."""
    assert ticket_at(url, options, HOSTS) == ticket
    if ticket is not None:
        assert address_of(ticket, options, HOSTS) == url


def test_a_ticket_of_the_own_origin_follows_the_account() -> None:
    """Another port tomorrow, or a proxy: the path is asked for there."""
    assert address_of("/v1/get?id=1", STAGE, HOSTS) == "http://127.0.0.1:8080/v1/get?id=1"


@pytest.mark.parametrize(
    "ticket", ["", "abc", "a/b", "http://evil.example/", "https://evil.example/x", "//", "/a#b", "/a b", "[1]"]
)
def test_anything_else_is_an_id(ticket: str) -> None:
    """Whatever a vendor gave out as an id stands for no address."""
    assert address_of(ticket, HOME, HOSTS) in (None, f"https://api.vendor.example{ticket}")
    assert ticket.startswith("//") or address_of(ticket, HOME, HOSTS) is None


@given(st.text(max_size=60))
def test_no_ticket_leads_a_key_astray(ticket: str) -> None:
    """Whatever the text, an address it gives begins with the account's origin or is at the vendor's hosts."""
    for url in (
        address_of(ticket, HOME, HOSTS),
        address_of(f"/{ticket}", HOME, HOSTS),
        address_of(f"https://{ticket}", HOME, HOSTS),
    ):
        if url is not None:
            host = url.removeprefix("https://").partition("/")[0]
            assert host.removesuffix(":443").endswith("vendor.example")


def test_stages_are_asked_one_after_the_other() -> None:
    """A packed ticket moves on by its marker, stays without it, and ends with its last stage."""
    packed = pack("/a/status", "/a")
    assert packed == '["/a/status","/a"]'
    assert unpack(packed) == ("/a/status", "/a")
    last = next_ticket(packed, NEXT_STAGE)
    assert unpack(last) == ("/a",)
    assert (next_ticket(packed, ""), next_ticket(packed, "other")) == (packed, "other")
    assert next_ticket(last, NEXT_STAGE) == last
    assert next_ticket("plain", NEXT_STAGE) == "plain"
    assert next_ticket("plain", NEXT_STAGE + "then:") == next_ticket("then:plain", NEXT_STAGE + "then:") == "then:plain"
    assert pack("/" + "x" * 1500, "/" + "x" * 1500) is None


@pytest.mark.parametrize("ticket", ["", "plain", "[", '["', '["a", 1]', '["a"', "7", "[1,2]"])
def test_any_other_ticket_is_its_own_stage(ticket: str) -> None:
    """What was not packed here is not taken apart."""
    assert unpack(ticket) == (ticket,)
