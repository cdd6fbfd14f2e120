from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault, Kind
from tests.sandbox.conftest import Sandbox, Start

MODEL = "/bfl/v1/flux-2-pro"
BODY = {"prompt": "mug", "width": 64, "height": 96, "output_format": "png"}


def picture() -> str:
    """A small picture as base64."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


async def submit(sandbox: Sandbox, path: str = MODEL, **more: Any) -> dict[str, Any]:
    """A new task."""
    status, body = await sandbox.post(path, {**BODY, **more})
    assert status == 200, body
    return dict(body)


async def later(sandbox: Sandbox, task: dict[str, Any], seconds: float) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of the task so many seconds later, by its own address."""
    sandbox.clock.now += seconds
    return await sandbox.get(task["polling_url"].removeprefix(sandbox.url))


async def test_a_task_is_pending_then_ready(sandbox: Sandbox):
    """It is asked for at another address than the one it was ordered at; `result.sample` leads to the picture."""
    task = await submit(sandbox)
    assert task["polling_url"].startswith(f"{sandbox.url}/bfl-eu1/")
    seen = [(await later(sandbox, task, seconds))[1] for seconds in (0, 2.1, 30)]
    assert [body["status"] for body in seen] == ["Pending", "Pending", "Ready"]
    assert [body["result"] is None for body in seen] == [True, True, False]
    assert Image.open(io.BytesIO(await sandbox.fetch(seen[2]["result"]["sample"]))).size == (64, 96)
    assert (await sandbox.get("/bfl/v1/get_result", params={"id": task["id"]}))[1]["status"] == "Ready"


async def test_a_link_lives_ten_minutes(sandbox: Sandbox):
    """Then it is refused, and the task is not found any more."""
    task = await submit(sandbox)
    _, body = await later(sandbox, task, 30)
    sandbox.clock.now += 540
    await sandbox.fetch(body["result"]["sample"])
    assert (await later(sandbox, task, 60))[1]["status"] == "Task not found"
    async with sandbox.client.get(body["result"]["sample"]) as response:
        assert response.status == 403
    async with sandbox.client.get(body["result"]["sample"].partition("?")[0]) as response:
        assert response.status == 403


async def test_the_time_of_a_link_can_be_ordered(start: Start):
    """`expiry` replaces the ten minutes."""
    sandbox = await start(expiry=20)
    task = await submit(sandbox)
    assert (await later(sandbox, task, 15))[1]["status"] == "Ready"
    assert (await later(sandbox, task, 20))[1]["status"] == "Task not found"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("job_fails", {"Error"}),
        ("filtered", {"Content Moderated", "Request Moderated"}),
        ("job_expires", {"Task not found"}),
        ("unknown_word", {"Archiving Result"}),
    ],
)
async def test_states_are_words_with_spaces(start: Start, kind: Kind, words: set[str]):
    """Every way to end badly has its words, and no result."""
    sandbox = await start(faults=(Fault(kind),))
    seen = set()
    for number in range(6):
        status, body = await later(sandbox, await submit(sandbox, prompt=f"mug {number}"), 30)
        assert (status, body["result"]) == (200, None)
        seen.add(body["status"])
    assert seen == words


async def test_pictures_are_edited(sandbox: Sandbox):
    """`input_image` is worked on; a fill wants an image."""
    task = await submit(sandbox, "/bfl/v1/flux-kontext-pro", input_image=picture())
    _, edited = await later(sandbox, task, 30)
    assert await sandbox.fetch(edited["result"]["sample"])
    assert (await sandbox.post("/bfl/v1/flux-pro-1.0-fill", {"prompt": "x"}))[0] == 422


@pytest.mark.parametrize(
    "more", [{"prompt": None}, {"width": "wide"}, {"aspect_ratio": "wide"}, {"output_format": "gif"}, {"safety_tolerance": 9}]
)
async def test_bad_input_is_422(sandbox: Sandbox, more: dict[str, Any]):
    """`detail` lists what is wrong; what the model does not know is ignored."""
    status, body = await sandbox.post(MODEL, {**BODY, **more})
    assert (status, body["detail"][0]["loc"][0]) == (422, "body")
    await submit(sandbox, odd=1)


@pytest.mark.parametrize(("fault", "status"), [(Fault("busy"), 429), (Fault("no_credit"), 402), (Fault("error", status=500), 500)])
async def test_troubles_have_a_detail(start: Start, fault: Fault, status: int):
    """Each has its status and a text."""
    sandbox = await start(faults=(fault,))
    seen, body = await sandbox.post(MODEL, BODY)
    assert (seen, type(body["detail"])) == (status, str)


async def test_the_key_is_wanted(sandbox: Sandbox):
    """403 without the right `x-key`, at both addresses; 404 for a task nobody ordered."""
    task = await submit(sandbox)
    address = task["polling_url"].removeprefix(sandbox.url)
    assert (await sandbox.post(MODEL, BODY, headers={"x-key": "wrong"}))[0] == 403
    assert (await sandbox.get(address, headers={"x-key": "wrong"}))[0] == 403
    assert (await sandbox.get("/bfl-eu1/v1/get_result?id=nobody"))[0] == 404
    assert (await sandbox.get("/bfl-eu1/v1/get_result"))[0] == 422


async def test_twenty_four_are_unfinished_at_most(start: Start):
    """With the documented limits the 25th task is refused until one is done."""
    sandbox = await start(documented_limits=True)
    answers = [(await sandbox.post(MODEL, {**BODY, "seed": number}))[0] for number in range(25)]
    assert answers == [200] * 24 + [429]
    sandbox.clock.now += 60
    assert (await sandbox.post(MODEL, BODY))[0] == 200


async def test_credits_can_be_read(start: Start):
    """What is left of a balance after a picture."""
    sandbox = await start(credits={"bfl": 10})
    await submit(sandbox)
    assert (await sandbox.get("/bfl/v1/credits"))[1] == {"credits": 7}
