from __future__ import annotations

import base64
import io
import json
from typing import Any

import aiohttp
import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from runner.sandbox.intake import Ask, Pictures
from runner.sandbox.vendors.stability import read_generate
from tests.sandbox.conftest import KEY, Sandbox, Start

BASE = "/stability/v2beta"
CUT = f"{BASE}/stable-image/edit/remove-background"
CREATIVE = f"{BASE}/stable-image/upscale/creative"


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    """A red thing on white."""
    image = Image.new("RGB", size, "white")
    image.paste((200, 30, 30), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def order(sandbox: Sandbox, path: str, accept: str = "image/*", **fields: Any) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (in lower case) and body of a form posted as files and texts."""
    with aiohttp.MultipartWriter("form-data") as form:
        for name, value in fields.items():
            part = form.append(value)
            if isinstance(value, bytes):
                part.set_content_disposition("form-data", name=name, filename=f"{name}.png")
            else:
                part.set_content_disposition("form-data", name=name)
    headers = {"Authorization": f"Bearer {KEY}", "Accept": accept}
    async with sandbox.client.post(sandbox.url + path, data=form, headers=headers) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.read()


async def test_a_picture_is_bytes_or_json(start: Start):
    """`Accept` decides: the picture itself with its seed in a header, or base64 with the seed beside it; the same picture."""
    sandbox = await start(memory=None)
    status, headers, body = await order(sandbox, CUT, image=picture())
    assert (status, headers["content-type"], headers["finish-reason"]) == (200, "image/png", "SUCCESS")
    _, _, told = await order(sandbox, CUT, accept="application/json", image=picture())
    answer = json.loads(told)
    assert base64.b64decode(answer["image"]) == body
    assert (answer["finish_reason"], str(answer["seed"])) == ("SUCCESS", headers["seed"])
    assert Image.open(io.BytesIO(body)).mode == "RGBA"


async def test_every_order_is_a_form(sandbox: Sandbox):
    """JSON is refused, a form of texts alone is taken."""
    path = f"{BASE}/stable-image/generate/core"
    assert (await sandbox.post(path, {"prompt": "mug"}))[0] == 400
    read = read_generate(
        Ask("POST", {}, {}, {}, "multipart/form-data", form={"prompt": "mug", "seed": "7"}), Pictures(lambda _url: None)
    )
    assert (read["prompt"], read["seed"], read["size"]) == ("mug", 7, (1024, 1024))


@pytest.mark.parametrize(
    ("operation", "fields", "said"),
    [
        ("generate/core", {"style_preset": "anime"}, b"prompt"),
        ("generate/ultra", {"prompt": "x", "aspect_ratio": "7:1"}, b"aspect_ratio"),
        ("generate/sd3", {"prompt": "x", "image": picture()}, b"strength"),
        ("generate/core", {"prompt": "x", "seed": "-1"}, b"seed"),
        ("generate/core", {"prompt": "x", "odd": "1"}, b"odd"),
        ("edit/remove-background", {"image": "text"}, b"must be a file"),
        ("edit/search-and-replace", {"image": picture(), "prompt": "x"}, b"search_prompt"),
        ("edit/outpaint", {"image": picture()}, b"at least one"),
        ("upscale/conservative", {"image": picture()}, b"prompt"),
    ],
)
async def test_bad_input_is_400(sandbox: Sandbox, operation: str, fields: dict[str, Any], said: bytes):
    """`errors` names the field; nothing is billed."""
    status, _, body = await order(sandbox, f"{BASE}/stable-image/{operation}", **fields)
    assert (status, b'"name":"bad_request"' in body, said in body) == (400, True, True), body
    assert await sandbox.ledger() == []


async def test_only_some_media_can_be_accepted(sandbox: Sandbox):
    """`Accept: text/html` is refused."""
    assert (await order(sandbox, CUT, accept="text/html", image=picture()))[0] == 400


async def test_some_orders_are_queued(sandbox: Sandbox):
    """An id; then 202 while it is made and 200 with the picture; a day after its end it is not found."""
    status, _, body = await order(sandbox, CREATIVE, image=picture(), prompt="mug")
    ticket = json.loads(body)["id"]
    assert (status, len(ticket)) == (200, 64)
    seen = []
    for seconds in (0, 2.1, 30, 86400):
        sandbox.clock.now += seconds
        seen.append(await sandbox.call("GET", f"{BASE}/results/{ticket}", headers={"Accept": "image/*"}))
    assert [status for status, _, _ in seen] == [202, 202, 200, 404]
    assert Image.open(io.BytesIO(seen[2][1])).size == (128, 96)


@pytest.mark.parametrize(("kind", "status", "reason"), [("filtered", 200, "CONTENT_FILTERED"), ("job_fails", 403, None)])
async def test_a_queued_order_can_end_badly(start: Start, kind: Any, status: int, reason: str | None):
    """Filtered is a success by its status; what the moderation ended is 403."""
    sandbox = await start(faults=(Fault(kind, step="poll"),))
    _, _, body = await order(sandbox, CREATIVE, image=picture(), prompt="mug")
    sandbox.clock.now += 30
    path = f"{BASE}/results/{json.loads(body)['id']}"
    seen, answer, headers = await sandbox.head("GET", path, headers={"Accept": "application/json"})
    assert (seen, answer.get("finish_reason")) == (status, reason)
    assert headers["content-type"].startswith("application/json")


async def test_a_filtered_picture_is_a_success(start: Start):
    """200 and a picture, and CONTENT_FILTERED in the header; it is billed."""
    sandbox = await start(faults=(Fault("filtered"),))
    status, headers, _ = await order(sandbox, CUT, image=picture())
    assert (status, headers["finish-reason"]) == (200, "CONTENT_FILTERED")
    assert [entry["charge"] for entry in await sandbox.ledger()] == [5]


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        (Fault("busy"), 429, b"rate_limit_exceeded"),
        (Fault("no_credit"), 402, b"payment_required"),
        (Fault("error", status=403), 403, b"content_moderation"),
        (Fault("error", status=500), 500, b"internal_error"),
    ],
)
async def test_troubles_have_an_id_and_a_name(start: Start, fault: Fault, status: int, name: bytes):
    """`{id, name, errors}`; 403 is the moderation's."""
    sandbox = await start(faults=(fault,))
    seen, _, body = await order(sandbox, CUT, image=picture())
    assert (seen, name in body) == (status, True)


async def test_the_key_is_wanted(sandbox: Sandbox):
    """401 without the right bearer token."""
    assert (await sandbox.get(f"{BASE}/results/{'0' * 64}", headers={"Authorization": "Bearer wrong"}))[0] == 401
    assert (await sandbox.get(f"{BASE}/results/{'0' * 64}"))[0] == 404


@pytest.mark.parametrize(
    ("operation", "fields", "size"),
    [
        ("edit/outpaint", {"left": "10", "down": "6"}, (74, 54)),
        ("edit/erase", {"mask": picture()}, (64, 48)),
        ("edit/inpaint", {"mask": picture(), "prompt": "night sky"}, (64, 48)),
        ("upscale/fast", {}, (128, 96)),
    ],
)
async def test_pictures_are_worked_on(sandbox: Sandbox, operation: str, fields: dict[str, Any], size: tuple[int, int]):
    """Each edit gives a picture of the size it should have."""
    status, _, body = await order(sandbox, f"{BASE}/stable-image/{operation}", image=picture(), **fields)
    assert (status, Image.open(io.BytesIO(body)).size) == (200, size)


async def test_a_background_is_replaced(sandbox: Sandbox):
    """The relighting wants a background in words or as a picture."""
    path = f"{BASE}/stable-image/edit/replace-background-and-relight"
    assert (await order(sandbox, path, subject_image=picture()))[0] == 400
    assert (await order(sandbox, path, subject_image=picture(), background_prompt="beach"))[0] == 200
