"""Things for the trail and the camp, one function each, drawn as those in `beach`."""

from __future__ import annotations

from studio import Mask, Picture, blob, both, box, either, line, moved, oval, shape, turned, without


def mug(p: Picture) -> None:
    """An enamel mug: speckled blue, white inside."""
    p.ground(380, 640, 190)
    handle = without(oval(560, 440, 108, 122), oval(556, 440, 66, 80))
    body = either(box(214, 260, 546, 636, 54), box(214, 260, 546, 400))
    p.fill(handle, "#1d5fae", "#174a8c")
    p.shade(line((480, 330), (600, 340), (652, 420), width=14), handle, "#ffffff", 0.5, 6)
    p.fill(body, "#1b56a0", "#3f86dc", "#2e74ca", "#1c559d", "#133f7a", across=True)
    for at in range(90):
        x, y = 214 + (at * 137) % 332, 290 + (at * 89) % 330
        p.fill(both(oval(x, y, 1.6 + at % 3), body), "#dcebff", opacity=0.75)
    p.fill(oval(380, 262, 168, 36), "#24508f", "#3d74bd", "#1a3f78", "#122c57", across=True)
    p.fill(oval(380, 264, 154, 28), "#c3cfdf", "#f2f6fb")
    p.fill(both(oval(380, 284, 140, 24), oval(380, 264, 154, 28)), "#5a3420", "#7c4a2c")
    p.fill(both(box(200, 614, 560, 640), body), "#0f356a", opacity=0.4)
    p.shade(box(268, 316, 292, 580, 12), body, "#ffffff", 0.75, 7)


def bottle(p: Picture) -> None:
    """A steel water bottle, green, with a loop cap."""
    p.ground(400, 716, 130)
    loop = without(box(342, 84, 458, 200, 46), box(368, 108, 432, 190, 28))
    p.fill(loop, "#3b4252", "#262c38")
    p.fill(box(338, 160, 462, 232, 14), "#2f3644", "#566178", "#3c4557", "#222833", across=True)
    for x in range(350, 460, 12):
        p.fill(box(x, 172, x + 3, 224), "#171b23", opacity=0.45)
    p.fill(box(350, 228, 450, 256), "#7b8696", "#c6ced9", "#98a3b2", "#626d7d", across=True)
    body = both(either(box(292, 360, 508, 712), oval(400, 364, 108, 118)), box(292, 200, 508, 712, 40))
    p.fill(body, "#1d7a5a", "#4fc08f", "#36a878", "#1f7f5d", "#14573f", across=True)
    p.fill(both(box(280, 664, 520, 720), body), "#7b8696", "#c6ced9", "#a3aebc", "#6b7686", across=True)
    p.shade(box(330, 330, 346, 640, 8), body, "#ffffff", 0.85, 5)
    p.shade(box(478, 330, 488, 640, 5), body, "#d8fff0", 0.45, 5)
    leaf = blob((400, 420), (448, 470), (400, 560), (352, 470))
    p.fill(leaf, "#f3fff8", opacity=0.92)
    p.fill(
        either(line((400, 450), (400, 590), width=5), line((400, 500), (424, 476), width=4), line((400, 530), (376, 506), width=4)),
        "#1f8a63",
    )


def cooler(p: Picture) -> None:
    """A cool box with a white handle and a steel latch."""
    p.ground(400, 664, 270)
    handle = without(box(190, 180, 610, 420, 60), box(222, 212, 578, 460, 40))
    p.fill(handle, "#8292aa", "#5d6b82")
    body = both(shape((166, 330), (634, 330), (606, 660), (194, 660)), box(160, 300, 640, 660, 34))
    p.fill(body, "#d8432f", "#f6735a", "#ee5f49", "#c93c2a", "#a52c1e", across=True)
    lid = box(144, 268, 656, 366, 30)
    p.fill(lid, "#8fabcf", "#b7cde8", "#9cb7d9", "#7591b5")
    p.fill(box(144, 350, 656, 368, 9), "#8695a9", opacity=0.55)
    p.shade(box(150, 362, 650, 380), body, "#5c130b", 0.55, 9)
    panel = box(232, 430, 568, 600, 26)
    p.fill(panel, "#b93424", "#d8503d")
    flake = either(*(turned(_flake(), 60 * at, (400, 515)) for at in range(6)))
    p.fill(flake, "#ffe9e2")
    p.fill(box(366, 336, 434, 404, 12), "#f7f9fc", "#aeb9c8", "#7f8b9d")
    p.fill(box(382, 356, 418, 384, 6), "#5f6b7d")
    p.shade(box(186, 400, 200, 620, 7), body, "#ffffff", 0.6, 7)
    p.shade(box(180, 282, 620, 292, 5), lid, "#ffffff", 0.9, 4)
    for x in (206, 594):
        p.fill(oval(x, 318, 22), "#9aa7b8", "#6b788b")
        p.fill(oval(x - 4, 313, 8), "#e4eaf1")


def _flake() -> Mask:
    arm = line((400, 515), (400, 446), width=9)
    return either(arm, line((400, 474), (380, 456), width=7), line((400, 474), (420, 456), width=7))


def lantern(p: Picture) -> None:
    """A camping lantern, lit."""
    p.ground(400, 690, 160)
    ring = without(oval(400, 190, 104, 112), oval(400, 190, 90, 98))
    p.fill(ring, "#5a6270", "#363c47")
    p.fill(
        either(shape((320, 232), (480, 232), (536, 318), (264, 318)), box(256, 306, 544, 338, 14)),
        "#1f4d3a",
        "#3d8d6b",
        "#2c7355",
        "#173c2d",
        across=True,
    )
    p.fill(box(352, 206, 448, 240, 12), "#173c2d", "#2f7a5b", "#122e23", across=True)
    glass = both(oval(400, 460, 136, 190), box(0, 332, 800, 588))
    p.fill(glass, "#f6a93b", "#ffd877", "#fff0bd", "#ffd877", "#f09a30", across=True)
    p.shade(oval(400, 470, 62, 92), glass, "#fffdf0", 1.0, 26)
    p.fill(blob((400, 400), (432, 470), (400, 530), (368, 470)), "#fff6cf", "#ffb02e", "#ff7a1a")
    p.fill(blob((400, 450), (416, 490), (400, 522), (384, 490)), "#fffbe9")
    for x in (-126, -52, 52, 126):
        p.fill(line((400 + x * 0.78, 334), (400 + x, 460), (400 + x * 0.78, 588), width=9), "#2c7355", "#173c2d")
    for y in (410, 510):
        p.fill(box(274, y, 526, y + 9, 4), "#2c7355", "#46a07b", "#173c2d", across=True)
    p.fill(
        either(box(262, 580, 538, 616, 14), box(286, 606, 514, 668, 10), box(250, 652, 550, 690, 16)),
        "#1a4232",
        "#43977a",
        "#2c7355",
        "#143527",
        across=True,
    )
    p.fill(oval(400, 636, 19), "#e9b54a", "#a9741c")
    p.shade(line((312, 370), (298, 460), (312, 550), width=10), glass, "#ffffff", 0.9, 4)


def backpack(p: Picture) -> None:
    """A day pack: navy and mustard, leather straps."""
    p.ground(400, 706, 190)
    p.fill(without(oval(400, 172, 58, 66), oval(400, 176, 38, 46)), "#16294a")
    for side in (-1, 1):
        p.fill(line((400 + side * 150, 260), (400 + side * 218, 400), (400 + side * 186, 600), width=34), "#1a3158", "#11213d")
    body = either(
        box(226, 330, 574, 702, 62), blob((232, 420), (238, 280), (300, 180), (400, 164), (500, 180), (562, 280), (568, 420))
    )
    p.fill(body, "#1c3866", "#345f9f", "#2a5090", "#1c3866", "#13274a", across=True)
    flap = both(blob((224, 400), (236, 270), (300, 178), (400, 162), (500, 178), (564, 270), (576, 400), (400, 440)), body)
    p.shade(moved(flap, 0, 14), body, "#060f22", 0.65, 10)
    p.fill(flap, "#d99a24", "#f8cc5c", "#efb93f", "#d3921e", across=True)
    pocket = box(268, 500, 532, 668, 34)
    p.shade(moved(pocket, 0, 8), body, "#060f22", 0.6, 9)
    p.fill(pocket, "#234680", "#3f6db1", "#2f5899", "#1d3a6b", across=True)
    p.fill(box(290, 532, 510, 541, 4), "#e4b548")
    p.fill(box(494, 528, 508, 574, 6), "#f5d98b", "#b98420")
    for x in (318, 482):
        strap = box(x - 17, 330, x + 17, 492, 10)
        p.shade(moved(strap, 4, 6), body, "#060f22", 0.45, 5)
        p.fill(strap, "#a4673a", "#7a4522")
        buckle = without(box(x - 25, 424, x + 25, 466, 8), box(x - 14, 434, x + 14, 456, 4))
        p.fill(buckle, "#f3e2b0", "#b08a3c")
    p.shade(line((262, 330), (276, 240), (330, 200), width=12), flap, "#ffffff", 0.7, 8)
    p.shade(box(246, 460, 258, 650, 6), body, "#ffffff", 0.4, 6)


def chair(p: Picture) -> None:
    """A folding camping chair."""
    p.ground(400, 700, 220, 14)
    metal = ("#6d7889", "#b4bfcc", "#5c6778")
    p.fill(either(line((250, 470), (560, 690), width=17), line((550, 470), (240, 690), width=17)), *metal)
    p.fill(either(line((262, 160), (246, 470), width=17), line((538, 160), (554, 470), width=17)), *metal)
    back = blob((262, 170), (400, 190), (538, 170), (546, 300), (540, 402), (400, 424), (260, 402), (254, 300))
    p.fill(back, "#e5732a", "#ff9c4a", "#f98838", "#d8641d", across=True)
    p.fill(both(box(240, 222, 560, 262), back), "#ffd49c", opacity=0.92)
    p.fill(both(box(240, 274, 560, 286), back), "#ffd49c", opacity=0.92)
    p.fill(either(line((222, 384), (222, 690), width=17), line((578, 384), (578, 690), width=17)), *metal)
    seat = blob((232, 436), (400, 424), (568, 436), (584, 500), (560, 546), (400, 568), (240, 546), (216, 500))
    p.fill(seat, "#ffa354", "#ef7a2c", "#c4560f")
    p.shade(oval(400, 478, 120, 26), seat, "#7a2f04", 0.45, 18)
    p.fill(both(line((220, 520), (400, 544), (580, 520), width=7), seat), "#ffd49c", opacity=0.85)
    for x in (220, 580):
        p.fill(box(x - 44, 362, x + 44, 394, 16), "#3a4353", "#20262f")
        p.fill(box(x - 34, 367, x + 34, 372, 2), "#8a95a8", opacity=0.8)
        p.fill(either(oval(222 if x < 400 else 578, 692, 16, 9), oval(240 if x < 400 else 560, 692, 16, 9)), "#20262f")
    for x in (262, 538):
        p.fill(oval(x, 160, 14), "#20262f")
    p.shade(line((292, 196), (286, 380), width=12), back, "#ffffff", 0.55, 8)


def speaker(p: Picture) -> None:
    """A portable speaker with two drivers."""
    p.ground(400, 590, 280)
    strap = without(oval(676, 356, 56, 74), oval(676, 356, 38, 56))
    p.fill(strap, "#ff8a3d", "#d95f16")
    body = box(118, 270, 682, 586, 112)
    p.fill(body, "#454c63", "#2b3145", "#171b28")
    grill = box(150, 300, 650, 556, 92)
    p.fill(grill, "#262b3b", "#3a4158", "#1c2030")
    holes = either(*(oval(x + (y // 18 % 2) * 9, y, 4.2) for y in range(312, 556, 18) for x in range(156, 650, 18)))
    p.fill(both(holes, grill), "#0d1019", opacity=0.8)
    for x in (270, 530):
        p.fill(oval(x, 428, 104), "#ff9a4d", "#e0661c")
        p.fill(oval(x, 428, 93), "#10131d", "#2c3348")
        p.fill(oval(x, 428, 74), "#333b52", "#181c29")
        p.fill(oval(x, 428, 34), "#5a6480", "#232838")
        p.shade(oval(x - 10, 414, 8), oval(x, 428, 34), "#ffffff", 0.9, 6)
        p.shade(line((x - 60, 386), (x, 352), (x + 60, 386), width=8), oval(x, 428, 93), "#ffffff", 0.35, 8)
    p.fill(box(330, 252, 470, 282, 14), "#20242f", "#11141c")
    for x, colour in ((362, "#ff8a3d"), (400, "#9fe870"), (438, "#ff8a3d")):
        p.fill(oval(x, 266, 7), colour)
    p.shade(box(220, 280, 580, 292, 6), body, "#ffffff", 0.55, 6)
