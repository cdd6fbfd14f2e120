"""One order for pictures, whoever takes it: the vendors that differ in how they are asked, not in what they draw, share it.

An order with a picture and words is an edit of that picture, with a mask an edit of a part of it, with neither picture nor mask a
new scene. Some models do one thing only (cut out, enlarge) and are told so by `task`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from PIL import Image, ImageChops

from runner.sandbox.cutout import remove_background
from runner.sandbox.intake import Made
from runner.sandbox.pictures import (
    as_jpeg,
    as_png,
    as_webp,
    draw_cutout,
    draw_picture,
    enhance,
    fill,
    open_picture,
    outpaint,
    retouch,
    upscale,
)

ENCODERS: Final[Mapping[str, Callable[[str, Image.Image], Made]]] = {"png": as_png, "jpeg": as_jpeg, "webp": as_webp}
FORMATS: Final = tuple(ENCODERS)
Inputs = Mapping[str, bytes]
Params = Mapping[str, Any]


def order(task: str, prompt: str | None, **more: Any) -> dict[str, Any]:
    """The params of an order for pictures. `more`: `images`, `mask`, `size`, `seed`, `count`, `format`, and what else decides it.

    `task` is `draw` (also edits), `cutout`, `clear` (an object on nothing), `upscale`, `erase` or `extend`.
    """
    return {"task": task, "prompt": prompt or "", "images": [], "count": 1, "format": "png", **more}


def paint(params: Params, inputs: Inputs) -> list[Made]:
    """The pictures of an order, `image-1` and so on."""
    encode = ENCODERS[params["format"]]
    images = [open_picture(reference, inputs) for reference in params["images"]]
    mask = open_picture(params["mask"], inputs) if params.get("mask") else None
    return [
        encode(f"image-{n}", _paint(params, images, mask, (params.get("model"), params.get("seed"), n)))
        for n in range(1, params["count"] + 1)
    ]


def _paint(params: Params, images: Sequence[Image.Image], mask: Image.Image | None, seed: object) -> Image.Image:
    task, prompt = params["task"], params["prompt"]
    if not images:
        size = params.get("size") or (1024, 1024)
        return draw_cutout(prompt, size, seed) if task == "clear" else draw_picture(prompt, size, seed)
    return _edit(params, images[0], mask, seed)


def _edit(params: Params, image: Image.Image, mask: Image.Image | None, seed: object) -> Image.Image:
    task, prompt = params["task"], params["prompt"]
    if task in {"cutout", "clear"}:
        return remove_background(image)
    if task == "upscale":
        return upscale(image)
    if task == "extend":
        return outpaint(image, params["size"])
    if task == "erase" or mask is not None:
        where = _middle(image) if mask is None else _white(mask, image.size)
        return retouch(image, where) if task == "erase" else fill(image, where, prompt, seed)
    return enhance(image, prompt, params.get("size") or image.size, seed)


def _white(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mask whose white part is to be painted: one with transparency says it by what is transparent."""
    if "A" in mask.getbands() and mask.getextrema()[-1] != (255, 255):
        mask = ImageChops.invert(mask.getchannel("A"))
    return mask.convert("L").convert("RGB").resize(size)


def _middle(image: Image.Image) -> Image.Image:
    """The mask of an erasure for which none was given: the middle of the picture."""
    mask = Image.new("RGB", image.size)
    width, height = image.size
    mask.paste((255, 255, 255), (width // 3, height // 3, 2 * width // 3, 2 * height // 3))
    return mask
