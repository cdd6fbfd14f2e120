"""Things for the beach, one function each. The last lines of each put the light on, which makes flat shapes look like things."""

from __future__ import annotations

import math

from studio import Mask, Picture, blob, both, box, either, letters, line, moved, oval, shape, soft, turned, without


def sunglasses(p: Picture) -> None:
    """Sunglasses: tortoise frame, lenses from violet to amber."""
    p.ground(400, 545, 280, 12)
    p.fill(line((366, 396), (400, 376), (434, 396), width=20), "#8a4b25", "#552c15")
    p.fill(line((374, 387), (400, 372), (426, 387), width=4), "#ffd9a0", opacity=0.7)
    for side in (-1, 1):
        x = 400 + side * 150
        arm = line((x + side * 118, 360), (x + side * 160, 366), (x + side * 172, 470), width=18)
        p.fill(arm, "#6b3a1e", "#3c1f10")
        outer = _lens(x, side, 1.0)
        inner = _lens(x, side, 0.84)
        p.fill(outer, "#8a4b25", "#4a2512")
        for at in range(16):
            spot = oval(x - 130 + (at * 83) % 260, 330 + (at * 61) % 210, 12 + at % 4 * 4, 9)
            p.fill(both(soft(spot, 4), outer), "#d08a3f", opacity=0.65)
        p.fill(inner, "#3c2a63", "#8b4a86", "#f0a35a")
        glint = shape((x - 70, 330), (x - 20, 330), (x - 90, 540), (x - 140, 540))
        p.fill(both(glint, inner), "#ffffff", opacity=0.26)
        p.fill(both(moved(glint, 66, 0), inner), "#ffffff", opacity=0.13)
        p.shade(line((x - 110, 352), (x, 338), (x + 110, 352), width=6), without(outer, inner), "#ffd9a0", 0.7, 4)


def _lens(x: float, side: int, size: float) -> Mask:
    rim = ((-128, -88), (0, -104), (128, -88), (134, 0), (96, 92), (0, 112), (-96, 92), (-134, 0))
    return blob(*((x + dx * size, 434 + (dy + (8 if dx * side < 0 and dy > 0 else 0)) * size) for dx, dy in rim))


def towel(p: Picture) -> None:
    """A striped beach towel over a wooden rail."""
    p.ground(400, 690, 190, 10)
    cloth = either(
        shape((236, 170), (564, 170), (578, 636), (222, 636)), blob((262, 600), (310, 640), (400, 622), (490, 640), (538, 600))
    )
    for at in range(26):
        x = 228 + at * 13.8
        p.fill(line((x, 628), (x + (at % 3 - 1) * 3, 672), width=5), "#f2b33d", "#d9922a")
    p.fill(cloth, "#12a3a8", "#0d8a96")
    for at, top in enumerate(range(214, 640, 62)):
        stripe = both(box(200, top, 600, top + 30), cloth)
        p.fill(stripe, *(("#ffd166", "#f7b733") if at % 2 else ("#ff7b5f", "#ec5a4a")))
    for x, width in ((300, 22), (392, 16), (486, 24)):
        p.shade(line((x, 190), (x - 8, 400), (x + 4, 640), width=width), cloth, "#04363c", 0.30, 12)
        p.shade(line((x + 36, 190), (x + 32, 640), width=width), cloth, "#ffffff", 0.34, 12)
    p.shade(box(200, 176, 600, 192), cloth, "#04363c", 0.5, 8)
    rail = box(150, 132, 650, 166, 17)
    p.fill(rail, "#d9a066", "#b67a42", "#8a5a2d")
    p.fill(box(170, 138, 630, 144, 3), "#fff0d8", opacity=0.55)
    p.fill(either(box(236, 128, 564, 178, 10)), "#18b3b6", "#0d8d97")
    p.shade(box(250, 132, 550, 142, 4), box(236, 128, 564, 178, 10), "#ffffff", 0.5, 5)


def hat(p: Picture) -> None:
    """A straw hat with a red ribbon."""
    p.ground(400, 560, 300, 18)
    brim = oval(400, 500, 310, 92)
    p.fill(brim, "#f0cf8a", "#d9a84f", "#b98334")
    for at in range(7):
        ring = without(oval(400, 500, 300 - at * 24, 87 - at * 9), oval(400, 500, 296 - at * 24, 84.5 - at * 9))
        p.fill(ring, "#9a6a24", opacity=0.38)
    crown = both(
        blob((226, 500), (236, 340), (310, 236), (400, 250), (490, 236), (564, 340), (574, 500), (400, 545)), box(0, 0, 800, 520)
    )
    crown = either(crown, both(oval(400, 500, 172, 40), box(0, 480, 800, 800)))
    p.shade(moved(crown, 16, 14), brim, "#6b4412", 0.5, 12)
    p.fill(crown, "#d8a750", "#f7dc9f", "#ecc679", "#cf9a44", "#a9742a", across=True)
    for at in range(13):
        y = 262 + at * 20
        p.fill(both(line((210, y + 14), (400, y + 30), (590, y + 14), width=2.4), crown), "#8f5f1d", opacity=0.42)
    for at in range(19):
        x = 232 + at * 19
        p.fill(both(line((400 + (x - 400) * 0.7, 240), (x, 530), width=1.6), crown), "#fff3d2", opacity=0.45)
    band = both(blob((200, 424), (400, 462), (600, 424), (600, 486), (400, 528), (200, 486)), crown)
    p.fill(band, "#a51f31", "#ea4f55", "#d63b47", "#8d1727", across=True)
    p.fill(both(line((200, 428), (400, 466), (600, 428), width=4), crown), "#ffb3a8", opacity=0.6)
    p.shade(oval(330, 330, 40, 70), crown, "#fffbe8", 0.5, 22)


def sandals(p: Picture) -> None:
    """A pair of flip-flops, seen from above."""
    for x, lean in ((290, 7), (510, -7)):
        about = (x, 420)
        sole = turned(_sole(x, 1.0), lean, about)
        p.fill(soft(moved(sole, 6, 14), 14), "#5b6475", opacity=0.22)
        p.fill(moved(sole, 0, 10), "#0b6b78")
        p.fill(sole, "#19b5bd", "#0f97a6")
        p.fill(turned(_sole(x, 0.88), lean, about), "#ffe0a3", "#f6c165")
        dots = either(*(oval(x + dx, y, 4) for y in range(230, 650, 26) for dx in range(-72, 73, 24)))
        p.fill(both(turned(dots, lean, about), turned(_sole(x, 0.84), lean, about)), "#d99a3d", opacity=0.45)
        strap = either(
            line((x, 282), (x - 62, 350), (x - 92, 450), width=26), line((x, 282), (x + 62, 350), (x + 92, 450), width=26)
        )
        strap = both(turned(strap, lean, about), sole)
        p.shade(moved(strap, 4, 12), sole, "#7a4a10", 0.55, 6)
        p.fill(strap, "#ff8169", "#ef5a4b", "#d8443b")
        shine = either(
            line((x - 12, 290), (x - 62, 346), (x - 86, 430), width=5), line((x + 4, 292), (x + 56, 346), (x + 80, 430), width=5)
        )
        p.fill(both(turned(shine, lean, about), sole), "#ffd3c8", opacity=0.75)
        p.fill(turned(oval(x, 280, 15), lean, about), "#c23a33")
        p.fill(turned(oval(x - 3, 276, 6), lean, about), "#ffb7aa")


def _sole(x: float, size: float) -> Mask:
    side = 1 if x < 400 else -1
    rim = (
        (-20, -258),
        (58, -244),
        (98, -150),
        (84, -20),
        (72, 90),
        (78, 190),
        (40, 262),
        (-30, 264),
        (-74, 196),
        (-70, 90),
        (-92, -40),
        (-100, -170),
    )
    return blob(*((x + side * dx * size, 420 + dy * size) for dx, dy in rim))


def suncream(p: Picture) -> None:
    """A bottle of sun cream, factor 50."""
    p.ground(400, 714, 140)
    p.fill(box(342, 92, 458, 214, 16), "#1286b8", "#5cc6ea", "#2fa6d3", "#0d6f9c", across=True)
    for x in range(352, 456, 11):
        p.fill(box(x, 108, x + 3, 206), "#0a5a80", opacity=0.4)
    p.fill(box(352, 206, 448, 240), "#d57d12", "#ffc45e", "#c56f0b", across=True)
    body = both(either(box(270, 370, 530, 710), oval(400, 372, 130, 150)), box(270, 160, 530, 710, 52))
    p.fill(body, "#e58a16", "#ffc24d", "#ffb02e", "#ee9418", "#c9740a", across=True)
    label = box(290, 372, 510, 640, 22)
    p.fill(label, "#fff3d6", "#fffaf0", "#fff3d6", "#f2dcae", across=True)
    p.fill(without(label, box(294, 376, 506, 636, 18)), "#1286b8")
    rays = (turned(line((400, 390), (400, 404), width=8), 30 * at, (400, 444)) for at in range(12))
    p.fill(either(oval(400, 444, 29), *rays), "#ff9d1f", "#f5791f")
    p.fill(letters("SPF", 400, 522, 26), "#1286b8")
    p.fill(letters("50", 400, 568, 74), "#d9541e")
    p.fill(line((336, 618), (368, 608), (400, 618), (432, 608), (464, 618), width=6), "#2fa6d3")
    p.shade(box(302, 300, 318, 660, 8), body, "#ffffff", 0.85, 6)
    p.shade(box(500, 320, 508, 640, 4), body, "#fff2cc", 0.5, 5)


def hammock(p: Picture) -> None:
    """A striped hammock on a wooden stand."""
    p.ground(400, 676, 310, 14)
    p.fill(line((90, 300), (150, 520), (300, 640), (500, 640), (650, 520), (710, 300), width=30), "#c98d52", "#a56c35", "#7c4c20")
    p.fill(line((100, 304), (158, 514), (302, 630), (498, 630), (642, 514), width=5), "#f2cfa0", opacity=0.7)
    p.fill(either(box(250, 642, 300, 680, 8), box(500, 642, 550, 680, 8)), "#8d5a2a", "#5f3a17")
    for side in (-1, 1):
        hook = (400 + side * 302, 306)
        for drop in (0, 16, 32, 48):
            p.fill(line(hook, (400 + side * 212, 372 + drop), width=4), "#b59b74")
        p.fill(oval(*hook, 13), "#d8c7a4", "#8c7448")
    cloth = blob(
        (186, 362), (300, 426), (400, 444), (500, 426), (614, 362), (604, 420), (520, 530), (400, 572), (280, 530), (196, 420)
    )
    p.fill(cloth, "#18a5ac", "#0b7d88")
    colours = ("#ffd166", "#ff7b5f", "#ffd166", "#ff7b5f", "#ffd166")
    for x, colour in zip((240, 320, 400, 480, 560), colours, strict=True):
        bend = (400 - x) * 0.12
        p.fill(both(line((x - bend, 340), (x, 460), (x + bend * 2, 600), width=36), cloth), colour)
    p.shade(blob((200, 372), (300, 440), (400, 458), (500, 440), (600, 372), (400, 500)), cloth, "#03363d", 0.24, 18)
    p.shade(line((240, 490), (320, 536), (400, 548), (480, 536), (560, 490), width=12), cloth, "#ffffff", 0.5, 10)
    for side in (-1, 1):
        p.fill(line((400 + side * 214, 360), (400 + side * 204, 424), width=16), "#a56c35", "#7c4c20")


def parasol(p: Picture) -> None:
    """A beach parasol in coral and cream."""
    p.ground(400, 724, 120)
    p.fill(box(391, 150, 409, 700, 9), "#8b5b2c", "#e0b27a", "#7a4c20", across=True)
    p.fill(
        either(shape((340, 690), (460, 690), (490, 722), (310, 722)), box(300, 706, 500, 726, 10)),
        "#55606f",
        "#7d8998",
        "#3d4653",
        across=True,
    )
    dome = both(oval(400, 420, 320, 290), box(0, 0, 800, 420))
    scallops = either(*(oval(120 + at * 80, 420, 40, 20) for at in range(8)))
    canopy = either(dome, scallops)
    p.shade(box(380, 424, 420, 470), box(391, 400, 409, 700), "#2a1503", 0.9, 16)
    p.fill(canopy, "#ff8169", "#f0594a")
    for left, right in ((160, 240), (320, 400), (480, 560), (640, 720)):
        edges = [_rib(x) for x in (left, right)]
        panel = shape(*edges[0], *reversed(edges[1]))
        bottom = oval((left + right) / 2, 420, 40, 20)
        p.fill(either(both(panel, dome), both(bottom, box(left, 420, right, 480))), "#ffe3ad", "#ffd28a")
    for x in range(160, 721, 80):
        p.fill(both(line(*_rib(x), width=2.5, smooth=False), dome), "#b8382c", opacity=0.45)
    p.shade(oval(250, 290, 60, 90), canopy, "#ffffff", 0.5, 40)
    p.shade(oval(680, 420, 90, 150), canopy, "#8a2a12", 0.26, 40)
    p.fill(box(392, 104, 408, 140, 7), "#b9763a", "#7a4c20")
    p.fill(oval(400, 106, 13), "#ffd166", "#e59d23")


def _rib(x: float) -> list[tuple[float, float]]:
    """From the hem at `x` up to the top: a quarter of an ellipse."""
    turns = [at / 24 * math.pi / 2 for at in range(25)]
    return [(400 + (x - 400) * math.cos(turn), 424 - 294 * math.sin(turn)) for turn in turns]
