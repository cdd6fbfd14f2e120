"""How far two pictures are apart: pixel by pixel, and as an eye would have it.

The pixels say whether anything changed at all, the difference hash (dHash) whether a person would see another picture. Pixels can
be compared only where both pictures have the same size; colours are weighed by their opacity, so what a transparent pixel hides
does not count. Only pictures that decode completely are measured. It blocks.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageChops

from runner.edge.looks import distance
from runner.edge.media import DECODER_ERRORS, Media, inspect
from runner.frozen import frozen

GRAIN: Final = 8
"""Levels of 255 that a channel may differ before its pixel does: less is what compressing twice makes of the same picture."""
AT_ONCE: Final = 4_000_000
"""Pixels that are compared; larger pictures are reduced to about so many."""
DIGITS: Final = 4


@frozen
class Distance:
    """`share` of the pixels that differ visibly and `mean` difference of all (both 0 to 1; None where the sizes differ).

    `dhash` is how many of 64 bits differ: 0 looks alike, around 32 are any two pictures; None where it cannot be told.
    """

    share: float | None
    mean: float | None
    dhash: int | None

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return asdict(self)


def measure(then: Path, now: Path) -> Distance | None:
    """How far the two pictures are apart; None where one of them is no picture that can be read."""
    try:
        one, other = inspect(then), inspect(now)
        if not isinstance(one, Media) or not isinstance(other, Media) or one.look is None or other.look is None:
            return None
        bits = distance(one.look.dhash, other.look.dhash)
        if (one.width, one.height) != (other.width, other.height):
            return Distance(None, None, bits)
        with Image.open(then) as before, Image.open(now) as after:
            return Distance(*_pixels(before, after), bits)
    except (*DECODER_ERRORS, SyntaxError, TypeError, ValueError):
        return None


def _pixels(then: Image.Image, now: Image.Image) -> tuple[float, float]:
    """Share and mean: of each pixel, the channel that differs most."""
    times = 1
    while then.width * then.height > AT_ONCE * times * times:
        times += 1
    one, other = (picture.convert("RGBA").convert("RGBa").reduce(times) for picture in (then, now))
    most = reduce(ImageChops.lighter, (ImageChops.difference(a, b) for a, b in zip(one.split(), other.split(), strict=True)))
    levels = most.histogram()
    count = sum(levels)
    mean = sum(level * pixels for level, pixels in enumerate(levels)) / count / 255
    return round(sum(levels[GRAIN + 1 :]) / count, DIGITS), round(mean, DIGITS)
