from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from runner.sandbox.intake import Ask, Pictures
from runner.sandbox.vendors.gemini import read_content
from tests.sandbox.conftest import Sandbox, Start

BASE = "/gemini/v1beta/models"
DRAWS, WRITES = f"{BASE}/gemini-2.5-flash-image:generateContent", f"{BASE}/gemini-2.5-flash:generateContent"
ONLY_IMAGE = {"generationConfig": {"responseModalities": ["IMAGE"]}}


def picture() -> str:
    """A small picture as base64."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "white").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def asking(*parts: Any, **more: Any) -> dict[str, Any]:
    """A body with these parts."""
    return {"contents": [{"role": "user", "parts": list(parts)}], **more}


EDIT = asking({"text": "on a beach"}, {"inlineData": {"mimeType": "image/png", "data": picture()}}, **ONLY_IMAGE)


async def test_a_picture_is_in_the_parts(sandbox: Sandbox):
    """Answered at once, as base64 with its media type; STOP, and the tokens used."""
    status, body = await sandbox.post(DRAWS, EDIT)
    candidate = body["candidates"][0]
    assert (status, candidate["finishReason"], body["modelVersion"]) == (200, "STOP", "gemini-2.5-flash-image")
    data = candidate["content"]["parts"][0]["inlineData"]
    assert data["mimeType"] == "image/png"
    assert Image.open(io.BytesIO(base64.b64decode(data["data"]))).size == (64, 48)
    assert body["usageMetadata"]["totalTokenCount"] > 1290


async def test_text_may_stand_before_the_picture(sandbox: Sandbox):
    """Where text is wanted too, some answers begin with it, and the picture comes after."""
    firsts = set()
    for number in range(6):
        parts = [{**EDIT["contents"][0]["parts"][1]}, {"text": f"on a beach {number}"}]
        _, body = await sandbox.post(DRAWS, asking(*parts))
        seen = [next(iter(part)) for part in body["candidates"][0]["content"]["parts"]]
        assert seen in (["text", "inlineData"], ["inlineData"])
        firsts.add(seen[0])
    assert firsts == {"text", "inlineData"}


async def test_a_model_that_writes_does_not_draw(sandbox: Sandbox):
    """Without `image` in its name it answers with text, and refuses to draw."""
    _, body = await sandbox.post(WRITES, asking({"text": "A headline for our mug"}))
    assert list(body["candidates"][0]["content"]["parts"][0]) == ["text"]
    assert (await sandbox.post(WRITES, asking({"text": "mug"}, **ONLY_IMAGE)))[0] == 400


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({}, (1024, 1024)),
        ({"imageConfig": {"aspectRatio": "16:9"}}, (1024, 576)),
        ({"imageConfig": {"aspectRatio": "21:9", "imageSize": "2K"}}, (2048, 878)),
        ({"image_config": {"aspect_ratio": "1:1", "image_size": "4K"}}, (4096, 4096)),
    ],
)
def test_shape_and_size_are_in_the_config(config: dict[str, Any], size: tuple[int, int]):
    """`aspectRatio` and `imageSize`, also as Python spells them."""
    body = json.dumps(asking({"text": "mug"}, generationConfig=config)).encode()
    ask = Ask("POST", {"model": "gemini-2.5-flash-image"}, {}, {}, "application/json", body)
    assert read_content(ask, Pictures(lambda _url: None))["size"] == size


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": [{"parts": []}]},
        asking({}),
        asking({"text": "x"}, odd=1),
        asking({"text": "x"}, generationConfig={"responseModalities": ["SMELL"]}),
        asking({"text": "x"}, generationConfig={"imageConfig": {"aspectRatio": "7:1"}}),
        asking({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
    ],
)
async def test_bad_input_is_400(sandbox: Sandbox, body: dict[str, Any]):
    """INVALID_ARGUMENT, and nothing is billed."""
    status, answer = await sandbox.post(DRAWS, body)
    assert (status, answer["error"]["status"], answer["error"]["code"]) == (400, "INVALID_ARGUMENT", 400)
    assert await sandbox.ledger() == []


async def test_a_success_may_hold_no_picture(start: Start):
    """200 with a blocked prompt, or with a candidate that ended for a reason of its own; it is billed."""
    sandbox = await start(faults=(Fault("filtered"),))
    reasons = set()
    for number in range(4):
        status, body = await sandbox.post(DRAWS, {**EDIT, "systemInstruction": {"parts": [{"text": str(number)}]}})
        assert status == 200
        assert not any(each["content"] for each in body.get("candidates", ()))
        reasons.add(body["promptFeedback"]["blockReason"] if "promptFeedback" in body else body["candidates"][0]["finishReason"])
    assert len(reasons) > 1
    assert "STOP" not in reasons
    assert len(await sandbox.ledger()) == 4


@pytest.mark.parametrize(
    ("fault", "delay", "quota"),
    [
        (Fault("busy"), "45.837906927s", "PerMinute"),
        (Fault("busy", retry_after="2"), "2s", "PerMinute"),
        (Fault("no_credit"), "31.5s", "PerDay"),
    ],
)
async def test_the_wait_is_in_the_body(start: Start, fault: Fault, delay: str, quota: str):
    """429 RESOURCE_EXHAUSTED with RetryInfo and no Retry-After; the day's quota differs by its name alone."""
    sandbox = await start(faults=(fault,))
    status, body, headers = await sandbox.head("POST", DRAWS, json=EDIT)
    assert (status, body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    details = {detail["@type"].rpartition(".")[2]: detail for detail in body["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == delay
    assert quota in details["QuotaFailure"]["violations"][0]["quotaId"]
    assert "retry-after" not in headers


async def test_the_key_is_wanted(sandbox: Sandbox):
    """403 without a key, 400 with a wrong one, which the details tell from other mistakes."""
    assert (await sandbox.post(DRAWS, EDIT, headers={"x-goog-api-key": ""}))[0] == 403
    status, body = await sandbox.post(DRAWS, EDIT, headers={"x-goog-api-key": "wrong"})
    assert (status, body["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert (await sandbox.post("/gemini/v1beta/models/x:nothing"))[0] == 404
