"""Products to draw where a prompt names one and nobody sent a picture: flat, shaded, each in two colours.

Every painter gets a `Sketch` of 100 × 100 units (the thing stands at y = 95), a main and an accent colour. `THINGS` is the visible
registry: the words that call for a painter, in the languages we know a few words of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from PIL import Image, ImageChops

from runner.sandbox.canvas import Sketch
from runner.sandbox.palette import INK, WHITE, Colour, mix
from runner.sandbox.prompts import words_of

Painter: TypeAlias = Callable[[Sketch, Colour, Colour], None]
CREAM: Final[Colour] = (248, 240, 226)
WOOD: Final[Colour] = (190, 134, 84)
STEEL: Final[Colour] = (176, 186, 196)


def _mug(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("arc", [(58, 42), (92, 78), (-100, 100)], mix(main, INK, 0.12), width=8)
    s.add("round", [(16, 24), (72, 95)], main, width=9)
    s.add("ellipse", [(16, 16), (72, 33)], mix(main, WHITE, 0.35))
    s.add("ellipse", [(20, 19), (68, 31)], (92, 58, 40), shade=0.1)
    s.add("rect", [(16, 60), (72, 70)], accent)
    s.light("round", [(22, 36), (27, 88)], 0.4, width=2.5)


def _bottle(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("round", [(42, 5), (58, 17)], accent, width=3)
    s.add("poly", [(43, 16), (57, 16), (58, 26), (68, 37), (32, 37), (42, 26)], main)
    s.add("round", [(32, 31), (68, 95)], main, width=8)
    s.add("rect", [(32, 52), (68, 76)], CREAM, shade=0.12)
    s.add("ellipse", [(43, 56), (57, 70)], accent)
    s.light("round", [(37, 36), (41, 90)], 0.45, width=2)


def _tube(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("poly", [(28, 8), (72, 8), (65, 80), (35, 80)], main)
    s.add("rect", [(27, 5), (73, 11)], mix(main, INK, 0.15))
    s.add("round", [(37, 78), (63, 95)], WHITE, width=3, shade=0.16)
    s.add("ellipse", [(37, 26), (63, 52)], accent)
    for y in (58, 64):
        s.light("round", [(40, y), (60, y + 2.4)], 0.75, width=1)
    s.light("poly", [(34, 12), (39, 12), (42, 78), (39, 78)], 0.4)


def _glasses(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("line", [(10, 48), (24, 30), (34, 28)], mix(main, INK, 0.2), width=4)
    s.add("line", [(90, 48), (80, 30), (70, 28)], mix(main, INK, 0.2), width=4)
    for left in (6, 53):
        s.add("round", [(left, 42), (left + 41, 80)], main, width=15)
        s.add("round", [(left + 4, 46), (left + 37, 76)], mix(INK, accent, 0.25), width=12)
        s.light("poly", [(left + 9, 48), (left + 19, 48), (left + 11, 72), (left + 5, 66)], 0.4)
    s.add("arc", [(40, 46), (60, 66), (190, 350)], main, width=5)


def _hat(s: Sketch, main: Colour, accent: Colour) -> None:
    straw = mix((232, 200, 140), main, 0.12)
    s.add("ellipse", [(3, 60), (97, 90)], straw)
    s.add("ellipse", [(22, 62), (78, 78)], mix(straw, INK, 0.22))
    crown = ImageChops.lighter(s.mask("ellipse", [(26, 24), (74, 66)]), s.mask("rect", [(26, 46), (74, 70)]))
    s.paint(ImageChops.lighter(crown, s.mask("ellipse", [(26, 62), (74, 78)])), straw)
    band = ImageChops.multiply(s.mask("rect", [(26, 56), (74, 71)]), s.image.getchannel("A"))
    s.paint(ImageChops.lighter(band, s.mask("ellipse", [(26, 63), (74, 78)])), accent)
    for x in range(32, 74, 7):
        s.light("line", [(x, 30), (x - 2, 54)], 0.18, width=1, colour=INK)
    s.light("ellipse", [(33, 29), (48, 48)], 0.25)


def _cooler(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("arc", [(18, 12), (82, 70), (180, 360)], mix(accent, INK, 0.2), width=5)
    s.add("round", [(8, 38), (92, 95)], main, width=7)
    s.add("round", [(5, 32), (95, 50)], WHITE, width=5, shade=0.14)
    s.add("round", [(42, 44), (58, 60)], accent, width=3)
    s.light("round", [(13, 56), (18, 88)], 0.35, width=2)
    s.light("rect", [(8, 72), (92, 77)], 0.5)


def _lantern(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("arc", [(28, 4), (72, 46), (180, 360)], STEEL, width=3)
    s.add("poly", [(34, 22), (66, 22), (74, 36), (26, 36)], main)
    s.add("round", [(30, 36), (70, 84)], (255, 226, 150), width=3, shade=0.08)
    s.add("ellipse", [(41, 48), (59, 78)], (255, 246, 214), shade=0)
    s.add("poly", [(50, 50), (57, 68), (50, 75), (43, 68)], (255, 150, 50), shade=0.1)
    for x in (30, 47.5, 66):
        s.add("rect", [(x, 36), (x + 4, 84)], mix(main, INK, 0.15))
    s.add("round", [(24, 83), (76, 95)], main, width=3)


def _shoe(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("poly", [(8, 40), (34, 38), (56, 56), (84, 64), (94, 76), (94, 86), (6, 86)], main)
    s.add("ellipse", [(66, 61), (96, 90)], main)
    s.add("poly", [(8, 40), (34, 38), (40, 43), (18, 58), (7, 56)], mix(main, INK, 0.25))
    s.add("round", [(4, 82), (97, 95)], WHITE, width=6, shade=0.12)
    s.add("rect", [(6, 88), (95, 91)], accent)
    for step in range(4):
        x, y = 38 + step * 7, 47 + step * 5
        s.add("line", [(x, y + 7), (x + 8, y)], WHITE, width=2.4, shade=0.05)
    s.add("poly", [(14, 80), (34, 80), (60, 66), (50, 63)], accent)


def _sandals(s: Sketch, main: Colour, accent: Colour) -> None:
    insole, strap = mix(accent, WHITE, 0.6), mix(main, INK, 0.3)
    for left in (12, 54):
        s.add("poly", [(left + 2, 26), (left + 32, 26), (left + 29, 82), (left + 6, 82)], main)
        s.add("ellipse", [(left + 1, 4), (left + 33, 50)], main)
        s.add("ellipse", [(left + 5, 68), (left + 30, 95)], main)
        s.add("poly", [(left + 6, 28), (left + 28, 28), (left + 26, 80), (left + 9, 80)], insole, shade=0.1)
        s.add("ellipse", [(left + 5, 8), (left + 29, 46)], insole, shade=0.1)
        s.add("ellipse", [(left + 9, 70), (left + 26, 91)], insole, shade=0.1)
        s.add("line", [(left + 7, 52), (left + 12, 34), (left + 17, 26), (left + 22, 34), (left + 27, 52)], strap, width=4.5)
        s.add("ellipse", [(left + 14, 22), (left + 20, 29)], mix(main, INK, 0.5))


def _backpack(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("arc", [(38, 2), (62, 28), (180, 360)], mix(main, INK, 0.3), width=4)
    s.add("round", [(12, 44), (26, 86)], mix(main, INK, 0.2), width=6)
    s.add("round", [(74, 44), (88, 86)], mix(main, INK, 0.2), width=6)
    s.add("round", [(20, 12), (80, 95)], main, width=20)
    s.add("arc", [(26, 18), (74, 66), (200, 340)], mix(main, INK, 0.35), width=2)
    s.add("round", [(28, 54), (72, 88)], accent, width=8)
    s.add("rect", [(28, 62), (72, 64.5)], mix(accent, INK, 0.35))
    s.add("round", [(46, 61), (54, 71)], CREAM, width=2)
    s.light("round", [(25, 28), (30, 80)], 0.3, width=2.5)


def _chair(s: Sketch, main: Colour, accent: Colour) -> None:
    for points in ([(22, 95), (74, 56)], [(74, 95), (26, 56)], [(70, 58), (84, 14)], [(22, 58), (14, 40)]):
        s.add("line", points, STEEL, width=4)
    s.add("poly", [(54, 14), (88, 8), (78, 60), (22, 64), (18, 54), (62, 50)], main)
    s.add("poly", [(60, 22), (85, 17), (83, 27), (62, 32)], accent)
    s.add("line", [(12, 42), (44, 40), (66, 42)], WOOD, width=5)
    s.light("poly", [(22, 58), (70, 54), (70, 57), (23, 61)], 0.3)


def _hammock(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("line", [(4, 14), (22, 50)], CREAM, width=1.6)
    s.add("line", [(96, 14), (78, 50)], CREAM, width=1.6)
    for x in (6, 94):
        s.add("round", [(x - 4, 8), (x + 4, 95)], WOOD, width=3)
    bowl = s.mask("ellipse", [(10, 4), (90, 82)])
    cut = ImageChops.subtract(bowl, s.mask("ellipse", [(6, -22), (94, 62)]))
    s.paint(cut, main)
    for offset in range(-36, 40, 12):
        stripe = ImageChops.multiply(
            cut, s.mask("poly", [(50 + offset, 30), (54 + offset, 30), (52 + offset * 0.8, 90), (48 + offset * 0.8, 90)])
        )
        s.paint(stripe, accent)


def _speaker(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("round", [(24, 10), (76, 95)], main, width=12)
    for box, inner in (((34, 18, 66, 50), 0.28), ((30, 50, 70, 90), 0.3)):
        left, top, right, bottom = box
        s.add("ellipse", [(left, top), (right, bottom)], mix(INK, main, 0.18))
        pad = (right - left) * inner
        s.add("ellipse", [(left + pad, top + pad), (right - pad, bottom - pad)], accent)
        s.light("ellipse", [(left + 3, top + 2), (left + 14, top + 11)], 0.25)
    s.light("round", [(27, 20), (30, 84)], 0.3, width=1.5)


def _parasol(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("rect", [(48.6, 20), (51.4, 93)], WOOD)
    s.add("ellipse", [(36, 89), (64, 97)], STEEL)
    dome = ImageChops.multiply(s.mask("ellipse", [(4, 8), (96, 92)]), s.mask("rect", [(0, 0), (100, 48)]))
    s.paint(dome, main)
    for left, right in ((22, 37), (50, 63), (78, 88)):
        panel = ImageChops.multiply(dome, s.mask("poly", [(50, 7), (left, 50), (right, 50)]))
        s.paint(panel, accent if left != 50 else CREAM)
    for x in range(4, 96, 23):
        s.add("ellipse", [(x, 44), (x + 23, 52)], mix(main, INK, 0.18))
    s.add("ellipse", [(47, 4), (53, 11)], accent)


def _towel(s: Sketch, main: Colour, accent: Colour) -> None:
    for top, colour in ((68, mix(main, WHITE, 0.15)), (46, accent), (24, main)):
        s.add("round", [(8, top), (92, top + 27)], colour, width=12)
        s.light("round", [(16, top + 17), (92, top + 20)], 0.45, width=1.5)
        s.add("ellipse", [(78, top + 3), (92, top + 24)], mix(colour, INK, 0.18))
        s.add("ellipse", [(82, top + 8), (89, top + 19)], mix(colour, WHITE, 0.3))


def _shirt(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("poly", [(30, 14), (70, 14), (97, 36), (84, 52), (74, 44), (74, 95), (26, 95), (26, 44), (16, 52), (3, 36)], main)
    collar = s.image.getchannel("A")
    s.paint(ImageChops.multiply(collar, s.mask("ellipse", [(38, 4), (62, 25)])), mix(main, INK, 0.4))
    s.add("poly", [(26, 60), (74, 60), (74, 72), (26, 72)], accent)
    s.light("poly", [(30, 46), (35, 44), (33, 92), (28, 92)], 0.25)


def _tent(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("poly", [(50, 14), (98, 95), (2, 95)], main)
    s.add("poly", [(50, 14), (98, 95), (66, 95)], mix(main, INK, 0.25))
    s.add("poly", [(48, 36), (64, 95), (28, 95)], mix(accent, INK, 0.15))
    s.add("poly", [(48, 36), (28, 95), (22, 95)], accent)
    s.add("line", [(50, 14), (50, 6)], WOOD, width=2)


def _lamp(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("rect", [(48, 40), (52, 90)], STEEL)
    s.add("ellipse", [(30, 84), (70, 96)], mix(STEEL, INK, 0.25))
    s.add("poly", [(34, 8), (66, 8), (82, 52), (18, 52)], main)
    s.add("ellipse", [(18, 46), (82, 58)], (255, 240, 200), shade=0.05)
    s.light("poly", [(38, 10), (44, 10), (36, 50), (28, 50)], 0.35)
    s.add("poly", [(20.5, 45), (79.5, 45), (82, 52), (18, 52)], accent)


def _plant(s: Sketch, main: Colour, accent: Colour) -> None:
    green = (64, 140, 90)
    for tip, base in (((14, 22), 40), ((34, 6), 46), ((62, 5), 54), ((86, 24), 60), ((50, 14), 50)):
        x, y = tip
        s.add("poly", [(base - 2, 64), (x - 7, y + 18), (x, y), (x + 9, y + 20), (base + 3, 64)], mix(green, WHITE, 0.12 * (x % 3)))
    s.add("poly", [(26, 60), (74, 60), (67, 95), (33, 95)], main)
    s.add("round", [(23, 56), (77, 67)], mix(main, WHITE, 0.18), width=2)
    s.add("poly", [(29.4, 76), (70.6, 76), (69.4, 82), (30.6, 82)], accent)


def _watch(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("round", [(36, 3), (64, 97)], mix(main, INK, 0.15), width=7)
    s.add("ellipse", [(22, 22), (78, 78)], STEEL)
    s.add("ellipse", [(27, 27), (73, 73)], CREAM, shade=0.08)
    s.add("line", [(50, 50), (50, 33)], INK, width=2.4)
    s.add("line", [(50, 50), (62, 56)], accent, width=2.4)
    s.add("round", [(78, 46), (83, 54)], STEEL, width=1.5)


def _bag(s: Sketch, main: Colour, accent: Colour) -> None:
    s.add("arc", [(34, 8), (66, 56), (180, 360)], mix(accent, INK, 0.15), width=4)
    s.add("poly", [(16, 32), (84, 32), (90, 95), (10, 95)], main)
    s.add("poly", [(72, 32), (84, 32), (90, 95), (76, 95)], mix(main, INK, 0.22))
    s.add("poly", [(14.5, 46), (85.5, 46), (86.4, 55), (13.6, 55)], accent)
    s.add("ellipse", [(39, 61), (61, 83)], CREAM, shade=0.06)
    s.light("poly", [(20, 34), (25, 34), (21, 92), (15, 92)], 0.3)


THINGS: Final[Mapping[Painter, tuple[str, ...]]] = {
    _mug: ("mug", "cup", "coffee", "espresso", "tea", "becher", "tasse", "kaffee", "café", "kaffeebecher"),
    _bottle: ("bottle", "flask", "water", "juice", "wine", "flasche", "trinkflasche", "thermos", "gourde", "bouteille", "shampoo"),
    _tube: ("sunscreen", "suncream", "cream", "lotion", "sonnencreme", "creme", "gel", "crème", "spf", "toothpaste"),
    _glasses: ("sunglasses", "glasses", "eyewear", "sonnenbrille", "brille", "lunettes", "shades"),
    _hat: ("hat", "cap", "sonnenhut", "hut", "strohhut", "chapeau", "fedora"),
    _cooler: ("cooler", "icebox", "coolbox", "kühlbox", "glacière", "lunchbox"),
    _lantern: ("lantern", "candle", "laterne", "windlicht", "lanterne", "torch"),
    _shoe: ("shoe", "shoes", "sneaker", "sneakers", "boots", "trainers", "schuhe", "turnschuhe", "chaussures", "footwear"),
    _sandals: ("sandal", "sandals", "flip-flops", "flipflops", "sandalen", "sandales", "tongs"),
    _backpack: ("backpack", "rucksack", "daypack", "pack", "schoolbag", "luggage", "sac"),
    _chair: ("chair", "stool", "seat", "sofa", "campingstuhl", "stuhl", "chaise", "lounger", "furniture", "liegestuhl"),
    _hammock: ("hammock", "hängematte", "hamac"),
    _speaker: ("speaker", "loudspeaker", "radio", "music", "lautsprecher", "bluetooth", "enceinte", "audio"),
    _parasol: ("parasol", "umbrella", "sonnenschirm", "schirm"),
    _towel: ("towel", "towels", "blanket", "handtuch", "strandtuch", "serviette", "decke", "picknickdecke", "rug"),
    _shirt: ("shirt", "t-shirt", "tee", "tshirt", "jacket", "hoodie", "hemd", "apparel", "clothing", "fashion", "chemise"),
    _tent: ("tent", "zelt", "tente"),
    _lamp: ("lamp", "light", "lampe", "leuchte"),
    _plant: ("plant", "planter", "pflanze", "flower", "flowers", "pot", "plante", "vase", "herb"),
    _watch: ("watch", "smartwatch", "uhr", "montre", "clock"),
}
"""Painters and the words that call for them; a shopping bag stands for everything else."""

NAMED: Final[Mapping[str, Painter]] = {word: painter for painter, words in THINGS.items() for word in words}


def knows(text: str) -> bool:
    """Whether the text names something there is a painter for."""
    return any(word in NAMED for word in words_of(text))


def draw_thing(text: str, side: int, colours: tuple[Colour, Colour]) -> Image.Image:
    """The first thing the text names, `side` pixels square on nothing, in a main and an accent colour."""
    painter = next((NAMED[word] for word in words_of(text) if word in NAMED), _bag)
    drawn = Sketch(side * 2 if side < 500 else side)
    painter(drawn, *colours)
    return drawn.image.resize((side, side), Image.Resampling.LANCZOS)
