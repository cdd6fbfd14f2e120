"""What a host of other people's models makes of its open input: Replicate and fal take whatever a model's author thought of.

Nobody documents all those models, so their names and inputs are read as a person would: a model called `rembg` cuts out, one called
`llama` writes, `prompt` is the wish, and whatever is named after a picture and looks like one is a picture. An input that is not
understood still decides the result, as it would at the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runner.sandbox.copywriter import write_copy
from runner.sandbox.easel import FORMATS, order, paint
from runner.sandbox.intake import Fields, Made, Pictures
from runner.sandbox.pictures import fit_ratio

PICTORIAL: Final = re.compile(r"image|img|mask|picture|photo|logo", re.IGNORECASE)
TASKS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("cutout", re.compile(r"rembg|birefnet|remove-?b|background-?remov|cutout|matting")),
    ("upscale", re.compile(r"upscal|esrgan|super-?res")),
    ("erase", re.compile(r"eras|object-?remov")),
    ("text", re.compile(r"llama|mistral|gpt|claude|gemini|llm|qwen-?\d|deepseek|granite|instruct")),
)
RATIO: Final = re.compile(r"[1-9]\d?:[1-9]\d?")
SIZES: Final[Mapping[str, tuple[int, int]]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
"""The names of sizes that models at fal take."""
LONG_SIDE: Final = 1024
MOST_SIDE: Final = 2048
COUNTS: Final = ("num_outputs", "num_images")
LISTING: Final = re.compile(r"schnell|flux-dev|sdxl")
"""Models that answer with a list even of one."""


def read_input(model: str, values: Mapping[str, Any], pictures: Pictures) -> dict[str, Any]:
    """The params of an order for this model. Raises `Wrong` for an input that no model could use."""
    fields = Fields(values)
    task = next((task for task, name in TASKS if name.search(model.lower())), "draw")
    images, mask = _pictures(values, pictures)
    prompt = fields.text("prompt")
    if not images and task not in {"draw", "text"}:
        fields.refuse("image", "image is required")
    if not images and not (prompt or "").strip():
        fields.refuse("prompt", "prompt is required")
    counts = [name for name in COUNTS if values.get(name) is not None]
    params = order(
        task,
        prompt,
        model=model,
        images=images,
        mask=mask,
        size=_size(fields),
        seed=fields.whole("seed"),
        count=(fields.whole(counts[0], low=1, high=4) if counts else None) or 1,
        format={"jpg": "jpeg"}.get(form := str(values.get("output_format", "png")), form if form in FORMATS else "png"),
        listed=bool(counts) or LISTING.search(model.lower()) is not None,
    )
    seen = {"prompt", "width", "height", "aspect_ratio", "image_size", "seed", "output_format", *COUNTS}
    params["more"] = {name: value for name, value in values.items() if name not in seen and not PICTORIAL.search(name)}
    return params


def make_hosted(params: Mapping[str, Any], inputs: Mapping[str, bytes]) -> list[Made]:
    """What the model makes: pictures, or a text."""
    if params["task"] == "text":
        return [Made("text.txt", "text/plain", write_copy(params["prompt"]).encode())]
    return paint(params, inputs)


def _pictures(values: Mapping[str, Any], pictures: Pictures) -> tuple[list[str], str | None]:
    """References of all pictures in the input, and the one that is a mask."""
    images: list[str] = []
    mask = None
    for name in sorted(values):
        for value in values[name] if isinstance(values[name], list) else [values[name]]:
            if not _is_picture(name, value):
                continue
            reference = pictures.take(name, value)
            if "mask" in name.lower():
                mask = reference
            else:
                images.append(reference)
    return images, mask


def _is_picture(name: str, value: object) -> bool:
    if not isinstance(value, str) or not PICTORIAL.search(name):
        return False
    return value.lower().startswith(("http://", "https://", "data:image/")) or len(value) > LONG_SIDE


def _size(fields: Fields) -> tuple[int, int] | None:
    width, height = (fields.whole(name, low=16, high=MOST_SIDE) for name in ("width", "height"))
    ratio, named = fields.text("aspect_ratio"), fields.raw("image_size")
    if isinstance(named, dict):
        inside = Fields(named, path="image_size.")
        return inside.size("width", high=MOST_SIDE), inside.size("height", high=MOST_SIDE)
    if width and height:
        return width, height
    if ratio and RATIO.fullmatch(ratio):
        return fit_ratio(ratio, LONG_SIDE)
    return SIZES.get(named) if isinstance(named, str) else None
