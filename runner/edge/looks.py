"""What a picture looks like, measured once: colour mode, transparency, frames, whether there is anything on it, what it resembles.

A picture is looked at from afar: reduced to some sixty pixels a side, colours weighed by their opacity. So the noise of a
compressor makes no picture out of a white area, and a transparent one shows nothing whatever colours it hides. Likeness is a
difference hash (dHash): 64 comparisons of neighbours in a 9×8 grey picture; scaling and compressing change few of them.

Whoever opens pictures has Pillow from here: what might be a decompression bomb is then an error instead of a warning.
"""

from __future__ import annotations

import warnings
from typing import Final

from PIL import Image, ImageSequence, UnidentifiedImageError

from runner.records import Look

AFAR: Final = 64
"""Pixels of the longer side of a picture seen from afar, at least."""
MODES: Final = {"RGB": "rgb", "RGBA": "rgb", "RGBa": "rgb", "RGBX": "rgb", "P": "palette", "PA": "palette", "CMYK": "cmyk"}
OTHERS: Final = {"YCbCr": "ycbcr", "LAB": "lab", "HSV": "hsv"}
PLAIN: Final = frozenset({"L", "RGB", "RGBA"})
"""What can be reduced as it is."""
BITS: Final = 64
GRAIN: Final = 2
"""Levels of grey that do not count as a difference: on an even ground, noise would make bits of its own."""
__all__ = ["Image", "ImageSequence", "UnidentifiedImageError", "distance", "look_of"]
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def look_of(frame: Image.Image) -> Look:
    """The look of a decoded frame, as of a picture that has no other."""
    named = MODES.get(frame.mode) or OTHERS.get(frame.mode, "grey")
    has_alpha = frame.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in frame.info
    small = _from_afar(frame, has_alpha)
    return Look(named, has_alpha and _is_clear(frame), 1, _spread(small), _dhash(small))


def distance(one: int, other: int) -> int:
    """How many of the 64 bits of two dHashes differ: 0 is alike, around 32 is any two pictures."""
    return (one ^ other).bit_count()


def _from_afar(frame: Image.Image, has_alpha: bool) -> Image.Image:
    """The picture some sixty pixels large, in RGB, with its opacity where it has any."""
    plain = frame if frame.mode in PLAIN and "transparency" not in frame.info else frame.convert("RGBA" if has_alpha else "RGB")
    times = max(max(plain.size) // AFAR, 1)
    return (plain.reduce(times) if times > 1 else plain).convert("RGBA" if has_alpha else "RGB")


def _is_clear(frame: Image.Image) -> bool:
    alpha = frame.getchannel("A") if "A" in frame.getbands() else frame.convert("RGBA").getchannel("A")
    lowest = alpha.getextrema()[0]
    return isinstance(lowest, int | float) and lowest < 255


def _spread(small: Image.Image) -> int:
    weighed = small.convert("RGBa") if small.mode == "RGBA" else small  # colours weighed by opacity, and the opacity itself
    extrema = weighed.getextrema()
    return max(int(high) - int(low) for low, high in extrema)  # type: ignore[misc]


def _dhash(small: Image.Image) -> int:
    """Bit by bit, row by row: whether a pixel is clearly brighter than its right neighbour; on white, where it is transparent."""
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    grey = small.convert("L").resize((9, 8), Image.Resampling.BOX)
    values = grey.tobytes()
    hashed = 0
    for at in range(BITS):
        left = at // 8 * 9 + at % 8
        hashed = hashed << 1 | (values[left] > values[left + 1] + GRAIN)
    return hashed
