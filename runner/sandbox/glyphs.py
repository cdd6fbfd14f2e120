"""Letters that the bundled typeface lacks, put together from those it has.

Pillow's Aileron covers little more than ASCII: no umlaut, no accent, no euro. An `ä` is its `a` with two dots drawn on top, a `€`
its `C` with two bars. What cannot be put together has a usual spelling (`ß` as `ss`), and what has none is left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from PIL import ImageDraw, ImageFont

from runner.sandbox.palette import Colour

SPELLED: Final = str.maketrans(
    dict(zip("’‘“”„«»\u00a0\u202f\u2009‑–—−•×øØłŁđı", '\'\'"""""   ----·xoOlLdi', strict=True))
    | {
        "…": "...",
        "ß": "ss",
        "ẞ": "SS",
        "½": "1/2",
        "²": "2",
        "œ": "oe",
        "Œ": "OE",
        "æ": "ae",
        "Æ": "AE",
        "®": "",
        "™": "",
        "©": "",
    }
)
"""The usual spelling of what cannot be put together."""

BARRED: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    "€": ("C", (0.42, 0.6)),
    "£": ("L", (0.48,)),
    "¥": ("Y", (0.28, 0.44)),
}
"""Letters with bars at these heights, as shares of a capital's."""

STROKES: Final[Mapping[str, tuple[tuple[tuple[float, float], ...], ...]]] = {
    "\u0300": (((-0.1, -0.2), (0.03, -0.09)),),
    "\u0301": (((0.1, -0.2), (-0.03, -0.09)),),
    "\u0302": (((-0.12, -0.09), (0.0, -0.2), (0.12, -0.09)),),
    "\u0303": (((-0.14, -0.1), (-0.06, -0.16), (0.05, -0.11), (0.13, -0.17)),),
    "\u0304": (((-0.12, -0.13), (0.12, -0.13)),),
    "\u0306": (((-0.12, -0.2), (-0.06, -0.12), (0.06, -0.12), (0.12, -0.2)),),
    "\u0307": (((0.0, -0.14), (0.0, -0.14)),),
    "\u0308": (((-0.13, -0.14), (-0.13, -0.14)), ((0.13, -0.14), (0.13, -0.14))),
    "\u030a": (((0.0, -0.08), (0.07, -0.14), (0.0, -0.2), (-0.07, -0.14), (0.0, -0.08)),),
    "\u030b": (((-0.05, -0.09), (0.02, -0.2)), ((0.09, -0.09), (0.16, -0.2))),
    "\u030c": (((-0.12, -0.2), (0.0, -0.09), (0.12, -0.2)),),
}
"""Marks above a letter, as lines relative to the middle of its top, in font sizes."""

BELOW: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "\u0327": ((0.0, 0.02), (0.05, 0.09), (0.0, 0.15), (-0.07, 0.15)),
    "\u0328": ((0.12, 0.0), (0.06, 0.08), (0.12, 0.14)),
}
"""Marks below a letter, relative to the middle of the baseline."""


@lru_cache(maxsize=256)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface at a whole number of pixels."""
    loaded = ImageFont.load_default(max(4, size))
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


@lru_cache(maxsize=4096)
def _is_held(character: str) -> bool:
    face = font(20)
    return character.isspace() or bytes(face.getmask(character)) != bytes(face.getmask("\uffff"))


@lru_cache(maxsize=4096)
def parts_of(character: str) -> tuple[str, str]:
    """The letter to draw for a character, and the mark to add to it; both may be empty."""
    if character in BARRED:
        return BARRED[character][0], character
    if _is_held(character):
        return character, ""
    parts = unicodedata.normalize("NFD", character)
    base, marks = parts[0], parts[1:]
    if not _is_held(base):
        return "", ""
    known = next((mark for mark in marks if mark in STROKES or mark in BELOW), "")
    return base, "" if base == "i" else known


def drawable(text: str) -> str:
    """The text with what can be drawn, spaces tidied."""
    spelled = unicodedata.normalize("NFC", text).translate(SPELLED)
    return " ".join("".join(character for character in spelled if parts_of(character)[0]).split())


def length(text: str, size: int) -> float:
    """The width of drawable text in pixels."""
    return font(size).getlength("".join(parts_of(character)[0] for character in text))


def write_line(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, ink: tuple[Colour, float]) -> None:
    """Write drawable text from `at`, the left end of its middle line. `ink` is a colour and the stroke that makes it bold."""
    colour, stroke = ink
    face = font(size)
    tall = -face.getbbox("H", anchor="ls")[1]
    x, baseline = at[0], at[1] + tall / 2
    letters = [parts_of(character) for character in text]
    plain = "".join(letter for letter, _ in letters)
    draw.text((x, baseline), plain, fill=colour, font=face, anchor="ls", stroke_width=stroke, stroke_fill=colour)
    for place, (letter, mark) in enumerate(letters):
        if mark:
            left = x + face.getlength(plain[:place])
            _add_mark(draw, (left, baseline), letter, mark, (face, size, colour, stroke))


def _add_mark(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    letter: str,
    mark: str,
    pen: tuple[ImageFont.FreeTypeFont, int, Colour, float],
) -> None:
    face, size, colour, stroke = pen
    left, top, right, _ = face.getbbox(letter, anchor="ls")
    width = size * 0.07 + stroke * 1.6
    middle = at[0] + (left + right) / 2
    if mark in BARRED:
        for height in BARRED[mark][1]:
            y = at[1] + top * height
            draw.line(
                (at[0] + left - size * 0.07, y, at[0] + left + (right - left) * 0.72, y),
                fill=colour,
                width=max(1, round(width * 0.8)),
            )
        return
    origin = at[1] + (top if mark in STROKES else 0)
    for line in STROKES.get(mark, (BELOW.get(mark, ()),)):
        points = [(middle + dx * size, origin + dy * size) for dx, dy in line]
        draw.line(points, fill=colour, width=max(1, round(width)), joint="curve")
        for x, y in points:
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=colour)
