from __future__ import annotations

import pytest

from runner.sandbox.behaviour import Fault
from runner.sandbox.vendors.openai import write_duration
from tests.sandbox.conftest import Sandbox, Start

CHAT = "/openai/v1/chat/completions"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "A headline for our mug"}]}


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"),
    [
        (Fault("busy"), 429, "requests", "rate_limit_exceeded"),
        (Fault("no_credit"), 429, "insufficient_quota", "organization_spend_limit_exceeded"),
        (Fault("no_credit", status=402), 429, "insufficient_quota", "credit_balance_exhausted"),
        (Fault("error", status=503), 503, "server_error", "slow_down"),
        (Fault("error", status=500), 500, "server_error", None),
        (Fault("error", status=404), 404, "invalid_request_error", None),
    ],
)
async def test_errors_have_a_type_and_a_code(start: Start, fault: Fault, status: int, kind: str, code: str | None):
    """`{error: {message, type, param, code}}`, whatever the trouble."""
    sandbox = await start(faults=(fault,))
    seen, body = await sandbox.post(CHAT, BODY)
    assert (seen, body["error"]["type"], body["error"]["code"]) == (status, kind, code)
    assert set(body["error"]) == {"message", "type", "param", "code"}


async def test_the_wait_is_said_in_two_headers(start: Start):
    """Milliseconds and seconds, as ordered."""
    sandbox = await start(faults=(Fault("busy", retry_after="1.2"),))
    _, _, headers = await sandbox.head("POST", CHAT, json=BODY)
    assert (headers["retry-after-ms"], headers["retry-after"]) == ("1200", "2")


async def test_headers_tell_what_is_left(start: Start):
    """With the documented limits every answer tells requests and tokens left, a refusal too."""
    sandbox = await start(documented_limits=True)
    _, _, headers = await sandbox.head("POST", CHAT, json={**BODY, "max_tokens": 1000})
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("500", "499")
    assert int(headers["x-ratelimit-remaining-tokens"]) == 200_000 - 1000 - 6
    assert headers["x-ratelimit-reset-tokens"] == "1m0s"
    status, body, headers = await sandbox.head("POST", CHAT, json={**BODY, "max_tokens": 199_000})
    assert (status, body["error"]["code"], headers["retry-after"]) == (429, "rate_limit_exceeded", "60")


async def test_without_a_limit_nothing_is_told(sandbox: Sandbox):
    """A compatible server has no such headers."""
    _, _, headers = await sandbox.head("POST", CHAT, json=BODY)
    assert not any(name.startswith("x-ratelimit") for name in headers)
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(("seconds", "text"), [(0.012, "12ms"), (1.5, "1.5s"), (12, "12s"), (360, "6m0s"), (61.2, "1m2s")])
def test_durations_are_written_short(seconds: float, text: str):
    """As the reset headers have them."""
    assert write_duration(seconds) == text


@pytest.mark.parametrize(("shown", "code"), [("", None), ("Bearer wrong", "invalid_api_key")])
async def test_the_key_is_wanted(sandbox: Sandbox, shown: str, code: str | None):
    """401, with a code where there was a key."""
    status, body = await sandbox.post(CHAT, BODY, headers={"Authorization": shown})
    assert (status, body["error"]["code"]) == (401, code)


async def test_models_are_listed(sandbox: Sandbox):
    """GET /models costs nothing."""
    status, body = await sandbox.get("/openai/v1/models")
    assert (status, body["object"]) == (200, "list")
    assert {"gpt-image-1", "dall-e-3"} <= {each["id"] for each in body["data"]}
    assert await sandbox.ledger() == []


@pytest.mark.parametrize("path", ["embeddings", "files/nobody", "batches/nobody", "files/nobody/content"])
async def test_what_is_not_there_is_404(sandbox: Sandbox, path: str):
    """Unknown paths and objects are not found, in the vendor's shape."""
    status, body = await sandbox.get(f"/openai/v1/{path}")
    assert status == 404
    assert isinstance(body["error"], dict)


async def test_a_lost_answer_is_billed(start: Start):
    """Faults of the connection reach this vendor as every other."""
    sandbox = await start(faults=(Fault("html200", times=1),))
    status, _, kind = await sandbox.call("POST", CHAT, json=BODY)
    assert (status, kind, len(await sandbox.ledger())) == (200, "text/html", 1)
