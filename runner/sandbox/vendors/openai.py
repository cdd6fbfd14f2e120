"""OpenAI's API and that of every server that speaks like it: chat, pictures, and both as lines of a batch.

One vendor plays them all, under any name a project gives it. Errors, wait times and the headers about what is left are those of
OpenAI's guide to error codes and of its own Python client; a compatible server may have none of them.
"""

from __future__ import annotations

import hmac
import math
from typing import Any, Final

from runner.sandbox.easel import paint
from runner.sandbox.intake import Ask, Refusal, Reply, write_json
from runner.sandbox.vendor import Meter, Page, Submit, Trouble, Vendor
from runner.sandbox.vendors.openai_batch import BATCHING
from runner.sandbox.vendors.openai_chat import answer_chat, answer_filtered, count_reserved, make_chat, read_chat
from runner.sandbox.vendors.openai_images import answer_images, read_edit, read_generation
from runner.sandbox.vendors.openai_images import count_reserved as count_images

PREFIX: Final = "/openai/v1"
MODELS: Final = ("gpt-4o-mini", "gpt-5-mini", "llama-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-2", "dall-e-2", "dall-e-3")
HOUR: Final = 3600.0
SLOW: Final = {503: "slow_down"}


def _say(status: int, message: str, kind: str, code: str | None = None, param: str | None = None) -> Reply:
    return write_json(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def admit(ask: Ask, key: str) -> None:
    """A bearer token."""
    shown = ask.headers.get("authorization", "")
    if not shown:
        raise Refusal(_say(401, "You didn't provide an API key.", "invalid_request_error"))
    if not hmac.compare_digest(shown.encode(), f"Bearer {key}".encode()):
        raise Refusal(_say(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"))


def wrong(name: str, message: str) -> Reply:
    """400 with the parameter that is wrong."""
    return _say(400, message, "invalid_request_error", "invalid_value" if name else None, name or None)


def trouble(kind: Trouble, status: int) -> Reply:
    """429 is pace, or an account without money, which only type and code tell apart; 503 asks to slow down."""
    if kind in {"busy", "queue_full"}:
        return _say(429, "Rate limit reached. Please try again later.", "requests", "rate_limit_exceeded")
    if kind in {"no_credits", "no_credit"}:
        code = "credit_balance_exhausted" if kind == "no_credits" else "organization_spend_limit_exceeded"
        return _say(429, "You exceeded your current quota (credit), please check your plan.", "insufficient_quota", code)
    if kind == "broken":
        return _say(status, "The server had an error while processing your request.", "server_error", SLOW.get(status))
    return _say(status, "The request was refused", "invalid_request_error")


def pause(reply: Reply, seconds: float) -> Reply:
    """Both headers: milliseconds, and seconds rounded up."""
    headers = (("retry-after-ms", str(math.ceil(1000 * seconds))), ("retry-after", str(math.ceil(seconds))))
    return Reply(reply.status, reply.body, reply.media_type, (*reply.headers, *headers))


def meter(calls: Meter, tokens: Meter | None) -> tuple[tuple[str, str], ...]:
    """x-ratelimit-{limit,remaining,reset}-{requests,tokens}."""
    headers: list[tuple[str, str]] = []
    for name, window in (("requests", calls), ("tokens", tokens)):
        if window is not None:
            figures = {"limit": window.limit, "remaining": window.left, "reset": write_duration(window.reset)}
            headers += [(f"x-ratelimit-{word}-{name}", str(value)) for word, value in figures.items()]
    return tuple(headers)


def write_duration(seconds: float) -> str:
    """`12ms`, `1.5s`, `6m0s`: as the reset headers say it."""
    if seconds < 1:
        return f"{math.ceil(1000 * seconds)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{math.ceil(rest)}s" if minutes else f"{rest:.3f}".rstrip("0").rstrip(".") + "s"


def _models(_left: float | None) -> Reply:
    data: list[dict[str, Any]] = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"} for name in MODELS
    ]
    return write_json(200, {"object": "list", "data": data})


VENDOR: Final = Vendor(
    name="openai",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=_say(404, "Invalid URL, or no such object", "invalid_request_error"),
    trouble=trouble,
    ticket=lambda _number, secret: secret[:24],
    options=lambda _base: {},
    submits=(
        Submit(
            "chat/completions",
            "chat/completions",
            read_chat,
            make_chat,
            answer_chat,
            filtered=answer_filtered,
            linked=False,
            tokens=count_reserved,
        ),
        Submit("images/generations", "images/generations", read_generation, paint, answer_images, tokens=count_images),
        Submit("images/edits", "images/edits", read_edit, paint, answer_images, tokens=count_images),
    ),
    pages=(Page("models", "models", _models),),
    pause=pause,
    meter=meter,
    keeps=HOUR,
    batching=BATCHING,
)
