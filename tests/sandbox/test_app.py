from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import KEY, Sandbox, Start

TEXT = "/jivox/v2/accounts/1/textGen"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""])
async def test_only_loopback_names_are_answered(sandbox: Sandbox, host: str):
    """A Host header that is not this loopback address and port gets nothing, not even with the key."""
    status, body, _ = await sandbox.call("GET", "/ledger", headers={**BEARER, "Host": host.format(port=sandbox.server.port)})
    assert status == 421
    assert b"loopback" in body


async def test_localhost_is_a_loopback_name(sandbox: Sandbox):
    """`localhost` with the port is as good as 127.0.0.1."""
    status, _, _ = await sandbox.call("GET", "/ledger", headers={**BEARER, "Host": f"localhost:{sandbox.server.port}"})
    assert status == 200


@pytest.mark.parametrize("path", ["/ledger", "/ledger?summary=1", "/calls"])
async def test_the_owners_pages_want_the_key(sandbox: Sandbox, path: str):
    """Ledger and calls are shown to the key's bearer only."""
    assert (await sandbox.call("GET", path))[0] == 401
    assert (await sandbox.call("GET", path, headers={"Authorization": "Bearer wrong"}))[0] == 401
    assert (await sandbox.get(path, headers=BEARER)) == (200, [])


async def test_there_is_no_cross_origin_access(sandbox: Sandbox):
    """A preflight is not answered with permission."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with sandbox.client.options(sandbox.url + TEXT, headers=headers) as response:
        assert not any(name.lower().startswith("access-control") for name in response.headers)


async def test_every_hit_is_counted_by_step(sandbox: Sandbox):
    """Refused calls are hits too, but only accepted ones are in the ledger."""
    await sandbox.post(TEXT, {"prompt": "x"})
    await sandbox.post(TEXT, {"prompt": ""})
    await sandbox.post(TEXT, {"prompt": "x"}, headers={"jvx_apikey": "wrong"})
    assert (await sandbox.get("/calls", headers=BEARER))[1] == [
        {"vendor": "jivox", "operation": "textGen", "step": "submit", "count": 3}
    ]
    assert [entry["operation"] for entry in await sandbox.ledger()] == ["textGen"]


async def test_the_summary_counts_what_was_bought(sandbox: Sandbox):
    """The same content bought twice is one line with a count of two."""
    for prompt in ("x", "x", "y"):
        await sandbox.post(TEXT, {"prompt": prompt})
    _, summary = await sandbox.get("/ledger?summary=1", headers=BEARER)
    assert [(line["operation"], line["count"]) for line in summary] == [("textGen", 2), ("textGen", 1)]


async def test_bodies_have_a_cap(sandbox: Sandbox):
    """More than 64 MiB are refused with 413."""
    body = io.BytesIO(b"x" * (64 * 1024 * 1024 + 1))
    status, _, _ = await sandbox.call("POST", TEXT, data=body, headers={"Content-Type": "application/json"})
    assert status == 413


async def test_a_broken_form_is_refused(sandbox: Sandbox):
    """A multipart body without its boundary is a 400, not a crash."""
    headers = {"Content-Type": "multipart/form-data"}
    status, _, _ = await sandbox.call("POST", "/vyro/v2/image/generations", data=b"nonsense", headers=headers)
    assert status == 400


@pytest.mark.parametrize(
    "path", ["/files/jivox-" + "0" * 32 + "/image.png", "/files/x/y", "/files/..%2f/ledger.jsonl", "/", "/nothing"]
)
async def test_what_is_not_there_is_404(sandbox: Sandbox, path: str):
    """Unknown files and paths are not found."""
    assert (await sandbox.call("GET", path))[0] == 404


async def test_unknown_paths_are_404_in_the_vendors_shape(sandbox: Sandbox):
    """With the key a vendor's unknown path is its own 404, without it a refusal."""
    assert await sandbox.get("/sivi/v2/nothing") == (404, {"status": 404, "body": {"message": "Not found"}})
    assert (await sandbox.call("GET", "/sivi/v2/nothing", headers={"sivi-api-key": "wrong"}))[0] == 401


async def test_results_are_whole_and_not_sniffed(sandbox: Sandbox):
    """A result link needs no key, names its media type, and forbids guessing another."""
    _, body = await sandbox.post("/jivox/v2/accounts/1/imageGen", {"prompt": "hat", "width": 40, "height": 30})
    async with sandbox.client.get(body["imageUrl"]) as response:
        assert response.status == 200
        assert response.content_type == "image/png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_many_at_once(start: Start):
    """Fifty asks in parallel, ten of each kind, are fifty entries with fifty numbers."""
    sandbox = await start(latency=0.001)
    await asyncio.gather(*(sandbox.post(TEXT, {"prompt": f"p{number % 5}"}) for number in range(50)))
    entries = await sandbox.ledger()
    assert [entry["n"] for entry in entries] == list(range(1, 51))
    assert len({entry["digest"] for entry in entries}) == 5


async def test_a_closed_connection_is_no_answer(start: Start):
    """A dropped connection is seen by the client as such, not as an HTTP error."""
    sandbox = await start(faults=(Fault("drop_before"),))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sandbox.post(TEXT, {"prompt": "x"})


IMAGE = "/jivox/v2/accounts/1/imageGen"
PICTURE = {"prompt": "hat", "width": 40, "height": 30}


async def test_an_answer_is_cut_where_it_was_ordered(start: Start):
    """The announced length is the whole answer's; what comes is its first part."""
    sandbox = await start(faults=(Fault("truncated", part=0.5, times=1),))
    async with sandbox.client.post(sandbox.url + TEXT, json={"prompt": "x"}, headers={"jvx_apikey": KEY}) as response:
        length = int(response.headers["Content-Length"])
        assert len(await response.content.readexactly(length // 2)) == length // 2
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readexactly(1)
    assert len(await sandbox.ledger()) == 1


async def test_an_answer_drips(start: Start):
    """Byte after byte comes, and the server stops when nobody listens any more."""
    sandbox = await start(faults=(Fault("slow_drip"),))
    with pytest.raises(TimeoutError):
        await sandbox.post(TEXT, {"prompt": "x"}, timeout=aiohttp.ClientTimeout(total=0.3))
    assert len(await sandbox.ledger()) == 1


async def test_an_answer_goes_on_and_on(start: Start):
    """After the answer itself come 32 MiB of nothing."""
    sandbox = await start(faults=(Fault("oversized"),))
    _, body, _ = await sandbox.call("POST", TEXT, json={"prompt": "x"})
    assert len(body) > 32 * 1024 * 1024
    assert body[:9] == b'{"text":"'


async def test_a_bomb_unpacks_at_the_client(start: Start):
    """A gzip bomb is declared as such, so a client that reads it whole gets 32 MiB."""
    sandbox = await start(faults=(Fault("gzip_bomb"),))
    _, body, _ = await sandbox.call("POST", TEXT, json={"prompt": "x"})
    assert len(body) == 32 * 1024 * 1024


async def test_a_redirect_leads_away(start: Start):
    """A redirect is answered before anything is accepted."""
    sandbox = await start(faults=(Fault("error", status=307, location="https://trap.example/"),))
    async with sandbox.client.post(
        sandbox.url + TEXT, json={"prompt": "x"}, headers={"jvx_apikey": KEY}, allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (307, "https://trap.example/")
    assert await sandbox.ledger() == []


async def test_a_picture_comes_in_the_wrong_size(start: Start):
    """The link works and what is behind it decodes, but it is half as large as was asked for."""
    sandbox = await start(faults=(Fault("wrong_size", times=1),))
    _, body = await sandbox.post(IMAGE, PICTURE)
    sizes = []
    for _ in range(2):
        with Image.open(io.BytesIO(await sandbox.fetch(body["imageUrl"]))) as picture:
            sizes.append(picture.size)
    assert sizes == [(20, 15), (40, 30)]
