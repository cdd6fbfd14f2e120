"""Vyro's Imagine API v2, as reference.imagine.art, docs.imagine.art and platform.imagine.art have it.

Pictures come back as bytes (`application/octet-stream`); videos are queued and asked for in any of three forms. Pages that are not
public (background remover, upscale, resize, retouch, deletion by id) follow what several independent callers send; where a
document does not close the list of fields, others are ignored.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from runner.sandbox.cutout import remove_background
from runner.sandbox.dice import fingerprint
from runner.sandbox.intake import Ask, Fields, Made, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.pictures import (
    as_png,
    draw_cutout,
    draw_picture,
    fill,
    fit_ratio,
    open_picture,
    outpaint,
    place_on_scene,
    retouch,
    upscale,
)
from runner.sandbox.vendor import Deletion, Job, Linked, Poll, State, Submit, Trouble, Vendor
from runner.sandbox.video import film

STYLES: Final = ("realistic", "anime", "flux-schnell", "flux-dev", "flux-dev-fast", "sdxl-1.0", "imagine-turbo")
RATIOS: Final = ("1:1", "3:2", "4:3", "3:4", "16:9", "9:16")
VIDEO_RATIOS: Final = ("1:1", "16:9", "9:16")
LONG_SIDE: Final = 1024
REFUSALS: Final[Mapping[int, tuple[int, str]]] = {
    **dict.fromkeys((400, 422), (1100, "InvalidRequest")),
    401: (1001, "TokenInvalid"),
    402: (1101, "NotEnoughTokens"),
    406: (1002, "TokenExpired"),
    425: (1202, "TooManyRequests"),
}
"""The `code` and its name that go with a status of refusal; the document has none for the others."""
Inputs = Mapping[str, bytes]
Params = Mapping[str, Any]


def _error(status: int, code: int, name: str, message: str) -> Reply:
    return write_json(status, {"status": "error", "code": code, "error": name, "message": message})


def admit(ask: Ask, key: str) -> None:
    """A bearer token: 1000 with HTTP 400 if it is missing, 1001 with 401 if it is wrong."""
    shown = ask.headers.get("authorization", "")
    if not shown.lower().startswith("bearer ") or not shown[7:].strip():
        raise Refusal(_error(400, 1000, "TokenMissing", "Bearer token is missing"))
    if not hmac.compare_digest(shown[7:].strip().encode(), key.encode()):
        raise Refusal(_error(401, 1001, "TokenInvalid", "Bearer token is invalid"))


def wrong(name: str, message: str) -> Reply:
    """1100: invalid request."""
    return _error(400, 1100, "InvalidRequest", message)


def trouble(kind: Trouble, status: int) -> Reply:
    """1202 pace, 1101 tokens, 1200 service; what is refused otherwise has the code of its status."""
    if kind in {"busy", "queue_full"}:
        return _error(429, 1202, "TooManyRequests", "Too many requests")
    if kind in {"no_credits", "no_credit"}:
        return _error(402, 1101, "NotEnoughTokens", "Not enough tokens")
    if kind == "refused":
        code, name = REFUSALS.get(status, (0, "Refused"))
        return _error(status, code, name, "The request was refused")
    return _error(status, 1200, "ServiceUnavailable", "Service is not available")


def _file(fields: Fields, pictures: Pictures, name: str, *, required: bool = True) -> str | None:
    """A file part as a picture."""
    value = fields.raw(name, required=required)
    if value is not None and not isinstance(value, bytes):
        fields.refuse(name, f"{name} must be a file")
    return None if value is None else pictures.take(name, value)


def read_image(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Text to Image."""
    fields = Fields(ask.multipart(), textual=True)
    params = {
        "prompt": fields.needed("prompt"),
        "style": fields.choice("style", STYLES, required=True),
        "aspect_ratio": fields.choice("aspect_ratio", RATIOS, default="1:1"),
        "seed": fields.whole("seed"),
    }
    fields.close()
    return params


def read_transparent(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Text to PNG: its document has no style, but a caller sends one, so it is ignored."""
    fields = Fields(ask.multipart(), textual=True)
    fields.raw("style")
    params = {
        "prompt": fields.needed("prompt"),
        "aspect_ratio": fields.choice("aspect_ratio", RATIOS, default="1:1"),
        "seed": fields.whole("seed", low=1),
    }
    fields.close()
    return params


def read_background(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """AI Backgrounds."""
    fields = Fields(ask.multipart(), textual=True)
    params = {
        "prompt": fields.needed("prompt"),
        "image": _file(fields, pictures, "image"),
        "style": fields.choice("style", ("product-shoot",), default="product-shoot"),
        "seed": fields.whole("seed", low=1),
    }
    fields.close()
    return params


def read_picture(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Background Remover and Image Upscale: an image; other fields are not documented and ignored."""
    return {"image": _file(Fields(ask.multipart(), textual=True), pictures, "image")}


def read_fill(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Generative Fill: prompt, image, and a mask of the same size (white is filled)."""
    fields = Fields(ask.multipart(), textual=True)
    params = {
        "prompt": fields.needed("prompt"),
        "image": _file(fields, pictures, "image"),
        "mask": _file(fields, pictures, "mask"),
        "seed": fields.whole("seed", low=1),
    }
    fields.close()
    _same_size(params, pictures.held)
    return params


def read_retouch(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Retouch: an image and a mask; other fields are not documented and ignored."""
    fields = Fields(ask.multipart(), textual=True)
    params = {"image": _file(fields, pictures, "image"), "mask": _file(fields, pictures, "mask")}
    _same_size(params, pictures.held)
    return params


def read_resize(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """AI Resize: an image; its parameters are not public, so a ratio, a size or a mask are taken if they come."""
    fields = Fields(ask.multipart(), textual=True)
    return {
        "image": _file(fields, pictures, "image"),
        "mask": _file(fields, pictures, "mask", required=False),
        "prompt": fields.text("prompt"),
        "aspect_ratio": fields.choice("aspect_ratio", RATIOS),
        "width": fields.whole("width", low=1, high=4096),
        "height": fields.whole("height", low=1, high=4096),
    }


def _same_size(params: Params, held: Inputs) -> None:
    image, mask = (open_picture(params[name], held) for name in ("image", "mask"))
    if image.size != mask.size:
        raise Wrong("mask", "mask must have the size of image")


def read_video(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Text to Video."""
    fields = Fields(ask.multipart(), textual=True)
    params = {
        "prompt": fields.needed("prompt"),
        "style": fields.needed("style"),
        "aspect_ratio": fields.choice("aspect_ratio", VIDEO_RATIOS, default="1:1"),
        "seed": fields.whole("seed"),
    }
    fields.close()
    return params


def read_animation(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Image to Video: most callers name the picture `file`, one `image`."""
    fields = Fields(ask.multipart(), textual=True)
    named = "image" if "image" in fields.names() and "file" not in fields.names() else "file"
    return {"prompt": fields.needed("prompt"), "style": fields.needed("style"), "image": _file(fields, pictures, named)}


def make_image(params: Params, inputs: Inputs) -> list[Made]:
    """A scene after the prompt."""
    size = fit_ratio(params["aspect_ratio"], LONG_SIDE)
    return [as_png("image", draw_picture(params["prompt"], size, (params["style"], params.get("seed"))))]


def make_transparent(params: Params, inputs: Inputs) -> list[Made]:
    """An object on nothing."""
    size = fit_ratio(params["aspect_ratio"], LONG_SIDE)
    return [as_png("image", draw_cutout(params["prompt"], size, params.get("seed")))]


def make_background(params: Params, inputs: Inputs) -> list[Made]:
    """The cut-out on a generated scene."""
    cutout = open_picture(params["image"], inputs)
    return [as_png("image", place_on_scene(cutout, params["prompt"], params.get("seed")))]


def make_cutout(params: Params, inputs: Inputs) -> list[Made]:
    """The picture without its background."""
    return [as_png("image", remove_background(open_picture(params["image"], inputs)))]


def make_large(params: Params, inputs: Inputs) -> list[Made]:
    """The picture, twice as wide and high."""
    return [as_png("image", upscale(open_picture(params["image"], inputs)))]


def make_filled(params: Params, inputs: Inputs) -> list[Made]:
    """The picture with the masked part painted anew."""
    image, mask = (open_picture(params[name], inputs) for name in ("image", "mask"))
    return [as_png("image", fill(image, mask, params["prompt"], params.get("seed")))]


def make_retouched(params: Params, inputs: Inputs) -> list[Made]:
    """The picture with the masked thing gone."""
    image, mask = (open_picture(params[name], inputs) for name in ("image", "mask"))
    return [as_png("image", retouch(image, mask))]


def make_resized(params: Params, inputs: Inputs) -> list[Made]:
    """The picture extended to another shape; square unless told otherwise."""
    image = open_picture(params["image"], inputs)
    size = fit_ratio(params.get("aspect_ratio", "1:1"), max(image.size))
    size = (params.get("width", size[0]), params.get("height", size[1]))
    return [as_png("image", outpaint(image, size))]


def make_video(params: Params, inputs: Inputs) -> list[Made]:
    """A short film over a picture, and its thumbnail."""
    if "image" in params:
        picture = open_picture(params["image"], inputs)
    else:
        size = fit_ratio(params["aspect_ratio"], 512)
        picture = draw_picture(params["prompt"], size, (params["style"], params.get("seed")))
    return [film("video.mp4", picture), as_png("thumbnail", picture)]


def answer_bytes(_job: Job, results: Sequence[Linked]) -> Reply:
    """The picture itself."""
    return Reply(200, results[0].made.data, "application/octet-stream")


def accept_video(job: Job) -> Reply:
    """`{"id": …, "status": "processing"}`."""
    return write_json(200, {"id": job.ticket, "status": "processing"})


def show_current(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """Status by ID (reference api-15835197): the link is in a list."""
    words = {"pending": "pending", "processing": "processing", "done": "completed", "failed": "failed", "unknown": "archiving"}
    url: dict[str, Any] = {"generation": [results[0].url]} if results else {}
    settings = {"prompt": job.params["prompt"], "style_id": job.params["style"], "variation": "txt2video"}
    video = {
        "code": 2 if results else 1,
        "created_at": _moment(job),
        "id": int(job.ticket),
        "status": words[state],
        "settings": settings,
    }
    return write_json(200, {"status": "success", "video": {**video, "url": url}})


def show_deprecated(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """The deprecated Status by ID (reference api-14871309)."""
    words = {"pending": "queued", "processing": "in_progress", "done": "success", "failed": "error", "unknown": "archiving"}
    url = {"generation": results[0].url} if results else {}
    video = {"uuid": _uuid(job), "created_at": _moment(job), "status": words[state], "url": url}
    return write_json(200, {"status": "success", "video": video})


def show_platform(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """The platform's status page: the link is a text, and the word at the end is `finished`."""
    words = {"pending": "queued", "processing": "generating", "done": "finished", "failed": "failed", "unknown": "archiving"}
    url = {"generation": results[0].url, "thumbnail": results[1].url} if results else {}
    video = {"uuid": _uuid(job), "created_at": _moment(job), "status": words[state], "url": url}
    return write_json(200, {"status": "success", "video": video})


def _moment(job: Job) -> str:
    return datetime.fromtimestamp(job.accepted_at, UTC).isoformat(timespec="seconds")


def _uuid(job: Job) -> str:
    digits = fingerprint(job.ticket).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _find(ask: Ask) -> str:
    return ask.path["id"]


def _deleted(ticket: str) -> Reply:
    return write_json(200, {"message": "video deleted", "status": "success"})


def _image(path: str, read: Callable[[Ask, Pictures], dict[str, Any]], make: Callable[[Params, Inputs], list[Made]]) -> Submit:
    return Submit(path, path, read, make, answer_bytes, linked=False)


def _video(path: str, read: Callable[[Ask, Pictures], dict[str, Any]]) -> Submit:
    return Submit(path, path, read, make_video, accept=accept_video, patience=2.0)


VENDOR: Final = Vendor(
    name="vyro",
    prefix="/vyro/v2",
    admit=admit,
    wrong=wrong,
    missing=_error(404, 1100, "NotFound", "Not found"),
    trouble=trouble,
    ticket=lambda number, _secret: str(1_000_000 + 7 * number),
    options=lambda _base: {},
    submits=(
        _image("image/generations", read_image, make_image),
        _image("image/generations/transparent", read_transparent, make_transparent),
        _image("image/generations/ai-background", read_background, make_background),
        _image("image/background/remover", read_picture, make_cutout),
        _image("image/enhance", read_picture, make_large),
        _image("image/edits/generative-fill", read_fill, make_filled),
        _image("image/edits/ai-resize", read_resize, make_resized),
        _image("image/edits/remove", read_retouch, make_retouched),
        _video("video/text-to-video", read_video),
        _video("video/image-to-video", read_animation),
    ),
    polls=(
        Poll("video/{id}/status", "video/{id:\\d+}/status", _find, show_current),
        Poll("video/status/{id}", "video/status/{id:\\d+}", _find, show_deprecated),
        Poll("assets/{id}/status", "assets/{id:\\d+}/status", _find, show_platform),
    ),
    deletions=(
        Deletion("video/{id}", "video/{id:\\d+}", _find, _deleted),
        Deletion("video/delete/{id}", "video/delete/{id:\\d+}", _find, _deleted),
    ),
)
