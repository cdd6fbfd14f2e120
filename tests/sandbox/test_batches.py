from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.sandbox.behaviour import Fault, Kind
from tests.sandbox.conftest import KEY, Sandbox, Start

URL = "/v1/chat/completions"
BASE = "/openai/v1"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "A headline for our mug"}]}


def line(name: str, body: dict[str, Any] | None = None, url: str = URL) -> dict[str, Any]:
    """One line of a batch."""
    words = {"messages": [{"role": "user", "content": f"A headline for our mug number {name}"}]}
    return {"custom_id": name, "method": "POST", "url": url, "body": {**BODY, **words} if body is None else body}


async def upload(sandbox: Sandbox, lines: list[Any], purpose: str = "batch") -> tuple[int, Any]:
    """Upload a file of these lines."""
    data = b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines)
    status, body = await sandbox.send(f"{BASE}/files", purpose=purpose, file=data)
    return status, json.loads(body)


async def create(sandbox: Sandbox, lines: list[Any], **more: Any) -> dict[str, Any]:
    """Upload these lines and make a batch of them."""
    _, file = await upload(sandbox, lines)
    order = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h", **more}
    status, batch = await sandbox.post(f"{BASE}/batches", order)
    assert status == 200, batch
    return dict(batch)


async def look(sandbox: Sandbox, batch: dict[str, Any], seconds: float = 0) -> dict[str, Any]:
    """The batch so many seconds later."""
    sandbox.clock.now += seconds
    status, shown = await sandbox.get(f"{BASE}/batches/{batch['id']}")
    assert status == 200
    return dict(shown)


async def end(sandbox: Sandbox, batch: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The batch so many seconds later, once its output is written: each look waits for that for a while only."""
    done = await look(sandbox, batch, seconds)
    while done["status"] == "finalizing":
        done = await look(sandbox, batch)
    return done


async def content(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    """The lines of a file."""
    status, body, _ = await sandbox.call("GET", f"{BASE}/files/{name}/content")
    assert status == 200
    return [json.loads(each) for each in body.splitlines()]


async def test_a_batch_goes_its_way(sandbox: Sandbox):
    """It is validated, carried out, finalized and completed; its answers come in an order of their own, each with its custom id."""
    batch = await create(sandbox, [line(str(n)) for n in range(12)], metadata={"job": "mugs"})
    assert (batch["status"], batch["metadata"], batch["output_file_id"]) == ("validating", {"job": "mugs"}, None)
    seen = [await look(sandbox, batch), await look(sandbox, batch, 3), await end(sandbox, batch, 30)]
    assert [each["status"] for each in seen] == ["validating", "in_progress", "completed"]
    assert seen[2]["request_counts"] == {"total": 12, "completed": 12, "failed": 0}
    assert seen[2]["error_file_id"] is None
    answers = await content(sandbox, seen[2]["output_file_id"])
    names = [each["custom_id"] for each in answers]
    assert names != sorted(names, key=int)
    assert sorted(names, key=int) == [str(n) for n in range(12)]
    assert {each["response"]["status_code"] for each in answers} == {200}


async def test_a_line_is_the_request_it_would_be_alone(sandbox: Sandbox):
    """It has the same digest and answer, is in the ledger before the batch is answered, and costs half."""
    batch = await create(sandbox, [line("a")])
    assert [entry["charge"] for entry in await sandbox.ledger()] == [0.5]
    _, alone = await sandbox.post(f"{BASE}/chat/completions", line("a")["body"])
    done = await end(sandbox, batch, 30)
    answer = (await content(sandbox, done["output_file_id"]))[0]["response"]["body"]
    assert answer["choices"] == alone["choices"]
    entries = await sandbox.ledger()
    assert entries[0]["digest"] == entries[1]["digest"]
    assert entries[1]["charge"] == 1


async def test_some_lines_fail(start: Start):
    """Pace is told in the file of errors, a 5xx in the output with its status, and neither is billed; a filtered one is."""
    faults = (Fault("busy", 0.3), Fault("error", 0.3, status=500), Fault("filtered", 0.3))
    sandbox = await start(faults=tuple(Fault(each.kind, 0.3, operation="chat/completions", status=each.status) for each in faults))
    batch = await create(sandbox, [line(str(n)) for n in range(40)])
    done = await end(sandbox, batch, 30)
    output, errors = [await content(sandbox, done[name]) for name in ("output_file_id", "error_file_id")]
    assert {each["response"]["status_code"] for each in errors} == {429}
    assert {each["response"]["status_code"] for each in output} == {200, 500}
    reasons = {each["response"]["body"]["choices"][0]["finish_reason"] for each in output if each["response"]["status_code"] == 200}
    assert reasons == {"stop", "content_filter"}
    carried_out = sum(1 for each in output if each["response"]["status_code"] == 200)
    assert done["request_counts"] == {"total": 40, "completed": carried_out, "failed": 40 - carried_out}
    assert len(await sandbox.ledger()) == carried_out


async def test_a_wrong_body_fails_alone(sandbox: Sandbox):
    """The line is told with 400 in the file of errors, and the others are carried out."""
    batch = await create(sandbox, [line("good"), line("bad", {"model": "m"})])
    done = await end(sandbox, batch, 30)
    assert [each["custom_id"] for each in await content(sandbox, done["output_file_id"])] == ["good"]
    wrong = (await content(sandbox, done["error_file_id"]))[0]
    assert (wrong["custom_id"], wrong["response"]["status_code"]) == ("bad", 400)
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize(
    "lines", [[b"{"], [line("a"), line("a")], [{**line("a"), "url": "/v1/embeddings"}], [{**line("a"), "custom_id": None}]]
)
async def test_a_wrong_file_fails_the_whole_batch(sandbox: Sandbox, lines: list[Any]):
    """The batch is created, validated, and failed with the line that is to blame; nothing is billed."""
    done = await look(sandbox, await create(sandbox, lines), 30)
    assert (done["status"], done["output_file_id"]) == ("failed", None)
    assert done["errors"]["data"][0]["line"] == len(lines)
    assert await sandbox.ledger() == []


@pytest.mark.parametrize(
    ("kind", "status", "billed"), [("job_fails", "failed", 0), ("job_never_ends", "in_progress", 4), ("job_expires", "expired", 2)]
)
async def test_batches_that_end_badly(start: Start, kind: Kind, status: str, billed: int):
    """One fails, one never ends, one expires with what was done by then; only what was carried out is billed."""
    sandbox = await start(faults=(Fault(kind),))
    done = await end(sandbox, await create(sandbox, [line(str(n)) for n in range(4)]), 1000)
    assert done["status"] == status
    assert len(await sandbox.ledger()) == billed
    if kind == "job_expires":
        assert len(await content(sandbox, done["output_file_id"])) == 2
        unrun = await content(sandbox, done["error_file_id"])
        assert [(each["response"], each["error"]["code"]) for each in unrun] == [(None, "batch_expired")] * 2


async def test_a_cancelled_batch_keeps_what_was_done(sandbox: Sandbox):
    """It is cancelling, then cancelled, and its output holds what had been carried out by then."""
    batch = await create(sandbox, [line(str(n)) for n in range(20)])
    await look(sandbox, batch, 7)
    _, cancelled = await sandbox.post(f"{BASE}/batches/{batch['id']}/cancel")
    assert cancelled["status"] == "cancelling"
    done = await end(sandbox, batch, 60)
    assert done["status"] == "cancelled"
    assert 0 < len(await content(sandbox, done["output_file_id"])) < 20


@pytest.mark.parametrize(("kind", "billed"), [("busy", 0), ("error", 0), ("drop_before", 0), ("drop_after", 3), ("error_after", 3)])
async def test_the_purchase_can_go_wrong(start: Start, kind: Kind, billed: int):
    """A batch refused is not billed, one whose answer is lost is: every line of it."""
    sandbox = await start(faults=(Fault(kind, operation="batches"),))
    _, file = await upload(sandbox, [line(str(n)) for n in range(3)])
    order = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"}
    try:
        status, _ = await sandbox.post(f"{BASE}/batches", order)
    except aiohttp.ClientError:
        status = 0
    assert status != 200
    assert len(await sandbox.ledger()) == billed


async def test_a_batch_outlives_the_sandbox(sandbox: Sandbox, start: Start):
    """After a restart on the same folder it goes on, and ends with the same lines."""
    batch = await create(sandbox, [line(str(n)) for n in range(5)])
    again = await start()
    done = await end(again, batch, 60)
    assert done["request_counts"]["completed"] == 5
    assert len(await content(again, done["output_file_id"])) == 5


async def test_pictures_come_in_a_batch(sandbox: Sandbox):
    """Base64 within the line, or a link that leads to the picture."""
    url = "/v1/images/generations"
    bodies = [{"model": model, "prompt": "mug", "size": "256x256"} for model in ("dall-e-2", "z-image")]
    bodies[1]["response_format"] = "b64_json"
    batch = await create(sandbox, [line(str(n), body, url) for n, body in enumerate(bodies)], endpoint=url)
    done = await end(sandbox, batch, 30)
    answers = {each["custom_id"]: each["response"]["body"]["data"][0] for each in await content(sandbox, done["output_file_id"])}
    assert (await sandbox.fetch(answers["0"]["url"])).startswith(b"\x89PNG")
    assert answers["1"]["b64_json"].startswith("iVBOR")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input_file_id": "file-0"}, "input_file_id"),
        ({"endpoint": "/v1/nothing"}, "endpoint"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 5}}, "output_expires_after.seconds"),
    ],
)
async def test_a_batch_has_rules(sandbox: Sandbox, change: dict[str, Any], param: str):
    """What the document does not allow is a 400 that names the parameter."""
    _, file = await upload(sandbox, [line("a")])
    order = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h", **change}
    status, body = await sandbox.post(f"{BASE}/batches", order)
    assert (status, body["error"]["param"]) == (400, param)


async def test_files_are_kept_shown_and_deleted(sandbox: Sandbox):
    """A file has an id, a size and a purpose; once deleted it is not found."""
    status, file = await upload(sandbox, [line("a")])
    assert (status, file["object"], file["purpose"]) == (200, "file", "batch")
    assert (await sandbox.get(f"{BASE}/files/{file['id']}"))[1] == file
    _, body, _ = await sandbox.call("GET", f"{BASE}/files/{file['id']}/content")
    assert len(body) == file["bytes"]
    await sandbox.call("DELETE", f"{BASE}/files/{file['id']}")
    assert (await sandbox.get(f"{BASE}/files/{file['id']}"))[0] == 404
    assert (await upload(sandbox, [line("a")], "poetry"))[0] == 400
    assert (await sandbox.send(f"{BASE}/files", purpose="batch"))[0] == 400


async def test_an_output_can_expire(start: Start):
    """With an expiry ordered, the output is gone so long after the batch's end."""
    sandbox = await start(expiry=100)
    done = await end(sandbox, await create(sandbox, [line("a")]), 30)
    assert len(await content(sandbox, done["output_file_id"])) == 1
    sandbox.clock.now += 200
    assert (await sandbox.get(f"{BASE}/files/{done['output_file_id']}"))[0] == 404


@pytest.mark.parametrize(("kind", "length"), [("truncated", 0.5), ("corrupt_picture", 0.5)])
async def test_an_output_can_be_cut(start: Start, kind: Kind, length: float):
    """A download that breaks off, and one that is short without saying so."""
    sandbox = await start(faults=(Fault(kind, step="fetch"),))
    done = await end(sandbox, await create(sandbox, [line("a")]), 30)
    address = f"{sandbox.url}{BASE}/files/{done['output_file_id']}/content"
    async with sandbox.client.get(address, headers={"Authorization": f"Bearer {KEY}"}) as response:
        if kind == "truncated":
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(await response.read())


async def test_an_account_can_be_too_poor_for_a_batch(start: Start):
    """The whole batch is refused as without money, and nothing is billed."""
    sandbox = await start(credits={"openai": 1.0})
    _, file = await upload(sandbox, [line(str(n)) for n in range(4)])
    status, body = await sandbox.post(f"{BASE}/batches", {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"})
    assert (status, body["error"]["type"]) == (429, "insufficient_quota")
    assert await sandbox.ledger() == []


async def test_all_batches_are_listed(sandbox: Sandbox, tmp_path: Path):
    """The list has every batch as it stands."""
    batches = [await create(sandbox, [line(str(n))]) for n in range(2)]
    _, listed = await sandbox.get(f"{BASE}/batches")
    assert {each["id"] for each in listed["data"]} == {each["id"] for each in batches}
    _, first = await sandbox.get(f"{BASE}/batches?limit=1")
    _, second = await sandbox.get(f"{BASE}/batches?limit=1&after={first['data'][0]['id']}")
    assert (first["data"] + second["data"], first["has_more"], second["has_more"]) == (listed["data"], True, False)
    assert (tmp_path / "state" / "batches").is_dir()
