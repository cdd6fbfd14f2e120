from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import Sandbox, Start

BASE = "/sivi/v2/general"
MEDIA = {"prompt": "hat", "dimensions": {"width": 1024, "height": 1024}, "bId": "b_1", "model": "z-image-turbo"}
DESIGN = {"prompt": "hat", "type": "displayAds", "subtype": "displayAds-inline-rectangle", "numOfVariants": 1}


async def finish(sandbox: Sandbox, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Submit, let the time pass, and return the body of the status reply."""
    status, accepted = await sandbox.post(f"{BASE}/{path}", body)
    assert (status, accepted["status"]) == (200, 200), accepted
    sandbox.clock.now += 60
    query = {"queryParams": json.dumps({"requestId": accepted["body"]["requestId"]})}
    status, done = await sandbox.get(f"{BASE}/get-request-status", params=query)
    assert (status, done["status"], done["body"]["status"]) == (200, 200, "completed")
    return dict(done["body"])


@pytest.mark.parametrize("plan", ["general", "super", "enterprise"])
async def test_every_plan_has_its_prefix(sandbox: Sandbox, plan: str):
    """All three prefixes answer; any other does not."""
    assert (await sandbox.post(f"/sivi/v2/{plan}/media/generate", MEDIA))[0] == 200
    assert (await sandbox.post("/sivi/v2/media/generate", MEDIA))[0] == 404


async def test_the_key_is_wanted_in_the_envelope(sandbox: Sandbox):
    """401 comes in the envelope with the documented words."""
    status, body = await sandbox.post(f"{BASE}/media/generate", MEDIA, headers={"sivi-api-key": "wrong"})
    assert (status, body["status"]) == (401, 401)
    assert body["body"]["message"] == "Failed to authenticate request. Please add sivi-api-key header in request"


async def test_media_is_a_request_id_and_then_a_url(sandbox: Sandbox):
    """The submit answers with a request id alone; the result has `media.url` in the asked dimensions."""
    body = await finish(sandbox, "media/generate", MEDIA)
    assert "designId" not in body
    media = body["result"]["media"]
    assert Image.open(io.BytesIO(await sandbox.fetch(media["url"]))).size == (1024, 1024)


async def test_designs_have_links_and_variations(sandbox: Sandbox):
    """Variations carry the subtype's size, and each link its picture; a JPEG unless PNG alone is asked for."""
    body = await finish(sandbox, "designs-from-prompt", {**DESIGN, "numOfVariants": 3})
    assert body["link"].startswith("https://instant.sivi.ai/#/design/")
    variations = body["result"]["variations"]
    assert len(variations) == 3
    for each in variations:
        assert (each["variantWidth"], each["variantHeight"], each["variantType"]) == (300, 250, "GENERATED")
        image = Image.open(io.BytesIO(await sandbox.fetch(each["variantImageUrl"])))
        assert (image.format, image.size) == ("JPEG", (300, 250))
    body = await finish(sandbox, "designs-from-prompt", {**DESIGN, "outputFormat": ["png"]})
    assert body["result"]["variations"][0]["variantImageUrl"].endswith(".png")


async def test_some_variations_have_options(sandbox: Sandbox):
    """Now and then a variation has a nested sub-variant with `_1` in its id, decided by the prompt."""
    nested = []
    for number in range(8):
        body = await finish(
            sandbox, "designs-from-prompt", {**DESIGN, "subtype": "displayAds-mobile-leaderboard", "prompt": f"hat {number}"}
        )
        nested += [option["variantId"] for each in body["result"]["variations"] for option in each["options"]]
    assert 0 < len(nested) < 8
    assert set(nested) == {"variant-1_1"}


async def test_get_submits_as_post_does(sandbox: Sandbox):
    """The GET form with `queryParams` is the same request: same digest."""
    await sandbox.post(f"{BASE}/designs-from-prompt", DESIGN)
    status, _ = await sandbox.get(f"{BASE}/designs-from-prompt", params={"queryParams": json.dumps(DESIGN)})
    assert status == 200
    assert len({entry["digest"] for entry in await sandbox.ledger()}) == 1


async def test_content_is_suggested_without_the_envelope(sandbox: Sandbox):
    """content-from-prompt answers at once, as its sample shows."""
    status, body = await sandbox.post(f"{BASE}/content-from-prompt", {key: DESIGN[key] for key in ("prompt", "type", "subtype")})
    assert status == 200
    assert set(body) == {"contentSuggestions", "assetSuggestions"}


async def test_content_becomes_a_design(sandbox: Sandbox):
    """designs-from-content lays out given words."""
    body = {**DESIGN, "content": {"title": "Sip it"}, "name": "x"}
    del body["prompt"]
    assert len((await finish(sandbox, "designs-from-content", body))["result"]["variations"]) == 1


async def test_enhancement_uses_the_picture(sandbox: Sandbox):
    """With an asset the result differs from the pure generation, and foreign URLs are stood in for, not fetched."""
    links = []
    for assets in ({}, {"assets": {"photo": [{"url": "https://shop.example/mug.png"}]}}):
        body = {**MEDIA, "model": "nano-banana:1k", **assets}
        links.append((await finish(sandbox, "media/generate", body))["result"]["media"]["url"])
    assert await sandbox.fetch(links[0]) != await sandbox.fetch(links[1])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("{}", 422),
        ("{", 422),
        ('{"requestId": 5}', 422),
        ('{"requestId": "x", "more": 1}', 422),
        ('{"requestId": "nobody"}', 404),
    ],
)
async def test_status_wants_one_json_object(sandbox: Sandbox, query: str, status: int):
    """`queryParams` is a JSON object with a requestId that was given out."""
    seen, body = await sandbox.get(f"{BASE}/get-request-status", params={"queryParams": query} if query else {})
    assert (seen, body["status"]) == (status, status)


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (Fault("busy"), 429, "Rate limit exceeded"),
        (Fault("no_credit"), 429, "Insufficient credit limit"),
        (Fault("error", status=500), 500, "Server internal error"),
    ],
)
async def test_two_kinds_of_429_differ_by_message_alone(start: Start, fault: Fault, status: int, message: str):
    """Pace and credit cap share a status; HTTP and envelope agree."""
    sandbox = await start(faults=(fault,))
    seen, body = await sandbox.post(f"{BASE}/media/generate", MEDIA)
    assert (seen, body["status"]) == (status, status)
    assert body["body"]["message"].startswith(message)


async def test_charges_are_the_models(sandbox: Sandbox):
    """Media costs what its model does, a design its model's credits per variant."""
    await sandbox.post(f"{BASE}/media/generate", MEDIA)
    await sandbox.post(f"{BASE}/designs-from-prompt", {**DESIGN, "numOfVariants": 2, "settings": {"designModel": "sivi-gen-27"}})
    assert [entry["charge"] for entry in await sandbox.ledger()] == [0.1, 2]
