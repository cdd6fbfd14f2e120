"""Designs: a headline, a price, a button, a logo and a picture, laid out at any advertising size.

A size belongs to a family (strip, box, tower …), and each family says where things go as shares of the picture. Three looks dress
them: `panel` (colour beside a scene), `scene` (words on the scene itself) and `badge` (the product before a disc of colour).
Families are data, so that a new one is a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from runner.frozen import frozen
from runner.sandbox.canvas import Box, blob, contact_shadow, drawing_scale, glow, gradient, scaled, wash
from runner.sandbox.copywriter import call_for, headline_for
from runner.sandbox.cutout import remove_background, solid_box
from runner.sandbox.dice import Dice
from runner.sandbox.letters import Fitted, fit, write
from runner.sandbox.objects import draw_thing
from runner.sandbox.palette import HEX, INK, PAIRS, WHITE, Colour, accent_for, contrast, deep, mix, read_colour, readable_on
from runner.sandbox.prompts import read_prompt
from runner.sandbox.scenes import draw_scene

LONGEST: Final = 160
"""Characters of a headline that are looked at."""
LOOKS: Final = ("panel", "badge", "scene")


@frozen
class Brief:
    """What a design is made from. `content` gives words directly (`title`, `subTitle`, `button` …); `variant` changes the look."""

    size: tuple[int, int]
    prompt: str = ""
    content: Mapping[str, str] = field(default_factory=dict)
    language: str = "english"
    colours: tuple[Colour, ...] = ()
    image: Image.Image | None = None
    cut: bool = True
    logo: Image.Image | None = None
    variant: int = 0


@frozen
class Plan:
    """Where things go, as shares of width and height: left, top, right, bottom. `lines` is the headline's most."""

    art: Box
    text: Box
    price: Box
    button: Box
    brand: Box
    lines: int
    centred: bool = False


PLANS: Final[Mapping[str, Plan]] = {
    "strip": Plan((0.0, 0, 0.2, 1), (0.225, 0.12, 0.6, 0.88), (0.61, 0.2, 0.755, 0.8), (0.77, 0.25, 0.98, 0.75), (0.0, 0, 0, 0), 2),
    "slim": Plan((0.0, 0, 0.16, 1), (0.18, 0.1, 0.66, 0.9), (0, 0, 0, 0), (0.69, 0.2, 0.975, 0.8), (0, 0, 0, 0), 2),
    "wide": Plan(
        (0.54, 0.04, 0.98, 0.96),
        (0.06, 0.2, 0.52, 0.58),
        (0.06, 0.59, 0.4, 0.72),
        (0.06, 0.75, 0.36, 0.89),
        (0.06, 0.07, 0.4, 0.16),
        3,
    ),
    "box": Plan(
        (0.5, 0.22, 0.98, 0.92),
        (0.06, 0.15, 0.5, 0.59),
        (0.06, 0.6, 0.44, 0.72),
        (0.06, 0.77, 0.46, 0.91),
        (0.06, 0.05, 0.5, 0.12),
        4,
    ),
    "upright": Plan(
        (0.12, 0.42, 0.88, 0.84),
        (0.08, 0.11, 0.92, 0.33),
        (0.2, 0.335, 0.8, 0.405),
        (0.22, 0.87, 0.78, 0.945),
        (0.1, 0.04, 0.9, 0.09),
        3,
        True,
    ),
    "tower": Plan(
        (0.06, 0.42, 0.94, 0.8),
        (0.07, 0.1, 0.93, 0.33),
        (0.08, 0.335, 0.92, 0.4),
        (0.1, 0.84, 0.9, 0.92),
        (0.1, 0.03, 0.9, 0.08),
        5,
        True,
    ),
}


@frozen
class Words:
    """What a design says."""

    headline: str
    price: str
    button: str
    brand: str


@frozen
class Dress:
    """How a design looks: its ground, the accent on it, the colour of words, and the look."""

    main: Colour
    accent: Colour
    words: Colour
    look: str
    setting: str


def family(size: tuple[int, int]) -> str:
    """The family of a size, by its proportions (and `slim` for strips too low for a price)."""
    width, height = size
    ratio = width / height
    if ratio >= 2.6:
        return "slim" if height < 70 or ratio > 9 else "strip"
    if ratio > 1.45:
        return "wide"
    if ratio > 0.8:
        return "box"
    return "upright" if ratio > 0.5 else "tower"


def design(brief: Brief) -> Image.Image:
    """The design a brief asks for; RGB, of exactly its size."""
    dice = Dice("design", brief.prompt, sorted(brief.content.items()), brief.size, brief.variant)
    words, dress, plan = _words(brief), _dress(brief, dice), PLANS[family(brief.size)]
    scale = drawing_scale(brief.size, 2.5)
    image = _ground(brief, plan, dress, scaled(brief.size, scale))
    _place_art(image, brief, plan, dress)
    fitted = _fit_headline(image, plan, words.headline)
    if fitted is not None:
        ink = _ink(image, plan, dress)
        write(image, fitted, _at(image, plan.text), ink, align="center" if plan.centred else "left")
    _place_price(image, plan, dress, words.price)
    _place_button(image, plan, dress, words.button)
    _place_brand(image, brief, plan, dress, words.brand)
    return image.resize(brief.size, Image.Resampling.LANCZOS)


def _words(brief: Brief) -> Words:
    """Given words first, then what the prompt says, then a line of our own that is the same for every variant and size."""
    given = {name.lower(): value for name, value in brief.content.items()}
    wish = read_prompt(brief.prompt or " ".join(given.values()))
    dice = Dice("words", brief.prompt, brief.language)
    headline = next((given[name] for name in ("title", "headline", "heading") if name in given), "")
    if not headline:
        headline = wish.headline or headline_for(wish, dice, brief.language)
    button = given.get("button") or given.get("cta") or wish.call or call_for(wish.language or brief.language, dice)
    return Words(headline, given.get("price") or wish.price or wish.saving, button, given.get("brand") or wish.brand)


def _dress(brief: Brief, dice: Dice) -> Dress:
    """The brand's colours if it has any (the darkest that carries white words first); variants swap their roles."""
    wanted = list(brief.colours) or [colour for code in HEX.findall(brief.prompt) if (colour := read_colour(code))]
    start = int(Dice("look", brief.prompt).unit() * 10)
    look = LOOKS[(start + brief.variant) % 3 if brief.variant < 10 else (start + brief.variant // 10) % 3]
    if not wanted:
        wanted = list(PAIRS[(start + brief.variant // 10 + brief.variant % 10) % len(PAIRS)])
    main = wanted[(brief.variant // 10) % len(wanted)] if contrast(wanted[0], WHITE) < 2 else wanted[0]
    main = deep(main)
    others = [colour for colour in wanted if colour not in (main, wanted[0])]
    setting = read_prompt(brief.prompt).setting or dice.pick(("studio", "studio", "beach", "mountain"))
    return Dress(main, accent_for(main, [*others, wanted[0]]), readable_on(main), look, setting)


def _at(image: Image.Image, box: Box) -> Box:
    """A box of shares, in pixels."""
    return box[0] * image.width, box[1] * image.height, box[2] * image.width, box[3] * image.height


def _ground(brief: Brief, plan: Plan, dress: Dress, size: tuple[int, int]) -> Image.Image:
    """The background of a look."""
    image = gradient(size, mix(dress.main, WHITE, 0.08), mix(dress.main, INK, 0.16))
    if dress.look == "badge":
        _ornaments(image, dress, plan, 0.47 + 0.015 * (brief.variant * 7 % 5))
        return image
    scene = draw_scene(dress.setting, size, (brief.prompt, brief.variant), (dress.main, dress.accent))
    if dress.look == "panel":
        _paste_panel(image, scene, plan, dress)
        return image
    wash(scene, _veil(plan, size), mix(dress.main, INK, 0.2), 0.86)
    return scene


def _veil(plan: Plan, size: tuple[int, int]) -> Image.Image:
    """A mask that is dense where the words are and open where the art is."""
    if plan.centred:
        return (
            ImageOps.invert(Image.linear_gradient("L")).resize(size).point([round(min(255, value * 1.5)) for value in range(256)])
        )
    across = Image.linear_gradient("L").rotate(90).resize(size)
    if plan.art[0] > 0.3:
        return across.point([round(min(255, (255 - value) * 1.5)) for value in range(256)])
    return across.point([round(min(235, max(0, (value - 30) * 4))) for value in range(256)])


def _ornaments(image: Image.Image, dress: Dress, plan: Plan, share: float) -> None:
    """Quiet circles and light, so that plain colour is not flat; `share` is the disc's of the art's place."""
    left, top, right, bottom = _at(image, plan.art)
    centre, reach = ((left + right) / 2, (top + bottom) / 2), max(right - left, bottom - top)
    glow(image, centre, reach * 1.1, mix(dress.main, WHITE, 0.5), 0.5)
    radius = min(right - left, bottom - top) * share
    box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    ImageDraw.Draw(image).ellipse(box, fill=mix(dress.accent, WHITE, 0.12))
    wide = radius * 1.24
    ring = (centre[0] - wide, centre[1] - wide, centre[0] + wide, centre[1] + wide)
    ImageDraw.Draw(image).ellipse(ring, outline=mix(dress.main, WHITE, 0.28), width=max(1, round(radius * 0.02)))


def _paste_panel(image: Image.Image, scene: Image.Image, plan: Plan, dress: Dress) -> None:
    """The scene on the art's side of the picture, cut off by a slanting edge."""
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    width, height = image.size
    if plan.centred:
        top = (plan.art[1] - 0.0) * height
        draw.polygon([(0, top + 0.03 * height), (width, top - 0.01 * height), (width, height), (0, height)], fill=255)
    elif plan.art[0] > 0.3:
        edge = plan.art[0] * width + 0.03 * width
        draw.polygon([(edge + 0.06 * width, 0), (width, 0), (width, height), (edge - 0.02 * width, height)], fill=255)
    else:
        edge = plan.art[2] * width
        draw.polygon([(0, 0), (edge + 0.12 * height, 0), (edge - 0.12 * height, height), (0, height)], fill=255)
    band = mask.transform(
        image.size, Image.Transform.AFFINE, (1, 0, _slip(plan, width), 0, 1, 0.008 * height if plan.centred else 0)
    )
    wash(image, band, dress.accent, 1.0)
    if plan.art[0] < 0.3 and not plan.centred:
        room = round(plan.art[2] * width + 0.12 * height)
        scene = ImageOps.fit(scene.crop((0, 0, height * 2, height)), (room, height))
        image.paste(scene, (0, 0), mask.crop((0, 0, room, height)))
    else:
        image.paste(scene, (0, 0), mask)


def _slip(plan: Plan, width: int) -> float:
    """How far the accent-coloured edge shows beside the scene."""
    if plan.centred:
        return 0.0
    return 0.012 * width if plan.art[0] > 0.3 else -0.006 * width


def _place_art(image: Image.Image, brief: Brief, plan: Plan, dress: Dress) -> None:
    """The picture that was sent (without its background), or something that the prompt names, on its shadow."""
    left, top, right, bottom = _at(image, plan.art)
    room = (right - left, bottom - top)
    share = 0.78 if plan.art[0] < 0.3 and not plan.centred else 0.9
    if brief.image is not None and not brief.cut:
        photo = ImageOps.fit(brief.image.convert("RGB"), (round(room[0] * 0.9), round(room[1] * 0.86)))
        image.paste(photo, (round(left + room[0] * 0.05), round(top + room[1] * 0.07)))
        return
    if brief.image is not None:
        thing = remove_background(brief.image)
        thing = thing.crop(solid_box(thing) or (0, 0, *thing.size))
    else:
        words = brief.prompt or " ".join(brief.content.values())
        thing = draw_thing(words, max(8, round(min(room))), _thing_colours(dress))
        thing = thing.crop(solid_box(thing))
    scale = min(room[0] * share / thing.width, room[1] * share / thing.height)
    thing = thing.resize(scaled(thing.size, scale), Image.Resampling.LANCZOS)
    x = left + (room[0] - thing.width) / 2
    y = bottom - thing.height - room[1] * (1 - share) / 2
    contact_shadow(image, (x, y, x + thing.width, y + thing.height), 0.36)
    image.paste(thing, (round(x), round(y)), thing)


def _thing_colours(dress: Dress) -> tuple[Colour, Colour]:
    """Colours that stand out before the disc or the scene."""
    if dress.look == "badge":
        return mix(dress.main, WHITE, 0.08), mix(dress.accent, WHITE, 0.55)
    return (dress.accent, dress.main) if contrast(dress.accent, WHITE) > 1.5 else (mix(dress.accent, INK, 0.25), dress.main)


def _fit_headline(image: Image.Image, plan: Plan, headline: str) -> Fitted | None:
    """The headline as large as it fits; its end is given up word by word where it does not fit at all."""
    left, top, right, bottom = _at(image, plan.text)
    words = headline[:LONGEST].split()
    while words:
        fitted = fit(" ".join(words), (right - left, bottom - top), most=image.height * 0.5, lines=plan.lines)
        if fitted is not None:
            return fitted
        words = words[: len(words) * 3 // 4]
    return None


def _ink(image: Image.Image, plan: Plan, dress: Dress) -> Colour:
    """White or ink, whichever reads better on what is really behind the words."""
    left, top, right, bottom = (round(value) for value in _at(image, plan.text))
    patch = image.crop((left, top, max(left + 1, right), max(top + 1, bottom))).resize((1, 1), Image.Resampling.BOX)
    behind = patch.getpixel((0, 0))
    assert isinstance(behind, tuple)
    return readable_on((int(behind[0]), int(behind[1]), int(behind[2])))


def _place_price(image: Image.Image, plan: Plan, dress: Dress, price: str) -> None:
    left, top, right, bottom = _at(image, plan.price)
    fitted = fit(price, (right - left, bottom - top), most=image.height * 0.42, lines=1)
    if fitted is None:
        return
    behind = mix(dress.main, INK, 0.1)
    colour = dress.accent if contrast(dress.accent, behind) >= 2.6 else readable_on(behind)
    write(image, fitted, (left, top, right, bottom), colour, align="center" if plan.centred or plan.art[0] < 0.3 else "left")


def _place_button(image: Image.Image, plan: Plan, dress: Dress, says: str) -> None:
    left, top, right, bottom = _at(image, plan.button)
    height = bottom - top
    fitted = fit(says, ((right - left) - height * 0.9, height * 0.56), most=height * 0.5, lines=1)
    if fitted is None:
        return
    wide = min(right - left, fitted.width + height * 1.1)
    if plan.centred or plan.art[0] < 0.3:
        left += (right - left - wide) / 2
    box = (left, top, left + wide, bottom)
    blob(image, (box[0], box[1] + height * 0.1, box[2], box[3] + height * 0.12), INK, 0.3, height * 0.09)
    ImageDraw.Draw(image).rounded_rectangle(box, radius=height / 2, fill=dress.accent)
    write(image, fitted, box, readable_on(dress.accent) if contrast(WHITE, dress.accent) >= 3 else INK, align="center")


def _place_brand(image: Image.Image, brief: Brief, plan: Plan, dress: Dress, brand: str) -> None:
    """The logo if one was sent, else the brand's name."""
    left, top, right, bottom = _at(image, plan.brand)
    if brief.logo is not None:
        if right <= left:
            left, top, right, bottom = image.width * 0.01, image.height * 0.06, image.width * 0.07, image.height * 0.4
        logo = brief.logo.convert("RGBA")
        logo = logo.resize(
            scaled(logo.size, min((right - left) / logo.width, (bottom - top) * 1.3 / logo.height)), Image.Resampling.LANCZOS
        )
        x = left + ((right - left - logo.width) / 2 if plan.centred else 0)
        image.paste(logo, (round(x), round(top)), logo)
        return
    fitted = fit(brand.upper(), (right - left, bottom - top), most=image.height * 0.07, lines=1)
    if fitted is not None:
        write(image, fitted, (left, top, right, bottom), _ink(image, plan, dress), align="center" if plan.centred else "left")
