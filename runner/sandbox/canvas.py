"""The few brushes every picture is painted with: gradients, glows, soft shadows, and shapes with a light side.

Drawing happens larger than the picture and is scaled down at the end, which is what makes edges smooth: Pillow's own are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from runner.sandbox.palette import INK, WHITE, Colour, mix

Box: TypeAlias = tuple[float, float, float, float]
Shape: TypeAlias = Literal["ellipse", "rect", "round", "poly", "line", "arc"]
Points: TypeAlias = Sequence[tuple[float, float]]

MOST_DRAWN: Final = 800_000
"""Pixels drawn for one picture at most; larger pictures are drawn smaller and scaled up."""


def drawing_scale(size: tuple[int, int], most: float = 2.0) -> float:
    """How much larger than the picture to draw: `most` times, less for large pictures, below 1 for very large ones."""
    return min(most, math.sqrt(MOST_DRAWN / max(1, size[0] * size[1])))


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """The size times the scale, at least 1 each way."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def gradient(size: tuple[int, int], first: Colour, last: Colour, *, sideways: bool = False) -> Image.Image:
    """An RGB picture that goes from `first` (top or left) to `last`."""
    ramp = Image.linear_gradient("L")
    ramp = (ramp.rotate(90) if sideways else ramp).resize(size, Image.Resampling.BILINEAR)
    return ImageOps.colorize(ramp, first, last)


def glow(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength: float = 1.0) -> None:
    """Light of `colour` that fades from the centre out; in pixels."""
    side = max(2, round(radius * 2))
    light = ImageOps.invert(Image.radial_gradient("L")).resize((side, side), Image.Resampling.BILINEAR)
    light = light.point([round(max(0.0, (value - 74) / 181) ** 1.6 * 255 * strength) for value in range(256)])
    image.paste(colour, (round(centre[0] - radius), round(centre[1] - radius)), light)


def shape_mask(size: tuple[int, int], shape: Shape, points: Points, width: float = 0) -> Image.Image:
    """A mask with one shape in it; `width` is the radius of `round` corners or the thickness of `line` and `arc`."""
    mask = Image.new("L", size)
    _draw_shape(ImageDraw.Draw(mask), shape, points, 255, width)
    return mask


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape, points: Points, fill: int | Colour, width: float) -> None:
    flat = [point for pair in points for point in pair]
    if shape == "ellipse":
        draw.ellipse(flat, fill=fill)
    elif shape == "rect":
        draw.rectangle(flat, fill=fill)
    elif shape == "round":
        draw.rounded_rectangle(flat, radius=width, fill=fill)
    elif shape == "poly":
        draw.polygon(flat, fill=fill)
    elif shape == "line":
        draw.line(flat, fill=fill, width=max(1, round(width)), joint="curve")
        for x, y in points:
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=fill)
    else:
        (left, top), (right, bottom), (start, end) = points
        draw.arc((left, top, right, bottom), start, end, fill=fill, width=max(1, round(width)))


def wash(image: Image.Image, mask: Image.Image, colour: Colour, strength: float) -> None:
    """Colour the masked part with `strength` 0 to 1."""
    image.paste(colour, (0, 0), mask.point([round(value * strength) for value in range(256)]))


def blob(image: Image.Image, box: Box, colour: Colour, strength: float, blur: float) -> None:
    """A soft ellipse: a cloud, a shadow, a patch of light. The box is in pixels; only its surroundings are touched."""
    pad = blur * 3
    left, top, right, bottom = (round(value) for value in (box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad))
    shrink = max(1.0, blur / 6)
    small = (max(2, round((right - left) / shrink)), max(2, round((bottom - top) / shrink)))
    mask = Image.new("L", small)
    inner = tuple((value - origin) / shrink for value, origin in zip(box, (left, top, left, top), strict=True))
    ImageDraw.Draw(mask).ellipse(inner, fill=round(255 * strength))
    mask = mask.filter(ImageFilter.GaussianBlur(blur / shrink)).resize(
        (max(1, right - left), max(1, bottom - top)), Image.Resampling.BILINEAR
    )
    image.paste(colour, (left, top), mask)


def contact_shadow(image: Image.Image, box: Box, strength: float = 0.42) -> None:
    """The shadow of a thing that stands on something; `box` is the thing's, in pixels."""
    left, _, right, bottom = box
    width = right - left
    blob(
        image,
        (left + width * 0.02, bottom - width * 0.06, right + width * 0.05, bottom + width * 0.055),
        INK,
        strength * 0.75,
        width * 0.045,
    )
    blob(
        image,
        (left + width * 0.14, bottom - width * 0.03, right - width * 0.12, bottom + width * 0.022),
        INK,
        strength,
        width * 0.018,
    )


class Sketch:
    """A transparent square of 100 × 100 units to draw a thing on; shapes get a light left and a dark right side."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.image = Image.new("RGBA", (side, side))

    def add(self, shape: Shape, points: Points, colour: Colour, *, width: float = 0, shade: float = 0.2) -> None:
        """A shape in units, opaque, shaded by `shade`."""
        mask = self.mask(shape, points, width)
        self.paint(mask, colour, shade)

    def mask(self, shape: Shape, points: Points, width: float = 0) -> Image.Image:
        """The mask of a shape in units, to be combined with others and painted."""
        unit = self.side / 100
        inside = points if shape != "arc" else points[:2]
        placed = [(x * unit, y * unit) for x, y in inside] + ([] if shape != "arc" else [points[2]])
        return shape_mask(self.image.size, shape, placed, width * unit)

    def paint(self, mask: Image.Image, colour: Colour, shade: float = 0.2) -> None:
        """Paint what the mask covers, lighter to the left and darker to the right of its own box."""
        box = mask.getbbox()
        if box is None:
            return
        size = (box[2] - box[0], box[3] - box[1])
        paint = (
            gradient(size, mix(colour, WHITE, shade), mix(colour, INK, shade), sideways=True)
            if shade
            else Image.new("RGB", size, colour)
        )
        self.image.paste(paint, box, mask.crop(box))

    def light(self, shape: Shape, points: Points, strength: float = 0.35, *, width: float = 0, colour: Colour = WHITE) -> None:
        """A translucent shape, over what is painted already only."""
        mask = ImageChops.multiply(self.mask(shape, points, width), self.image.getchannel("A"))
        alpha = self.image.getchannel("A")
        wash(self.image, mask, colour, strength)
        self.image.putalpha(alpha)
