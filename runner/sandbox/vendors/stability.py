"""Stability's v2beta pictures, as its API reference has them.

Every order is a multipart form, even one without a file. Most are answered at once: with the picture's bytes, or with JSON where
`Accept` says so. A few answer with an id; its result is 202 while it is made and 200 when it is there, and is kept for a day. A
picture that the content filter blurred is a success too: only `finish_reason` tells.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from runner.sandbox.dice import fingerprint
from runner.sandbox.easel import FORMATS, order, paint
from runner.sandbox.intake import Ask, Fields, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.pictures import fit_ratio, open_picture
from runner.sandbox.vendor import Job, Linked, Poll, State, Submit, Trouble, Vendor

PREFIX: Final = "/stability/v2beta"
RATIOS: Final = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
ACCEPTED: Final = ("image/*", "application/json", "*/*")
DAY: Final = 86400.0
LONG_SIDE: Final = 1024
NAMES: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "content_moderation",
    404: "not_found",
    413: "payload_too_large",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
}
Params = Mapping[str, Any]
Read = Callable[[Ask, Pictures], dict[str, Any]]


def _say(status: int, *errors: str) -> Reply:
    name = NAMES.get(status, "internal_error" if status >= 500 else "refused")
    return write_json(status, {"id": fingerprint(status, *errors).hex()[:32], "name": name, "errors": errors})


def admit(ask: Ask, key: str) -> None:
    """A bearer token."""
    if not hmac.compare_digest(ask.headers.get("authorization", "").encode(), f"Bearer {key}".encode()):
        raise Refusal(_say(401, "authorization: is missing or invalid"))


def wrong(name: str, message: str) -> Reply:
    """400 with the field and what is wrong."""
    return _say(400, f"{name}: {message}" if name else message)


def trouble(kind: Trouble, status: int) -> Reply:
    """Pace, credits, and what is refused or broken."""
    if kind in {"busy", "queue_full"}:
        return _say(429, "You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out.")
    if kind in {"no_credits", "no_credit"}:
        return _say(402, "You lack sufficient credits to make this request. Purchase more credits and try again.")
    if kind == "broken":
        return _say(status, "An unexpected server error has occurred, please try again later.")
    words = (
        "The request was refused: it was flagged by our content moderation system" if status == 403 else "The request was refused"
    )
    return _say(status, words)


def _fields(ask: Ask) -> Fields:
    if ask.headers.get("accept", "*/*").split(",")[0].split(";")[0].strip() not in ACCEPTED:
        raise Wrong("accept", "must be image/* or application/json")
    return Fields(ask.multipart(), textual=True)


def _image(fields: Fields, pictures: Pictures, name: str, *, required: bool = True) -> str | None:
    value = fields.raw(name, required=required)
    if value is not None and not isinstance(value, bytes):
        fields.refuse(name, "must be a file")
    return None if value is None else pictures.take(name, value)


def _close(fields: Fields, **params: Any) -> dict[str, Any]:
    """What every form has, with `params`; then nothing else may be in it."""
    prompt = fields.text("prompt", required=params.pop("worded", False))
    if prompt is not None and len(prompt) > 10_000:
        fields.refuse("prompt", "cannot exceed 10000 characters")
    params = order(
        params.pop("task", "draw"),
        prompt,
        seed=fields.whole("seed", low=0, high=4_294_967_294),
        format=fields.choice("output_format", FORMATS, default="png"),
        negative=fields.text("negative_prompt"),
        style=fields.text("style_preset"),
        **params,
    )
    fields.close()
    return params


def read_generate(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """generate/ultra, core and sd3: words, and for some a picture with its `strength`."""
    fields = _fields(ask)
    image = _image(fields, pictures, "image", required=False)
    strength = fields.number("strength", low=0, high=1)
    if image is not None and strength is None:
        fields.refuse("strength", "is required when an image is given")
    mode, model = fields.text("mode"), fields.text("model")
    fields.number("cfg_scale", low=1, high=10)
    ratio = fields.choice("aspect_ratio", RATIOS, default="1:1") or "1:1"
    size = None if image else fit_ratio(ratio, LONG_SIDE)
    return _close(fields, worded=True, images=[image] if image else [], size=size, strength=strength, mode=mode, model=model)


def _read_edit(task: str, *, worded: bool, more: Sequence[str] = ()) -> Read:
    """An edit: a picture, maybe a mask, and texts of its own."""

    def read(ask: Ask, pictures: Pictures) -> dict[str, Any]:
        fields = _fields(ask)
        image, mask = _image(fields, pictures, "image"), _image(fields, pictures, "mask", required=False)
        own = {name: fields.text(name, required=True) for name in more}
        for name in ("grow_mask", "creativity", "strength"):
            fields.number(name, low=0, high=100)
        return _close(fields, task=task, worded=worded, images=[image], mask=mask, **own)

    return read


def read_outpaint(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """edit/outpaint: a picture and how many pixels to add on each side, at least one of them."""
    fields = _fields(ask)
    image = _image(fields, pictures, "image") or ""
    sides = {name: fields.whole(name, low=0, high=2000) or 0 for name in ("left", "right", "up", "down")}
    if not any(sides.values()):
        fields.refuse("left", "at least one of left, right, up, down must be more than 0")
    fields.number("creativity", low=0, high=1)
    width, height = open_picture(image, pictures.held).size
    size = (width + sides["left"] + sides["right"], height + sides["up"] + sides["down"])
    return _close(fields, task="extend", images=[image], size=size, **sides)


def read_relight(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """edit/replace-background-and-relight: a subject (some call it `image`), and a background in words or as a picture."""
    fields = _fields(ask)
    image = _image(fields, pictures, "image" if "image" in fields.names() else "subject_image")
    reference = _image(fields, pictures, "background_reference", required=False)
    background = fields.text("background_prompt", required=reference is None)
    for name in ("foreground_prompt", "light_source_direction", "keep_original_background"):
        fields.text(name)
    for name in ("preserve_original_subject", "original_background_depth", "light_source_strength"):
        fields.number(name, low=0, high=1)
    params = _close(fields, images=[image], reference=reference)
    return {**params, "prompt": background or params["prompt"]}


def _seed(job: Job) -> int:
    return int(job.params.get("seed") or int.from_bytes(fingerprint(job.digest, "seed")[:4], "big") % 4_294_967_294)


def _answer(job: Job, results: Sequence[Linked], reason: str) -> Reply:
    """The picture as bytes, or in JSON where that was asked for."""
    made = results[0].made
    if "application/json" in job.accept:
        picture = base64.b64encode(made.data).decode()
        return write_json(200, {"image": picture, "finish_reason": reason, "seed": _seed(job)})
    return Reply(200, made.data, made.media_type, (("finish-reason", reason), ("seed", str(_seed(job)))))


def answer(job: Job, results: Sequence[Linked]) -> Reply:
    """A picture."""
    return _answer(job, results, "SUCCESS")


def answer_filtered(job: Job, results: Sequence[Linked]) -> Reply:
    """A picture nobody can use, with 200."""
    return _answer(job, results, "CONTENT_FILTERED")


def accept(job: Job) -> Reply:
    """The id to ask with."""
    return write_json(200, {"id": job.ticket})


def show(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """202 while it is made, 200 with the result, 403 where the moderation ended it: the only failure that a document names."""
    if state in {"pending", "processing", "unknown"}:
        return write_json(202, {"id": job.ticket, "status": "archiving" if state == "unknown" else "in-progress"})
    if state == "failed":
        return trouble("refused", 403)
    if state == "expired":
        return MISSING
    return _answer(job, results, "SUCCESS" if state == "done" else "CONTENT_FILTERED")


def _find(ask: Ask) -> str:
    return ask.path["id"]


def _once(path: str, read: Read, price: float) -> Submit:
    return replace(_queued(path, read, price), answer=answer, accept=None, filtered=answer_filtered, linked=False)


def _queued(path: str, read: Read, price: float) -> Submit:
    return Submit(path, f"stable-image/{path}", read, paint, accept=accept, charge=lambda _params: price)


MISSING: Final = _say(404, "id: no result of that id")
VENDOR: Final = Vendor(
    name="stability",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=MISSING,
    trouble=trouble,
    ticket=lambda _number, secret: secret[:64],
    options=lambda _base: {},
    submits=(
        _once("generate/ultra", read_generate, 8),
        _once("generate/core", read_generate, 3),
        _once("generate/sd3", read_generate, 6.5),
        _once("edit/erase", _read_edit("erase", worded=False), 5),
        _once("edit/inpaint", _read_edit("draw", worded=True), 5),
        _once("edit/outpaint", read_outpaint, 4),
        _once("edit/search-and-replace", _read_edit("draw", worded=True, more=("search_prompt",)), 5),
        _once("edit/search-and-recolor", _read_edit("draw", worded=True, more=("select_prompt",)), 5),
        _once("edit/remove-background", _read_edit("cutout", worded=False), 5),
        _once("upscale/fast", _read_edit("upscale", worded=False), 2),
        _once("upscale/conservative", _read_edit("upscale", worded=True), 40),
        _queued("upscale/creative", _read_edit("upscale", worded=True), 60),
        _queued("edit/replace-background-and-relight", read_relight, 8),
    ),
    polls=(Poll("results/{id}", "results/{id:[0-9a-f]{64}}", _find, show, frozenset({"filtered", "expired"})),),
    keeps=DAY,
)
