"""Vyro's Imagine API: pictures answered at once as bytes, videos queued for some ten to fifteen minutes.

Documented by the vendor (reference.imagine.art, docs.imagine.art, platform.imagine.art): every POST is multipart/form-data; the
bearer token; ai-background, text-to-image, text-to-png, generative-fill and text-to-video with their fields; three forms of the
video's status; the error codes. A picture's answer is raw bytes, although one page speaks of JSON holding the picture, so magic
bytes decide and such JSON is understood too.

A video's state is `video.status`, never the `status` beside it, which tells of the status call. It is done when
`video.url.generation` (a string or a list) names a link: the word was seen as finished, success and completed.

Assumed, because only third-party callers show it (fields marked `assumed`, operations `open` where other fields are unknown): the
paths and fields of remove-background, upscale, resize and retouch; `file` as the part of image-to-video; DELETE /video/{id}; 50
requests a minute. Statuses 503 (codes 1200 and 1201, "unavailable") are not said to mean "not accepted", so a submit is Lost there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.fields import Field, Operation
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    Word,
    dig,
    doubt,
    form_text,
    link_of,
    message_of,
    no_defaults,
    read_json,
    read_status,
    segment,
    still_running,
    ticket_of,
)
from runner.providers.pictures import PICTURE, inline_of
from runner.providers.vyro_fields import DOC as FIELDS_DOC
from runner.providers.vyro_fields import OPERATIONS
from runner.records import BLOB_SCHEME, Answer, Asset, Call, FormBody, Json, Limits, Part, Request, SecretHeader, Step, Window
from runner.verdicts import Barred, Broken, Busy, Done, Held, Item, Link, Lost, Queued, Refused, Verdict

NAME = "vyro"
BASE_URL = "https://api.vyro.ai/v2"
DOC = FIELDS_DOC
KEYS: Mapping[str, str] = {"key": "VYRO_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
STATUS_FORMS: Final[Mapping[str, str]] = {
    "video": "/video/{}/status",
    "deprecated": "/video/status/{}",
    "assets": "/assets/{}/status",
}
DELETE_FORMS: Final[Mapping[str, str]] = {"video": "/video/{}", "deprecated": "/video/delete/{}"}
OPTIONS: Mapping[str, Field] = {
    "status_form": Field(
        "text", default="video", choices=tuple(STATUS_FORMS), doc="which of the three documented status paths to ask"
    ),
    "delete_form": Field("text", default="video", choices=tuple(DELETE_FORMS), assumed=True, doc="which path deletes a video"),
    "resize_path": Field(
        "text", default="/image/edits/ai-resize", pattern=r"/[\w/.-]+", assumed=True, doc="seen at one third-party caller"
    ),
    "retouch_path": Field(
        "text", default="/image/edits/remove", pattern=r"/[\w/.-]+", assumed=True, doc="inferred from one caller"
    ),
    "video_image_part": Field(
        "text", default="file", choices=("file", "image"), assumed=True, doc="the part that carries image-to-video's picture"
    ),
}
PATHS: Final[Mapping[str, str]] = {
    "text-to-image": "/image/generations",
    "text-to-png": "/image/generations/transparent",
    "remove-background": "/image/background/remover",
    "upscale": "/image/enhance",
    "generative-fill": "/image/edits/generative-fill",
    "ai-background": "/image/generations/ai-background",
    "text-to-video": "/video/text-to-video",
    "image-to-video": "/video/image-to-video",
}
VIDEOS: Final = frozenset({"text-to-video", "image-to-video"})
FAILED: Final = frozenset({"error", "failed", "cancelled", "canceled", "rejected"})
FINISHED: Final = frozenset({"finished", "success", "completed", "complete"})
RUNNING: Final = frozenset({"queued", "generating", "running", "pending", "processing", "in_progress"})

STATUSES: Final[Table] = {402: Barred, 406: Barred, 424: Barred}
"""402 and (in the vendor's SDK) 424: out of tokens; 406: token expired (docs.imagine.art/troubleshooting/error-documentation)."""
CODES: Final[Mapping[int, Word]] = {
    **dict.fromkeys(range(1000, 1008), Barred),
    1100: Refused,
    1101: Barred,
    1200: Lost,
    1201: Lost,
    1202: Busy,
    1208: Barred,
}
"""The body's `code`: 1000-1007 and 1208 token, captcha, application, device or account not accepted; 1100 invalid request; 1101 out
of tokens; 1200 and 1201 unavailable; 1202 too many requests. Where the status is 400, only the code tells these apart."""
_SECRETS: Final = (SecretHeader("Authorization", form="Bearer {}"),)

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """The ten operations; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """50 a minute, as callers read it off the answers' headers; eight calls at once is our own courtesy."""
    return Limits((Window(50, 60.0),), concurrent=8)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}{path}` with the params as multipart parts, in the order the operation lists its fields."""
    path = PATHS.get(request.operation) or options[f"{request.operation}_path"]
    url = f"{options['base_url']}{path}"
    return Call(
        "POST",
        url,
        "submit",
        secrets=_SECRETS,
        body=FormBody(tuple(_parts(request, options))),
        sink="memory" if request.operation in VIDEOS else "blob",
    )


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET` one of the three status forms (reference.imagine.art/api-15835197, /api-14871309; platform.imagine.art)."""
    path = STATUS_FORMS[str(options["status_form"])].format(segment(ticket))
    return Call("GET", f"{options['base_url']}{path}", "poll", secrets=_SECRETS)


def cancel(request: Request, ticket: str, options: Options) -> Call:
    """`DELETE` a video at the vendor. Never automatic: only a person's order may call it.

    The deprecated path is documented (docs.imagine.art/video-generation-apis/delete-api); the current one is an assumption.
    """
    path = DELETE_FORMS[str(options["delete_form"])].format(segment(ticket))
    return Call("DELETE", f"{options['base_url']}{path}", "poll", secrets=_SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """Bytes or a ticket for a submit, the video's state for a poll; errors by the body's code, then by the status."""
    if answer.status not in SUCCESSES:
        return _error(step, answer, read_json(answer))
    if step == "poll":
        return _video(answer)
    if request.operation in VIDEOS:
        ticket = ticket_of(dig(read_json(answer), "id"))
        return Queued(ticket) if ticket else doubt(step, "a success without an id")
    return _picture(step, answer)


def _parts(request: Request, options: Options) -> Iterator[Part]:
    fields = OPERATIONS[request.operation].fields
    known = [name for name in fields if name in request.params]
    for name in (*known, *sorted(request.params.keys() - fields.keys())):
        value = request.params[name]
        if value is None:
            continue
        image = name in fields and fields[name].kind == "image"
        part = str(options["video_image_part"]) if name == "file" else name
        yield Part(part, Asset(str(value)) if image or _is_blob(value) else form_text(value))


def _is_blob(value: Json) -> bool:
    return isinstance(value, str) and value.startswith(BLOB_SCHEME)


def _error(step: Step, answer: Answer, said: Any) -> Verdict:
    """A documented code speaks for a 4xx; a 5xx stays in doubt whatever its body says."""
    word = CODES.get(_code(said)) if 400 <= answer.status < 500 else None
    return read_status(answer, step, message_of(said), {**STATUSES, answer.status: word} if word else STATUSES)


def _code(said: Any) -> int:
    code = dig(said, "code")
    return code if isinstance(code, int) else -1


def _picture(step: Step, answer: Answer) -> Verdict:
    """The answer's own bytes if they begin as a picture (or are declared one: decoding will tell), else JSON that holds one."""
    declared = answer.headers.get("content-type", "").lower().startswith("image/")
    if answer.blob is not None and answer.blob.size and (PICTURE.match(answer.body) or declared):
        return Done((Held(answer.blob),))
    said = read_json(answer)
    items = [_inside(dig(said, *path)) for path in (("url",), ("image",), ("data", "url"), ("data", "image"))]
    found = next((item for item in items if item), None)
    return Done((found,)) if found else doubt(step, f"a success that is no picture {message_of(said)}".rstrip())


def _inside(value: Any) -> Item | None:
    """A picture named or held by JSON: an absolute URL, or base64 (with or without a `data:` prefix) that begins as a picture."""
    link = link_of(value)
    return Link(link) if link else inline_of(value)


def _video(answer: Answer) -> Verdict:
    said = read_json(answer)
    if not isinstance(said, dict):
        return Broken("a status that is no JSON object")
    state = dig(said, "video", "status")
    word = state.strip().lower() if isinstance(state, str) else ""
    if word in FAILED:
        return Refused(f"the video {word}: {message_of(dig(said, 'video')) or message_of(said) or 'no reason given'}")
    found = dig(said, "video", "url", "generation")
    links = [link for link in map(link_of, found if isinstance(found, list) else [found]) if link]
    if links:
        return Done(tuple(map(Link, links)))
    if said.get("error"):
        return _told_error(answer, said)
    if word in FINISHED:
        return Broken(f"the video is {word} but names no link yet")
    return Queued(SAME_TICKET) if word in RUNNING else still_running(word or state)


def _told_error(answer: Answer, said: Mapping[str, Any]) -> Verdict:
    """A top-level `error` inside a 200: a documented code tells of the status call, anything else of the video."""
    word = CODES.get(_code(said))
    if word is None:
        return Refused(f"the video failed: {message_of(said) or 'no reason given'}")
    return read_status(answer, "poll", message_of(said), {answer.status: word})
