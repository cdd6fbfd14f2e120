"""Exchanges as text: a call as it went out and the reply to it, for a recording that people review and replays read.

A call names its secrets and never holds one, and a reply was masked by the transport; what is written here is masked once more with
every secret this process knows, and cookies are left out. Bodies are not in the text: it names them by their sha256. An address of
the account's own host is written from its `base_url` on, so that a vendor on another port makes the same text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from runner.edge.redaction import redact
from runner.frozen import frozen
from runner.records import Answer, Asset, Blob, Call, FormBody, JsonBody, NoAnswer, Reply, Send, Step

UNTOLD: Final = frozenset({"set-cookie", "set-cookie2"})
"""Headers that hold a secret of the vendor's making and that no reader of ours needs."""


@frozen
class Place:
    """Which exchange this is: the step (of which part of the result) of a request, and the how manieth of its kind, from 1."""

    id: str
    step: Step
    part: int = 0
    number: int = 1

    @property
    def name(self) -> str:
        """`submit-1`, `poll-12`, `fetch-0-1`."""
        return f"{self.step}-{self.part}-{self.number}" if self.step == "fetch" else f"{self.step}-{self.number}"


def read_name(id: str, name: str) -> Place | None:
    """The place that `Place.name` calls so; None for any other name."""
    step, *numbers = name.split("-")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    if step == "fetch" and len(numbers) == 2:
        return Place(id, "fetch", int(numbers[0]), int(numbers[1]))
    if step == "submit" and len(numbers) == 1:
        return Place(id, "submit", 0, int(numbers[0]))
    return Place(id, "poll", 0, int(numbers[0])) if step == "poll" and len(numbers) == 1 else None


def call_to_json(call: Call, base_url: str) -> dict[str, Any]:
    """The call without the values of its secrets; bytes of ours stand as `{"asset": "blob:…"}`."""
    told: dict[str, Any] = {"method": call.method, "url": shorten(call.url, base_url)}
    if call.headers:
        told["headers"] = dict(call.headers)
    if call.secrets:
        told["secrets"] = {place.header: place.form.replace("{}", f"<{place.secret}>") for place in call.secrets}
    if isinstance(call.body, JsonBody):
        told["json"] = _plain(call.body.value)
    elif isinstance(call.body, FormBody):
        told["form"] = [[part.name, _plain(part.value)] for part in call.body.parts]
    masked: dict[str, Any] = _masked(told)
    return masked


def digest_of(call: Mapping[str, Any]) -> str:
    """The sha256 of what a call (`call_to_json`) asks for: method, address and body."""
    asked = {name: call[name] for name in ("method", "url", "json", "form") if name in call}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def reply_to_json(reply: Reply, body: Blob | None) -> dict[str, Any]:
    """The reply; `body` is all of its bytes, None where there are none. The date is told only where a wait may need it."""
    if isinstance(reply, NoAnswer):
        return {"no_answer": redact(reply.why), "sent": reply.sent}
    untold = UNTOLD if "retry-after" in reply.headers else UNTOLD | {"date"}
    headers = {name: redact(value) for name, value in reply.headers.items() if name not in untold}
    told: dict[str, Any] = {"status": reply.status, "headers": headers}
    if body is not None:
        told |= {"body": body.sha256, "bytes": body.size, "to": "memory" if reply.blob is None else "blob"}
    return told


def read_reply(told: Mapping[str, Any], body: bytes, blob: Blob | None) -> Reply:
    """The reply again. Raises `KeyError` and `TypeError` for what `reply_to_json` never wrote."""
    if "no_answer" in told:
        return NoAnswer(bool(told["sent"]), str(told["no_answer"]))
    headers = {str(name): str(value) for name, value in dict(told["headers"]).items()}
    return Answer(int(told["status"]), headers, body, blob)


def write_text(value: Mapping[str, Any]) -> bytes:
    """JSON for people and for git: sorted, indented, UTF-8, with a newline at its end; the same value is the same bytes."""
    try:
        return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 cannot say
        return json.dumps(value, sort_keys=True, indent=2).encode() + b"\n"


def shorten(url: str, base_url: str) -> str:
    """The address with the account's `base_url`, or at least its host, by name instead of by letter."""
    if url == base_url or url.startswith((f"{base_url}/", f"{base_url}?")):
        return "{base_url}" + url[len(base_url) :]
    parts = urlsplit(base_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return "{origin}" + url[len(origin) :] if url.startswith(f"{origin}/") else url


def step_of(send: Send) -> str:
    """The duty in words: `submit`, `poll`, `download 2`."""
    return f"download {send.part + 1}" if send.step == "fetch" else send.step


def _plain(value: object) -> Any:
    if isinstance(value, Asset):
        return {"asset": value.ref, **({"as": value.form} if value.form else {})}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _masked(inner) for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list) else value
