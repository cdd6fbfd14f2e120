from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import Sandbox, Start

BASE = "/vyro/v2"
TEXT_TO_IMAGE = "image/generations"
PNG = "image/generations/transparent"
BACKGROUND = "image/generations/ai-background"
FILL = "image/edits/generative-fill"
VIDEO = "video/text-to-video"


def picture(size: tuple[int, int] = (80, 60), mode: str = "RGB") -> bytes:
    """A green patch on white."""
    image = Image.new(mode, size, "white")
    image.paste("green", (20, 20, 50, 45))
    body = io.BytesIO()
    image.save(body, "PNG")
    return body.getvalue()


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (TEXT_TO_IMAGE, {"prompt": "x", "style": "anime"}, {"prompt": "x"}),
        (TEXT_TO_IMAGE, {"prompt": "x", "style": "anime"}, {"prompt": "x", "style": "cubism"}),
        (
            TEXT_TO_IMAGE,
            {"prompt": "x", "style": "flux-dev", "aspect_ratio": "3:4"},
            {"prompt": "x", "style": "anime", "aspect_ratio": "4:5"},
        ),
        (TEXT_TO_IMAGE, {"prompt": "x", "style": "anime", "seed": "0"}, {"prompt": "x", "style": "anime", "seed": "one"}),
        (TEXT_TO_IMAGE, {"prompt": "x", "style": "anime"}, {"prompt": "x", "style": "anime", "steps": "30"}),
        (PNG, {"prompt": "x", "seed": "1"}, {"prompt": "x", "seed": "0"}),
        (PNG, {"prompt": "x", "style": "anime"}, {"style": "anime"}),
        (BACKGROUND, {"prompt": "x", "image": picture()}, {"prompt": "x"}),
        (BACKGROUND, {"prompt": "x", "image": picture()}, {"prompt": "x", "image": "https://shop.example/a.png"}),
        (BACKGROUND, {"prompt": "x", "image": picture()}, {"prompt": "x", "image": b"not a picture"}),
        (
            BACKGROUND,
            {"prompt": "x", "image": picture(), "style": "product-shoot"},
            {"prompt": "x", "image": picture(), "style": "anime"},
        ),
        (BACKGROUND, {"prompt": "x", "image": picture(), "seed": "12"}, {"prompt": "x", "image": picture(), "seed": "0"}),
        (BACKGROUND, {"prompt": "x", "image": picture()}, {"prompt": "x", "image": picture(), "strength": "1"}),
        ("image/background/remover", {"image": picture(), "bg_color": "red"}, {"bg_color": "red"}),
        ("image/enhance", {"image": picture()}, {}),
        (
            FILL,
            {"prompt": "x", "image": picture(), "mask": picture()},
            {"prompt": "x", "image": picture(), "mask": picture((9, 9))},
        ),
        (FILL, {"prompt": "x", "image": picture(), "mask": picture()}, {"prompt": "x", "image": picture()}),
        ("image/edits/remove", {"image": picture(), "mask": picture()}, {"mask": picture()}),
        ("image/edits/ai-resize", {"image": picture()}, {"prompt": "x"}),
        (VIDEO, {"prompt": "x", "style": "fast-svd"}, {"prompt": "x"}),
        (
            VIDEO,
            {"prompt": "x", "style": "fast-svd", "aspect_ratio": "9:16"},
            {"prompt": "x", "style": "fast-svd", "aspect_ratio": "3:2"},
        ),
        ("video/image-to-video", {"prompt": "x", "style": "s", "file": picture()}, {"prompt": "x", "style": "s"}),
        ("video/image-to-video", {"prompt": "x", "style": "s", "image": picture()}, {"prompt": "x", "file": picture()}),
    ],
)
async def test_the_documented_fields_and_no_others(sandbox: Sandbox, path: str, good: dict[str, Any], bad: dict[str, Any]):
    """What the reference describes is accepted; anything else is 400 with code 1100, and not billed."""
    assert (await sandbox.send(f"{BASE}/{path}", **good))[0] == 200
    status, body = await sandbox.send(f"{BASE}/{path}", **bad)
    answer = json.loads(body)
    assert (status, answer["status"], answer["code"]) == (400, "error", 1100)
    assert set(answer) == {"status", "code", "error", "message"}
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize(
    ("shown", "status", "code"), [("", 400, 1000), ("Basic abc", 400, 1000), ("Bearer ", 400, 1000), ("Bearer wrong", 401, 1001)]
)
async def test_tokens_have_their_own_codes(sandbox: Sandbox, shown: str, status: int, code: int):
    """A missing token is 1000 with HTTP 400, a wrong one 1001 with 401."""
    seen, body = await sandbox.post(f"{BASE}/{TEXT_TO_IMAGE}", {}, headers={"Authorization": shown})
    assert (seen, body["code"]) == (status, code)


async def test_bodies_are_forms(sandbox: Sandbox):
    """JSON is not what the reference describes."""
    status, body = await sandbox.post(f"{BASE}/{TEXT_TO_IMAGE}", {"prompt": "x", "style": "anime"})
    assert (status, body["code"]) == (400, 1100)


@pytest.mark.parametrize(
    ("path", "fields", "size", "mode"),
    [
        (TEXT_TO_IMAGE, {"prompt": "hat", "style": "anime", "aspect_ratio": "16:9"}, (1024, 576), "RGB"),
        (PNG, {"prompt": "hat", "aspect_ratio": "3:4"}, (768, 1024), "RGBA"),
        (BACKGROUND, {"prompt": "beach", "image": picture()}, (80, 60), "RGB"),
        ("image/background/remover", {"image": picture()}, (80, 60), "RGBA"),
        ("image/enhance", {"image": picture()}, (160, 120), "RGB"),
        (FILL, {"prompt": "x", "image": picture(), "mask": picture()}, (80, 60), "RGB"),
        ("image/edits/remove", {"image": picture(), "mask": picture()}, (80, 60), "RGB"),
        ("image/edits/ai-resize", {"image": picture(), "aspect_ratio": "16:9"}, (80, 44), "RGB"),
        ("image/edits/ai-resize", {"image": picture(), "width": "120", "height": "50"}, (120, 50), "RGB"),
    ],
)
async def test_pictures_come_as_bytes(sandbox: Sandbox, path: str, fields: dict[str, Any], size: tuple[int, int], mode: str):
    """The answer is the picture itself, declared application/octet-stream, in the right size and mode."""
    status, body = await sandbox.send(f"{BASE}/{path}", **fields)
    assert status == 200
    image = Image.open(io.BytesIO(body))
    assert (image.format, image.size, image.mode) == ("PNG", size, mode)


async def test_seeds_decide(start: Start):
    """The same seed gives the same bytes, another seed others, no seed again the same."""
    sandbox = await start(memory=None)
    bodies = [
        (await sandbox.send(f"{BASE}/{BACKGROUND}", prompt="beach", image=picture(), **seed))[1]
        for seed in ({"seed": "1"}, {"seed": "1"}, {"seed": "2"}, {}, {})
    ]
    assert bodies[0] == bodies[1] != bodies[2]
    assert bodies[3] == bodies[4]


FORMS = [("video/{}/status", "completed"), ("video/status/{}", "success"), ("assets/{}/status", "finished")]


@pytest.mark.parametrize(("form", "word"), FORMS)
async def test_a_video_is_queued_and_asked_for_in_three_forms(sandbox: Sandbox, form: str, word: str):
    """Each status form has no link until the job is done, and then one to an MP4."""
    _, body = await sandbox.send(f"{BASE}/{VIDEO}", prompt="hat", style="fast-svd", aspect_ratio="16:9")
    accepted = json.loads(body)
    assert accepted["status"] == "processing"
    path = f"{BASE}/{form.format(accepted['id'])}"
    _, early = await sandbox.get(path)
    assert (early["status"], early["video"]["url"]) == ("success", {})
    sandbox.clock.now += 60
    _, late = await sandbox.get(path)
    assert late["video"]["status"] == word
    link = late["video"]["url"]["generation"]
    assert isinstance(link, list) == form.startswith("video/{}")
    film = await sandbox.fetch(link[0] if isinstance(link, list) else link)
    assert film[4:8] == b"ftyp"


@pytest.mark.parametrize("form", ["video/{}", "video/delete/{}"])
async def test_videos_can_be_deleted(sandbox: Sandbox, form: str):
    """A deleted video is unknown afterwards, and cannot be deleted twice."""
    _, body = await sandbox.send(f"{BASE}/{VIDEO}", prompt="hat", style="fast-svd")
    ticket = json.loads(body)["id"]
    status, answer, _ = await sandbox.call("DELETE", f"{BASE}/{form.format(ticket)}")
    assert (status, json.loads(answer)["message"]) == (200, "video deleted")
    assert (await sandbox.get(f"{BASE}/video/{ticket}/status"))[0] == 404
    assert (await sandbox.call("DELETE", f"{BASE}/{form.format(ticket)}"))[0] == 404


@pytest.mark.parametrize(
    ("fault", "status", "code"), [(Fault("busy"), 429, 1202), (Fault("no_credit"), 402, 1101), (Fault("error"), 503, 1200)]
)
async def test_trouble_has_documented_codes(start: Start, fault: Fault, status: int, code: int):
    """Pace is 1202, no tokens 1101, no service 1200."""
    sandbox = await start(faults=(fault,))
    seen, body = await sandbox.send(f"{BASE}/{PNG}", prompt="x")
    assert (seen, json.loads(body)["code"]) == (status, code)


async def test_a_failed_video_says_so(start: Start):
    """The job's own status is failed, while the request's is success."""
    sandbox = await start(faults=(Fault("job_fails"),))
    _, body = await sandbox.send(f"{BASE}/{VIDEO}", prompt="hat", style="fast-svd")
    sandbox.clock.now += 60
    _, answer = await sandbox.get(f"{BASE}/video/{json.loads(body)['id']}/status")
    assert (answer["status"], answer["video"]["status"]) == ("success", "failed")
