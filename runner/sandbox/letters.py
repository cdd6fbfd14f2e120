"""Words in pictures: the one typeface Pillow brings along (Aileron), fitted into boxes.

No font of the machine is ever used, so a picture is the same everywhere. Bold is a stroke in the letters' own colour.
"""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw

from runner.frozen import frozen
from runner.sandbox.canvas import Box
from runner.sandbox.glyphs import drawable, font, length, write_line
from runner.sandbox.palette import INK, WHITE, Colour

LEADING: Final = 1.14
BOLD: Final = 0.026
MARK: Final = "sandbox"


@frozen
class Fitted:
    """Text as it fits a box: its lines, size and stroke in pixels, and the box it fills."""

    lines: tuple[str, ...]
    size: float
    stroke: float
    width: float
    height: float


def fit(text: str, room: tuple[float, float], *, most: float, lines: int = 3, bold: bool = True) -> Fitted | None:
    """The text as large as it can be in `room` (width, height), at most `most` pixels high, in at most `lines` lines.

    None if it does not fit at 5 pixels either. Words are never broken.
    """
    words = drawable(text).split()
    if not words or room[0] <= 0 or room[1] <= 0:
        return None
    size = min(most, room[1])
    while size >= 5:
        stroke = size * BOLD if bold else 0.0
        wrapped = _wrap(words, room[0] - 2 * stroke, size)
        if wrapped and len(wrapped) <= lines and len(wrapped) * size * LEADING <= room[1] * 1.02:
            widest = max(length(line, round(size)) for line in wrapped) + 2 * stroke
            return Fitted(tuple(wrapped), size, stroke, widest, len(wrapped) * size * LEADING)
        size *= 0.94
    return None


def _wrap(words: list[str], width: float, size: float) -> list[str]:
    """Lines no wider than `width`, as even as greedy filling allows; empty if one word alone is too wide."""
    pixels = round(size)
    low, high = max(length(word, pixels) for word in words), width
    if low > width:
        return []
    lines = _fill(words, width, pixels)
    for _ in range(5):  # the narrowest width with as many lines looks best
        middle = (low + high) / 2
        if len(_fill(words, middle, pixels)) == len(lines):
            high = middle
        else:
            low = middle
    return _fill(words, high, pixels)


def _fill(words: list[str], width: float, pixels: int) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if length(longer, pixels) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def write(image: Image.Image, fitted: Fitted, box: Box, colour: Colour, *, align: str = "left") -> None:
    """Write fitted text into `box`, in the middle of its height, aligned `left` or `center`."""
    draw = ImageDraw.Draw(image)
    top = box[1] + (box[3] - box[1] - fitted.height) / 2
    for number, line in enumerate(fitted.lines):
        middle = top + (number + 0.5) * fitted.size * LEADING
        x = box[0] + fitted.stroke if align == "left" else (box[0] + box[2] - length(line, round(fitted.size))) / 2
        write_line(draw, (x, middle), line, round(fitted.size), (colour, fitted.stroke))


def mark(image: Image.Image) -> Image.Image:
    """The picture with a small "sandbox" in its lower right corner; faint on a transparent picture, so as not to be part of it."""
    size = max(7, min(22, round(min(image.width * 0.5, image.height) * 0.036 + 4)))
    face = font(size)
    wide, tall, pad = face.getlength(MARK), size * 1.05, size * 0.34
    if wide + 2 * pad > image.width or tall + pad > image.height:
        return image
    left, top = image.width - wide - 2 * pad - size * 0.2, image.height - tall - size * 0.2
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    transparent = image.mode == "RGBA" and b"\x00" in image.getchannel("A").tobytes()
    strength = 84 if transparent else 96
    draw.rounded_rectangle(
        (left, top, image.width - size * 0.2, image.height - size * 0.2), radius=tall * 0.35, fill=(*INK, strength)
    )
    draw.text(
        ((left + image.width - size * 0.2) / 2, top + tall * 0.5),
        MARK,
        fill=(*WHITE, 120 if transparent else 225),
        font=face,
        anchor="mm",
    )
    if not transparent:
        return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
    return Image.alpha_composite(image, layer)
