"""Pictures generated and edited, as OpenAI's own Python client and its API description have them.

GPT image models answer with base64 and take no `response_format`; the others answer with a link that is valid for an hour, or with
base64 where they are asked to. An edit is a form with up to sixteen pictures, or JSON with links or data URLs to them (in a batch).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import count_tokens
from runner.sandbox.easel import FORMATS, order
from runner.sandbox.intake import Ask, Fields, Pictures, Reply, write_json
from runner.sandbox.vendor import Job, Linked

GPT: Final = re.compile(r"gpt-image-|chatgpt-image-")
ANY_SIZE: Final = re.compile(r"gpt-image-2(?:-\d{4}-\d{2}-\d{2})?")
SIZE: Final = re.compile(r"(\d{1,5})x(\d{1,5})")
SIZES: Final[Mapping[str, tuple[str, ...]]] = {
    "gpt": ("auto", "1024x1024", "1536x1024", "1024x1536"),
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
}
LONGEST: Final = {"gpt": 32_000, "dall-e-3": 4_000, "dall-e-2": 1_000}
MOST_IMAGES: Final = 16
MOST_BYTES: Final = 50 * 1024 * 1024
MOST_MASK: Final = 4 * 1024 * 1024
MOST_PIXELS: Final = 3840 * 2160
OWN: Final = ("quality", "style", "background", "moderation", "output_compression", "input_fidelity", "user")
"""Fields that decide the result and that no document limits for us to check."""


def _family(model: str) -> str:
    return "gpt" if GPT.match(model) else model if model in SIZES else "other"


def read_generation(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """POST /images/generations."""
    values = ask.json()
    fields = Fields(values)
    return _read(fields, values, fields.text("model", default="dall-e-2") or "", [], None)


def read_edit(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """POST /images/edits: pictures, maybe a mask as large as the first of them, and what to do."""
    is_form = ask.media_type == "multipart/form-data"
    values = ask.multipart() if is_form else ask.json()
    fields = Fields(values, textual=is_form)
    model = fields.text("model", default="gpt-image-1") or ""
    images = [_take(fields, pictures, "image", each) for each in _given(fields, is_form)]
    if not 1 <= len(images) <= (1 if model == "dall-e-2" else MOST_IMAGES):
        fields.refuse("image", f"image must be 1 to {MOST_IMAGES} pictures (dall-e-2: one)")
    mask = fields.raw("mask")
    if isinstance(mask, dict):
        mask = mask.get("image_url")
    if isinstance(mask, bytes) and (not mask.startswith(b"\x89PNG") or len(mask) >= MOST_MASK):
        fields.refuse("mask", "mask must be a PNG of less than 4 MB")
    return _read(fields, values, model, images, None if mask is None else _take(fields, pictures, "mask", mask))


def _given(fields: Fields, is_form: bool) -> list[Any]:
    """The pictures as they came: files, or in JSON `image` or `images` with their `image_url`."""
    given = fields.raw("image")
    if given is None and not is_form:
        given = fields.raw("images")
    listed = given if isinstance(given, list) else [] if given is None else [given]
    return [each.get("image_url") if isinstance(each, dict) else each for each in listed]


def _take(fields: Fields, pictures: Pictures, name: str, value: object) -> str:
    if isinstance(value, bytes) and len(value) >= MOST_BYTES:
        fields.refuse(name, f"{name} must be less than 50 MB")
    return pictures.take(name, value)


def _read(fields: Fields, values: Mapping[str, Any], model: str, images: Sequence[str], mask: str | None) -> dict[str, Any]:
    family = _family(model)
    prompt = fields.needed("prompt")
    if len(prompt) > LONGEST.get(family, 32_000):
        fields.refuse("prompt", f"Invalid 'prompt': string too long. Expected a string with maximum length {LONGEST[family]}.")
    form = fields.choice("response_format", ("url", "b64_json"))
    if family == "gpt" and form is not None:
        fields.refuse("response_format", "Unknown parameter: 'response_format'.")
    encoded = fields.choice("output_format", FORMATS, default="png")
    if family in {"dall-e-2", "dall-e-3"} and "output_format" in values:
        fields.refuse("output_format", "Unknown parameter: 'output_format'.")
    clear = values.get("background") == "transparent"
    known = {"model", "prompt", "n", "size", "response_format", "output_format", "image", "images", "mask", "seed", *OWN}
    return order(
        "clear" if clear and not images else "draw",
        prompt,
        model=model,
        images=list(images),
        mask=mask,
        size=_size(fields, model, family),
        seed=fields.whole("seed"),
        count=fields.whole("n", low=1, high=1 if family == "dall-e-3" else 10) or 1,
        format=encoded,
        links=family != "gpt" and form != "b64_json",
        own={name: values[name] for name in OWN[:-1] if name in values},
        more={name: value for name, value in values.items() if name not in known and not isinstance(value, bytes)},
    )


def _size(fields: Fields, model: str, family: str) -> tuple[int, int] | None:
    """The size in pixels; None where it is `auto` or not given. Any size suits other servers, within reason."""
    text = fields.text("size")
    if text in {None, "auto"}:
        return None
    found = SIZE.fullmatch(text or "")
    if found is None:
        fields.refuse("size", f"Invalid value: '{text}'. size is WIDTHxHEIGHT")
    width, height = int(found[1]), int(found[2])
    if ANY_SIZE.fullmatch(model):
        if width % 16 or height % 16 or not 1 / 3 <= width / max(1, height) <= 3 or width * height > MOST_PIXELS:
            fields.refuse("size", "size: both sides divisible by 16, ratio 1:3 to 3:1, at most 3840x2160")
    elif family in SIZES and text not in SIZES[family]:
        supported = ", ".join(f"'{size}'" for size in SIZES[family])
        fields.refuse("size", f"Invalid value: '{text}'. Supported values are: {supported}.")
    elif not (16 <= width <= 4096 and 16 <= height <= 4096):
        fields.refuse("size", "size: 16 to 4096 pixels on each side")
    return width, height


def count_reserved(params: Mapping[str, Any]) -> int:
    """The tokens an order for pictures counts against a limit."""
    return count_tokens(params["prompt"])


def answer_images(job: Job, results: Sequence[Linked]) -> Reply:
    """`data`, with base64 or links; GPT image models also say what they used."""
    if job.params["links"]:
        data = [{"url": result.url, "revised_prompt": job.params["prompt"]} for result in results]
    else:
        data = [{"b64_json": base64.b64encode(result.made.data).decode()} for result in results]
    body: dict[str, Any] = {"created": int(job.accepted_at), "data": data}
    if GPT.match(job.params["model"]):
        asked, made = count_tokens(job.params["prompt"]), 1056 * len(results)
        body |= {
            "usage": {"input_tokens": asked, "output_tokens": made, "total_tokens": asked + made},
            "output_format": job.params["format"],
            "size": f"{results[0].made.width}x{results[0].made.height}",
        }
    return write_json(200, body, (("x-request-id", f"req_{job.digest[:32]}"),))
