"""Stability AI's Stable Image (v2beta): pictures answered at once, and a few slow ones queued and asked for by their id.

Documented by the vendor (platform.stability.ai/docs/api-reference): the bearer token; multipart/form-data for every POST, also
without a file; JSON that holds the picture in base64 beside `finish_reason` where `Accept` asks for it; `{"id": …}` for the slow
operations, whose result is at `/results/{id}`: 202 while it is made and 200 when it is there, to be asked for every ten seconds
and kept for a day; 403 for what its moderation refuses; 150 requests in ten seconds.

JSON is asked for because only there the reason is documented: a success of CONTENT_FILTERED is no result. A picture's own bytes are
understood too, with the reason in a header of that name. Which operations are queued is told by the answer, so each may be: the
documents list the creative upscale and the new background "and others". Whether a filtered picture is charged for they do not
say: it is told as refused. `open` operations pass on fields that the pages seen do not
list. The picture of `edit-replace-background-and-relight` is `subject_image` or `image`: sources disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling, Rule
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    clip,
    dig,
    doubt,
    form_text,
    message_of,
    no_defaults,
    read_json,
    read_status,
    segment,
    ticket_of,
)
from runner.providers.pictures import BLOB, PICTURE, inline_of
from runner.records import Answer, Asset, Call, FormBody, Json, Limits, Part, Request, SecretHeader, Step, Window
from runner.verdicts import Barred, Done, Held, Inline, Lost, Queued, Refused, Verdict

NAME = "stability"
BASE_URL = "https://api.stability.ai/v2beta"
DOC = "https://platform.stability.ai/docs/api-reference"
KEYS: Mapping[str, str] = {"key": "STABILITY_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {}

RATIOS: Final = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
SD3_MODELS: Final = ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3", "sd3-turbo")
STYLES: Final = (
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric"),
    *("line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture"),
)


def _text(doc: str, required: bool = False) -> Field:
    return Field("text", required=required, least=1, most=10_000, doc=doc)


def _picture(doc: str, required: bool = True) -> Field:
    return Field("image", required=required, takes=("part",), doc=doc)


_PROMPT: Final = _text("what the picture shows", required=True)
_NEGATIVE: Final = _text("what it must not show")
_SEED: Final = Field("integer", low=0, high=4_294_967_294, default=0, doc="the same seed makes a similar picture; 0 is by chance")
_RATIO: Final = Field("text", choices=RATIOS, default="1:1", doc="aspect ratio")
_FORMAT: Final = Field("text", choices=("png", "jpeg", "webp"), default="png", doc="the file's format")
_STYLE: Final = Field("text", choices=STYLES, open_choices=True, doc="a style to lean to")
_IMAGE: Final = _picture("the picture, sent as a file")
_MASK: Final = _picture("white is changed, black is kept; where it is missing, the picture's transparency says so", required=False)
_SIDE: Final = Field("integer", low=0, high=2000, doc="pixels to add on this side")
_ENDS: Final[Mapping[str, Field]] = {"negative_prompt": _NEGATIVE, "seed": _SEED, "output_format": _FORMAT}


def _sides(params: Mapping[str, Json]) -> str | None:
    return None if any(params.get(side) for side in SIDES) else f"nothing to extend; give at least one of {', '.join(SIDES)}"


def _subject(params: Mapping[str, Json]) -> str | None:
    return None if params.get("subject_image") or params.get("image") else "needs subject_image"


def _strength(params: Mapping[str, Json]) -> str | None:
    return "image goes with strength, how freely it is changed" if params.get("image") and params.get("strength") is None else None


SIDES: Final = ("left", "right", "up", "down")
PATHS: Final[Mapping[str, str]] = {
    **{name: f"/stable-image/generate/{name}" for name in ("core", "ultra", "sd3")},
    **{f"upscale-{name}": f"/stable-image/upscale/{name}" for name in ("fast", "conservative", "creative")},
    **{
        f"edit-{name}": f"/stable-image/edit/{name}"
        for name in (
            *("erase", "inpaint", "outpaint", "search-and-replace", "search-and-recolor", "remove-background"),
            "replace-background-and-relight",
        )
    },
}


def _operation(
    name: str, summary: str, fields: Mapping[str, Field], rules: tuple[Rule, ...] = (), *, closed: bool = False
) -> Operation:
    return Operation(name, "file", fields, summary, DOC, rules, Polling(10.0, 1.0, 10.0), 900.0, open=not closed)


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        _operation(
            "core",
            "a picture from a prompt, fast and cheap",
            {"prompt": _PROMPT, "aspect_ratio": _RATIO, "style_preset": _STYLE, **_ENDS},
            closed=True,
        ),
        _operation("ultra", "a picture from a prompt, the best there is", {"prompt": _PROMPT, "aspect_ratio": _RATIO, **_ENDS}),
        _operation(
            "sd3",
            "a picture from a prompt or a picture, by Stable Diffusion 3",
            {
                "prompt": _PROMPT,
                "model": Field("text", choices=SD3_MODELS, open_choices=True, default="sd3.5-large", doc="the model"),
                "mode": Field("text", choices=("text-to-image", "image-to-image"), default="text-to-image", doc="how it works"),
                "image": _picture("the picture to begin with, for image-to-image", required=False),
                "strength": Field("number", low=0, high=1, doc="0 keeps the picture, 1 forgets it; for image-to-image"),
                "aspect_ratio": Field("text", choices=RATIOS, default="1:1", doc="for text-to-image only"),
                **_ENDS,
            },
            (Rule(("image", "strength"), _strength),),
        ),
        _operation("upscale-fast", "a picture four times as large, in seconds", {"image": _IMAGE, "output_format": _FORMAT}),
        _operation("upscale-conservative", "a picture enlarged and otherwise kept", {"image": _IMAGE, "prompt": _PROMPT, **_ENDS}),
        _operation("upscale-creative", "a poor picture made anew and large", {"image": _IMAGE, "prompt": _PROMPT, **_ENDS}),
        _operation(
            "edit-erase",
            "removes the masked part of a picture",
            {"image": _IMAGE, "mask": _MASK, "seed": _SEED, "output_format": _FORMAT},
        ),
        _operation(
            "edit-inpaint", "paints the masked part of a picture anew", {"image": _IMAGE, "mask": _MASK, "prompt": _PROMPT, **_ENDS}
        ),
        _operation(
            "edit-outpaint",
            "extends a picture beyond its edges",
            {
                "image": _IMAGE,
                **dict.fromkeys(SIDES, _SIDE),
                "prompt": _text("what the new parts show"),
                "seed": _SEED,
                "output_format": _FORMAT,
            },
            (Rule(SIDES, _sides),),
        ),
        _operation(
            "edit-search-and-replace",
            "puts something else in the place of a thing named",
            {"image": _IMAGE, "search_prompt": _text("the thing to replace", required=True), "prompt": _PROMPT, **_ENDS},
        ),
        _operation(
            "edit-search-and-recolor",
            "gives a thing named another colour",
            {"image": _IMAGE, "select_prompt": _text("the thing to recolour", required=True), "prompt": _PROMPT, **_ENDS},
        ),
        _operation(
            "edit-remove-background",
            "removes the background of a picture",
            {"image": _IMAGE, "output_format": Field("text", choices=("png", "webp"), default="png", doc="the file's format")},
        ),
        _operation(
            "edit-replace-background-and-relight",
            "puts a picture's subject before another background, in its light",
            {
                "subject_image": _picture("the picture whose background is replaced", required=False),
                "image": _picture("the same, as one source calls it", required=False),
                "background_prompt": _text("the new background and its light"),
                "foreground_prompt": _text("changes to the subject"),
                **_ENDS,
            },
            (Rule(("subject_image", "image"), _subject),),
        ),
    )
}
FILTERED: Final = "CONTENT_FILTERED"
GONE: Final = (
    "the vendor no longer has the result, which it keeps for a day, or gives it to the key that asked for it only: the job was "
    "accepted and is paid for; with that key `adbatch resolve --as billed` has it asked for once more, `--as again` buys it again"
)
STATUSES: Final[Table] = {402: Barred, 403: Refused}
_SECRETS: Final = (SecretHeader("Authorization", form="Bearer {}"),)
_JSON: Final = (("Accept", "application/json"),)

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """The thirteen operations; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """150 requests in ten seconds, polls included; sixteen calls at once is our own courtesy."""
    return Limits((Window(150, 10.0),), concurrent=16)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/stable-image/…` with the params as multipart parts, in the order the operation lists its fields."""
    body = FormBody(tuple(_parts(request)))
    return Call("POST", f"{options['base_url']}{PATHS[request.operation]}", "submit", _JSON, _SECRETS, body)


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET {base_url}/results/{id}`."""
    return Call("GET", f"{options['base_url']}/results/{segment(ticket)}", "poll", _JSON, _SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """A picture, or for a submit the id to ask for; 202 to a poll means not yet."""
    if answer.status not in SUCCESSES:
        return _error(step, answer)
    if step == "poll" and answer.status == 202:
        return Queued(SAME_TICKET)
    if PICTURE.match(answer.body):
        reason = answer.headers.get("finish-reason", "")
        return _filtered() if reason.upper() == FILTERED else Done((Held(answer.blob) if answer.blob else Inline(answer.body),))
    said = read_json(answer)
    if dig(said, "finish_reason") == FILTERED:
        return _filtered()
    items = [item for item in (inline_of(dig(said, name)) for name in ("image", "result", "video")) if item]
    if items:
        return Done((items[0],))
    ticket = ticket_of(dig(said, "id")) if step == "submit" and not dig(said, "errors") else None
    return Queued(ticket) if ticket else doubt(step, f"a success without a picture {_message(said)}".rstrip())


def _parts(request: Request) -> Iterator[Part]:
    fields = OPERATIONS[request.operation].fields
    known = [name for name in fields if name in request.params]
    for name in (*known, *sorted(request.params.keys() - fields.keys())):
        value = request.params[name]
        if value is None:
            continue
        image = name in fields and fields[name].kind == "image"
        yield Part(name, Asset(str(value)) if image or (isinstance(value, str) and BLOB.fullmatch(value)) else form_text(value))


def _filtered() -> Refused:
    return Refused(f"{FILTERED}: the vendor's moderation keeps the picture back")


def _error(step: Step, answer: Answer) -> Verdict:
    """By its status; for a poll only a word of the moderation, or that there is no such result any more, ends the job."""
    said = read_json(answer)
    message = _message(said)
    if step == "poll" and answer.status == 403 and dig(said, "name") == "content_moderation":
        return Refused(f"403: {message}")
    if step == "poll" and answer.status == 404 and dig(said, "name") == "not_found":
        return Lost(GONE, final=True)
    return read_status(answer, step, message, STATUSES)


def _message(said: Any) -> str:
    """What an error says: `errors`, else `message`, with its `name` before it."""
    errors, name = dig(said, "errors"), dig(said, "name")
    text = "; ".join(map(str, errors)) if isinstance(errors, list) else message_of(said)
    return clip(": ".join(part for part in (name if isinstance(name, str) else "", text) if part))
