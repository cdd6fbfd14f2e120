"""Replicate: any hosted model, queued as a prediction; pictures and videos come back as links that live for an hour.

Documented by the vendor (replicate.com/docs, api.replicate.com/openapi.json): the bearer token; a submit per official model, per
version or per deployment; `urls.get` to ask again; six states; the limit of 600 submits and 3,000 other calls a minute, and its
429 that says in words when it is over; the removal of input and output after an hour, after which a prediction is still
`succeeded` with a null `output` and `data_removed`.

Decided here: every prediction is asynchronous (no `Prefer: wait`), so that a ticket is journaled before anything else can happen.
`output` is a link, a list or an object, as the model likes; every link in it is a file of the result, in its order. A language
model gives its text whole or in pieces; which of the two is wanted, the operation says. Files are downloaded without the token:
they lie on another host (replicate.delivery), which serves them to whoever knows the link. A picture
of ours travels as a data URI, which the vendor advises for small files only (up to 256 KB); a larger one is better named by a URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling, Rule
from runner.providers.addresses import address_of, ticket_at
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    clip,
    dig,
    doubt,
    message_of,
    no_defaults,
    read_json,
    read_status,
    seconds_of,
    segment,
    still_running,
    ticket_of,
)
from runner.providers.pictures import DATA_URI, item_of, texts_in, with_assets
from runner.records import Answer, Call, Json, JsonBody, Limits, Request, SecretHeader, Step, Window
from runner.verdicts import Barred, Broken, Busy, Done, Lost, Queued, Refused, Text, Verdict

NAME = "replicate"
BASE_URL = "https://api.replicate.com/v1"
HOSTS = ("api.replicate.com",)
DOC = "https://replicate.com/docs/reference/http"
KEYS: Mapping[str, str] = {"key": "REPLICATE_API_TOKEN"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {
    "cancel_after": Field(
        "text",
        nullable=True,
        pattern=r"[0-9]+(?:s|m|h)",
        doc="sent as Cancel-After, such as 10m: what has not ended by then is aborted (never ran, not billed) or canceled",
    ),
}

_NAMED: Final = r"[\w-][\w.-]*/[\w-][\w.-]*"
_PICTURE: Final = Field("image", takes=("url", "base64"), doc="a picture: a URL, a path of the project, or an earlier step's file")
_PICTURES: Final = Field("list", item=_PICTURE, doc="pictures: URLs, paths of the project, or earlier steps' files")
WAYS: Final = ("model", "version", "deployment")


def _one_way(params: Mapping[str, Json]) -> str | None:
    given = [way for way in WAYS if params.get(way) is not None]
    return None if len(given) == 1 else f"needs exactly one of {', '.join(WAYS)}; got {' and '.join(given) or 'none'}"


_FIELDS: Final[Mapping[str, Field]] = {
    "model": Field("text", pattern=_NAMED, doc="an official model, owner/name"),
    "version": Field("text", pattern=rf"(?:{_NAMED}:)?[0-9a-f]{{64}}", doc="a version of any model: its id, or owner/name:id"),
    "deployment": Field("text", pattern=_NAMED, doc="a deployment of your own, owner/name"),
    "input": Field(
        "map",
        required=True,
        fields={
            **dict.fromkeys(("image", "input_image", "mask", "control_image", "style_image"), _PICTURE),
            **dict.fromkeys(("image_input", "input_images", "reference_images"), _PICTURES),
        },
        open_fields=True,
        doc="the model's own input; its page lists the fields",
    ),
}
_CREATE: Final = "https://replicate.com/docs/topics/predictions/create-a-prediction"
_QUEUED: Final[dict[str, Any]] = {"rules": (Rule(WAYS, _one_way),), "polling": Polling(2.0, 1.5, 15.0), "deadline": 2400.0}

OPERATIONS: Mapping[str, Operation] = {
    "predict": Operation("predict", "files", _FIELDS, "pictures or videos that a model makes of its input", _CREATE, **_QUEUED),
    "text": Operation("text", "text", _FIELDS, "copy that a language model writes", _CREATE, **_QUEUED),
}
DONE_WORDS: Final = frozenset({"succeeded"})
FAILED_WORDS: Final[Mapping[str, str]] = {
    "failed": "the prediction failed",
    "canceled": "the prediction was canceled while it ran",
    "aborted": "the prediction was aborted before it ran, and not billed",
}
RUNNING_WORDS: Final = frozenset({"starting", "processing", "queued"})
REMOVED: Final = "the prediction succeeded, but its output is gone: the vendor removes it after an hour"
STATUSES: Final[Table] = {402: Barred, 403: Barred}
RESETS: Final = re.compile(r"resets in ~?\s*([0-9]+(?:\.[0-9]+)?)\s*s")
"""How a 429 says in words when it is over: `… resets in ~30s.` (replicate.com/docs/topics/predictions/rate-limits)."""
_SECRETS: Final = (SecretHeader("Authorization", form="Bearer {}"),)

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """Files or text; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """600 submits a minute (the 3,000 polls a minute are never reached); sixteen calls at once is our own courtesy."""
    return Limits((Window(600, 60.0),), concurrent=16, polls_count=False)


def submit(request: Request, options: Options) -> Call:
    """`POST …/predictions` of the model, of the deployment, or with a version; `input` carries pictures of ours as data URIs."""
    body: dict[str, Any] = {"input": with_assets(request.params["input"], DATA_URI)}
    path = ""
    for kind in ("model", "deployment"):
        if request.params.get(kind) is not None:
            path = f"/{kind}s/{'/'.join(map(segment, str(request.params[kind]).split('/')))}"
    if not path:
        body["version"] = request.params["version"]
    headers = (("Cancel-After", str(options["cancel_after"])),) if options.get("cancel_after") else ()
    return Call(
        "POST", f"{options['base_url']}{path}/predictions", "submit", headers=headers, secrets=_SECRETS, body=JsonBody(body)
    )


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET` what `urls.get` named, or a prediction by its id."""
    url = address_of(ticket, options, HOSTS) or f"{options['base_url']}/predictions/{segment(ticket)}"
    return Call("GET", url, "poll", secrets=_SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The state of the prediction, for a submit as for a poll; errors by their status, a wait also by its words."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return _error(step, answer, message_of(said))
    if not isinstance(said, dict):
        return doubt(step, "a success that is no JSON object")
    ticket = ticket_at(dig(said, "urls", "get"), options, HOSTS) or ticket_of(said.get("id"))
    if step == "submit" and ticket is None:
        return Lost("a success without urls.get and without an id")
    verdict = _state(said, request.operation)
    if step == "submit":
        return Queued(str(ticket), note=verdict.note) if isinstance(verdict, Queued) else verdict
    return verdict


def _error(step: Step, answer: Answer, message: str) -> Verdict:
    verdict = read_status(answer, step, message, STATUSES)
    told = RESETS.search(message)
    if isinstance(verdict, Busy) and verdict.after is None and told:
        return Busy(seconds_of(told[1]), verdict.why)
    return verdict


def _state(said: Mapping[str, Any], operation: str) -> Verdict:
    state = said.get("status")
    word = state.strip().lower() if isinstance(state, str) else ""
    if word in FAILED_WORDS:
        return Refused(f"{FAILED_WORDS[word]}: {message_of(said) or 'no reason given'}")
    if word in DONE_WORDS:
        return _result(said, operation)
    return Queued(SAME_TICKET) if word in RUNNING_WORDS else still_running(word or state)


def _result(said: Mapping[str, Any], operation: str) -> Verdict:
    output = said.get("output")
    if said.get("data_removed") is True or ("output" in said and output is None):
        return Refused(REMOVED)
    if operation == "text" and "output" in said:
        return _written(output)
    items = tuple(item for item in map(item_of, texts_in(output)) if item)
    if items:
        return Done(items)
    if "output" not in said:
        return Broken("the prediction succeeded but there is no output yet")
    return Refused(f"the prediction succeeded, but its output names no file: {clip(output, 120) or 'it is empty'}")


def _written(output: Any) -> Verdict:
    """The text of a language model, whole or in pieces."""
    pieces = output if isinstance(output, list) else [output]
    text = "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else ""
    return (
        Done((Text(text),))
        if text.strip()
        else Refused(f"the prediction succeeded, but its output is no text: {clip(output, 120)}")
    )
