"""A small studio for flat product pictures: shapes are masks, masks are combined, and a picture is painted mask by mask.

Everything is drawn three times as large as it is kept and scaled down once at the end, so that edges are smooth without any
anti-aliasing of our own. The background is one plain colour and shadows are faint: a background remover that floods from the
corners finds the product. Nothing here is random and no font of the machine is used, so the same script gives the same pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter, ImageFont

SIDE: Final = 800
SCALE: Final = 3
BACKGROUND: Final = "#f4f5f7"

Point: TypeAlias = tuple[float, float]
Mask: TypeAlias = Image.Image


def _sheet() -> Mask:
    return Image.new("L", (SIDE * SCALE, SIDE * SCALE))


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]


def oval(x: float, y: float, across: float, down: float | None = None) -> Mask:
    """An ellipse around (x, y) with its two radii; a circle where only one is given."""
    down = across if down is None else down
    mask = _sheet()
    ImageDraw.Draw(mask).ellipse(_scaled([(x - across, y - down), (x + across, y + down)]), fill=255)
    return mask


def box(left: float, top: float, right: float, bottom: float, radius: float = 0) -> Mask:
    """A rectangle with rounded corners."""
    mask = _sheet()
    ImageDraw.Draw(mask).rounded_rectangle(_scaled([(left, top), (right, bottom)]), radius * SCALE, fill=255)
    return mask


def shape(*corners: Point) -> Mask:
    """A polygon with sharp corners."""
    mask = _sheet()
    ImageDraw.Draw(mask).polygon(_scaled(corners), fill=255)
    return mask


def blob(*points: Point) -> Mask:
    """A closed, smooth shape that passes through all the points."""
    return shape(*_smooth(points, closed=True))


def line(*points: Point, width: float, smooth: bool = True) -> Mask:
    """A thick line with round ends; a curve through all the points unless `smooth` is off."""
    track = _scaled(_smooth(points, closed=False) if smooth and len(points) > 2 else points)
    mask, half = _sheet(), width * SCALE / 2
    draw = ImageDraw.Draw(mask)
    draw.line(track, fill=255, width=round(2 * half))
    for x, y in track:
        draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    return mask


def letters(text: str, x: float, y: float, size: float) -> Mask:
    """Text centred on (x, y), in Pillow's own font."""
    mask = _sheet()
    font = ImageFont.load_default(size * SCALE)
    ImageDraw.Draw(mask).text((x * SCALE, y * SCALE), text, fill=255, font=font, anchor="mm")
    return mask


def _smooth(points: Sequence[Point], *, closed: bool, steps: int = 24) -> list[Point]:
    """A Catmull-Rom curve through the points, as many short straight lines."""
    ring = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    fours = zip(ring, ring[1:], ring[2:], ring[3:], strict=False)
    curve = [_between(*four, step / steps) for four in fours for step in range(steps)]
    return curve if closed else [*curve, points[-1]]


def _between(before: Point, start: Point, end: Point, after: Point, t: float) -> Point:
    def along(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)

    return along(before[0], start[0], end[0], after[0]), along(before[1], start[1], end[1], after[1])


def either(*masks: Mask) -> Mask:
    """Where any of the masks is."""
    whole = masks[0]
    for mask in masks[1:]:
        whole = ImageChops.lighter(whole, mask)
    return whole


def both(first: Mask, second: Mask) -> Mask:
    """Where both masks are."""
    return ImageChops.multiply(first, second)


def without(first: Mask, second: Mask) -> Mask:
    """The first mask with the second cut out of it."""
    return ImageChops.subtract(first, second)


def soft(mask: Mask, radius: float) -> Mask:
    """The mask with its edge blurred over `radius`, for light and shade."""
    return mask.filter(ImageFilter.GaussianBlur(radius * SCALE))


def turned(mask: Mask, degrees: float, about: Point) -> Mask:
    """The mask turned counter-clockwise about a point."""
    return mask.rotate(degrees, Image.Resampling.BICUBIC, center=(about[0] * SCALE, about[1] * SCALE))


def moved(mask: Mask, right: float, down: float) -> Mask:
    """The mask shifted, what leaves the sheet being lost."""
    shifted = _sheet()
    shifted.paste(mask, (round(right * SCALE), round(down * SCALE)))
    return shifted


class Picture:
    """A product on a plain background."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), BACKGROUND)

    def fill(self, mask: Mask, *colours: str, across: bool = False, opacity: float = 1.0) -> None:
        """Paint where the mask is: one colour, or several blended from top to bottom (`across`: from left to right)."""
        frame = mask.getbbox()
        if frame is None:
            return
        here = mask.crop(frame)
        paint = _blend(colours, here.size, across=across)
        self.image.paste(paint, frame, here.point(lambda grey: round(grey * opacity)))

    def shade(self, mask: Mask, within: Mask, colour: str, opacity: float, blur: float = 14) -> None:
        """Soft light or shade of one colour around `mask`, never outside `within`."""
        self.fill(both(soft(mask, blur), within), colour, opacity=opacity)

    def ground(self, x: float, y: float, across: float, down: float = 16) -> None:
        """The faint shadow under a standing product; paint it first."""
        self.fill(soft(oval(x, y, across, down), 13), "#5b6475", opacity=0.20)

    def finished(self) -> Image.Image:
        """The picture at its final size with a palette of 256 colours, which keeps the files small."""
        small = self.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        return small.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)

    def save(self, path: Path) -> None:
        """Write the finished picture as PNG."""
        self.finished().save(path, optimize=True)


def _blend(colours: Sequence[str], size: tuple[int, int], *, across: bool) -> Image.Image:
    """A rectangle blended evenly through all the colours."""
    if len(colours) == 1:
        return Image.new("RGB", size, colours[0])
    stops = [ImageColor.getrgb(colour) for colour in colours]
    ramp = Image.new("RGB", (256, 1))
    for at in range(256):
        index, share = divmod(at / 255 * (len(stops) - 1), 1)
        low, high = stops[int(index)], stops[min(int(index) + 1, len(stops) - 1)]
        ramp.putpixel((at, 0), tuple(round(a + (b - a) * share) for a, b in zip(low, high, strict=True)))
    return (ramp if across else ramp.transpose(Image.Transpose.ROTATE_270)).resize(size, Image.Resampling.BICUBIC)
