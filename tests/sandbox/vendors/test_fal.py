from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from tests.sandbox.conftest import Sandbox, Start

MODEL = "/fal/fal-ai/flux/dev"
INPUT = {"prompt": "mug", "image_size": {"width": 48, "height": 32}}


async def submit(sandbox: Sandbox, path: str = MODEL, **values: Any) -> dict[str, Any]:
    """A request in the queue."""
    status, body = await sandbox.post(path, {**INPUT, **values})
    assert (status, body["status"]) == (200, "IN_QUEUE"), body
    return dict(body)


async def status_of(sandbox: Sandbox, request: dict[str, Any], seconds: float = 0) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of its status so many seconds later."""
    sandbox.clock.now += seconds
    return await sandbox.get(request["status_url"].removeprefix(sandbox.url), params={"logs": "0"})


async def result_of(sandbox: Sandbox, request: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
    """HTTP status, body and headers of its result."""
    return await sandbox.head("GET", request["response_url"].removeprefix(sandbox.url))


async def test_the_status_is_told_by_http(sandbox: Sandbox):
    """202 while it waits and runs, 200 when it is completed; then the result has the pictures."""
    request = await submit(sandbox)
    seen = [await status_of(sandbox, request, seconds) for seconds in (0, 2.1, 30)]
    assert [(status, body["status"]) for status, body in seen] == [(202, "IN_QUEUE"), (202, "IN_PROGRESS"), (200, "COMPLETED")]
    assert "queue_position" in seen[0][1]
    status, body, _ = await result_of(sandbox, request)
    assert (status, [image["width"] for image in body["images"]]) == (200, [48])
    assert Image.open(io.BytesIO(await sandbox.fetch(body["images"][0]["url"]))).size == (48, 32)


async def test_addresses_drop_the_subpath(sandbox: Sandbox):
    """The answer's addresses have the endpoint's first two steps; what one would build from the endpoint leads nowhere."""
    request = await submit(sandbox)
    assert request["status_url"] == f"{sandbox.url}/fal/fal-ai/flux/requests/{request['request_id']}/status"
    assert (await sandbox.get(f"{MODEL}/requests/{request['request_id']}/status"))[0] == 404


async def test_a_result_wants_patience(sandbox: Sandbox):
    """Before it is completed the result is refused with 400."""
    request = await submit(sandbox)
    status, body, headers = await result_of(sandbox, request)
    assert (status, body["detail"], headers["x-fal-error-type"]) == (400, "Request is still in progress", "bad_request")


async def test_failure_hides_in_completed(start: Start):
    """200 and COMPLETED, with an `error` beside it; the result is a 5xx."""
    sandbox = await start(faults=(Fault("job_fails"),))
    request = await submit(sandbox)
    status, body = await status_of(sandbox, request, 30)
    assert (status, body["status"], body["error_type"]) == (200, "COMPLETED", "runner_server_error")
    assert (await result_of(sandbox, request))[0] == 500


async def test_moderation_shows_in_the_result(start: Start):
    """Some filtered requests are COMPLETED without a word; every one's result is a 422 that says not to try again."""
    sandbox = await start(faults=(Fault("filtered"),))
    told = set()
    for number in range(6):
        request = await submit(sandbox, prompt=f"mug {number}")
        _, body = await status_of(sandbox, request, 30)
        assert body["status"] == "COMPLETED"
        told.add("error" in body)
        status, refused, headers = await result_of(sandbox, request)
        assert (status, headers["x-fal-retryable"]) == (422, "false")
        assert refused["detail"][0]["type"] == "content_policy_violation"
    assert told == {True, False}


async def test_what_a_model_refuses_is_taken_in(sandbox: Sandbox):
    """The queue accepts any object and bills it; the model's 422 is the result."""
    request = await submit(sandbox, prompt=None)
    assert (await status_of(sandbox, request, 30))[1]["status"] == "COMPLETED"
    status, body, _ = await result_of(sandbox, request)
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "prompt"])
    assert len(await sandbox.ledger()) == 1
    assert (await sandbox.post(MODEL, [1]))[0] == 422


@pytest.mark.parametrize(("model", "key"), [("fal-ai/any-llm", "output"), ("fal-ai/birefnet", "image")])
async def test_results_are_the_models_own(sandbox: Sandbox, model: str, key: str):
    """One that writes has `output`, one that cuts out a single `image`."""
    request = await submit(sandbox, f"/fal/{model}", image_url="https://shop.example/mug.png")
    sandbox.clock.now += 30
    assert key in (await result_of(sandbox, request))[1]


async def test_links_die_before_results(sandbox: Sandbox):
    """After a week the result is still told, but what it links to is gone."""
    request = await submit(sandbox)
    sandbox.clock.now += 8 * 86400
    status, body, _ = await result_of(sandbox, request)
    async with sandbox.client.get(body["images"][0]["url"]) as response:
        assert (status, response.status) == (200, 403)


async def test_a_request_can_be_cancelled(sandbox: Sandbox):
    """In time with 202, too late with 400; a cancelled one has no result."""
    request = await submit(sandbox)
    address = request["cancel_url"].removeprefix(sandbox.url)
    assert (await sandbox.call("PUT", address))[0] == 202
    sandbox.clock.now += 30
    assert (await result_of(sandbox, request))[0] == 404
    assert (await sandbox.call("PUT", address))[0] == 400


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault("busy"), 429, "concurrent_requests_limit"),
        (Fault("error", status=504), 504, "request_timeout"),
        (Fault("error", status=503), 503, "runner_connection_error"),
        (Fault("no_credit"), 403, "exhausted_balance"),
    ],
)
async def test_request_errors_are_flat(start: Start, fault: Fault, status: int, kind: str):
    """`detail` is a text, and the type stands in the body and in a header."""
    sandbox = await start(faults=(fault,))
    seen, body, headers = await sandbox.head("POST", MODEL, json=INPUT)
    assert (seen, body["error_type"], headers["x-fal-error-type"]) == (status, kind, kind)
    assert isinstance(body["detail"], str)


async def test_the_key_is_wanted(sandbox: Sandbox):
    """`Key …` and nothing else."""
    for shown in ("Bearer test-key", "Key wrong"):
        assert (await sandbox.post(MODEL, INPUT, headers={"Authorization": shown}))[0] == 401


async def test_two_run_at_once(start: Start):
    """With the documented limits the third waits for a place, and none is refused."""
    sandbox = await start(documented_limits=True)
    requests = [await submit(sandbox, prompt=f"mug {number}") for number in range(4)]
    words = [(await status_of(sandbox, request, 2.1 if not number else 0))[1]["status"] for number, request in enumerate(requests)]
    assert words == ["IN_PROGRESS", "IN_PROGRESS", "IN_QUEUE", "IN_QUEUE"]
