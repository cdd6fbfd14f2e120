"""Jivox GenAI: pictures and copy, answered at once as JSON that holds `imageUrl` or `text`.

Documented by the vendor: the five endpoints below `/v2/accounts/:accountId`, their fields and sample answers ("Image & Text
generation"), and the header `jvx_apikey` ("API Requests & Responses"). The host differs per customer, so `base_url` may be set.

Assumed, because the documents are silent: errors follow the ordinary meaning of HTTP statuses; base64 pictures carry no `data:`
prefix (`image_prefix` adds one); there are no documented limits, so eight calls at once is our own courtesy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.fields import Field, Operation
from runner.providers.contract import (
    SUCCESSES,
    Options,
    asset_or_url,
    dig,
    doubt,
    link_of,
    message_of,
    never_polled,
    no_defaults,
    read_json,
    read_status,
    segment,
)
from runner.records import Answer, Call, JsonBody, Limits, Request, SecretHeader, Step
from runner.verdicts import Done, Link, Text, Verdict

NAME = "jivox"
BASE_URL = "https://jivoxapis.api.jivox.com/v2"
DOC = "https://apidocs.jivox.com/jivox-api-documentation"
KEYS: Mapping[str, str] = {"key": "JIVOX_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {
    "account": Field("text", required=True, least=1, doc="the account's id: accounts[].accountId of GET /v2/accounts"),
    "image_prefix": Field(
        "text", default="", assumed=True, doc="put before the base64 of a picture, such as data:image/png;base64,"
    ),
}

_PROMPT: Final = Field("text", required=True, least=1, doc="text prompt for the generation")
_IMAGE: Final = Field("image", required=True, takes=("url", "base64"), doc="image URL or base64-encoded image data")
_WIDTH: Final = Field("integer", required=True, low=1, doc="width of the picture in pixels")
_HEIGHT: Final = Field("integer", required=True, low=1, doc="height of the picture in pixels")
_HINT: Final = Field("text", doc="hint to guide the fill")

OPERATIONS: Mapping[str, Operation] = {
    "image": Operation(
        "image", "file", {"prompt": _PROMPT, "width": _WIDTH, "height": _HEIGHT}, "a picture from a prompt, at the asked size", DOC
    ),
    "text": Operation("text", "text", {"prompt": _PROMPT}, "copy from a prompt", DOC),
    "outpaint": Operation(
        "outpaint",
        "file",
        {"image": _IMAGE, "width": _WIDTH, "height": _HEIGHT, "prompt": _HINT},
        "extends or fills a picture to the asked size",
        DOC,
    ),
    "remove-background": Operation("remove-background", "file", {"image": _IMAGE}, "removes the background of a picture", DOC),
    "trim": Operation("trim", "file", {"image": _IMAGE}, "trims the padding of a picture and removes its background", DOC),
}
PATHS: Final[Mapping[str, str]] = {
    "image": "imageGen",
    "text": "textGen",
    "outpaint": "outpaint",
    "remove-background": "removeBg",
    "trim": "trimRemoveBg",
}

defaults = no_defaults
poll = never_polled


def operations(options: Options) -> Mapping[str, Operation]:
    """The five operations; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """None are documented: eight calls at once."""
    return Limits(concurrent=8)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/accounts/{account}/{endpoint}` with the params as JSON."""
    body = {name: asset_or_url(value) if name == "image" else value for name, value in request.params.items()}
    return Call(
        "POST",
        f"{options['base_url']}/accounts/{segment(options['account'])}/{PATHS[request.operation]}",
        "submit",
        headers=(("Accept", "application/json"),),
        secrets=(SecretHeader("jvx_apikey"),),
        body=JsonBody(body, str(options["image_prefix"])),
    )


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """A success holds `imageUrl` (an absolute URL) or a non-empty `text`; without it nobody can tell what was bought."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return read_status(answer, step, message_of(said), {})
    if request.operation == "text":
        text = dig(said, "text")
        return Done((Text(text),)) if isinstance(text, str) and text.strip() else doubt(step, "a success without text")
    link = link_of(dig(said, "imageUrl"))
    return Done((Link(link),)) if link else doubt(step, "a success without a usable imageUrl")
