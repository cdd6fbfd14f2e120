"""Places to put a product: beach, forest, mountain, city, kitchen, snow, desert, night, and a studio for everything else.

A scene is painted in layers from far to near on a `Stage`, in shares of its height and in units of its shorter side, so that the
same scene works at 728×90 and at 160×600. Every scene leaves its ground free at `GROUND` of the height.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from runner.frozen import frozen
from runner.sandbox.canvas import blob, glow, gradient
from runner.sandbox.dice import Dice
from runner.sandbox.palette import INK, PAIRS, WHITE, Colour, mix

GROUND: Final = 0.86
"""Where a product stands, as a share of the height."""


@frozen
class Stage:
    """A picture being painted, with the dice that vary it and the brand's colours."""

    image: Image.Image
    dice: Dice
    colours: tuple[Colour, Colour]

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.image.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.image.height

    @property
    def unit(self) -> float:
        """The measure of things that should not stretch: the shorter side, but never a sliver of the longer one."""
        return max(min(self.image.size), max(self.image.size) * 0.28)

    def fill(self, top: float, bottom: float, first: Colour, last: Colour) -> None:
        """A gradient over the full width, between two shares of the height."""
        start, end = round(top * self.height), round(bottom * self.height)
        if end > start:
            self.image.paste(gradient((self.width, end - start), first, last), (0, start))

    def ridge(self, level: float, swing: float, first: Colour, last: Colour, waves: float = 1.5) -> None:
        """Hills or dunes: everything below a wavy line at `level` of the height, swinging by `swing`."""
        phase, other = self.dice.between(0, 6.28), self.dice.between(0, 6.28)
        span = self.unit / self.height
        step = max(2, self.width // 160)
        line = []
        for x in range(0, self.width + step, step):
            at = x / (self.unit * 2) * math.tau * waves / 1.5
            line.append(
                (x, (level - swing * span * (0.62 * math.sin(at + phase) + 0.38 * math.sin(at * 2.1 + other))) * self.height)
            )
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon([*line, (self.width + step, self.height), (-step, self.height)], fill=255)
        top = max(0, int(min(y for _, y in line)))
        if top < self.height:
            paint = gradient((self.width, self.height - top), first, last)
            self.image.paste(paint, (0, top), mask.crop((0, top, self.width, self.height)))

    def sun(self, x: float, y: float, radius: float, colour: Colour, halo: Colour) -> None:
        """A disc with a halo; place as shares of width and height, radius in units."""
        at = (x * self.width, y * self.height)
        size = radius * self.unit
        glow(self.image, at, size * 4.5, halo, 0.75)
        ImageDraw.Draw(self.image).ellipse((at[0] - size, at[1] - size, at[0] + size, at[1] + size), fill=colour)

    def clouds(self, count: int, low: float, high: float, colour: Colour = WHITE, strength: float = 0.7) -> None:
        """Soft clouds between two shares of the height."""
        for _ in range(count):
            x, y = self.dice.unit() * self.width, self.dice.between(low, high) * self.height
            size = self.dice.between(0.09, 0.2) * self.unit
            for _ in range(3):
                dx, dy, grow = self.dice.between(-1, 1) * size, self.dice.between(-0.12, 0.12) * size, self.dice.between(0.6, 1.1)
                box = (x + dx - size * grow, y + dy - size * 0.28 * grow, x + dx + size * grow, y + dy + size * 0.28 * grow)
                blob(self.image, box, colour, strength * 0.6, size * 0.16)

    def conifers(self, level: float, size: float, colour: Colour, density: float = 1.0) -> None:
        """A row of firs whose feet stand at `level`; size in units."""
        draw = ImageDraw.Draw(self.image)
        x = -size * self.unit * 0.3
        while x < self.width + size * self.unit * 0.3:
            tall = size * self.unit * self.dice.between(0.65, 1.15)
            foot = level * self.height + self.dice.between(0, 0.05) * tall
            tone = mix(colour, INK, self.dice.between(0, 0.14))
            for tier in range(4):
                top = foot - tall + tier * tall * 0.2
                half = tall * (0.09 + 0.055 * tier)
                draw.polygon([(x, top), (x + half, top + tall * 0.38), (x - half, top + tall * 0.38)], fill=tone)
            draw.rectangle((x - tall * 0.025, foot - tall * 0.06, x + tall * 0.025, foot), fill=mix(tone, INK, 0.3))
            x += tall * self.dice.between(0.26, 0.5) / density


def _beach(stage: Stage) -> None:
    stage.fill(0, 0.56, (86, 178, 232), (214, 240, 248))
    stage.sun(stage.dice.between(0.62, 0.9), 0.17, 0.06, (255, 250, 226), (255, 244, 200))
    stage.clouds(5, 0.05, 0.34)
    stage.fill(0.5, 0.74, (24, 128, 176), (120, 214, 214))
    draw = ImageDraw.Draw(stage.image)
    for _ in range(26):
        x, y = stage.dice.unit() * stage.width, stage.dice.between(0.515, 0.66) * stage.height
        half = stage.dice.between(0.02, 0.09) * stage.unit
        draw.line((x - half, y, x + half, y), fill=mix((120, 206, 222), WHITE, 0.35), width=max(1, stage.height // 400))
    stage.ridge(0.70, 0.014, (250, 252, 250), (255, 255, 255))
    stage.ridge(0.715, 0.016, (246, 224, 172), (226, 188, 128))
    _grains(stage, (206, 164, 106))
    _palm(stage, stage.dice.pick((0.03, 0.97)))


def _palm(stage: Stage, side: float) -> None:
    """Leaves that reach in from an upper corner."""
    draw = ImageDraw.Draw(stage.image)
    x, y = side * stage.width, 0.0
    inward = 1 if side < 0.5 else -1
    for number, degrees in enumerate((72, 46, 4, 24)):
        angle, reach = math.radians(degrees), stage.unit * stage.dice.between(0.4, 0.5)
        tone = mix((34, 116, 82), INK, 0.07 * (3 - number))
        at = [t / 14 for t in range(15)]
        spine = [(x + inward * reach * t * math.cos(angle), y + reach * (t * math.sin(angle) + 0.22 * t * t)) for t in at]
        for t, (ax, ay), (bx, by) in zip(at, spine, spine[1:], strict=False):
            leaf = reach * 0.3 * math.sin(math.pi * min(1.0, t + 0.14))
            for lean, shade in ((0.42, 0.0), (-0.78, 0.13)):
                tip = (bx + inward * leaf * 0.75 * math.cos(angle + lean), by + leaf * 0.75 * math.sin(angle + lean) + leaf * 0.16)
                draw.polygon([(ax, ay), (bx, by), tip], fill=mix(tone, WHITE, shade))


def _grains(stage: Stage, colour: Colour) -> None:
    draw = ImageDraw.Draw(stage.image)
    dot = max(1.0, stage.unit / 400)
    for _ in range(90):
        x, y = stage.dice.unit() * stage.width, stage.dice.between(0.77, 0.99) * stage.height
        draw.ellipse((x, y, x + dot * 2.4, y + dot), fill=colour)


def _forest(stage: Stage) -> None:
    stage.fill(0, 0.78, (206, 232, 196), (238, 246, 218))
    stage.sun(stage.dice.between(0.3, 0.7), 0.2, 0.05, (255, 255, 240), (255, 250, 206))
    stage.conifers(0.66, 0.5, (166, 204, 162), 1.5)
    stage.conifers(0.71, 0.6, (112, 166, 122), 1.2)
    stage.fill(0.70, 0.72, (140, 184, 112), (140, 184, 112))
    stage.ridge(0.715, 0.012, (144, 186, 110), (84, 138, 78))
    _rays(stage)
    _edges(stage, lambda x: _fir(stage, x, (42, 96, 74)))
    _tufts(stage, (70, 124, 66))


def _fir(stage: Stage, x: float, colour: Colour) -> None:
    draw = ImageDraw.Draw(stage.image)
    tall, foot = stage.unit * 0.86, 0.8 * stage.height
    for tier in range(6):
        top = foot - tall + tier * tall * 0.14
        half = tall * (0.08 + 0.036 * tier)
        draw.polygon([(x, top), (x + half, top + tall * 0.3), (x - half, top + tall * 0.3)], fill=mix(colour, WHITE, 0.02 * tier))


def _edges(stage: Stage, paint: Callable[[float], None]) -> None:
    """Something at both sides, to frame the middle."""
    for side in (0.0, 1.0):
        paint((side + (0.02 if side == 0 else -0.02) * stage.dice.between(0, 2)) * stage.width)


def _rays(stage: Stage) -> None:
    mask = Image.new("L", stage.image.size)
    draw = ImageDraw.Draw(mask)
    for _ in range(4):
        x, wide = stage.dice.unit() * stage.width, stage.dice.between(0.05, 0.13) * stage.unit
        drift = 0.35 * stage.height
        draw.polygon(
            [(x, -5), (x + wide, -5), (x + wide * 2 - drift, stage.height * 0.8), (x - drift, stage.height * 0.8)], fill=46
        )
    small = mask.reduce(4).filter(ImageFilter.GaussianBlur(stage.unit * 0.006)).resize(mask.size, Image.Resampling.BILINEAR)
    stage.image.paste((255, 255, 232), (0, 0), small)


def _tufts(stage: Stage, colour: Colour) -> None:
    draw = ImageDraw.Draw(stage.image)
    size = stage.unit * 0.018
    for _ in range(46):
        x, y = stage.dice.unit() * stage.width, stage.dice.between(0.75, 1.0) * stage.height
        for lean in (-0.6, 0, 0.6):
            draw.polygon([(x - size * 0.16, y), (x + size * 0.16, y), (x + lean * size, y - size)], fill=mix(colour, WHITE, 0.1))


def _mountain(stage: Stage) -> None:
    stage.fill(0, 0.7, (104, 168, 220), (226, 238, 244))
    stage.clouds(5, 0.06, 0.3)
    draw = ImageDraw.Draw(stage.image)
    for level, tone, tall in ((0.66, (148, 168, 196), 0.4), (0.7, (104, 128, 164), 0.32)):
        x = -0.2 * stage.unit
        while x < stage.width + 0.2 * stage.unit:
            peak = stage.unit * tall * stage.dice.between(0.6, 1.05)
            half, foot = peak * 1.15, level * stage.height
            draw.polygon([(x - half, foot), (x, foot - peak), (x + half, foot)], fill=tone)
            draw.polygon([(x, foot - peak), (x + half, foot), (x + half * 0.1, foot)], fill=mix(tone, INK, 0.16))
            cap = 0.3
            snow = [(x - half * cap, foot - peak * (1 - cap)), (x, foot - peak), (x + half * cap, foot - peak * (1 - cap))]
            draw.polygon([*snow, (x + half * 0.1, foot - peak * 0.78), (x - half * 0.06, foot - peak * 0.64)], fill=(248, 250, 252))
            x += half * stage.dice.between(0.9, 1.4)
    stage.conifers(0.71, 0.12, (62, 104, 92), 1.4)
    stage.ridge(0.7, 0.012, (158, 194, 116), (98, 148, 84))
    _tufts(stage, (84, 136, 72))


def _city(stage: Stage) -> None:
    stage.fill(0, 0.8, (70, 84, 146), (255, 190, 150))
    stage.sun(stage.dice.between(0.25, 0.75), 0.52, 0.08, (255, 226, 180), (255, 200, 150))
    for tone, low, high, lit in (
        ((150, 130, 168), 0.3, 0.58, 0.0),
        ((104, 96, 146), 0.2, 0.46, 0.3),
        ((54, 58, 104), 0.12, 0.34, 0.45),
    ):
        _skyline(stage, tone, (low, high), lit)
    stage.fill(0.78, 1, (74, 76, 108), (44, 46, 74))
    draw = ImageDraw.Draw(stage.image)
    draw.rectangle((0, 0.78 * stage.height, stage.width, 0.785 * stage.height), fill=(168, 156, 176))
    for _ in range(18):
        x, y = stage.dice.unit() * stage.width, stage.dice.between(0.8, 0.98) * stage.height
        blob(stage.image, (x, y, x + 0.1 * stage.unit, y + 0.008 * stage.unit), (255, 204, 164), 0.5, 0.008 * stage.unit)


def _skyline(stage: Stage, tone: Colour, heights: tuple[float, float], lit: float) -> None:
    draw = ImageDraw.Draw(stage.image)
    x, foot = 0.0, 0.79 * stage.height
    while x < stage.width:
        wide = stage.unit * stage.dice.between(0.07, 0.15)
        top = foot - stage.unit * stage.dice.between(*heights) * min(1.6, stage.height / stage.unit)
        draw.rectangle((x, top, x + wide, foot), fill=mix(tone, INK, stage.dice.between(0, 0.1)))
        pane = stage.unit * 0.012
        for row in range(int((foot - top) / (pane * 2.4)) if lit else 0):
            for column in range(int(wide / (pane * 2.1))):
                if stage.dice.unit() < lit * 0.5:
                    left, up = x + pane * (0.8 + column * 2.1), top + pane * (1 + row * 2.4)
                    draw.rectangle((left, up, left + pane, up + pane * 1.3), fill=(255, 222, 156))
        x += wide * stage.dice.between(1.02, 1.3)


def _kitchen(stage: Stage) -> None:
    wall = mix((240, 230, 214), stage.colours[0], 0.07)
    stage.fill(0, 0.72, mix(wall, WHITE, 0.25), mix(wall, INK, 0.05))
    draw = ImageDraw.Draw(stage.image)
    wide, tall = min(stage.unit * 0.46, stage.width * 0.42), stage.height * 0.46
    x = stage.dice.between(0.04, 0.12) * stage.width
    draw.rectangle(
        (x - wide * 0.05, 0.06 * stage.height - wide * 0.05, x + wide * 1.05, 0.06 * stage.height + tall + wide * 0.05), fill=WHITE
    )
    stage.image.paste(
        gradient((round(wide), round(tall)), (176, 218, 242), (232, 244, 226)), (round(x), round(0.06 * stage.height))
    )
    draw.rectangle((x + wide * 0.48, 0.06 * stage.height, x + wide * 0.52, 0.06 * stage.height + tall), fill=WHITE)
    shelf = max(stage.dice.between(0.7, 0.78) * stage.width, x + wide * 1.1 + stage.unit * 0.24)
    for level in (0.24, 0.46):
        _shelf(stage, shelf, level)
    stage.image.paste(stage.image.filter(ImageFilter.GaussianBlur(stage.unit * 0.012)))
    glow(stage.image, (x + wide / 2, 0.3 * stage.height), stage.unit * 0.8, (255, 252, 236), 0.4)
    stage.fill(0.7, 1, (206, 154, 104), (150, 100, 62))
    for plank in range(1, 5):
        y = (0.7 + 0.3 * (plank / 5) ** 1.3) * stage.height
        draw.line((0, y, stage.width, y), fill=(160, 108, 70), width=max(1, round(stage.unit / 260)))
    draw.rectangle((0, 0.7 * stage.height, stage.width, 0.707 * stage.height), fill=(226, 178, 128))


def _shelf(stage: Stage, x: float, level: float) -> None:
    draw = ImageDraw.Draw(stage.image)
    wide, y, unit = stage.unit * 0.42, level * stage.height, stage.unit
    draw.rectangle((x - wide / 2, y, x + wide / 2, y + unit * 0.02), fill=(176, 124, 82))
    at = x - wide * 0.42
    while at < x + wide * 0.36:
        size = unit * stage.dice.between(0.045, 0.085)
        tone = stage.dice.pick((stage.colours[0], stage.colours[1], (232, 222, 206), (108, 150, 120), (214, 120, 90)))
        draw.rounded_rectangle((at, y - size * 1.25, at + size, y), radius=size * 0.2, fill=mix(tone, WHITE, 0.2))
        at += size * stage.dice.between(1.15, 1.5)


def _snow(stage: Stage) -> None:
    stage.fill(0, 0.76, (134, 176, 220), (232, 240, 248))
    stage.sun(stage.dice.between(0.2, 0.8), 0.24, 0.045, (255, 255, 250), (255, 250, 240))
    stage.ridge(0.58, 0.1, (214, 226, 240), (190, 208, 230))
    stage.conifers(0.68, 0.24, (116, 150, 168), 1.3)
    stage.ridge(0.67, 0.03, (240, 246, 252), (222, 232, 244))
    _edges(stage, lambda x: _fir(stage, x, (58, 98, 112)))
    stage.ridge(0.76, 0.02, (252, 254, 255), (214, 226, 242))
    for _ in range(60):
        x, y = stage.dice.unit() * stage.width, stage.dice.unit() * stage.height * 0.9
        size = stage.unit * stage.dice.between(0.003, 0.009)
        ImageDraw.Draw(stage.image).ellipse((x - size, y - size, x + size, y + size), fill=WHITE)


def _desert(stage: Stage) -> None:
    stage.fill(0, 0.7, (255, 150, 104), (255, 226, 170))
    stage.sun(stage.dice.between(0.25, 0.75), 0.36, 0.09, (255, 244, 214), (255, 230, 170))
    stage.ridge(0.58, 0.05, (226, 140, 96), (206, 116, 76), 1.0)
    stage.ridge(0.67, 0.05, (236, 164, 104), (206, 124, 76), 1.3)
    stage.ridge(0.76, 0.03, (248, 196, 130), (218, 146, 90), 1.1)
    _grains(stage, (196, 128, 80))


def _night(stage: Stage) -> None:
    stage.fill(0, 0.8, (14, 20, 54), (66, 72, 128))
    draw = ImageDraw.Draw(stage.image)
    for _ in range(110):
        x, y = stage.dice.unit() * stage.width, stage.dice.unit() ** 1.4 * stage.height * 0.62
        size = stage.unit * stage.dice.between(0.001, 0.0042)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=mix((150, 160, 210), WHITE, stage.dice.unit()))
    stage.sun(stage.dice.between(0.2, 0.8), 0.2, 0.065, (250, 246, 226), (120, 130, 190))
    stage.ridge(0.64, 0.07, (40, 48, 96), (34, 40, 84))
    stage.conifers(0.73, 0.2, (24, 34, 66), 1.3)
    stage.ridge(0.72, 0.02, (46, 52, 84), (28, 32, 58))
    glow(stage.image, (0.5 * stage.width, 0.82 * stage.height), stage.unit * 0.6, (255, 176, 92), 0.55)


def _studio(stage: Stage) -> None:
    main, accent = stage.colours
    wall = mix(main, WHITE, 0.74)
    stage.fill(0, 0.74, mix(wall, WHITE, 0.2), mix(wall, main, 0.06))
    x, y = stage.dice.between(0.3, 0.7) * stage.width, stage.dice.between(0.34, 0.46) * stage.height
    radius = stage.unit * stage.dice.between(0.28, 0.36)
    draw = ImageDraw.Draw(stage.image)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=mix(accent, WHITE, 0.38))
    glow(stage.image, (stage.width * 0.5, stage.height * 0.4), stage.unit * 0.85, WHITE, 0.6)
    stage.fill(0.74, 1, mix(wall, main, 0.2), mix(wall, main, 0.06))
    blob(
        stage.image,
        (-0.1 * stage.width, 0.715 * stage.height, 1.1 * stage.width, 0.765 * stage.height),
        mix(wall, main, 0.12),
        0.8,
        stage.unit * 0.02,
    )
    _podium(stage, mix(wall, WHITE, 0.5))


def _podium(stage: Stage, colour: Colour) -> None:
    centre, top, half = stage.width / 2, 0.825 * stage.height, min(stage.unit * 0.46, stage.width * 0.47)
    thick, tilt = 0.055 * stage.height, min(0.05 * stage.height, half * 0.16)
    blob(
        stage.image,
        (centre - half * 1.02, top + thick * 0.7, centre + half * 1.1, top + thick + tilt * 2.6),
        INK,
        0.22,
        stage.unit * 0.02,
    )
    draw = ImageDraw.Draw(stage.image)
    side = gradient((round(half * 2), round(thick + tilt * 2)), colour, mix(colour, INK, 0.24), sideways=True)
    mask = Image.new("L", side.size)
    brush = ImageDraw.Draw(mask)
    brush.ellipse((0, thick, half * 2, thick + tilt * 2), fill=255)
    brush.rectangle((0, tilt, half * 2, thick + tilt), fill=255)
    stage.image.paste(side, (round(centre - half), round(top)), mask)
    draw.ellipse((centre - half, top, centre + half, top + tilt * 2), fill=mix(colour, WHITE, 0.5))


SCENES: Final[Mapping[str, Callable[[Stage], None]]] = {
    "beach": _beach,
    "forest": _forest,
    "mountain": _mountain,
    "city": _city,
    "kitchen": _kitchen,
    "snow": _snow,
    "desert": _desert,
    "night": _night,
    "studio": _studio,
}
"""Every setting a prompt can be read to ask for."""


def draw_scene(setting: str, size: tuple[int, int], seed: object, colours: tuple[Colour, Colour] | None = None) -> Image.Image:
    """The setting (the studio, if it is not known) in `size` pixels; the same arguments always give the same picture."""
    dice = Dice("scene", setting, seed)
    stage = Stage(Image.new("RGB", size), dice, colours or dice.pick(PAIRS))
    SCENES.get(setting, _studio)(stage)
    return stage.image
