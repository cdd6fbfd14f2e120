from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from runner.sandbox.intake import Ask, Pictures, Wrong
from runner.sandbox.vendors.openai_images import count_reserved, read_edit, read_generation
from tests.sandbox.conftest import Sandbox, Start

BASE = "/openai/v1/images"


def picture(mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new(mode, (64, 48), "white").save(file, kind)
    return file.getvalue()


def read(**values: Any) -> dict[str, Any]:
    """The params of an order for pictures."""
    body = json.dumps({"prompt": "mug", **values}).encode()
    return read_generation(Ask("POST", {}, {}, {}, "application/json", body), Pictures(lambda _url: None))


async def test_links_end_after_an_hour(sandbox: Sandbox):
    """dall-e answers with a link that is refused an hour later."""
    status, body = await sandbox.post(f"{BASE}/generations", {"model": "dall-e-2", "prompt": "mug", "size": "256x256"})
    assert (status, "usage" in body) == (200, False)
    link = body["data"][0]["url"]
    assert Image.open(io.BytesIO(await sandbox.fetch(link))).size == (256, 256)
    sandbox.clock.now += 3600
    async with sandbox.client.get(link) as response:
        assert response.status == 403


async def test_other_servers_have_other_sizes(sandbox: Sandbox):
    """A model of another server takes any size, and base64 where it is asked for."""
    order = {"model": "flux", "prompt": "mug", "size": "48x32", "n": 2, "response_format": "b64_json", "output_format": "webp"}
    status, body = await sandbox.post(f"{BASE}/generations", order)
    assert status == 200
    pictures = [Image.open(io.BytesIO(base64.b64decode(each["b64_json"]))) for each in body["data"]]
    assert [(each.format, each.size) for each in pictures] == [("WEBP", (48, 32))] * 2


async def test_an_edit_is_a_form(sandbox: Sandbox):
    """GPT image models take several pictures, answer with base64, and say what they used."""
    status, body = await sandbox.send(
        f"{BASE}/edits", model="gpt-image-1", prompt="on a beach", image=[picture(), picture(kind="JPEG")]
    )
    assert status == 200, body
    answer = json.loads(body)
    assert Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"]))).size == (64, 48)
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]


async def test_a_mask_is_a_png(sandbox: Sandbox):
    """A mask that is transparent where the edit is to be; another format is refused."""
    fields: dict[str, Any] = {"model": "gpt-image-1", "prompt": "night", "image": picture()}
    assert (await sandbox.send(f"{BASE}/edits", mask=picture("RGBA"), **fields))[0] == 200
    assert (await sandbox.send(f"{BASE}/edits", mask=picture(kind="JPEG"), **fields))[0] == 400


def test_an_edit_may_be_json():
    """As a line of a batch it brings its pictures as data URLs; the same picture is the same order."""
    link = "data:image/png;base64," + base64.b64encode(picture()).decode()
    orders = []
    for given in ({"image": link}, {"images": [{"image_url": link}]}, {"image": [link], "mask": {"image_url": link}}):
        body = json.dumps({"prompt": "x", **given}).encode()
        orders.append(read_edit(Ask("POST", {}, {}, {}, "application/json", body), Pictures(lambda _url: None)))
    assert orders[0] == orders[1]
    assert orders[2]["mask"] == orders[0]["images"][0]


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"model": "gpt-image-2", "size": "1536x512"}, (1536, 512)),
        ({"model": "gpt-image-1", "size": "auto"}, None),
        ({"model": "dall-e-3", "size": "1792x1024"}, (1792, 1024)),
        ({}, None),
    ],
)
def test_each_family_has_its_sizes(values: dict[str, Any], size: tuple[int, int] | None):
    """What the document lists is taken."""
    assert read(**values)["size"] == size


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"model": "gpt-image-2", "size": "1000x1000"}, "size"),
        ({"model": "gpt-image-2", "size": "3200x320"}, "size"),
        ({"model": "gpt-image-2", "size": "3840x3840"}, "size"),
        ({"model": "gpt-image-1", "size": "512x512"}, "size"),
        ({"model": "dall-e-2", "size": "1024x1792"}, "size"),
        ({"model": "flux", "size": "big"}, "size"),
        ({"model": "gpt-image-1", "response_format": "url"}, "response_format"),
        ({"model": "dall-e-2", "output_format": "png"}, "output_format"),
        ({"model": "dall-e-3", "n": 2}, "n"),
        ({"model": "gpt-image-1", "n": 11}, "n"),
        ({"model": "dall-e-2", "prompt": "x" * 1001}, "prompt"),
        ({"model": "dall-e-3", "prompt": "x" * 4001}, "prompt"),
        ({"prompt": ""}, "prompt"),
    ],
)
def test_each_family_has_its_rules(values: dict[str, Any], name: str):
    """The parameter that is wrong is named."""
    with pytest.raises(Wrong) as caught:
        read(**values)
    assert caught.value.name == name


async def test_one_picture_for_the_old_model(sandbox: Sandbox):
    """dall-e-2 edits one picture; and an edit without one is no edit."""
    assert (await sandbox.send(f"{BASE}/edits", model="dall-e-2", prompt="x", image=[picture(), picture()]))[0] == 400
    assert (await sandbox.send(f"{BASE}/edits", model="gpt-image-1", prompt="x"))[0] == 400
    assert (await sandbox.send(f"{BASE}/edits", model="gpt-image-1", prompt="x", image="text"))[0] == 400


def test_a_transparent_ground_can_be_had():
    """`background: transparent` draws the thing alone."""
    assert read(model="gpt-image-1", background="transparent")["task"] == "clear"
    assert count_reserved(read(prompt="x" * 400)) == 100


async def test_a_deaf_file_host_is_the_same_here(start: Start):
    """Faults at fetch reach the links of this vendor."""
    sandbox = await start(faults=(Fault("expired_link", vendor="openai"),))
    _, body = await sandbox.post(f"{BASE}/generations", {"model": "flux", "prompt": "mug", "size": "32x32"})
    async with sandbox.client.get(body["data"][0]["url"]) as response:
        assert response.status == 403
