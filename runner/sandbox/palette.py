"""Colours: reading them, mixing them, and choosing ones that can be read against each other (WCAG 2 contrast)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from PIL import ImageColor

Colour: TypeAlias = tuple[int, int, int]

WHITE: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (24, 28, 40)
HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
PAIRS: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((17, 94, 137), (255, 138, 76)),
    ((14, 116, 110), (255, 196, 61)),
    ((190, 50, 76), (255, 214, 143)),
    ((76, 60, 150), (255, 133, 152)),
    ((27, 68, 110), (111, 214, 196)),
    ((196, 84, 40), (255, 222, 120)),
    ((38, 92, 66), (244, 176, 66)),
)
"""Main and accent colours of a brand that named none."""


def read_colour(text: str) -> Colour | None:
    """`#5662EC` or `#abc` as a colour; None if it is neither."""
    if not HEX.fullmatch(text):
        return None
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 to 1) of `second` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 (black) to 1 (white), as WCAG 2 defines it."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: Colour, second: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(ground: Colour) -> Colour:
    """Ink or white, whichever reads better on `ground`; white is preferred on saturated colours, as in print."""
    return WHITE if contrast(WHITE, ground) >= 3.0 else INK


def deep(colour: Colour) -> Colour:
    """The colour, darkened until white text reads on it."""
    while contrast(WHITE, colour) < 4.0:
        colour = mix(colour, (0, 0, 0), 0.12)
    return colour


def accent_for(ground: Colour, wanted: Sequence[Colour]) -> Colour:
    """The first wanted colour that stands out from `ground`, else a lighter or darker shade of it."""
    for colour in wanted:
        if contrast(colour, ground) >= 2.2:
            return colour
    return mix(ground, WHITE, 0.72) if luminance(ground) < 0.35 else mix(ground, INK, 0.7)
