"""Hands carry out one duty: the right call for each step, and a verdict for whatever comes back, or does not."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.edge.blobs import Blobs
from runner.edge.clock import VirtualClock
from runner.edge.media import Bad, Media
from runner.edge.secrets import Secrets
from runner.edge.transport import LaneAccess, Transport
from runner.hands import SHORT, Perform, VendorHands
from runner.providers.contract import Options
from runner.providers.registry import Account, open_catalog
from runner.records import Answer, Blob, Call, Json, NoAnswer, Reply, Request, Send, Step, make_request
from runner.verdicts import Broken, Busy, Done, Held, Link, Lost, Queued, Refused, Text, Verdict
from tests.edge.conftest import open_vendor, says

LANES = open_catalog({"jivox": Account(options={"account": "1042"})}).lanes
PNG = b"\x89PNG\r\n\x1a\n and more"
PICTURE = Blob("ab" * 32, 7)
ASKS: dict[str, tuple[str, str, dict[str, Json]]] = {
    "copy": ("jivox", "text", {"prompt": "a mug"}),
    "medium": ("sivi", "media", {"prompt": "a mug"}),
    "scene": ("vyro", "text-to-image", {"prompt": "a mug", "style": "realistic"}),
}


class Wire:
    """A network whose replies are given, a blob store in memory, and an eye that judges as it is told."""

    def __init__(self, reply: Reply, seen: Media | Bad | None = None) -> None:
        self.reply = reply
        self.seen = seen or Media("image/png", "png", 10, 10)
        self.calls: list[tuple[str, Call]] = []
        self.stored: dict[str, bytes] = {}
        self.hands = VendorHands(LANES, self.perform, self.store, self.measure)

    async def perform(self, lane: str, call: Call) -> Reply:
        """Remember the call and give the reply."""
        self.calls.append((lane, call))
        return self.reply

    async def store(self, data: bytes) -> Blob:
        """Keep the bytes."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        self.stored[blob.sha256] = data
        return blob

    async def measure(self, blob: Blob) -> Media | Bad:
        """What it was told to see."""
        return self.seen


def send(what: str, step: Step = "submit", **more: Any) -> Send:
    """A duty for one of the asks."""
    return Send(make_request(*ASKS[what]), step, **more)


def says_json(value: object, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, {"content-type": "application/json"}, json.dumps(value).encode())


@pytest.mark.parametrize(
    ("step", "sent", "verdict"),
    [
        ("submit", True, Lost("reset")),
        ("submit", False, Broken("reset")),
        ("poll", True, Broken("reset")),
        ("poll", False, Broken("reset")),
        ("fetch", True, Broken("reset")),
        ("fetch", False, Broken("reset")),
    ],
)
async def test_only_a_purchase_that_may_have_arrived_is_lost(step: Step, sent: bool, verdict: object) -> None:
    """Without an answer a submit is lost if it can have left; whatever is free, or provably stayed here, is tried again."""
    wire = Wire(NoAnswer(sent, "reset"))
    carried = await wire.hands.carry(send("medium", step, ticket="t-1", link="https://cdn.example/1.png"))
    assert carried.verdict == verdict
    assert carried.raw is None


async def test_each_step_has_its_call() -> None:
    """A submit is the provider's POST, a poll asks for the ticket, a fetch is a bare GET of the link into a blob."""
    wire = Wire(NoAnswer(True, "reset"))
    await wire.hands.carry(send("medium"))
    await wire.hands.carry(send("medium", "poll", ticket="t-1"))
    await wire.hands.carry(send("medium", "fetch", ticket="t-1", link="https://cdn.example/1.png"))
    (_, submit), (_, poll), (lane, fetch) = wire.calls
    assert (submit.method, submit.purpose, bool(submit.secrets)) == ("POST", "submit", True)
    assert (poll.method, poll.purpose, "t-1" in poll.url) == ("GET", "poll", True)
    assert (lane, fetch) == ("sivi", Call("GET", "https://cdn.example/1.png", "fetch", sink="blob"))


async def test_what_a_vendor_says_is_read_by_its_provider() -> None:
    """The provider makes the verdict, and the duty comes back with it."""
    duty = send("copy")
    carried = await Wire(says_json({"text": "Hello"})).hands.carry(duty)
    assert (carried.send, carried.verdict, carried.raw) == (duty, Done((Text("Hello"),)), None)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_dead_link_is_refused(status: int) -> None:
    """A download that is answered as an expired link is, is not tried again: a fresh link is needed."""
    carried = await Wire(Answer(status)).hands.carry(send("medium", "fetch", link="https://cdn.example/1.png"))
    assert carried.verdict == Refused(f"the link answered {status}")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(429, {"retry-after": "7"}, b"slow down"), Busy(7.0, "429: slow down")),
        (Answer(429), Busy(None, "status 429")),
        (Answer(503, {"retry-after": "2"}), Broken("status 503", 2.0)),
        (Answer(402, {}, b"pay the host"), Broken("402: pay the host")),
        (Answer(302, {"location": "https://cdn.example/2.png"}), Broken("status 302")),
        (Answer(400, {}, b"<Error>\xff\x00</Error>"), Broken("400: <Error>� </Error>")),
        (Answer(200, {}, b"a body that went nowhere"), Broken("200: a body that went nowhere")),
    ],
)
async def test_a_download_is_tried_again_and_bars_nobody(answer: Answer, verdict: object) -> None:
    """What a file host answers is about this try: the lane may have to wait, but is never closed by it."""
    carried = await Wire(answer).hands.carry(send("medium", "fetch", link="https://cdn.example/1.png"))
    assert carried.verdict == verdict


async def test_a_download_is_done_when_it_decodes() -> None:
    """Bytes that are what they should be are held; a torn or wrong file is downloaded again."""
    whole = Answer(200, {}, PNG, PICTURE)
    duty = send("medium", "fetch", link="https://cdn.example/1.png")
    assert (await Wire(whole).hands.carry(duty)).verdict == Done((Held(PICTURE),))
    assert (await Wire(whole, Bad("a broken PNG")).hands.carry(duty)).verdict == Broken("a broken PNG")


async def test_bytes_inside_an_answer_are_stored() -> None:
    """Base64 in an answer is in the blob store before the verdict goes on, and its link, if any, stays a link."""
    wire = Wire(says_json({"image": base64.b64encode(PNG).decode()}))
    carried = await wire.hands.carry(send("scene"))
    [digest] = wire.stored
    assert wire.stored[digest] == PNG
    assert carried.verdict == Done((Held(Blob(digest, len(PNG))),))
    linked = await Wire(says_json({"url": "https://cdn.example/1.png"})).hands.carry(send("scene"))
    assert linked.verdict == Done((Link("https://cdn.example/1.png"),))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (Answer(200, {"content-type": "text/html"}, b"<!doctype html>wait"), b"<!doctype html>wait"),
        (Answer(500, {}, b"oops"), b"oops"),
        (Answer(200, {}, b""), None),
    ],
)
async def test_an_answer_that_was_paid_for_and_not_understood_is_kept(answer: Answer, kept: bytes | None) -> None:
    """What came with a lost submit is stored for whoever resolves it; nothing is stored where nothing came."""
    wire = Wire(answer)
    carried = await wire.hands.carry(send("copy"))
    assert isinstance(carried.verdict, Lost)
    assert carried.raw == (hashlib.sha256(kept).hexdigest() if kept else None)
    assert list(wire.stored.values()) == ([kept] if kept else [])


@pytest.mark.parametrize(
    ("what", "answer", "kept"),
    [
        ("medium", says_json({"status": 200, "body": {"requestId": "r1"}}), "fact"),
        ("medium", says_json({"status": 200, "body": {"requestId": "r1", "more": "x" * SHORT}}), "file"),
        ("medium", says_json({"status": 422, "body": {"message": "no"}}), "file"),
        ("scene", says_json({"url": "https://cdn.example/1.png"}), "fact"),
        ("copy", says_json({"text": "copy"}), None),
        ("copy", says_json({"message": "no"}, 422), None),
    ],
)
async def test_a_paid_answer_is_kept_while_something_hangs_on_its_reading(what: str, answer: Answer, kept: str | None) -> None:
    """A ticket, links, and a refusal inside a 2xx can be read again; a text stands in its fact, a plain refusal was not paid.

    What is short and was understood goes to the journal with its fact, anything else to a file.
    """
    wire = Wire(answer)
    carried = await wire.hands.carry(send(what))
    assert (carried.raw is not None) is (kept == "file")
    assert carried.said == (answer.body.decode() if kept == "fact" else None)
    assert list(wire.stored.values()) == ([answer.body] if kept == "file" else [])


class Careless:
    """A provider that stumbles over every answer."""

    def __getattr__(self, name: str) -> Any:
        return getattr(LANES["jivox"].provider, name)

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """Look for what is not there."""
        raise KeyError("imageUrl")


async def test_a_mistake_of_ours_in_reading_never_loses_a_paid_answer() -> None:
    """Where a provider raises, the answer is kept and the request is uncertain; it is not bought again."""
    wire = Wire(says_json({"text": "copy"}))
    careless = {"jivox": replace(LANES["jivox"], provider=Careless())}
    carried = await VendorHands(careless, wire.perform, wire.store, wire.measure).carry(send("copy"))
    assert isinstance(carried.verdict, Lost)
    assert "KeyError: 'imageUrl'" in carried.verdict.why
    assert carried.raw is not None
    assert wire.stored[carried.raw] == b'{"text": "copy"}'


async def test_all_of_a_streamed_answer_is_kept() -> None:
    """Of an answer that went into a blob not the first bytes are kept but the blob that is already there."""
    wire = Wire(Answer(200, {"content-type": "text/html"}, b"<html>", PICTURE))
    carried = await wire.hands.carry(send("scene"))
    assert isinstance(carried.verdict, Lost)
    assert (carried.raw, wire.stored) == (PICTURE.sha256, {})


@pytest.mark.parametrize(
    ("step", "body", "verdict"),
    [
        ("submit", {"requestId": "t-9"}, Queued("t-9")),
        ("poll", {"status": "processing"}, Queued("t-1")),
        ("poll", {"status": "pondering"}, Queued("t-1", note="unknown status word 'pondering'")),
    ],
)
async def test_a_ticket_outlives_polls_that_do_not_repeat_it(step: Step, body: Json, verdict: Queued) -> None:
    """A poll that says "still running" without a ticket means the one it was asked with."""
    wire = Wire(says_json({"status": 200, "body": body}))
    carried = await wire.hands.carry(send("medium", step, ticket=None if step == "submit" else "t-1"))
    assert carried.verdict == verdict


async def test_a_ticket_of_several_addresses_moves_on() -> None:
    """A poll that says the job is to be asked for elsewhere leaves the rest of the ticket for the next poll."""
    duty = Send(make_request("fal", "run", {"model": "a/b", "input": {}}), "poll", ticket='["/a/b/1/status","/a/b/1"]')
    carried = await Wire(says_json({"status": "COMPLETED"})).hands.carry(duty)
    assert carried.verdict == Queued('["/a/b/1"]', 0.0)


async def test_hands_work_over_a_real_network(tmp_path: Path) -> None:
    """With a transport the call really travels, once, with the key in its header, and what comes back is the verdict."""
    async with open_vendor(says(b'{"text": "Hello"}', 200, "Content-Type: application/json")) as vendor:
        lanes = open_catalog({"jivox": Account(base_url=vendor.url, options={"account": "1042"})}).lanes
        access = {"jivox": LaneAccess(vendor.url, Secrets({"key": "test-key"}))}
        async with Transport(access, Blobs(tmp_path / "blobs"), VirtualClock()) as transport:
            wire = Wire(NoAnswer(False, "unused"))
            hands = VendorHands(lanes, transport.perform, wire.store, wire.measure)
            carried = await hands.carry(send("copy"))
    assert carried.verdict == Done((Text("Hello"),))
    [hit] = vendor.hits
    assert hit.line == "POST /accounts/1042/textGen"
    assert hit.headers["jvx_apikey"] == "test-key"
    assert json.loads(hit.body) == {"prompt": "a mug"}


async def test_a_witness_hears_every_exchange_or_answers_itself() -> None:
    """Whoever stands between is given the duty, the call and the way to carry it out, and its reply is the one that counts."""
    heard: list[tuple[Send, str]] = []

    class Parrot:
        async def exchange(self, send: Send, call: Call, perform: Perform) -> Reply:
            heard.append((send, call.method))
            return await perform(send.request.provider, call) if len(heard) == 1 else says_json({"text": "Parrot"})

    wire = Wire(says_json({"text": "Hello"}))
    hands = VendorHands(LANES, wire.perform, wire.store, wire.measure, Parrot())
    said = [(await hands.carry(send("copy"))).verdict for _ in range(2)]
    assert said == [Done((Text("Hello"),)), Done((Text("Parrot"),))]
    assert heard == [(send("copy"), "POST")] * 2
    assert len(wire.calls) == 1
