"""OpenAI, and every server that speaks its API: chat and pictures, answered at once.

Documented by the vendor's API reference (platform.openai.com): `POST /chat/completions`, `/images/generations` and
`/images/edits`; `Authorization: Bearer`, and the headers of organization and project; finish reasons and usage; pictures as
`b64_json` (always, for GPT image models) or as `url` that lives for an hour. The OpenAI-compatible servers of vLLM and others take
further fields at the top of the body, need no key, and promise neither error codes nor rate headers.

A 200 is not yet a success: an answer that was cut (`length`), filtered, refused, or that calls a tool is charged for and of no use;
`Refused(billed=True)` says so. What is charged for and cannot be read at all is in doubt. No idempotency key is documented.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pybase64

from runner.fields import Field, Operation
from runner.providers import openai_batch
from runner.providers.contract import (
    SUCCESSES,
    Batching,
    Options,
    clip,
    dig,
    doubt,
    form_text,
    link_of,
    never_polled,
    read_json,
)
from runner.providers.openai_batch import SECRETS, headers_of
from runner.providers.openai_errors import read_error
from runner.providers.openai_fields import CHAT, EDIT, IMAGE
from runner.providers.tokens import LETTERS_A_TOKEN, estimate, letters
from runner.records import BLOB_SCHEME, Answer, Asset, Call, FormBody, Json, JsonBody, Limits, Part, Request, Step
from runner.verdicts import Done, Inline, Item, Link, Refused, Text, Verdict

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"
DOC = "https://platform.openai.com/docs/api-reference"
KEYS: Mapping[str, str] = {"key": "OPENAI_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset({"key"})
NEEDED_AT_HOME: frozenset[str] = frozenset({"key"})
"""Optional keys that the vendor itself asks for: at `BASE_URL` they are looked up though nobody names them, elsewhere never."""

_HEADER: Final = r"[!-~]+"
OPTIONS: Mapping[str, Field] = {
    "model": Field("text", least=1, doc="the model of a chat that names none"),
    "image_model": Field("text", least=1, doc="the model of a picture that names none"),
    "organization": Field("text", pattern=_HEADER, doc="sent as OpenAI-Organization"),
    "project": Field("text", pattern=_HEADER, doc="sent as OpenAI-Project"),
}
OPERATIONS: Mapping[str, Operation] = {"chat": CHAT, "image": IMAGE, "image-edit": EDIT}
BATCH: Batching = openai_batch.BATCH
PATHS: Final[Mapping[str, str]] = {"chat": "chat/completions", "image": "images/generations", "image-edit": "images/edits"}

DATA_URL: Final = "data:{type};base64,{data}"
SHORT: Final = frozenset({"prompt", "system", "images"})
JSON_FORMS: Final = frozenset({"json_object", "json_schema"})
SPOILT: Final[Mapping[str, str]] = {
    "length": "the answer was cut at its most tokens; raise max_tokens or max_completion_tokens",
    "content_filter": "the vendor's content filter left the answer out",
    "tool_calls": "the model calls a tool instead of answering; leave tools out",
    "function_call": "the model calls a function instead of answering; leave functions out",
}
"""Finish reasons that are no success, though they are charged for."""


def operations(options: Options) -> Mapping[str, Operation]:
    """The three operations; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """They differ by account and model and are told in headers only: eight calls at once is our own courtesy."""
    return Limits(concurrent=8)


def defaults(operation: str, options: Options) -> Mapping[str, Json]:
    """The account's model."""
    model = options.get("model" if operation == "chat" else "image_model")
    return {"model": model} if model else {}


def weigh(request: Request, options: Options) -> int:
    """About how many tokens the request uses up, in and out together."""
    if request.operation != "chat":
        return letters(request.params) // LETTERS_A_TOKEN
    return estimate(request.params, request.params.get("max_completion_tokens") or request.params.get("max_tokens"))


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/{path}`: JSON, for an edit multipart."""
    body = FormBody(tuple(_parts(request.params))) if request.operation == "image-edit" else JsonBody(body_of(request))
    return Call("POST", f"{options['base_url']}/{PATHS[request.operation]}", "submit", headers_of(options), SECRETS, body)


def poll(request: Request, ticket: str, options: Options) -> Call:
    """Of a request that went by batch, the ticket is the batch's id. Raises `ValueError` for what never does."""
    return BATCH.look(ticket, options) if request.operation in BATCH.ENDPOINTS else never_polled(request, ticket, options)


def body_of(request: Request) -> dict[str, object]:
    """The JSON of a chat or a picture, with our short forms written out and pictures of ours as assets."""
    if request.operation != "chat":
        return dict(request.params)
    body: dict[str, object] = {name: value for name, value in request.params.items() if name not in SHORT}
    messages = body.get("messages")
    if isinstance(messages, list | tuple):
        body["messages"] = [_message(message) for message in messages]
    else:
        body["messages"] = _messages(request.params)
    return body


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """A chat's answer is the text of its first choice; pictures are the entries of `data`."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return read_error(step, answer, said)
    if not isinstance(said, dict):
        return doubt(step, "a success that is no JSON object")
    if request.operation == "chat":
        return _read_chat(step, said, request)
    return _read_pictures(step, said, request)


def _read_chat(step: Step, said: dict[str, Any], request: Request) -> Verdict:
    choice = _map(dig(said, "choices", 0))
    message, reason = choice.get("message"), choice.get("finish_reason")
    told = _map(message)
    content = _text(told.get("content"))
    why = SPOILT.get(reason) if isinstance(reason, str) else None
    if why:
        return Refused(f"{why} (finish_reason {reason}{_so_far(content)})", billed=True)
    refusal = told.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        return Refused(f"the model refuses: {clip(refusal)}", billed=True)
    if not content.strip():
        if isinstance(message, dict) and isinstance(reason, str):
            return Refused(f"an empty answer (finish_reason {clip(reason, 60)})", billed=True)
        return doubt(step, "a success without an answer")
    form = request.params.get("response_format")
    if form is not None and dig(form, "type") in JSON_FORMS and not _is_json(content):
        return Refused(f"the answer is not the JSON that was asked for: {clip(content, 120)}", billed=True)
    return Done((Text(content),), used=_used(said))


def _map(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _so_far(content: str) -> str:
    return f", so far: {clip(content, 120)}" if content.strip() else ""


def _text(content: Any) -> str:
    """The text of an answer; some servers give it in pieces beside others, such as their reasoning."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (dig(piece, "text") for piece in content if dig(piece, "type") == "text")
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_pictures(step: Step, said: dict[str, Any], request: Request) -> Verdict:
    data = said.get("data")
    entries = data if isinstance(data, list) else []
    items = [item for item in map(_picture, entries) if item is not None]
    if not items:
        return doubt(step, "a success without a picture")
    asked = request.params.get("n", 1)
    note = f"{len(items)} of {asked} pictures" if isinstance(asked, int) and len(items) < asked else ""
    return Done(tuple(items), note, _used(said))


def _picture(entry: Any) -> Item | None:
    coded, link = dig(entry, "b64_json"), link_of(dig(entry, "url"))
    if isinstance(coded, str) and coded:
        try:
            data = pybase64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if data:
            return Inline(data)
    return Link(link) if link else None


def _used(said: Mapping[str, Any]) -> int:
    total = _map(said.get("usage")).get("total_tokens")
    return total if isinstance(total, int) and not isinstance(total, bool) and total > 0 else 0


def _messages(params: Mapping[str, Json]) -> list[dict[str, object]]:
    said: list[dict[str, object]] = [{"role": "system", "content": params["system"]}] if "system" in params else []
    content: object = params.get("prompt")
    pictures = params.get("images")
    if isinstance(pictures, list | tuple) and pictures:
        shown = [{"type": "image_url", "image_url": {"url": _address(picture)}} for picture in pictures]
        content = [{"type": "text", "text": content}, *shown]
    said.append({"role": "user", "content": content})
    return said


def _message(message: Json) -> object:
    """The message with pictures of ours as assets."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(message, Mapping) or not isinstance(content, list | tuple):
        return message
    return {**message, "content": [_content_part(part) for part in content]}


def _content_part(part: Json) -> object:
    shown = part.get("image_url") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(shown, Mapping):
        return part
    return {**part, "image_url": {**shown, "url": _address(shown.get("url"))}}


def _address(value: Json) -> object:
    ours = isinstance(value, str) and value.startswith(BLOB_SCHEME)
    return Asset(str(value), DATA_URL) if ours else value


def _parts(params: Mapping[str, Json]) -> Iterator[Part]:
    """The parts of an edit: pictures first, one as `image`, several as `image[]`; then the other fields in the order of names."""
    more = params.get("images")
    pictures = [params.get("image"), *(more if isinstance(more, list | tuple) else ())]
    name = "image" if len(pictures) == 1 else "image[]"
    yield from (Part(name, Asset(str(picture))) for picture in pictures)
    if "mask" in params:
        yield Part("mask", Asset(str(params["mask"])))
    yield from (Part(each, form_text(params[each])) for each in sorted(params) if each not in {"image", "images", "mask"})
