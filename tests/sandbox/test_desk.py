from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from pathlib import Path

import aiohttp
import pytest

from runner.sandbox.behaviour import Fault, Kind
from tests.sandbox.conftest import KEY, Sandbox, Start

TEXT = "/jivox/v2/accounts/1/textGen"
IMAGE = "/jivox/v2/accounts/1/imageGen"
MEDIA = "/sivi/v2/general/media/generate"
STATUS = "/sivi/v2/general/get-request-status"
MEDIA_BODY = {"prompt": "hat", "dimensions": {"width": 1024, "height": 1024}, "bId": "b_1", "model": "z-image-turbo"}


async def queue(sandbox: Sandbox, prompt: str = "hat") -> str:
    """Submit a Sivi image and return its ticket."""
    status, body = await sandbox.post(MEDIA, {**MEDIA_BODY, "prompt": prompt})
    assert status == 200, body
    return str(body["body"]["requestId"])


async def ask(sandbox: Sandbox, ticket: str) -> tuple[int, dict[str, object]]:
    """HTTP status and body of a status request."""
    status, body = await sandbox.get(STATUS, params={"queryParams": json.dumps({"requestId": ticket})})
    return status, body["body"] if isinstance(body, dict) else {}


async def test_a_job_is_pending_then_processing_then_done(sandbox: Sandbox):
    """Time alone moves a job on; its result is the same however often it is asked for."""
    ticket = await queue(sandbox)
    seen = []
    for seconds in (0, 2.1, 30, 30):
        sandbox.clock.now += seconds
        seen.append(await ask(sandbox, ticket))
    assert [body["status"] for _, body in seen] == ["pending", "processing", "completed", "completed"]
    assert seen[2] == seen[3]


@pytest.mark.parametrize(
    ("kind", "status", "billed"),
    [
        ("busy", 429, 0),
        ("error", 503, 0),
        ("no_credit", 402, 0),
        ("html200", 200, 1),
        ("broken_json", 200, 1),
        ("error_after", 503, 1),
    ],
)
async def test_faults_at_submit(start: Start, kind: Kind, status: int, billed: int):
    """Each fault has its status, and is in the ledger exactly if it was accepted."""
    sandbox = await start(faults=(Fault(kind, retry_after="7"),))
    seen, body, media_type = await sandbox.call("POST", TEXT, json={"prompt": "x"})
    assert seen == status
    assert len(await sandbox.ledger()) == billed
    if kind == "html200":
        assert media_type == "text/html"
    if kind == "broken_json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)


async def test_tries_are_remembered_by_the_folder(start: Start):
    """A fault of one try does not hit the same request again after the sandbox was started anew."""
    seen = []
    for _ in range(3):
        sandbox = await start(faults=(Fault("error", times=1),))
        seen.append((await sandbox.post(TEXT, {"prompt": "x"}))[0])
    assert seen == [503, 200, 200]


async def test_a_date_to_wait_for_is_told_by_the_sandboxs_clock(start: Start):
    """`+N` becomes a date, with the Date to read it against, whatever the machine's own clock says."""
    sandbox = await start(faults=(Fault("busy", retry_after="+7"),))
    async with sandbox.client.post(sandbox.url + TEXT, json={"prompt": "x"}, headers={"jvx_apikey": KEY}) as response:
        assert response.headers["Date"] == formatdate(sandbox.clock.now, usegmt=True)
        assert response.headers["Retry-After"] == formatdate(sandbox.clock.now + 7, usegmt=True)


@pytest.mark.parametrize("after", [None, "7", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
async def test_retry_after_is_sent_as_ordered(start: Start, after: str | None):
    """A busy answer carries Retry-After as it was ordered: absent, seconds, a date, or nonsense."""
    sandbox = await start(faults=(Fault("busy", retry_after=after),))
    async with sandbox.client.post(sandbox.url + TEXT, json={"prompt": "x"}, headers={"jvx_apikey": KEY}) as response:
        assert response.headers.get("Retry-After") == after


@pytest.mark.parametrize(("kind", "billed"), [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_submits(start: Start, kind: Kind, billed: int):
    """A connection that breaks before acceptance costs nothing; after it, the submit is in the ledger."""
    sandbox = await start(faults=(Fault(kind, times=1),))
    with pytest.raises(aiohttp.ClientError):
        await sandbox.post(TEXT, {"prompt": "x"})
    assert len(await sandbox.ledger()) == billed
    assert (await sandbox.post(TEXT, {"prompt": "x"}))[0] == 200
    assert len(await sandbox.ledger()) == billed + 1


async def test_a_stall_is_accepted_and_silent(start: Start):
    """A stalled submit is billed and never answered."""
    sandbox = await start(faults=(Fault("stall", operation="textGen"),))
    with pytest.raises(TimeoutError):
        await sandbox.post(TEXT, {"prompt": "x"}, timeout=aiohttp.ClientTimeout(total=0.2))
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize(
    ("kind", "word"), [("job_fails", "failed"), ("job_never_ends", "processing"), ("unknown_word", "archiving")]
)
async def test_faults_at_poll(start: Start, kind: Kind, word: str):
    """A job that fails, never ends, or stands in a word that no document knows."""
    sandbox = await start(faults=(Fault(kind),))
    ticket = await queue(sandbox)
    sandbox.clock.now += 1000
    status, body = await ask(sandbox, ticket)
    assert (status, body["status"], body["result"]) == (200, word, None)
    assert ("reason" in body) == (kind == "job_fails")


async def test_faults_at_fetch(start: Start, tmp_path: Path):
    """A link can be expired, refused, cut short, and is whole again afterwards."""
    expired = (
        Fault("expired_link", times=1),
        Fault("error", step="fetch", status=502, times=2),
        Fault("corrupt_picture", step="fetch", times=3),
    )
    sandbox = await start(faults=expired)
    _, body = await sandbox.post(IMAGE, {"prompt": "hat", "width": 40, "height": 30})
    answers = []
    for _ in range(4):
        async with sandbox.client.get(body["imageUrl"]) as response:
            answers.append((response.status, await response.read()))
    assert [status for status, _ in answers] == [403, 502, 200, 200]
    assert answers[2][1] == answers[3][1][: len(answers[3][1]) // 2]


async def test_the_same_weather_twice(start: Start, tmp_path: Path):
    """Two sandboxes of one seed treat the same requests alike, in whatever order they come."""
    fates = []
    for name, order in (("a", 1), ("b", -1)):
        sandbox = await start(state=tmp_path / name, seed=5, faults=(Fault("busy", 0.3), Fault("error", 0.3)))
        fate = {}
        for number in list(range(12))[::order]:
            fate[number] = (await sandbox.post(TEXT, {"prompt": f"p{number}"}))[0]
        fates.append(fate)
    assert fates[0] == fates[1]
    assert set(fates[0].values()) == {200, 429, 503}


async def test_credits_run_out_and_stay_out(start: Start, tmp_path: Path):
    """A balance is charged as the vendor's page says, refuses with 402, and is remembered by the ledger."""
    sandbox = await start(credits={"sivi": 0.25})
    answers = [(await sandbox.post(MEDIA, {**MEDIA_BODY, "prompt": str(number)}))[0] for number in range(4)]
    assert answers == [200, 200, 402, 402]
    again = await start(credits={"sivi": 0.25})
    assert (await again.post(MEDIA, MEDIA_BODY))[0] == 402


async def test_documented_limits_hold(start: Start):
    """With the documented limits, Sivi takes 14 open jobs (4 running, 10 queued) and says how long the others wait."""
    sandbox = await start(documented_limits=True)
    answers = [await sandbox.post(MEDIA, {**MEDIA_BODY, "prompt": str(number)}) for number in range(15)]
    assert [status for status, _ in answers] == [200] * 14 + [429]
    assert answers[14][1]["body"]["message"].startswith("Rate limit exceeded")
    _, first = await ask(sandbox, answers[0][1]["body"]["requestId"])
    _, last = await ask(sandbox, answers[13][1]["body"]["requestId"])
    assert int(str(first["queueWaitTime"])) < int(str(last["queueWaitTime"]))


async def test_the_pace_is_documented_too(start: Start):
    """The 51st call in a minute is refused with 429, and the next minute begins afresh."""
    sandbox = await start(documented_limits=True)
    ticket = await queue(sandbox)
    polls = [(await ask(sandbox, ticket))[0] for _ in range(50)]
    assert polls == [200] * 49 + [429]
    sandbox.clock.now += 60
    assert (await ask(sandbox, ticket))[0] == 200


async def test_two_at_once_share_the_work_but_not_the_bill(sandbox: Sandbox):
    """The same ask twice at the same time is two entries and one picture."""
    answers = await asyncio.gather(*(sandbox.post(IMAGE, {"prompt": "hat", "width": 40, "height": 30}) for _ in range(2)))
    assert answers[0] == answers[1]
    assert len(await sandbox.ledger()) == 2


async def test_a_result_may_be_used_again(sandbox: Sandbox, start: Start, tmp_path: Path):
    """One of our links as input is the picture behind it: its digest is the content's, not the link's."""
    links = [(await sandbox.post(IMAGE, {"prompt": "hat", "width": 40, "height": 30}))[1]["imageUrl"] for _ in range(2)]
    await sandbox.post("/jivox/v2/accounts/1/removeBg", {"image": links[0]})
    await sandbox.post("/jivox/v2/accounts/1/removeBg", {"image": links[0].replace("127.0.0.1", "localhost")})
    entries = [entry["digest"] for entry in await sandbox.ledger() if entry["operation"] == "removeBg"]
    assert entries[0] == entries[1]
