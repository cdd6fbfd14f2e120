from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import KEY, Sandbox, Start

BASE = "/placewise/v1/ml"
IMAGE = f"{BASE}/general/generate_image"
SENDING = {
    "about": "sale",
    "include_keywords": ["mug"],
    "word_limit": 20,
    "tone": "warm",
    "occasion": "opening",
    "variation": "none",
    "target_language": "de",
}


def without(name: str) -> dict[str, Any]:
    """The sending body without one field."""
    return {key: value for key, value in SENDING.items() if key != name}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-User-Agent": ""}, 470),
        ({"X-Product-Name": ""}, 470),
        ({"X-Loyalty-Club-Slug": ""}, 470),
        ({"X-Loyalty-Club-Slug": "a b/c"}, 471),
        ({"X-Client-Authorization": ""}, 401),
        ({"X-Client-Authorization": "wrong"}, 401),
        ({"Authorization": "Bearer wrong"}, 460),
        ({}, 200),
        ({"X-Client-Authorization": "", "Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"X-Loyalty-Club-Slug": "", "X-Customer": "12"}, 200),
    ],
)
async def test_headers_and_tokens(sandbox: Sandbox, headers: dict[str, str], status: int):
    """470 for a missing header, 471 for a wrong one, 401 and 460 for the two tokens; either token is enough."""
    seen, body = await sandbox.post(IMAGE, {"prompt": "cake"}, headers=headers)
    assert seen == status
    assert ("error" in body) == (status != 200)


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (IMAGE, {"prompt": "x"}, {}),
        (IMAGE, {"prompt": "x", "model_type": "large"}, {"prompt": "x", "model_type": "huge"}),
        (IMAGE, {"prompt": "x", "aspect_ratio": "4:5"}, {"prompt": "x", "aspect_ratio": "5:3"}),
        (IMAGE, {"prompt": "x", "image_size": "medium"}, {"prompt": "x", "image_size": "small"}),
        (IMAGE, {"prompt": "x", "image_size": "thumbnail"}, {"prompt": "x", "model_type": "small", "image_size": "large"}),
        (IMAGE, {"prompt": "x", "model_type": "medium", "image_size": "large"}, {"prompt": "x", "image_size": "xl"}),
        (IMAGE, {"prompt": "x", "creativity": 3}, {"prompt": "x", "creativity": "much"}),
        (IMAGE, {"prompt": "x", "photorealistic": True}, {"prompt": "x", "photorealistic": "perhaps"}),
        (IMAGE, {"prompt": "x", "random_seed": None}, {"prompt": "x", "random_seed": 1.5}),
        (IMAGE, {"prompt": "x"}, {"prompt": "x", "negative_prompt": "y"}),
        (f"{BASE}/general/generate_text", {"prompt": "x", "temperature": 0.5}, {"prompt": "x", "temperature": 1.5}),
        (f"{BASE}/general/generate_text", {"prompt": "x", "max_tokens": None}, {"prompt": "x", "max_tokens": "few"}),
        *((f"{BASE}/sending/generate_text", SENDING, without(name)) for name in SENDING),
        (f"{BASE}/sending/generate_text", SENDING, {**SENDING, "variation": "some"}),
        (f"{BASE}/sending/generate_text", SENDING, {**SENDING, "target_language": "German please"}),
        (f"{BASE}/sending/generate_text", SENDING, {**SENDING, "include_keywords": [1]}),
    ],
)
async def test_the_documented_fields_and_no_others(sandbox: Sandbox, path: str, good: dict[str, Any], bad: dict[str, Any]):
    """What the pages describe is accepted; anything else is 422 with an error text, and not billed."""
    assert (await sandbox.post(path, good))[0] == 200
    status, answer = await sandbox.post(path, bad)
    assert status == 422
    assert set(answer) == {"error"}
    assert len(await sandbox.ledger()) == 1


async def test_forms_and_json_are_one_request(sandbox: Sandbox):
    """The pages show forms, the global rule wants JSON: the same ask either way has the same digest."""
    await sandbox.post(IMAGE, {"prompt": "x", "photorealistic": False, "random_seed": 1})
    status, body = await sandbox.send(IMAGE, prompt="x", photorealistic="false", random_seed="1")
    assert status == 200
    assert list(json.loads(body)) == ["image_generation_task"]
    first, second = await sandbox.ledger()
    assert first["digest"] == second["digest"]


async def test_lists_in_forms(sandbox: Sandbox):
    """Repeated fields, `name[]` and a JSON array are the same list."""
    path, rest = f"{BASE}/sending/generate_text", {**without("include_keywords"), "word_limit": "20"}
    for keywords in ({"include_keywords": ["a", "b"]}, {"include_keywords[]": ["a", "b"]}, {"include_keywords": '["a","b"]'}):
        assert (await sandbox.send(path, **rest, **keywords))[0] == 200
    assert len({entry["digest"] for entry in await sandbox.ledger()}) == 1


async def test_an_unreadable_body_is_400_and_empty(sandbox: Sandbox):
    """As the docs have it: unparsable requests get a 400 with nothing in it."""
    for media_type, body in (("application/json", b"{"), ("text/plain", b"prompt=x")):
        status, answer, _ = await sandbox.call("POST", IMAGE, data=body, headers={"Content-Type": media_type})
        assert (status, answer) == (400, b"")


async def test_a_task_is_polled_to_its_picture(sandbox: Sandbox):
    """The invented task endpoint goes from pending to completed and then links the picture in its size."""
    _, body = await sandbox.post(IMAGE, {"prompt": "cake", "aspect_ratio": "3:2"})
    path = f"{BASE}/tasks/{body['image_generation_task']['id']}"
    assert (await sandbox.get(path))[1]["image_generation_task"]["status"] == "pending"
    sandbox.clock.now += 60
    _, body = await sandbox.get(path)
    assert body["image_generation_task"]["status"] == "completed"
    image = Image.open(io.BytesIO(await sandbox.fetch(body["image_generation_task"]["result"])))
    assert image.size == (256, 170)


async def test_a_text_task_holds_its_text(sandbox: Sandbox):
    """A finished text task has the text in it, within the word limit."""
    _, body = await sandbox.post(f"{BASE}/sending/generate_text", {**SENDING, "word_limit": 5})
    sandbox.clock.now += 60
    _, body = await sandbox.get(f"{BASE}/tasks/{body['text_generation_task']['id']}")
    assert len(body["text_generation_task"]["result"].split()) == 5


async def test_unknown_and_failed_tasks(start: Start):
    """A task never given out is 404; a failed one says so."""
    sandbox = await start(faults=(Fault("job_fails"),))
    _, body = await sandbox.post(IMAGE, {"prompt": "cake"})
    sandbox.clock.now += 60
    _, task = await sandbox.get(f"{BASE}/tasks/{body['image_generation_task']['id']}")
    assert task["image_generation_task"]["status"] == "failed"
    assert (await sandbox.get(f"{BASE}/tasks/99999"))[0] == 404
