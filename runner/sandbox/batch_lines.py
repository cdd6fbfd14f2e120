"""One line of a batch: read, ordered, and answered as if it had come alone.

What becomes of a line is drawn when its batch is created, for that is when it is billed; the answer is written when somebody asks
for it, and is the one the same request gets by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from runner.frozen import frozen
from runner.sandbox.behaviour import Fault
from runner.sandbox.damage import refuse
from runner.sandbox.dice import fingerprint
from runner.sandbox.intake import Ask, Refusal, Reply, Wrong, read_object
from runner.sandbox.vendor import Vendor

BILLED: Final = frozenset({"", "filtered", "error_after"})
"""What may become of a line that was carried out: nothing special, nothing usable, or an error after all."""
APART: Final = frozenset({"busy", "no_credit", "wrong", "batch_expired"})
"""What is told in the file of errors; the rest is in the output, with its status."""


@frozen
class Line:
    """A line as it was sent: its own id, the address it is for, and the body."""

    custom_id: str
    url: str
    body: Mapping[str, Any]

    def ask(self, headers: Mapping[str, str]) -> Ask:
        """The request that it stands for."""
        return Ask("POST", {}, {}, headers, "application/json", orjson.dumps(self.body))


@frozen
class Fate:
    """What becomes of a line: a fault's kind (empty: none) or `wrong`, with the status that goes with it."""

    kind: str = ""
    status: int = 0


def read_line(text: bytes, endpoint: str) -> Line:
    """A line of a batch for this endpoint. Raises `Wrong` where it is not one."""
    values = read_object(text)
    name, method, url, body = (values.get(field) for field in ("custom_id", "method", "url", "body"))
    if not isinstance(name, str) or not name:
        raise Wrong("custom_id", "Missing required parameter: 'custom_id'.")
    if method != "POST":
        raise Wrong("method", "method must be POST")
    if url != endpoint:
        raise Wrong("url", f"The url of each line must be the batch's endpoint, {endpoint}")
    if not isinstance(body, dict):
        raise Wrong("body", "Missing required parameter: 'body'.")
    return Line(name, url, body)


def draw_fate(fault: Fault | None) -> Fate:
    """What a fault at submit makes of a line; those of the connection have no power over it."""
    if fault is None or fault.kind not in {"busy", "error", "no_credit", "error_after", "filtered"}:
        return Fate()
    if fault.kind in {"error", "error_after"} and fault.code < 400:
        return Fate()
    return Fate(fault.kind, fault.code)


def refused(vendor: Vendor, fate: Fate, now: float) -> Reply:
    """The vendor's own words for a line that was not carried out, or not well."""
    kind = "error" if fate.kind == "error_after" else fate.kind
    try:
        refuse(vendor, Fault(kind, status=fate.status or None), now)  # type: ignore[arg-type]
    except Refusal as refusal:
        return refusal.reply
    raise AssertionError(f"{fate.kind} refuses nothing")


def write_line(batch: str, custom_id: str, reply: Reply) -> bytes:
    """The line that tells how a request was answered."""
    name = fingerprint(batch, custom_id).hex()
    response = {"status_code": reply.status, "request_id": name[:32], "body": orjson.Fragment(reply.body)}
    return _write(name, custom_id, response, None)


def write_unrun(batch: str, custom_id: str) -> bytes:
    """The line of a request whose time was up before its turn came."""
    message = "This request could not be executed before the completion window expired."
    return _write(fingerprint(batch, custom_id).hex(), custom_id, None, {"code": "batch_expired", "message": message})


def _write(name: str, custom_id: str, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None) -> bytes:
    line = {"id": f"batch_req_{name[:24]}", "custom_id": custom_id, "response": response, "error": error}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
