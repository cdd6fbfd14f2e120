"""Taking a thing out of its picture: background removal by flood from the borders, and trimming.

The flood runs on a small copy and follows gentle slopes, so it takes vignettes and soft shadows along. What it reached is averaged
into a picture of the background alone, and the full-size picture is compared with that: a pixel becomes transparent as far as it
looks like the background around it, which keeps edges soft. Patches inside the thing that are exactly like the background (seen
through a handle) go too; anything merely similar stays.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from PIL import Image, ImageChops, ImageFilter

Pixel: TypeAlias = tuple[int, ...]
"""Red, green and blue."""

SMALL: Final = 128
STEP: Final = 13
"""How much two neighbouring pixels of the small copy may differ (largest channel) for the flood to go on."""
REACH: Final = 74
"""How far a flooded pixel may be from the border's colour."""
SOFT: Final = (12, 44)
"""Below the first difference from the background a pixel is transparent, above the second opaque."""
SAME: Final = 4
"""How far a patch inside may be from the background around the thing to count as background."""
SOLID: Final = 128
"""Alpha from which a pixel counts as part of the thing."""


def remove_background(image: Image.Image) -> Image.Image:
    """The picture as RGBA with a transparent background; what was transparent stays so."""
    rgba = image.convert("RGBA")
    before = rgba.getchannel("A")
    if before.tobytes().count(255) < before.width * before.height * 0.999:
        return rgba
    rgb = rgba.convert("RGB")
    small = rgb.copy()
    small.thumbnail((SMALL, SMALL), Image.Resampling.BOX)
    flooded = _flood(small)
    background = _background(small, flooded, (2, 6, 18, 60)).resize(rgb.size, Image.Resampling.BICUBIC)
    unlike = _largest_channel(ImageChops.difference(rgb, background))
    low, high = SOFT
    alpha = unlike.point([round(255 * min(1.0, max(0.0, (value - low) / (high - low)))) for value in range(256)])
    core = ImageChops.invert(flooded).filter(ImageFilter.MinFilter(5))
    near = ImageChops.invert(flooded).filter(ImageFilter.MaxFilter(3))
    alpha = ImageChops.lighter(alpha, core.resize(rgb.size, Image.Resampling.BILINEAR))
    alpha = ImageChops.multiply(
        alpha, near.resize(rgb.size, Image.Resampling.BILINEAR).point([min(255, 3 * value) for value in range(256)])
    )
    rgb.putalpha(ImageChops.multiply(alpha, before))
    return rgb


def trim(image: Image.Image) -> Image.Image:
    """The picture without its transparent margins (all of it, if it is transparent throughout)."""
    rgba = image.convert("RGBA")
    box = solid_box(rgba)
    return rgba.crop(box) if box else rgba


def solid_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The box of everything at least half opaque; faint marks do not count. None if there is nothing."""
    return image.getchannel("A").point([255 if value >= SOLID else 0 for value in range(256)]).getbbox()


def _largest_channel(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _flood(image: Image.Image) -> Image.Image:
    """A mask of the background: what can be reached from the border, then from the holes, without a sharp edge."""
    width, height = image.size
    pixels = list(zip(*(channel.tobytes() for channel in image.split()), strict=True))
    sides = [*range(0, height * width, width), *range(width - 1, height * width, width)]
    border = [*range(width), *range((height - 1) * width, height * width), *sides]
    middle = tuple(sorted(pixels[place][channel] for place in border)[len(border) // 2] for channel in range(3))
    near = bytes(_apart(pixel, middle) <= REACH for pixel in pixels)
    reached = bytearray(width * height)
    _spread(border, pixels, near, width, reached)
    flooded = Image.frombytes("L", image.size, bytes(reached))
    holes = _holes(image, flooded).tobytes()
    _spread([place for place, value in enumerate(holes) if value], pixels, near, width, reached)
    return Image.frombytes("L", image.size, bytes(reached))


def _spread(start: list[int], pixels: list[Pixel], near: bytes, width: int, reached: bytearray) -> None:
    """Mark in `reached` all that can be reached from `start` in small steps through pixels that are `near`."""
    stack = [place for place in start if near[place] and not reached[place]]
    for place in stack:
        reached[place] = 255
    while stack:
        place = stack.pop()
        for other in _around(place, place % width, width, len(pixels)):
            if near[other] and not reached[other] and _apart(pixels[place], pixels[other]) <= STEP:
                reached[other] = 255
                stack.append(other)


def _apart(first: Pixel, second: Pixel) -> int:
    """How far two colours are apart in the channel they differ most in."""
    return max(abs(first[0] - second[0]), abs(first[1] - second[1]), abs(first[2] - second[2]))


def _holes(image: Image.Image, flooded: Image.Image) -> Image.Image:
    """What the flood could not reach but is the same as the background. Specks do not count."""
    unlike = _largest_channel(ImageChops.difference(image, _background(image, flooded, (60,))))
    same = unlike.point([255 if value <= SAME else 0 for value in range(256)])
    return ImageChops.subtract(same, flooded).filter(ImageFilter.MinFilter(3))


def _around(place: int, column: int, width: int, count: int) -> list[int]:
    """The neighbours of a pixel, by index."""
    found = [place - width, place + width]
    if column:
        found.append(place - 1)
    if column < width - 1:
        found.append(place + 1)
    return [other for other in found if 0 <= other < count]


def _background(image: Image.Image, flooded: Image.Image, radii: tuple[int, ...]) -> Image.Image:
    """The background with the thing painted over by what is around it: wider and wider averages of flooded pixels only."""
    result = Image.composite(image, Image.new("RGB", image.size), flooded)
    known = flooded
    sure = flooded.filter(ImageFilter.MinFilter(3))
    for radius in radii:
        weight = sure.filter(ImageFilter.GaussianBlur(radius))
        total = Image.composite(image, Image.new("RGB", image.size), sure).filter(ImageFilter.GaussianBlur(radius))
        average = Image.merge("RGB", [_divide(channel, weight) for channel in total.split()])
        fresh = ImageChops.subtract(weight.point([255 if value > 24 else 0 for value in range(256)]), known)
        result.paste(average, (0, 0), fresh)
        known = ImageChops.lighter(known, fresh)
    return result


def _divide(values: Image.Image, weight: Image.Image) -> Image.Image:
    return Image.frombytes(
        "L",
        values.size,
        bytes(min(255, 255 * value // part) if part else 0 for value, part in zip(values.tobytes(), weight.tobytes(), strict=True)),
    )
