from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault, Kind
from runner.sandbox.vendor import Job
from runner.sandbox.vendors.replicate import answer_waited
from tests.sandbox.conftest import Sandbox, Start

BASE = "/replicate/v1"
MODEL = f"{BASE}/models/black-forest-labs/flux-1.1-pro/predictions"
INPUT = {"prompt": "mug", "width": 48, "height": 32}


async def create(sandbox: Sandbox, path: str = MODEL, **values: Any) -> dict[str, Any]:
    """A new prediction."""
    status, body = await sandbox.post(path, {"input": {**INPUT, **values}})
    assert status == 201, body
    return dict(body)


async def later(sandbox: Sandbox, prediction: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The prediction so many seconds later, by its own address."""
    sandbox.clock.now += seconds
    status, body = await sandbox.get(prediction["urls"]["get"].removeprefix(sandbox.url))
    assert status == 200
    return dict(body)


async def test_a_prediction_goes_its_way(sandbox: Sandbox):
    """It is starting, processing and succeeded; the output of a model with one picture is a link."""
    prediction = await create(sandbox)
    assert (prediction["status"], prediction["output"], prediction["error"]) == ("starting", None, None)
    seen = [await later(sandbox, prediction, seconds) for seconds in (0, 2.1, 30)]
    assert [each["status"] for each in seen] == ["starting", "processing", "succeeded"]
    assert Image.open(io.BytesIO(await sandbox.fetch(seen[2]["output"]))).size == (48, 32)
    assert seen[2]["metrics"]["predict_time"] > 0


@pytest.mark.parametrize(
    ("model", "values", "kind"),
    [
        ("black-forest-labs/flux-schnell", {}, list),
        ("x/y", {"num_outputs": 2}, list),
        ("x/y", {}, str),
        ("meta/meta-llama-3-8b-instruct", {}, list),
    ],
)
async def test_outputs_have_many_forms(sandbox: Sandbox, model: str, values: dict[str, Any], kind: type):
    """A link, a list of links, or a text in pieces."""
    prediction = await create(sandbox, f"{BASE}/models/{model}/predictions", **values)
    output: Any = (await later(sandbox, prediction, 30))["output"]
    assert type(output).__name__ == kind.__name__
    if "llama" in model:
        assert not any(piece.startswith("http") for piece in output)


async def test_a_version_is_asked_for_in_the_body(sandbox: Sandbox):
    """`POST /predictions` wants a version; a deployment's path does not."""
    assert (await sandbox.post(f"{BASE}/predictions", {"version": "abc", "input": INPUT}))[0] == 201
    assert (await sandbox.post(f"{BASE}/predictions", {"input": INPUT}))[0] == 422
    await create(sandbox, f"{BASE}/deployments/acme/ads/predictions")


@pytest.mark.parametrize(
    ("prefer", "status", "word"), [("wait", 201, "succeeded"), ("wait=5", 201, "succeeded"), (None, 201, "starting")]
)
async def test_a_submit_can_wait(start: Start, prefer: str | None, status: int, word: str):
    """With `Prefer: wait` a quick prediction is answered with its output."""
    sandbox = await start(queue=0.01)
    headers = {} if prefer is None else {"Prefer": prefer}
    seen, body = await sandbox.post(MODEL, {"input": INPUT}, headers=headers)
    assert (seen, body["status"], body["output"] is not None) == (status, word, word == "succeeded")


async def test_patience_has_an_end(sandbox: Sandbox):
    """A wait that did not suffice is 202 and `starting`; a wait that no document knows is refused."""
    job = Job("t", "d", {"model": "x/y", "prompt": "mug", "task": "draw"}, 5.0)
    late = answer_waited(job, "processing", ())
    assert (late.status, json.loads(late.body)["status"]) == (202, "starting")
    assert (await sandbox.post(MODEL, {"input": INPUT}, headers={"Prefer": "wait=61"}))[0] == 422


async def test_data_is_removed_after_an_hour(sandbox: Sandbox):
    """Still `succeeded`, but without output; the link is gone too."""
    prediction = await create(sandbox)
    link = (await later(sandbox, prediction, 30))["output"]
    gone = await later(sandbox, prediction, 3600)
    assert (gone["status"], gone["output"], gone["data_removed"], gone["input"]) == ("succeeded", None, True, {})
    async with sandbox.client.get(link) as response:
        assert response.status == 403


async def test_a_prediction_can_be_cancelled(sandbox: Sandbox):
    """Before it is done it is `canceled`; afterwards it stays as it ended."""
    prediction, other = await create(sandbox), await create(sandbox, prompt="hat")
    address = prediction["urls"]["cancel"].removeprefix(sandbox.url)
    assert (await sandbox.post(address))[1]["status"] == "canceled"
    assert (await later(sandbox, prediction, 30))["status"] == "canceled"
    assert (await sandbox.post(other["urls"]["cancel"].removeprefix(sandbox.url)))[1]["status"] == "succeeded"


@pytest.mark.parametrize(("kind", "word"), [("job_fails", "failed"), ("filtered", "failed"), ("unknown_word", "archiving")])
async def test_predictions_that_end_badly(start: Start, kind: Kind, word: str):
    """A failure has an error in words and no output."""
    sandbox = await start(faults=(Fault(kind, step="poll"),))
    body = await later(sandbox, await create(sandbox), 30)
    assert (body["status"], body["output"]) == (word, None)
    assert (body["error"] is None) == (kind == "unknown_word")


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        (Fault("busy"), 429, "resets in ~30s"),
        (Fault("busy", retry_after="7"), 429, "resets in ~7s"),
        (Fault("no_credit"), 402, "insufficient credit"),
        (Fault("error", status=500), 500, "unavailable"),
    ],
)
async def test_troubles_have_a_detail(start: Start, fault: Fault, status: int, detail: str):
    """`detail` tells what is the matter, and `status` repeats the HTTP status."""
    sandbox = await start(faults=(fault,))
    seen, body = await sandbox.post(MODEL, {"input": INPUT})
    assert (seen, body["status"]) == (status, status)
    assert detail in body["detail"]


@pytest.mark.parametrize("body", [{}, {"input": "mug"}, {"input": {}}, {"input": INPUT, "odd": 1}, [1]])
async def test_bad_input_is_422(sandbox: Sandbox, body: Any):
    """What is no input of the model is refused and not billed."""
    assert (await sandbox.post(MODEL, body))[0] == 422
    assert await sandbox.ledger() == []


async def test_the_token_is_wanted(sandbox: Sandbox):
    """401 without the right bearer token, 404 for a prediction nobody made."""
    status, body = await sandbox.post(MODEL, {"input": INPUT}, headers={"Authorization": "Bearer wrong"})
    assert (status, body["title"]) == (401, "Unauthenticated")
    assert (await sandbox.get(f"{BASE}/predictions/nobody"))[0] == 404
