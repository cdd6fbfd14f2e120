from __future__ import annotations

import gzip
import io
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from PIL import Image

from runner.sandbox.behaviour import BEFORE, KINDS, Fault, Kind
from runner.sandbox.damage import BOMB, Hangup, Silence, refuse, replace_answer, spoil, write_retry_after
from runner.sandbox.intake import Refusal, Reply
from runner.sandbox.vendor import Vendor
from runner.sandbox.vendors import VENDORS

NOW = 1_700_000_000.0
JSON = Reply(200, b'{"text": "a mug"}')


def picture(kind: str = "PNG") -> Reply:
    """A small picture as an answer."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(file, kind)
    return Reply(200, file.getvalue(), f"image/{kind.lower()}")


def refusal(fault: Fault, vendor: Vendor | None = VENDORS["jivox"]) -> Reply:
    """How a fault refuses, before or after acceptance."""
    try:
        refuse(vendor, fault, NOW)
        replace_answer(vendor, fault)
    except Refusal as caught:
        return caught.reply
    raise AssertionError(f"{fault.kind} refuses nothing")


def happens(fault: Fault) -> str:
    """Which of the three functions a fault acts in."""
    try:
        refuse(VENDORS["sivi"], fault, NOW)
    except (Refusal, Hangup):
        return "before"
    try:
        replace_answer(VENDORS["sivi"], fault)
    except (Refusal, Hangup, Silence):
        return "instead"
    reply = picture()
    return "spoiled" if spoil(reply, fault) != reply else "elsewhere"


def test_every_kind_does_something():
    """Each kind acts at exactly one place; the job's own are acted on where its state is told."""
    done = {kind: happens(Fault(kind)) for kind in KINDS}  # type: ignore[arg-type]
    assert {kind for kind, where in done.items() if where == "before"} == BEFORE
    assert {kind for kind, where in done.items() if where == "elsewhere"} == {
        "job_fails",
        "job_never_ends",
        "job_expires",
        "filtered",
        "unknown_word",
    }


def test_fair_weather_changes_nothing():
    """Without a fault nothing is raised and the answer stays as it is."""
    refuse(VENDORS["vyro"], None, NOW)
    replace_answer(VENDORS["vyro"], None)
    assert spoil(JSON, None) is JSON


@pytest.mark.parametrize("vendor", list(VENDORS))
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 425, 500, 503, 520])
def test_a_status_is_said_in_the_vendors_words(vendor: str, status: int):
    """Whatever status is ordered comes with a body of the vendor's own shape."""
    reply = refusal(Fault("error", status=status), VENDORS[vendor])
    assert (reply.status, reply.media_type) == (status, "application/json")
    assert b"refused" in reply.body.lower() or b"credit" in reply.body.lower() or status >= 500


@pytest.mark.parametrize("kind", ["error", "error_after"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_where_they_are_told(kind: Kind, status: int):
    """A 3xx has no body and leads to the fault's `location`."""
    reply = refusal(Fault(kind, status=status, location="https://trap.example/"))
    assert (reply.status, reply.body, dict(reply.headers)) == (status, b"", {"Location": "https://trap.example/"})


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Fault("html200"), 200, b"<!doctype html>"),
        (Fault("broken_json"), 200, b'{"status": 200, "body": {"requ'),
        (Fault("broken_json", body="[NaN]", status=422), 422, b"[NaN]"),
        (Fault("broken_json", body="\ud800"), 200, b"\xed\xa0\x80"),
        (Fault("error_after", status=204), 204, b""),
        (Fault("expired_link"), 403, b"<?xml"),
        (Fault("expired_link", status=410), 410, b"<?xml"),
    ],
)
def test_answers_that_never_were(fault: Fault, status: int, body: bytes):
    """What comes instead of the answer has the ordered status and body."""
    reply = refusal(fault)
    assert reply.status == status
    assert reply.body.startswith(body)


@pytest.mark.parametrize(("vendor", "status", "codes"), [("sivi", None, 429), ("sivi", 402, 402), ("jivox", None, 402)])
def test_an_empty_account_has_its_words(vendor: str, status: int | None, codes: int):
    """Sivi says it in two ways, with 429 and with 402; the others in one."""
    reply = refusal(Fault("no_credit", status=status), VENDORS[vendor])
    assert reply.status == codes
    assert b"credit" in reply.body


@pytest.mark.parametrize(
    ("vendor", "after", "said"),
    [
        ("gemini", "45.5", b'"retryDelay":"45.5s"'),
        ("replicate", "12", b"resets in ~12s."),
        ("openai", "1.5", b"rate_limit_exceeded"),
        ("gemini", "soon", b"RESOURCE_EXHAUSTED"),
    ],
)
def test_a_pause_is_said_in_the_vendors_way(vendor: str, after: str, said: bytes):
    """Seconds stand where the vendor puts them, in the body or in headers of its own; anything else stands in Retry-After."""
    reply = refusal(Fault("busy", retry_after=after), VENDORS[vendor])
    assert reply.status == 429
    assert said in reply.body
    if vendor == "openai":
        assert dict(reply.headers) == {"retry-after-ms": "1500", "retry-after": "2"}
    else:
        assert dict(reply.headers) == ({"Retry-After": "soon"} if after == "soon" else {})


def test_a_long_answer_is_spoiled_like_a_short_one(tmp_path: Path):
    """An answer that stands in a file is read before it is cut."""
    source = tmp_path / "data"
    source.write_bytes(b"12345678")
    reply = spoil(Reply(200, b"", "application/octet-stream", source=source), Fault("corrupt_picture"))
    assert (reply.body, reply.source) == (b"1234", None)


def test_a_file_host_speaks_for_nobody():
    """Without a vendor a refusal has a status and no body."""
    assert refusal(Fault("busy", retry_after="3"), None) == Reply(429, b"", "text/plain", (("Retry-After", "3"),))
    assert refusal(Fault("error", status=502), None) == Reply(502, b"", "text/plain")


def test_connections_break_and_fall_silent():
    """Two kinds break the connection, one on each side of acceptance; one says nothing at all."""
    with pytest.raises(Hangup):
        refuse(None, Fault("drop_before"), NOW)
    with pytest.raises(Hangup):
        replace_answer(None, Fault("drop_after"))
    with pytest.raises(Silence):
        replace_answer(None, Fault("stall"))


@pytest.mark.parametrize(
    ("fault", "manner", "part"),
    [
        (Fault("truncated"), "cut", 0.5),
        (Fault("truncated", part=0.25), "cut", 0.25),
        (Fault("slow_drip"), "drip", 0.5),
        (Fault("oversized"), "flood", 0.5),
    ],
)
def test_answers_that_are_sent_badly(fault: Fault, manner: str, part: float):
    """The body stays as it is; how it is sent changes."""
    reply = spoil(JSON, fault)
    assert (reply.body, reply.manner, reply.part) == (JSON.body, manner, part)


def test_a_gzip_bomb_is_small_on_the_wire():
    """32 MiB travel as some 32 KiB, declared as gzip."""
    reply = spoil(JSON, Fault("gzip_bomb"))
    assert ("Content-Encoding", "gzip") in reply.headers
    assert len(reply.body) < BOMB // 900
    assert len(gzip.decompress(reply.body)) == BOMB


def test_a_header_may_be_huge():
    """One header is far longer than clients read."""
    assert max(len(value) for _, value in spoil(JSON, Fault("huge_header")).headers) > 60_000


@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
def test_a_corrupt_picture_is_cut_short(part: float):
    """Only the first part of a picture remains; JSON is not a picture."""
    whole = picture()
    assert spoil(whole, Fault("corrupt_picture", part=part)).body == whole.body[: int(len(whole.body) * part)]
    assert spoil(JSON, Fault("corrupt_picture")) == JSON


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_of_the_wrong_size(kind: str):
    """It decodes, is of the same format, and half as wide and high; what is no picture stays."""
    with Image.open(io.BytesIO(spoil(picture(kind), Fault("wrong_size")).body)) as small:
        assert (small.size, small.format) == ((20, 15), kind)
    assert spoil(JSON, Fault("wrong_size")) == JSON


@pytest.mark.parametrize("text", ["7", "soon", "+", "+x", "-3", "²"])
def test_retry_after_is_sent_as_it_stands(text: str):
    """Seconds and nonsense are not touched; nothing ordered is nothing sent."""
    assert write_retry_after(text, NOW) == (("Retry-After", text),)
    assert write_retry_after(None, NOW) == ()


def test_retry_after_may_be_a_date():
    """`+N` is the HTTP date N seconds after the answer's own Date."""
    headers = dict(write_retry_after("+90", NOW))
    until, date = (parsedate_to_datetime(headers[name]) for name in ("Retry-After", "Date"))
    assert (until - date).total_seconds() == 90
