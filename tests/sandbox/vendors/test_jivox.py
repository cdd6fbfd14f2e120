from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import Sandbox, Start

BASE = "/jivox/v2/accounts/1042"
SIZE = {"width": 60, "height": 40}


def picture(size: tuple[int, int] = (90, 90)) -> str:
    """A red square on white, as base64."""
    image = Image.new("RGB", size, "white")
    image.paste((200, 20, 30), (30, 30, 60, 60))
    body = io.BytesIO()
    image.save(body, "PNG")
    return base64.b64encode(body.getvalue()).decode()


async def made(sandbox: Sandbox, call: str, body: dict[str, Any]) -> Image.Image:
    """The picture a call answers with a link to."""
    status, answer = await sandbox.post(f"{BASE}/{call}", body)
    assert status == 200, answer
    assert set(answer) == {"imageUrl"}
    return Image.open(io.BytesIO(await sandbox.fetch(answer["imageUrl"])))


@pytest.mark.parametrize(
    ("call", "good", "bad"),
    [
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": "hat", "width": 60}),
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": "hat", **SIZE, "height": "40"}),
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": "hat", **SIZE, "height": 40.5}),
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": "hat", **SIZE, "width": 0}),
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": ["hat"], **SIZE}),
        ("imageGen", {"prompt": "hat", **SIZE}, SIZE),
        ("imageGen", {"prompt": "hat", **SIZE}, {"prompt": "hat", **SIZE, "seed": 1}),
        ("textGen", {"prompt": "hat"}, {"prompt": " "}),
        ("textGen", {"prompt": "hat"}, {"prompt": "hat", "language": "de"}),
        ("outpaint", {"image": picture(), **SIZE}, {"image": picture()}),
        ("outpaint", {"image": picture(), **SIZE, "prompt": "blur"}, {"image": picture(), **SIZE, "prompt": 4}),
        ("removeBg", {"image": picture()}, {"image": "not base64!"}),
        ("removeBg", {"image": "https://shop.example/hat.png"}, {"image": "ftp://shop.example/hat.png"}),
        ("trimRemoveBg", {"image": picture()}, {"image": picture()[:40]}),
        ("trimRemoveBg", {"image": picture()}, {}),
    ],
)
async def test_the_documented_fields_and_no_others(sandbox: Sandbox, call: str, good: dict[str, Any], bad: dict[str, Any]):
    """What the page describes is accepted; a missing, mistyped, out-of-range or unknown field is 400 and not billed."""
    assert (await sandbox.post(f"{BASE}/{call}", good))[0] == 200
    status, answer = await sandbox.post(f"{BASE}/{call}", bad)
    assert status == 400
    assert set(answer) == {"msg"}
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize("headers", [{"jvx_apikey": "wrong"}, {"jvx_apikey": ""}])
async def test_the_key_is_wanted(sandbox: Sandbox, headers: dict[str, str]):
    """Without the right jvx_apikey it is 401."""
    assert (await sandbox.post(f"{BASE}/textGen", {"prompt": "x"}, headers=headers))[0] == 401


async def test_bodies_are_json(sandbox: Sandbox):
    """A form is not what the page describes."""
    status, _ = await sandbox.send(f"{BASE}/textGen", prompt="hat")
    assert status == 400


async def test_pictures_have_the_asked_size(sandbox: Sandbox):
    """Generated and extended pictures are exactly as large as asked."""
    assert (await made(sandbox, "imageGen", {"prompt": "hat", **SIZE})).size == (60, 40)
    assert (await made(sandbox, "outpaint", {"image": picture(), "width": 200, "height": 50})).size == (200, 50)


async def test_backgrounds_are_removed_and_trimmed(sandbox: Sandbox):
    """The white goes, the square stays; trimmed, only the square is left."""
    cut = await made(sandbox, "removeBg", {"image": picture()})
    assert cut.size == (90, 90)
    assert cut.getpixel((3, 3))[3] == 0  # type: ignore[index]
    assert cut.getpixel((45, 45))[3] == 255  # type: ignore[index]
    trimmed = await made(sandbox, "trimRemoveBg", {"image": picture()})
    assert abs(trimmed.width - 30) <= 3


async def test_text_is_copy(sandbox: Sandbox):
    """The reply holds one text and nothing else."""
    status, answer = await sandbox.post(f"{BASE}/textGen", {"prompt": "for the Hat, at most 20 characters"})
    assert status == 200
    assert list(answer) == ["text"]
    assert 0 < len(answer["text"]) <= 20


async def test_trouble_is_an_http_status(start: Start):
    """An assumed 429 in the vendor's shape."""
    sandbox = await start(faults=(Fault("busy"),))
    assert await sandbox.post(f"{BASE}/textGen", {"prompt": "x"}) == (429, {"msg": "Too many requests"})
