"""What a fault does to an answer: pure, apart from the two ways of not answering at all, which are raised.

`refuse` is for what happens before anything is accepted, `replace_answer` for an answer that never was, `spoil` for one that was
and comes to harm on its way.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import re
from collections.abc import Mapping
from email.utils import formatdate
from functools import cache
from typing import Final

from PIL import Image

from runner.sandbox.behaviour import BEFORE, Fault
from runner.sandbox.intake import Manner, Refusal, Reply
from runner.sandbox.vendor import Trouble, Vendor

HTML: Final = Reply(200, b"<!doctype html><title>Please wait</title><p>We are checking your browser.</p>", "text/html")
HALF: Final = '{"status": 200, "body": {"requ'
EXPIRED: Final = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
MANNERS: Final[Mapping[str, Manner]] = {"truncated": "cut", "slow_drip": "drip", "oversized": "flood"}
BOMB: Final = 32 * 1024 * 1024
"""Bytes that a gzip bomb unpacks to: beyond what an honest answer or picture has."""
LONG_HEADER: Final = 64 * 1024
SECONDS: Final = re.compile(r"\d+(?:\.\d+)?")


class Hangup(Exception):
    """The connection is to be broken off without an answer."""


class Silence(Exception):
    """The connection is to be kept open without an answer."""


def refuse(vendor: Vendor | None, fault: Fault | None, now: float) -> None:
    """Raise `Refusal` or `Hangup` for a fault after which nothing has been accepted. `vendor` is None for a file host."""
    if fault is None or fault.kind not in BEFORE:
        return
    if fault.kind == "drop_before":
        raise Hangup
    if fault.kind == "busy":
        raise Refusal(pause(vendor, fault.retry_after, now))
    if fault.kind == "no_credit":
        raise Refusal(_say(vendor, "no_credits" if fault.code == 402 else "no_credit", fault.code))
    if 300 <= fault.code < 400:
        raise Refusal(_redirect(fault))
    raise Refusal(_say(vendor, "broken" if fault.code >= 500 else "refused", fault.code))


def replace_answer(vendor: Vendor | None, fault: Fault | None) -> None:
    """Raise `Refusal`, `Hangup` or `Silence` for a fault that takes the answer away after everything has been accepted."""
    if fault is None:
        return
    if fault.kind == "drop_after":
        raise Hangup
    if fault.kind == "stall":
        raise Silence
    if fault.kind == "html200":
        raise Refusal(HTML)
    if fault.kind == "broken_json":
        raise Refusal(Reply(fault.code, (HALF if fault.body is None else fault.body).encode("utf-8", "surrogatepass")))
    if fault.kind == "expired_link":
        raise Refusal(Reply(fault.code, EXPIRED, "application/xml"))
    if fault.kind == "error_after":
        raise Refusal(_odd_answer(vendor, fault))


def spoil(reply: Reply, fault: Fault | None) -> Reply:
    """The answer after what the fault did to it on its way; as it is where the fault has no power over it."""
    if fault is None:
        return reply
    if reply.source is not None:
        reply = dataclasses.replace(reply, body=reply.source.read_bytes(), source=None)
    if fault.kind in MANNERS:
        return dataclasses.replace(reply, manner=MANNERS[fault.kind], part=fault.part)
    if fault.kind == "gzip_bomb":
        return dataclasses.replace(reply, body=_bomb(), headers=(*reply.headers, ("Content-Encoding", "gzip")))
    if fault.kind == "huge_header":
        return dataclasses.replace(reply, headers=(*reply.headers, ("X-Trace", "x" * LONG_HEADER)))
    if fault.kind == "corrupt_picture" and reply.media_type != "application/json":
        return dataclasses.replace(reply, body=reply.body[: int(len(reply.body) * fault.part)])
    return dataclasses.replace(reply, body=_halve(reply.body)) if fault.kind == "wrong_size" else reply


def pause(vendor: Vendor | None, after: str | None, now: float) -> Reply:
    """A refusal for pace that says for how long: in the vendor's own way where it is a number of seconds, else in Retry-After."""
    reply = _say(vendor, "busy", 429)
    if vendor is not None and vendor.pause is not None and after is not None and SECONDS.fullmatch(after):
        return vendor.pause(reply, float(after))
    return dataclasses.replace(reply, headers=(*reply.headers, *write_retry_after(after, now)))


def write_retry_after(text: str | None, now: float) -> tuple[tuple[str, str], ...]:
    """The header as ordered; `+N` is the HTTP date N seconds after `now`, with the `Date` to read it against (RFC 9110 §10.2.3)."""
    if text is None:
        return ()
    if not text.startswith("+") or not text[1:].isdecimal():
        return (("Retry-After", text),)
    return (("Date", formatdate(now, usegmt=True)), ("Retry-After", formatdate(now + int(text[1:]), usegmt=True)))


def _say(vendor: Vendor | None, trouble: Trouble, status: int) -> Reply:
    """The vendor's own words; a file host has none."""
    return Reply(status, b"", "text/plain") if vendor is None else vendor.trouble(trouble, status)


def _redirect(fault: Fault) -> Reply:
    return Reply(fault.code, b"", "text/plain", (("Location", fault.location),))


def _odd_answer(vendor: Vendor | None, fault: Fault) -> Reply:
    if fault.code < 300:
        return Reply(fault.code, b"", "text/plain")
    if fault.code < 400:
        return _redirect(fault)
    return _say(vendor, "broken" if fault.code >= 500 else "refused", fault.code)


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(BOMB), 9)


def _halve(body: bytes) -> bytes:
    """The picture at half its width and height; what is none stays as it is."""
    try:
        with Image.open(io.BytesIO(body), formats=("PNG", "JPEG")) as picture:
            small, kind = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2))), picture.format
    except (OSError, SyntaxError, ValueError):
        return body
    out = io.BytesIO()
    small.save(out, kind)
    return out.getvalue()
