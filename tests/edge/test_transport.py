"""The transport against real servers on loopback that answer, stall, lie, redirect and hang up.

Long, because every way an exchange can end is a case.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.edge.guard import Origin
from runner.edge.intake import Caps, Patience
from runner.edge.secrets import Secrets
from runner.edge.transport import LaneAccess, Transport, guard_lanes
from runner.errors import OurSide
from runner.records import Answer, Asset, Call, FileBody, FormBody, JsonBody, NoAnswer, Part, Reply, SecretHeader, Step
from tests.edge.conftest import Answer as Behaviour
from tests.edge.conftest import Hit, Vendor, open_vendor, reset, says

KEY = "test-key-0123456789"
BEARER = (SecretHeader("Authorization", "key", "Bearer {}"),)
AMPLE = Patience(connect=10.0, submit=10.0, poll=10.0, fetch=10.0, silence=10.0)
QUICK = Patience(connect=0.5, submit=0.4, poll=0.4, fetch=0.4, silence=0.2)
"""For servers that keep us waiting on purpose; with all others a busy machine has its time."""
STEPS: tuple[tuple[Step, str], ...] = (("submit", "POST"), ("poll", "GET"), ("fetch", "GET"))


def picture() -> bytes:
    """A small real PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(buffer, "PNG")
    return buffer.getvalue()


PNG = picture()


@asynccontextmanager
async def open_transport(
    root: Path, *urls: str, caps: Caps | None = None, patience: Patience = AMPLE, **more: object
) -> AsyncIterator[Transport]:
    """A transport with one lane, `house`, at the first URL."""
    access = LaneAccess(urls[0], Secrets({"key": KEY}), also=urls[1:], **more)  # type: ignore[arg-type]
    async with Transport({"house": access}, Blobs(root / "blobs"), SystemClock(), patience, caps) as transport:
        yield transport


def call(vendor: Vendor, step: Step = "submit", method: str = "POST", path: str = "/x", **more: object) -> Call:
    """A call of this step to the vendor."""
    more.setdefault("sink", "blob" if step == "fetch" else "memory")
    return Call(method, vendor.url + path, step, secrets=() if step == "fetch" else BEARER, **more)  # type: ignore[arg-type]


def blobs_in(root: Path) -> list[Path]:
    """Every file in the store, torn ones among them."""
    return [path for path in (root / "blobs").rglob("*") if path.is_file()]


async def perform(root: Path, vendor: Vendor, asked: Call, **more: object) -> Reply:
    """One call over a transport of its own."""
    async with open_transport(root, vendor.url, **more) as transport:  # type: ignore[arg-type]
        return await transport.perform("house", asked)


async def test_a_call_goes_out_as_described(tmp_path: Path, vendor: Vendor) -> None:
    """Method, path, query, headers and JSON arrive as they were, with the secret in its place; the answer comes back."""
    vendor.answer = says(b'{"id": 7}', 202, "X-Twice: 1", "X-Twice: 2", "Content-Type: application/json")
    asked = call(vendor, path="/v1/x?q=%7B%22a%22%3A1%7D", headers=(("X-Plan", "general"),), body=JsonBody({"prompt": "größe"}))
    reply = await perform(tmp_path, vendor, asked)
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body, reply.blob) == (202, b'{"id": 7}', None)
    assert (reply.headers["x-twice"], reply.headers["content-type"]) == ("2", "application/json")
    (hit,) = vendor.hits
    assert hit.line == "POST /v1/x?q=%7B%22a%22%3A1%7D"
    assert json.loads(hit.body) == {"prompt": "größe"}
    wanted = {"authorization": f"Bearer {KEY}", "x-plan": "general", "content-type": "application/json", "user-agent": "adbatch"}
    assert wanted.items() <= hit.headers.items()


async def test_calls_alike_but_for_their_secrets_get_each_its_own(tmp_path: Path, vendor: Vendor) -> None:
    """The same headers before the same key in another place, or without it: nothing is taken from the call before."""
    places = (BEARER, (SecretHeader("X-Key", "key"),), (), BEARER)
    async with open_transport(tmp_path, vendor.url) as transport:
        for secrets in places:
            await transport.perform("house", Call("GET", vendor.url, "poll", (("Accept", "text/plain"),), secrets))
    held = [{name for name, value in hit.headers.items() if KEY in value} for hit in vendor.hits]
    assert held == [{"authorization"}, {"x-key"}, set(), {"authorization"}]


async def test_an_optional_secret_that_is_missing_leaves_its_header_out(tmp_path: Path, vendor: Vendor) -> None:
    """A server that needs no key gets no empty one."""
    asked = Call("POST", vendor.url, "submit", secrets=(SecretHeader("Authorization", "key"), SecretHeader("X-User", "user")))
    await perform(tmp_path, vendor, asked)
    assert ("authorization" in vendor.hits[0].headers, "x-user" in vendor.hits[0].headers) == (True, False)


async def stall(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Read the request and never answer."""
    await asyncio.Event().wait()


async def drop(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""
    writer.close()


async def cut(hit: Hit, writer: asyncio.StreamWriter) -> None:
    """Reset the connection without a word."""
    reset(writer)


def raw(data: bytes, then_stall: bool = False) -> Behaviour:
    """Exactly these bytes, then silence or the end of the connection."""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if then_stall:
            await stall(hit, writer)
        writer.close()

    return answer


BROKEN: dict[str, Behaviour] = {
    "dropped": drop,
    "reset": cut,
    "stalled": stall,
    "cut in the head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "cut in a chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"),
    "stalled in the body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", then_stall=True),
    "garbage": raw(b"\x16\x03\x01 what is this\r\n\r\n"),
    "broken gzip": says(b"not gzip at all", 200, "Content-Encoding: gzip"),
    "endless header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    "too large": says(b"x" * 3000),
}


@pytest.mark.parametrize(("step", "method"), STEPS)
@pytest.mark.parametrize("fault", BROKEN)
async def test_what_breaks_after_leaving_was_sent(tmp_path: Path, fault: str, step: Step, method: str) -> None:
    """Whatever a server does after it has the request: no answer, sent, one hit, and nothing left in the store."""
    async with open_vendor(BROKEN[fault]) as vendor:
        patience = QUICK if "stalled" in fault else AMPLE
        reply = await perform(tmp_path, vendor, call(vendor, step, method), caps=Caps(memory=2000, picture=2000), patience=patience)
        assert isinstance(reply, NoAnswer)
        assert (reply.sent, bool(reply.why), len(vendor.hits)) == (True, True, 1)
    assert blobs_in(tmp_path) == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("step", ["submit", "poll"])
async def test_one_call_is_one_hit(tmp_path: Path, method: str, step: Step) -> None:
    """On a connection that was used before and drops the next call, every method still hits once."""

    async def once(hit: Hit, writer: asyncio.StreamWriter) -> None:
        await (says()(hit, writer) if hit.line.endswith("/first") else drop(hit, writer))

    async with open_vendor(once) as vendor, open_transport(tmp_path, vendor.url, keep_alive=30.0) as transport:
        assert isinstance(await transport.perform("house", call(vendor, step, method, "/first")), Answer)
        assert await transport.perform("house", call(vendor, step, method, "/second")) == NoAnswer(
            True, "ServerDisconnectedError: Server disconnected"
        )
        assert ([hit.line for hit in vendor.hits], vendor.dials) == ([f"{method} /first", f"{method} /second"], 1)


@pytest.mark.parametrize(("step", "method"), STEPS)
async def test_what_nobody_heard_was_not_sent(tmp_path: Path, step: Step, method: str) -> None:
    """A refused connection proves that nothing left."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vendor = Vendor(drop, url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        reply = await perform(tmp_path, vendor, call(vendor, step, method))
    assert isinstance(reply, NoAnswer)
    assert (reply.sent, "Connect" in reply.why) == (False, True)


HOME = "https://api.vendor.invalid"
"""A vendor that can be named and never dialled: what is not turned away is looked up in vain."""


@pytest.mark.parametrize(
    ("url", "step", "goes"),
    [
        (f"{HOME}/v1/x", "submit", True),
        ("https://api.eu.vendor.invalid/v1/x", "poll", True),
        ("https://vendor.invalid/x", "poll", True),
        ("https://API.EU.Vendor.Invalid./v1/x", "poll", True),
        ("https://api.eu.vendor.invalid/v1/x", "submit", False),
        ("https://api.eu.vendor.invalid:8443/x", "poll", False),
        ("http://api.eu.vendor.invalid/x", "poll", False),
        ("https://evil-vendor.invalid/x", "poll", False),
        ("https://vendor.invalid.evil.invalid/x", "poll", False),
        ("https://evil.invalid/vendor.invalid", "poll", False),
        ("https://evil.invalid?vendor.invalid", "poll", False),
        ("https://vendor.invalid@evil.invalid/x", "poll", False),
    ],
)
async def test_a_poll_may_go_to_the_vendors_own_hosts(tmp_path: Path, url: str, step: Step, goes: bool) -> None:
    """A key goes to the base_url, and with a poll by https to the hosts that are the vendor's; nowhere else."""
    async with open_transport(tmp_path, HOME, hosts=("vendor.invalid",)) as transport:
        reply = await transport.perform("house", Call("GET" if step == "poll" else "POST", url, step, secrets=BEARER))
    assert isinstance(reply, NoAnswer)
    assert reply.sent is False
    assert reply.why.startswith("not dialled") is not goes


async def test_a_name_that_nobody_knows_was_not_sent(tmp_path: Path) -> None:
    """A host without an address gets nothing, whatever the resolver's way of saying so."""
    vendor = Vendor(drop, url="https://no-such-host.invalid")
    reply = await perform(tmp_path, vendor, call(vendor))
    assert isinstance(reply, NoAnswer)
    assert reply.sent is False


async def test_a_server_without_tls_was_not_sent_anything(tmp_path: Path, vendor: Vendor) -> None:
    """A handshake that fails comes before the first byte of the request."""
    secure = Vendor(drop, url=vendor.url.replace("http://", "https://"))
    reply = await perform(tmp_path, secure, call(secure), patience=QUICK)
    assert isinstance(reply, NoAnswer)
    assert (reply.sent, vendor.hits) == (False, [])


@pytest.mark.parametrize(("keep_alive", "dials"), [(0.0, 4), (30.0, 2)])
async def test_submits_use_a_connection_again_as_the_lane_allows(
    tmp_path: Path, vendor: Vendor, keep_alive: float, dials: int
) -> None:
    """Polls share one connection, and so do submits where one that was idle may carry them; never one with the other."""
    async with open_transport(tmp_path, vendor.url, keep_alive=keep_alive) as transport:
        for step, method in (("submit", "POST"), ("poll", "GET")) * 3:
            await transport.perform("house", call(vendor, step, method))  # type: ignore[arg-type]
    assert (vendor.dials, len(vendor.hits)) == (dials, 6)


async def test_a_connection_that_the_server_gives_up_carries_no_submit(tmp_path: Path, vendor: Vendor) -> None:
    """Where an answer says that its connection ends, the next submit goes out over a new one."""
    vendor.answer = says(b"{}", 200, "Connection: close")
    async with open_transport(tmp_path, vendor.url, keep_alive=30.0) as transport:
        for _ in range(3):
            assert isinstance(await transport.perform("house", call(vendor)), Answer)
    assert (vendor.dials, len(vendor.hits)) == (3, 3)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("step", "method"), STEPS[:2])
async def test_a_call_with_a_key_follows_nothing(tmp_path: Path, status: int, step: Step, method: str) -> None:
    """A redirect of a submit or a poll is the answer; the key goes nowhere else."""
    async with open_vendor(says()) as thief, open_vendor(says(b"", status, f"Location: {thief.url}/x")) as vendor:
        reply = await perform(tmp_path, vendor, call(vendor, step, method))
        assert isinstance(reply, Answer)
        assert (reply.status, len(vendor.hits), thief.dials) == (status, 1, 0)


@pytest.mark.parametrize(("step", "method"), STEPS[:2])
async def test_a_key_goes_only_to_addresses_of_its_lane(tmp_path: Path, vendor: Vendor, step: Step, method: str) -> None:
    """A status URL that a vendor gave, on any other origin, is not called."""
    async with open_vendor(says()) as thief:
        for url in (thief.url, "https://evil.test/status", vendor.url.replace("127.0.0.1", "localhost"), "file:///etc/passwd"):
            reply = await perform(tmp_path, vendor, Call(method, url, step, secrets=BEARER))  # type: ignore[arg-type]
            assert isinstance(reply, NoAnswer)
            assert (reply.sent, reply.why.startswith("not dialled: ")) == (False, True)
        assert (thief.dials, vendor.dials) == (0, 0)


async def test_further_addresses_of_a_lane_get_its_key(tmp_path: Path, vendor: Vendor) -> None:
    """A poll address that the project file names for the lane is one of its own."""
    async with open_vendor(says()) as other, open_transport(tmp_path, vendor.url, f"{other.url}/poll") as transport:
        assert isinstance(await transport.perform("house", call(other, "poll", "GET")), Answer)
        assert other.hits[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_download_becomes_a_blob_without_the_key(tmp_path: Path, vendor: Vendor) -> None:
    """A result's bytes stream into the store; nobody is shown a secret, even if the call names one."""
    vendor.answer = says(PNG * 2000, 200, "Content-Type: image/png")
    reply = await perform(tmp_path, vendor, Call("GET", f"{vendor.url}/1.png?sig=a%2Fb%3D", "fetch", secrets=BEARER, sink="blob"))
    assert isinstance(reply, Answer)
    assert reply.blob is not None
    assert (reply.blob.sha256, reply.body) == (hashlib.sha256(PNG * 2000).hexdigest(), (PNG * 2000)[:65536])
    assert [(hit.line, "authorization" in hit.headers) for hit in vendor.hits] == [("GET /1.png?sig=a%2Fb%3D", False)]
    assert KEY not in vendor.hits[0].head.decode()


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
async def test_a_download_that_was_refused_is_an_answer(tmp_path: Path, vendor: Vendor, status: int) -> None:
    """What is not 2xx comes as a status with its words, and nothing is stored."""
    vendor.answer = says(b"expired", status, "Retry-After: 3")
    reply = await perform(tmp_path, vendor, call(vendor, "fetch", "GET"))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body, reply.blob, reply.headers["retry-after"]) == (status, b"expired", None, "3")
    assert blobs_in(tmp_path) == []


async def test_a_submit_may_answer_with_the_picture(tmp_path: Path, vendor: Vendor) -> None:
    """With `sink="blob"` a 2xx body is stored while its head is read; any other status is read as text."""
    vendor.answer = says(PNG, 200, "Content-Type: application/octet-stream")
    reply = await perform(tmp_path, vendor, call(vendor, sink="blob", body=FormBody((Part("prompt", "mug"),))))
    assert isinstance(reply, Answer)
    assert reply.blob is not None
    assert (reply.body, Blobs(tmp_path / "blobs").read(reply.blob.sha256)) == (PNG, PNG)
    assert vendor.hits[0].headers["content-type"].startswith("multipart/form-data; boundary=")


def hops(vendor: Vendor, count: int) -> Behaviour:
    """Redirects from /0 to /1 and so on, `count` times, then the picture."""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        number = int(hit.line.rpartition("/")[2])
        await (says(PNG) if number == count else says(b"", 302, f"Location: /{number + 1}"))(hit, writer)

    return answer


async def test_a_download_follows_five_redirects(tmp_path: Path, vendor: Vendor) -> None:
    """Five hops are followed; a sixth is not."""
    vendor.answer = hops(vendor, 5)
    assert isinstance(await perform(tmp_path, vendor, call(vendor, "fetch", "GET", "/0")), Answer)
    vendor.answer, vendor.hits = hops(vendor, 6), []
    assert await perform(tmp_path, vendor, call(vendor, "fetch", "GET", "/0")) == NoAnswer(True, "more than 5 redirects")
    assert len(vendor.hits) == 6


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/", "file:///etc/passwd", "https://10.0.0.1/", "//localhost/x", "http://vendor.test/", "http://[::1"],
)
async def test_a_redirect_is_checked_like_any_link(tmp_path: Path, vendor: Vendor, target: str) -> None:
    """A hop to where we would not go by ourselves ends the download; the hop is not dialled."""
    vendor.answer = says(b"", 302, f"Location: {target}")
    reply = await perform(tmp_path, vendor, call(vendor, "fetch", "GET"))
    assert isinstance(reply, NoAnswer)
    assert (reply.sent, len(vendor.hits)) == (target != "https://10.0.0.1/", 1)
    assert "not a public address" in reply.why or "where we do not dial" in reply.why


async def test_another_local_server_is_not_reached_by_redirect(tmp_path: Path, vendor: Vendor) -> None:
    """A port of this machine that the project does not name stays untouched."""
    async with open_vendor(says(PNG)) as other:
        vendor.answer = says(b"", 302, f"Location: {other.url}/x")
        assert isinstance(await perform(tmp_path, vendor, call(vendor, "fetch", "GET")), NoAnswer)
        assert other.dials == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/x", "https://localhost:{port}/x", "https://127.0.0.1/x", "x", "https://2130706433/"]
)
async def test_a_link_to_this_machine_is_not_dialled(tmp_path: Path, vendor: Vendor, url: str) -> None:
    """A vendor's link cannot make us ask a server of ours, in whatever spelling."""
    async with open_vendor(says(PNG)) as other:
        link = url.format(port=other.url.rpartition(":")[2])
        reply = await perform(tmp_path, vendor, Call("GET", link, "fetch", sink="blob"))
        assert isinstance(reply, NoAnswer)
        assert (reply.sent, other.dials) == (False, 0)


async def test_held_assets_are_brought_as_base64(tmp_path: Path, vendor: Vendor) -> None:
    """A blob inside a JSON body goes out as its bytes in base64."""
    blob = Blobs(tmp_path / "blobs").put(PNG)
    body = JsonBody({"image": Asset(f"blob:{blob.sha256}")}, "data:image/png;base64,")
    await perform(tmp_path, vendor, call(vendor, body=body))
    assert json.loads(vendor.hits[0].body) == {"image": "data:image/png;base64," + base64.b64encode(PNG).decode()}


async def test_a_large_body_goes_out_whole(tmp_path: Path, vendor: Vendor) -> None:
    """A picture of several megabytes is one request with its length said."""
    data = PNG + bytes(3 << 20)
    blob = Blobs(tmp_path / "blobs").put(data)
    await perform(tmp_path, vendor, call(vendor, body=FormBody((Part("image", Asset(f"blob:{blob.sha256}")),))))
    assert data in vendor.hits[0].body
    assert b'filename="image.png"' in vendor.hits[0].body


async def test_a_missing_blob_is_our_failure(tmp_path: Path, vendor: Vendor) -> None:
    """A call that needs bytes we lost is not made."""
    asked = call(vendor, body=JsonBody(Asset(f"blob:{'ab' * 32}")))
    with pytest.raises(OurSide, match="a stored result cannot be read"):
        await perform(tmp_path, vendor, asked)
    assert vendor.dials == 0


async def test_an_input_picture_is_downloaded_once(tmp_path: Path, vendor: Vendor) -> None:
    """However many calls need a picture at the same time or later, its server is asked once, and without a key."""

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        await (says(PNG) if hit.line.startswith("GET") else says())(hit, writer)

    vendor.answer = answer
    async with open_transport(tmp_path, vendor.url) as transport:
        asked = call(vendor, body=FormBody((Part("image", Asset(f"{vendor.url}/in.png")),)))
        replies = await asyncio.gather(*(transport.perform("house", asked) for _ in range(5)))
        replies.append(await transport.perform("house", asked))
    assert all(isinstance(reply, Answer) for reply in replies)
    downloads = [hit for hit in vendor.hits if hit.line == "GET /in.png"]
    assert (len(downloads), len(vendor.hits), "authorization" in downloads[0].headers) == (1, 7, False)
    assert all(PNG in hit.body for hit in vendor.hits if hit is not downloads[0])


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [(says(b"", 404), "answered 404"), (says(b"<html>"), "is not a picture we know"), (drop, "could not be downloaded: Server")],
)
async def test_an_input_picture_that_does_not_come_is_not_sent(
    tmp_path: Path, vendor: Vendor, behaviour: Behaviour, why: str
) -> None:
    """The call is not made, the picture is named without its query, and the next try asks again."""
    vendor.answer = behaviour
    asked = call(vendor, body=JsonBody(Asset(f"{vendor.url}/in.png?sig=1")))
    async with open_transport(tmp_path, vendor.url) as transport:
        for tries in (1, 2):
            reply = await transport.perform("house", asked)
            assert isinstance(reply, NoAnswer)
            assert reply.why.startswith(f"the input picture {vendor.url}/in.png {why}")
            assert (reply.sent, [hit.line for hit in vendor.hits]) == (False, ["GET /in.png?sig=1"] * tries)


async def test_an_input_picture_on_this_machine_is_not_fetched(tmp_path: Path, vendor: Vendor) -> None:
    """A feed cannot make us ask a server that the lane does not name."""
    async with open_vendor(says(PNG)) as other:
        reply = await perform(tmp_path, vendor, call(vendor, body=JsonBody(Asset(f"{other.url}/in.png"))))
        assert isinstance(reply, NoAnswer)
        assert (reply.sent, "this machine" in reply.why, other.dials) == (False, True, 0)


async def test_a_header_that_could_split_is_our_failure(tmp_path: Path, vendor: Vendor) -> None:
    """A line break in a header's value is refused before anything is dialled."""
    with pytest.raises(OurSide, match="header X-Club: a character that cannot stand in a header"):
        await perform(tmp_path, vendor, call(vendor, headers=(("X-Club", "a\r\nX-Evil: 1"),)))
    assert vendor.dials == 0


async def test_an_echoed_key_is_not_repeated(tmp_path: Path) -> None:
    """What a server makes our library say about a failure has the key taken out."""
    async with open_vendor(raw(f"HTTP/1.1 {KEY} no status\r\n\r\n".encode())) as vendor:
        reply = await perform(tmp_path, vendor, call(vendor))
    assert isinstance(reply, NoAnswer)
    assert KEY not in reply.why


async def test_a_key_in_a_redirect_is_not_repeated(tmp_path: Path, vendor: Vendor) -> None:
    """A download that leads to where we do not dial says so without the key that stood in the address."""
    vendor.answer = says(b"", 302, f"Location: https://{KEY}.internal:99999/")
    reply = await perform(tmp_path, vendor, call(vendor, "fetch", "GET"))
    assert isinstance(reply, NoAnswer)
    assert KEY not in reply.why


@pytest.mark.parametrize(("status", "stored"), [(200, 1), (500, 0)])
async def test_a_quoted_key_is_neither_told_nor_stored(tmp_path: Path, vendor: Vendor, status: int, stored: int) -> None:
    """A page that quotes the key comes back without it, in headers and body, and so does the blob it became."""
    vendor.answer = says(f"<p>{KEY}</p>".encode() + b" " * 2000, status, f"X-Echo: {KEY}")
    reply = await perform(tmp_path, vendor, call(vendor, sink="blob"))
    assert isinstance(reply, Answer)
    assert (reply.body[:10], reply.headers["x-echo"]) == (b"<p>***</p>", "***")
    assert [path.read_bytes()[:10] for path in blobs_in(tmp_path)] == [b"<p>***</p>"] * stored


async def test_a_cancelled_call_leaves_nothing(tmp_path: Path) -> None:
    """Stopping in the middle of a download removes what was written."""
    half = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", then_stall=True)
    async with open_vendor(half) as vendor, open_transport(tmp_path, vendor.url) as transport:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.perform("house", call(vendor, "fetch", "GET")), 0.1)
    assert blobs_in(tmp_path) == []


async def test_a_feed_is_downloaded_into_any_sink(tmp_path: Path, vendor: Vendor) -> None:
    """A feed may be larger than a picture, and comes from this machine only where the caller says so."""
    vendor.answer = says(b"id,title\n" * 1000)
    near = frozenset({Origin("http", "127.0.0.1", int(vendor.url.rpartition(":")[2]))})
    async with open_transport(tmp_path, vendor.url, caps=Caps(picture=10)) as transport:
        blobs = Blobs(tmp_path / "feeds")
        with blobs.sink() as sink:
            reply = await transport.download(f"{vendor.url}/feed.csv", sink, near)
        assert isinstance(reply, Answer)
        assert reply.blob is not None
        assert blobs.size(reply.blob.sha256) == 9000
        with blobs.sink() as sink:
            assert isinstance(await transport.download(f"{vendor.url}/feed.csv", sink), NoAnswer)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://vendor.test/v1", "house: http://vendor.test:80 must be https; plain http is for this machine only"),
        ("http://10.0.0.1:8000/v1", "house: http://10.0.0.1:8000 must be https"),
        ("vendor.test/v1", "house: base_url: not an http or https URL"),
        ("https://user:pw@vendor.test", "house: base_url: a URL with a user name"),
    ],
)
def test_a_lane_has_a_decent_address(url: str, message: str) -> None:
    """A base URL that could not be used is named before anything is sent."""
    with pytest.raises(OurSide, match=message):
        guard_lanes({"house": LaneAccess(url)})


def test_access_shows_no_secret() -> None:
    """What the transport knows of a lane can be printed."""
    assert KEY not in repr(LaneAccess("https://vendor.test", Secrets({"key": KEY})))


async def test_a_file_is_sent_from_the_store(tmp_path: Path, vendor: Vendor) -> None:
    """Whole, with its length and type, and again if it is sent again."""
    blobs = Blobs(tmp_path / "blobs")
    blob = blobs.put(b"--b\r\n" + b"x" * 300_000)
    async with open_transport(tmp_path, vendor.url) as transport:
        for _ in range(2):
            asked = call(vendor, body=FileBody(blob.sha256, "multipart/form-data; boundary=b"))
            assert isinstance(await transport.perform("house", asked), Answer)
    for hit in vendor.hits:
        assert hit.body == blobs.read(blob.sha256)
        assert hit.headers["content-type"] == "multipart/form-data; boundary=b"
        assert hit.headers["content-length"] == str(blob.size)
        assert hit.headers["authorization"] == f"Bearer {KEY}"


async def test_a_file_may_be_larger_than_a_picture(tmp_path: Path, vendor: Vendor) -> None:
    """It is streamed to the store with the key of the lane; what is not a file has its cap as ever."""
    vendor.answer = says(b"x" * 50_000)
    caps = Caps(picture=1000, feed=100_000)
    reply = await perform(tmp_path, vendor, call(vendor, "poll", "GET", sink="file"), caps=caps)
    assert isinstance(reply, Answer)
    assert reply.blob is not None
    assert reply.blob.size == 50_000
    assert vendor.hits[0].headers["authorization"] == f"Bearer {KEY}"
    assert isinstance(await perform(tmp_path, vendor, call(vendor, "poll", "GET", sink="blob"), caps=caps), NoAnswer)
    small = await perform(tmp_path, vendor, call(vendor, "poll", "GET", sink="file"), caps=Caps(feed=1000))
    assert small == NoAnswer(True, "a file of more than 1000 bytes")
