"""Black Forest Labs: FLUX pictures, queued; the answer to a submit names where to ask, and the result's link lives for ten minutes.

Documented by the vendor (docs.bfl.ai; its skill `bfl-api`): the header `x-key`; an endpoint per model; `polling_url`, to be asked
as given because it may be at another region's host; the states, which hold spaces; 24 unfinished tasks at once for most models;
402 for missing credits and 403 for a rejected key; `result.sample`, to be downloaded without the key.

`Task not found` ends a job: it was never there, or its time is over; the vendor keeps nothing that could be asked for again.
`X-RateLimit-Reset` is taken for seconds, and for a moment (Unix time) where it is too large for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling, Rule
from runner.providers.addresses import address_of, ticket_at
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    asset_or_url,
    clip,
    dig,
    doubt,
    link_of,
    message_of,
    no_defaults,
    read_json,
    read_status,
    reset_after,
    segment,
    still_running,
    ticket_of,
)
from runner.records import Answer, Asset, Call, Json, JsonBody, Limits, Request, SecretHeader, Step
from runner.verdicts import Barred, Broken, Busy, Done, Link, Queued, Refused, Verdict

NAME = "bfl"
BASE_URL = "https://api.bfl.ai/v1"
HOSTS = ("bfl.ai",)
DOC = "https://docs.bfl.ai"
KEYS: Mapping[str, str] = {"key": "BFL_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {}
MODELS: Final = (
    *("flux-2-pro", "flux-2-max", "flux-2-flex", "flux-2-klein-4b", "flux-2-klein-9b"),
    *("flux-kontext-pro", "flux-kontext-max", "flux-pro-1.1", "flux-pro-1.1-ultra", "flux-pro-1.0-fill"),
)
_SIDE: Final = Field("integer", low=64, doc="in pixels; FLUX.2 takes multiples of 16")
_REFERENCE: Final = Field("image", takes=("url", "base64"), doc="a picture to edit or to refer to: a URL, or bytes in base64")
_BYTES: Final = Field("image", takes=("base64",), doc="a picture, sent in base64")


def _multiple_of_16(params: Mapping[str, Json]) -> str | None:
    odd = [name for name in ("width", "height") if isinstance(side := params.get(name), int) and side % 16]
    if not odd or not str(params.get("model", "")).startswith("flux-2"):
        return None
    return f"{odd[0]} is {params[odd[0]]}; {params['model']} takes multiples of 16"


OPERATIONS: Mapping[str, Operation] = {
    "generate": Operation(
        "generate",
        "file",
        {
            "model": Field(
                "text",
                required=True,
                choices=MODELS,
                open_choices=True,
                pattern=r"[\w-][\w.-]*",
                doc="the endpoint's name; any that the vendor has",
            ),
            "prompt": Field("text", least=1, doc="describes the picture, or the edit"),
            "input_image": _REFERENCE,
            **{f"input_image_{number}": _REFERENCE for number in range(2, 9)},
            "image": _BYTES,
            "mask": _BYTES,
            "image_prompt": _BYTES,
            "width": _SIDE,
            "height": _SIDE,
            "aspect_ratio": Field(
                "text", pattern=r"[0-9]{1,4}:[0-9]{1,4}", doc="such as 16:9, for models that take no width and height"
            ),
            "seed": Field("integer", low=0, doc="the same seed makes the same picture"),
            "steps": Field("integer", low=1, high=50, doc="inference steps; flux-2-flex and fill"),
            "guidance": Field("number", low=1.5, high=100, doc="how closely the prompt is followed; flux-2-flex and fill"),
            "prompt_upsampling": Field("boolean", doc="lets the vendor rewrite the prompt"),
            "raw": Field("boolean", doc="less processed pictures; flux-pro-1.1-ultra"),
            "safety_tolerance": Field("integer", low=0, high=6, default=2, doc="0 is the strictest; FLUX.2 ends at 5"),
            "output_format": Field("text", choices=("jpeg", "png", "webp"), doc="jpeg where nothing is said, for most models"),
        },
        "a picture from a prompt, or an edit of pictures",
        DOC,
        rules=(Rule(("width", "height", "model"), _multiple_of_16),),
        polling=Polling(1.5, 1.4, 10.0),
        open=True,
    ),
}
READY: Final = "ready"
FAILED_WORDS: Final[Mapping[str, str]] = {
    "error": "the task failed",
    "failed": "the task failed",
    "request moderated": "the request was moderated",
    "content moderated": "the picture was moderated",
    "task not found": "the vendor does not know the task (any more): results are kept for a short time only",
}
RUNNING_WORDS: Final = frozenset({"pending", "queued", "processing"})
STATUSES: Final[Table] = {402: Barred, 403: Barred}
_SECRETS: Final = (SecretHeader("x-key"),)

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """The one operation; no option changes it."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """24 tasks that are not done, as documented for most models; eight calls at once is our own courtesy."""
    return Limits(concurrent=8, queued=24)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/{model}` with the other params as JSON."""
    body = {name: _sent(name, value) for name, value in request.params.items() if name != "model"}
    return Call(
        "POST", f"{options['base_url']}/{segment(request.params['model'])}", "submit", secrets=_SECRETS, body=JsonBody(body)
    )


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET` the `polling_url`; for a mere id the older `get_result?id=`."""
    url = address_of(ticket, options, HOSTS) or f"{options['base_url']}/get_result?id={segment(ticket)}"
    return Call("GET", url, "poll", secrets=_SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The `polling_url` of a submit; for a poll the state, which also a 404 may name."""
    said = read_json(answer)
    if step == "poll" and answer.status in {*SUCCESSES, 404} and _word(said) in FAILED_WORDS:
        return Refused(f"{FAILED_WORDS[_word(said)]}{_details(said)}")
    if answer.status not in SUCCESSES:
        return _error(step, answer, said)
    if step == "submit":
        ticket = ticket_at(dig(said, "polling_url"), options, HOSTS) or ticket_of(dig(said, "id"))
        return Queued(ticket) if ticket else doubt(step, "a success without a polling_url and without an id")
    if not isinstance(said, dict):
        return Broken("a state that is no JSON object")
    return _state(said)


def _error(step: Step, answer: Answer, said: Any) -> Verdict:
    verdict = read_status(answer, step, message_of(said) or _details(said).removeprefix(": "), STATUSES)
    if isinstance(verdict, Busy) and verdict.after is None:
        return Busy(reset_after(answer.headers, "x-ratelimit-reset"), verdict.why)
    return verdict


def _sent(name: str, value: Json) -> Json | Asset:
    spec = OPERATIONS["generate"].fields.get(name)
    if spec is None or spec.kind != "image" or not isinstance(value, str):
        return asset_or_url(value)
    return asset_or_url(value) if "url" in spec.takes else Asset(value)


def _word(said: Any) -> str:
    state = dig(said, "status")
    return " ".join(state.replace("_", " ").split()).lower() if isinstance(state, str) else ""


def _state(said: Mapping[str, Any]) -> Verdict:
    word = _word(said)
    if word != READY:
        return Queued(SAME_TICKET) if word in RUNNING_WORDS else still_running(said.get("status"))
    link = link_of(dig(said, "result", "sample"))
    return Done((Link(link),)) if link else Broken("the task is Ready but names no picture")


def _details(said: Any) -> str:
    """What the vendor says of a failure, after a colon: `details`, `error`, or the reasons of its moderation; empty if nothing."""
    told = dig(said, "details") or dig(said, "error") or dig(said, "result") or dig(said, "detail")
    reasons = dig(told, "Moderation Reasons")
    text = ", ".join(map(str, reasons)) if isinstance(reasons, list) else told if isinstance(told, str) else message_of(said)
    return f": {clip(text)}" if text else ""
