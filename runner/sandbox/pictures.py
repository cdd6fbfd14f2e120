"""The picture operations of all vendors, on real pixels: pure functions from what was posted to what is answered.

Every result is the same for the same arguments on every machine: no clock, no chance that is not drawn from the arguments, no font
of the machine, and encoders with fixed settings.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from runner.sandbox.canvas import contact_shadow, drawing_scale, scaled
from runner.sandbox.cutout import remove_background, solid_box
from runner.sandbox.dice import Dice
from runner.sandbox.intake import FOREIGN, PICTURE_FORMATS, Made
from runner.sandbox.letters import mark
from runner.sandbox.objects import draw_thing, knows
from runner.sandbox.palette import PAIRS, WHITE, Colour, mix, read_colour
from runner.sandbox.prompts import Wish, read_prompt
from runner.sandbox.scenes import GROUND, draw_scene

STAND_IN: Final = 800
UPSCALED: Final = 4096
Size = tuple[int, int]


def open_picture(reference: str, inputs: Mapping[str, bytes], is_logo: bool = False) -> Image.Image:
    """The picture a reference stands for; for a foreign URL, a stand-in product (or logo) that depends on the URL alone."""
    if reference.startswith(FOREIGN):
        return _stand_in(reference, is_logo)
    with Image.open(io.BytesIO(inputs[reference]), formats=PICTURE_FORMATS) as image:
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB")


def _stand_in(url: str, is_logo: bool) -> Image.Image:
    dice = Dice("stand-in", url)
    main, accent = dice.pick(PAIRS)
    if is_logo:
        logo = Image.new("RGBA", (240, 240))
        logo.paste(draw_thing("plant", 240, (main, accent)))
        return logo
    image = Image.new("RGB", (STAND_IN, STAND_IN), mix(main, WHITE, 0.93))
    thing = draw_thing(url.replace("/", " ").replace("_", " "), round(STAND_IN * 0.7), (main, accent))
    _stand(image, thing, (STAND_IN / 2, STAND_IN * 0.84), shadow=0.25)
    return image


def as_png(name: str, image: Image.Image) -> Made:
    """The picture, marked, as a PNG called `name.png`."""
    marked = mark(image)
    body = io.BytesIO()
    marked.save(body, "PNG", compress_level=6)
    return Made(f"{name}.png", "image/png", body.getvalue(), *marked.size)


def as_jpeg(name: str, image: Image.Image) -> Made:
    """The picture, marked, as a JPEG called `name.jpg`."""
    marked = mark(image.convert("RGB"))
    body = io.BytesIO()
    marked.save(body, "JPEG", quality=90, subsampling=0, optimize=True)
    return Made(f"{name}.jpg", "image/jpeg", body.getvalue(), *marked.size)


def as_webp(name: str, image: Image.Image) -> Made:
    """The picture, marked, as a WebP called `name.webp`."""
    marked = mark(image)
    body = io.BytesIO()
    marked.save(body, "WEBP", quality=88, method=4)
    return Made(f"{name}.webp", "image/webp", body.getvalue(), *marked.size)


def fit_ratio(ratio: str, longest: int) -> Size:
    """The size of a picture of a ratio such as `16:9` whose longer side is `longest` pixels; both sides even."""
    across, down = (int(part) for part in ratio.split(":"))
    scale = longest / max(across, down)
    return max(2, round(across * scale / 2) * 2), max(2, round(down * scale / 2) * 2)


def colours_for(wish: Wish, dice: Dice) -> tuple[Colour, Colour]:
    """The colours the prompt names by hex code, else a pair that the dice choose."""
    named = [colour for word in wish.prompt.split() if (colour := read_colour(word.strip(",.;()"))) is not None]
    main, accent = dice.pick(PAIRS)
    return (named[0], named[1] if len(named) > 1 else accent) if named else (main, accent)


def draw_picture(prompt: str, size: Size, seed: object = None) -> Image.Image:
    """The scene a prompt asks for, with what it names standing in it; RGB."""
    wish, dice = read_prompt(prompt), Dice("picture", prompt, seed)
    colours = colours_for(wish, dice)
    drawn = scaled(size, drawing_scale(size))
    image = draw_scene(wish.setting, drawn, (prompt, seed), colours)
    if knows(prompt) or not wish.setting:
        room = min(drawn[1] * 0.66, drawn[0] * 0.62)
        thing = draw_thing(prompt, max(8, round(room)), colours)
        x = 0.5 if wish.setting in {"", "studio"} else dice.between(0.4, 0.6)
        _stand(image, thing, (drawn[0] * x, drawn[1] * GROUND))
    return image.resize(size, Image.Resampling.LANCZOS)


def draw_cutout(prompt: str, size: Size, seed: object = None) -> Image.Image:
    """What the prompt names, on nothing; RGBA."""
    colours = colours_for(read_prompt(prompt), Dice("cutout", prompt, seed))
    image = Image.new("RGBA", size)
    side = round(min(size) * 0.86)
    image.paste(draw_thing(prompt, side, colours), ((size[0] - side) // 2, (size[1] - side) // 2))
    return image


def place_on_scene(cutout: Image.Image, prompt: str, seed: object = None) -> Image.Image:
    """The cut-out on the scene the prompt asks for, as large as the cut-out's picture was; RGB."""
    thing = remove_background(cutout)
    size = cutout.size
    wish, dice = read_prompt(prompt), Dice("scene", prompt, seed)
    drawn = scaled(size, drawing_scale(size))
    image = draw_scene(wish.setting, drawn, (prompt, seed), colours_for(wish, dice))
    thing = thing.crop(solid_box(thing) or thing.getbbox() or (0, 0, *size))
    scale = min(drawn[0] * 0.74 / thing.width, drawn[1] * 0.66 / thing.height)
    x = 0.5 if wish.setting in {"", "studio"} else dice.between(0.42, 0.58)
    _stand(image, thing.resize(scaled(thing.size, scale), Image.Resampling.LANCZOS), (drawn[0] * x, drawn[1] * (GROUND + 0.02)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _stand(image: Image.Image, thing: Image.Image, foot: tuple[float, float], shadow: float = 0.42) -> None:
    """Put a thing on its foot (the middle of its lower edge) with a shadow under it."""
    box = solid_box(thing)
    if box is None:
        return
    thing = thing.crop(box)
    left, top = foot[0] - thing.width / 2, foot[1] - thing.height
    contact_shadow(image, (left, top, left + thing.width, foot[1]), shadow)
    image.paste(thing, (round(left), round(top)), thing)


def outpaint(image: Image.Image, size: Size) -> Image.Image:
    """The picture in the middle of a canvas of `size`, its surroundings continued by its own blurred edges."""
    flat = _flatten(image)
    scale = min(size[0] / flat.width, size[1] / flat.height, 1.0 if max(flat.size) * 2 > min(size) else 2.0)
    inner = flat.resize(scaled(flat.size, scale), Image.Resampling.LANCZOS)
    left, top = (size[0] - inner.width) // 2, (size[1] - inner.height) // 2
    surround = _stretched_edges(inner, size, left, top)
    feather = max(1, round(min(inner.size) * 0.03))
    mask = Image.new("L", inner.size, 0)
    inset = (feather if left else 0, feather if top else 0)
    mask.paste(255, (inset[0], inset[1], inner.width - inset[0], inner.height - inset[1]))
    surround.paste(inner, (left, top), mask.filter(ImageFilter.GaussianBlur(feather / 2)) if any(inset) else mask)
    return surround


def _stretched_edges(inner: Image.Image, size: Size, left: int, top: int) -> Image.Image:
    """A canvas on which the picture's outermost pixels run on to the borders, softer the further out."""
    canvas = Image.new("RGB", size)
    canvas.paste(inner, (left, top))
    right, bottom = left + inner.width, top + inner.height
    if left > 0:
        canvas.paste(inner.crop((0, 0, 1, inner.height)).resize((left, inner.height)), (0, top))
    if right < size[0]:
        canvas.paste(
            inner.crop((inner.width - 1, 0, inner.width, inner.height)).resize((size[0] - right, inner.height)), (right, top)
        )
    if top > 0:
        canvas.paste(canvas.crop((0, top, size[0], top + 1)).resize((size[0], top)), (0, 0))
    if bottom < size[1]:
        canvas.paste(canvas.crop((0, bottom - 1, size[0], bottom)).resize((size[0], size[1] - bottom)), (0, bottom))
    blur = max(2.0, min(size) * 0.04)
    small = canvas.resize(scaled(size, 0.25), Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(blur / 4))
    return small.resize(size, Image.Resampling.BILINEAR)


def _flatten(image: Image.Image) -> Image.Image:
    """The picture on white, RGB."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, WHITE)
    ground.paste(image, (0, 0), image)
    return ground


def upscale(image: Image.Image) -> Image.Image:
    """The picture, twice as wide and high (but not beyond 4096 pixels), and a little sharper."""
    scale = min(2.0, UPSCALED / max(image.size))
    large = image.resize(scaled(image.size, scale), Image.Resampling.LANCZOS)
    return large.filter(ImageFilter.UnsharpMask(radius=2, percent=70, threshold=2))


def enhance(image: Image.Image, prompt: str, size: Size, seed: object) -> Image.Image:
    """A picture made after another: the thing in it, brighter, on the scene the prompt asks for."""
    base = ImageOps.contain(image.convert("RGBA"), size)
    cutout = remove_background(base)
    framed = Image.new("RGBA", size)
    framed.paste(cutout, ((size[0] - cutout.width) // 2, (size[1] - cutout.height) // 2))
    return ImageEnhance.Color(place_on_scene(framed, prompt, seed)).enhance(1.12)


def fill(image: Image.Image, mask: Image.Image, prompt: str, seed: object = None) -> Image.Image:
    """The picture with the white part of the mask painted anew after the prompt."""
    where = _flatten(mask).convert("L").filter(ImageFilter.GaussianBlur(max(1, min(image.size) * 0.006)))
    return Image.composite(draw_picture(prompt, image.size, seed), _flatten(image), where)


def retouch(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with the white part of the mask covered by what is around it."""
    result = _flatten(image)
    where = _flatten(mask).convert("L").point([255 if value >= 128 else 0 for value in range(256)])
    keep = ImageChops.invert(where)
    for radius in (0.4, 0.16, 0.06, 0.02):
        weight = keep.filter(ImageFilter.GaussianBlur(max(2, min(image.size) * radius)))
        blurred = Image.composite(result, Image.new("RGB", image.size), keep).filter(
            ImageFilter.GaussianBlur(max(2, min(image.size) * radius))
        )
        level = weight.point([255 if value > 20 else 0 for value in range(256)])
        whole = Image.merge("RGB", [_lift(channel, weight) for channel in blurred.split()])
        result.paste(whole, (0, 0), ImageChops.multiply(where, level))
    return result


def _lift(values: Image.Image, weight: Image.Image) -> Image.Image:
    pairs = zip(values.tobytes(), weight.tobytes(), strict=True)
    return Image.frombytes("L", values.size, bytes(min(255, 255 * value // part) if part else value for value, part in pairs))
