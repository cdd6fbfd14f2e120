"""No URL of a stranger makes us dial this machine, its neighbours, or anything but public https: seen at every `connect`."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.edge.guard import FORBIDDEN, Denied, Guard, origin_of, read_url
from runner.edge.inputs import InputFiles
from runner.edge.intake import Patience
from runner.edge.secrets import Secrets
from runner.edge.snapshots import take_snapshot
from runner.edge.transport import LaneAccess, Transport
from runner.errors import Invalid
from runner.fields import HTTP_URL
from runner.providers.registry import Account, open_catalog
from runner.records import Answer, Asset, Call, JsonBody, NoAnswer, Reply, SecretHeader, make_request
from tests.edge.conftest import Hit, Vendor, open_vendor, says
from tests.hostile.corpora import read_corpus
from tests.hostile.dials import Liar, witness
from tests.hostile.pictures import draw

URLS = read_corpus("urls")
KEY = "test-key-0123456789"
BEARER = (SecretHeader("Authorization", "key", "Bearer {}"),)
QUICK = Patience(connect=1.0, submit=2.0, poll=2.0, fetch=2.0, silence=1.0)
PUBLIC = ("93.184.216.34", "2606:4700::6810:1")
PNG = draw("PNG", (8, 6))

Place = Callable[[Transport, str, Path], Awaitable[Reply | None]]
"""Somewhere a URL comes from: what became of it, None where it was not even taken for a URL."""


@asynccontextmanager
async def open_transport(root: Path, url: str, resolver: Liar | None = None) -> AsyncIterator[Transport]:
    """A transport whose one lane, `house`, is at `url`, and whose resolver lies."""
    transport = Transport({"house": LaneAccess(url, Secrets({"key": KEY}))}, Blobs(root / "blobs"), SystemClock(), QUICK)
    transport.resolver = resolver or Liar()
    async with transport:
        yield transport


async def as_feed(transport: Transport, url: str, root: Path) -> Reply | None:
    """`feed: {path: URL}`."""
    with pytest.raises(Invalid):
        await take_snapshot(url, root, [root], root / "feeds", transport.download)
    return None


async def as_picture(transport: Transport, url: str, root: Path) -> Reply | None:
    """A cell of a row under an image field: a URL is brought by the transport, anything else is a path of the project."""
    if HTTP_URL.match(url):
        body = JsonBody({"image": Asset(url)})
        return await transport.perform("house", Call("POST", "https://api.vendor.test/v1", "submit", secrets=BEARER, body=body))
    with pytest.raises(ValueError, match=r"there is no file|outside the project"):
        InputFiles(root, root)(url)
    return None


async def as_link(transport: Transport, url: str, root: Path) -> Reply | None:
    """The link of a result, in a vendor's answer."""
    return await transport.perform("house", Call("GET", url, "fetch", sink="blob"))


async def as_status(transport: Transport, url: str, root: Path) -> Reply | None:
    """A status URL that a vendor gave; it would get the key."""
    return await transport.perform("house", Call("GET", url, "poll", secrets=BEARER))


async def as_endpoint(transport: Transport, url: str, root: Path) -> Reply | None:
    """An address to buy from; it would get the key."""
    return await transport.perform("house", Call("POST", url, "submit", secrets=BEARER, body=JsonBody({})))


PLACES: dict[str, Place] = {place.__name__: place for place in (as_feed, as_picture, as_link, as_status, as_endpoint)}


@pytest.mark.parametrize("place", PLACES)
async def test_no_hostile_url_is_dialled(tmp_path: Path, place: str) -> None:
    """Each of the corpus, wherever it stands: no dial anywhere, nothing sent, no exception, and names lead to this machine."""
    assert len(URLS) >= 200
    async with open_vendor(says(PNG)) as other, open_transport(tmp_path, "https://api.vendor.test/v1") as transport:
        for text in URLS:
            url = text.replace("{port}", other.url.rpartition(":")[2])
            with witness() as watching:
                reply = await PLACES[place](transport, url, tmp_path)
            assert watching.dialled == [], url
            assert reply is None or (isinstance(reply, NoAnswer) and not reply.sent), url
        assert other.dials == 0


async def test_no_hostile_redirect_is_followed(tmp_path: Path) -> None:
    """Each of the corpus as the target of a redirect: nobody is dialled but the server that sent it."""
    target = ""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        location = target.encode("utf-8", "surrogatepass")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")

    async with open_vendor(says(PNG)) as other, open_vendor(answer) as vendor, open_transport(tmp_path, vendor.url) as transport:
        port = int(vendor.url.rpartition(":")[2])
        for text in URLS:
            target = text.replace("{port}", other.url.rpartition(":")[2])
            with witness() as watching:
                reply = await transport.perform("house", Call("GET", f"{vendor.url}/1.png", "fetch", sink="blob"))
            assert set(watching.dialled) <= {("127.0.0.1", port)}, target
            assert not isinstance(reply, Answer) or reply.status == 302, target
        assert other.dials == 0


@pytest.mark.parametrize("url", [f"https://{PUBLIC[0]}/x.png", f"https://[{PUBLIC[1]}]:8443/x.png", "https://cdn.test/x.png"])
@pytest.mark.parametrize("place", ["as_feed", "as_picture", "as_link"])
async def test_a_public_address_is_dialled(tmp_path: Path, place: str, url: str) -> None:
    """Positive control: what is public gets as far as the network, which is what refuses it here."""
    async with open_transport(tmp_path, "https://api.vendor.test/v1", Liar(lambda host: list(PUBLIC))) as transport:
        with witness() as watching:
            reply = await PLACES[place](transport, url, tmp_path)
    assert watching.dialled
    assert {host for host, _ in watching.dialled} <= set(PUBLIC)
    assert reply is None or (isinstance(reply, NoAnswer) and "this test has no network" in reply.why)


async def test_a_public_redirect_is_followed(tmp_path: Path) -> None:
    """Positive control: a hop to a public address is dialled."""
    hop = says(b"", 302, f"Location: https://{PUBLIC[0]}/1.png")
    async with open_vendor(hop) as vendor, open_transport(tmp_path, vendor.url) as transport:
        with witness() as watching:
            await transport.perform("house", Call("GET", f"{vendor.url}/1.png", "fetch", sink="blob"))
    assert (PUBLIC[0], 443) in watching.dialled


async def test_what_the_project_names_on_this_machine_works(tmp_path: Path, vendor: Vendor) -> None:
    """Positive control: the lane's own loopback origin is asked, polled and downloaded from."""
    vendor.answer = says(PNG)
    async with open_transport(tmp_path, vendor.url) as transport:
        body = JsonBody({"image": Asset(f"{vendor.url}/in.png")})
        replies = [
            await as_link(transport, f"{vendor.url}/1.png", tmp_path),
            await as_status(transport, f"{vendor.url}/s", tmp_path),
        ]
        replies.append(await transport.perform("house", Call("POST", f"{vendor.url}/x", "submit", secrets=BEARER, body=body)))
    assert [isinstance(reply, Answer) and reply.status for reply in replies] == [200, 200, 200]
    assert [hit.line for hit in vendor.hits] == ["GET /1.png", "GET /s", "GET /in.png", "POST /x"]


@pytest.mark.parametrize("place", ["as_feed", "as_picture", "as_link", "as_endpoint"])
async def test_a_name_that_changes_its_mind_gets_no_dial(tmp_path: Path, place: str) -> None:
    """Rebinding, 25 rounds a place: a name that was public a moment ago and is this machine now is found out at the dial."""
    rebound: list[tuple[str, int]] = []
    for number in range(25):
        names = [[PUBLIC[0]], ["127.0.0.1"], ["::1"], [PUBLIC[0], "127.0.0.1", "10.0.0.1"], ["::ffff:127.0.0.1", "169.254.169.254"]]
        liar = Liar(lambda host, names=names, at=number: names[at % len(names)])  # type: ignore[misc]
        for _ in range(2):
            async with open_transport(tmp_path, "https://api.vendor.test/v1", liar) as transport:
                with witness() as watching:
                    await PLACES[place](transport, "https://api.vendor.test/v1", tmp_path)
            rebound += watching.dialled
            liar.answer = lambda host: ["127.0.0.1", "::1", "10.0.0.1", "::ffff:7f00:1", "169.254.169.254"]
    assert {host for host, _ in rebound} == {PUBLIC[0]}


async def test_an_answer_of_many_addresses_is_judged_one_by_one(tmp_path: Path) -> None:
    """Where a name has a public address among private ones, only the public one is dialled."""
    liar = Liar(lambda host: ["127.0.0.1", "10.0.0.1", PUBLIC[0], "::1", "fd00::1", "169.254.169.254"])
    async with open_transport(tmp_path, "https://api.vendor.test/v1", liar) as transport:
        with witness() as watching:
            await as_link(transport, "https://cdn.test/1.png", tmp_path)
    assert {host for host, _ in watching.dialled} == {PUBLIC[0]}


async def test_a_redirect_takes_nothing_along(tmp_path: Path, vendor: Vendor) -> None:
    """Over five hops: no key, no cookie, no referrer, and no query of the link before; only what every download says."""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        number = int(hit.line.rpartition("/")[2].partition("?")[0])
        hop = says(b"", 307, f"Location: /{number + 1}", "Set-Cookie: a=b; Path=/", "WWW-Authenticate: Basic")
        await (says(PNG) if number == 5 else hop)(hit, writer)

    vendor.answer = answer
    async with open_transport(tmp_path, vendor.url) as transport:
        reply = await transport.perform("house", Call("GET", f"{vendor.url}/0?sig=secret", "fetch", secrets=BEARER, sink="blob"))
    assert isinstance(reply, Answer)
    assert [hit.line for hit in vendor.hits] == ["GET /0?sig=secret", *(f"GET /{number}" for number in range(1, 6))]
    assert {frozenset(hit.headers) for hit in vendor.hits} == {frozenset({"host", "user-agent", "accept", "accept-encoding"})}
    assert not any(KEY.encode() in hit.head for hit in vendor.hits)


@given(st.sampled_from(["api.vendor.test", "93.184.216.34", "10.0.0.1", "127.0.0.2", "localhost"]), st.integers(1, 65535))
def test_nothing_goes_back_to_plain_http(host: str, port: int) -> None:
    """Whoever redirects: plain http is for the loopback origin that the project names, to the letter."""
    guard = Guard(["https://api.vendor.test/v1", "http://127.0.0.1:8000/v1"])
    with pytest.raises(Denied):
        guard.check(read_url(f"http://{host}:{port}/"), guard.named)


@given(st.text())
def test_any_text_is_a_url_or_denied(text: str) -> None:
    """Reading a URL ends in one of two ways, and what was read has the host that will be dialled."""
    for candidate in (text, f"https://{text}", f"https://vendor.test{text}", f"http://{text}@vendor.test:{text}/"):
        try:
            url = read_url(candidate)
        except Denied:
            continue
        assert origin_of(url).host
        assert not {"@", "\\", " ", "\n"} & set(url.raw_authority)


@pytest.mark.parametrize("kind", ["sivi", "vyro", "placewise"])
def test_a_ticket_leads_nowhere_but_to_its_vendor(kind: str) -> None:
    """Whatever a vendor gives as the id of a job, the call that asks for it stays below the address of the account."""
    options = {"club": "my-mall", "product": "p", "user_agent": "u", "poll_url": "/tasks/{id}"} if kind == "placewise" else {}
    lane = open_catalog({kind: Account(kind, "https://api.vendor.test/v1", options)}).lanes[kind]
    operation = next(iter(lane.provider.operations(lane.options)))
    request = make_request(kind, operation, {})
    for ticket in [
        *URLS,
        "../../admin",
        "/admin",
        "?x=1",
        "#",
        "@evil.test",
        ".evil.test",
        ":8080",
        "%2e%2e",
        "a\r\nHost: evil.test",
    ]:
        if not ticket.isprintable():
            continue
        url = read_url(lane.provider.poll(request, ticket, lane.options).url)
        assert str(url).startswith("https://api.vendor.test/v1/")
        assert "/../" not in url.raw_path


def test_the_corpus_covers_the_deny_table() -> None:
    """Every forbidden network of the internet protocol has an address in the corpus or is covered by another test's table."""
    hosts = [url.split("://")[-1].partition("/")[0].strip("[]") for url in URLS]
    addresses = []
    for host in hosts:
        try:
            addresses.append(ipaddress.ip_address(host.partition("%")[0]))
        except ValueError:
            continue
    met = {network for network in FORBIDDEN if any(address in network for address in addresses)}
    assert set(FORBIDDEN) - met == set()
