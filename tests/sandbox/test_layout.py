from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from runner.sandbox.layout import PLANS, Brief, design, family
from runner.sandbox.vendors.sivi_tables import SIZES

PROMPT = 'Headline: "Sip the summer" for the Enamel Mug, $14.99, on a beach. #115E89 #FF8A4C'


def differing(first: Image.Image, second: Image.Image) -> tuple[int, int, int, int] | None:
    """The box in which two pictures differ."""
    return ImageChops.difference(first, second).getbbox()


@pytest.mark.parametrize("size", [(728, 90), (320, 50), (300, 250), (300, 600), (120, 600), (468, 60), (150, 150)])
@pytest.mark.parametrize("variant", [0, 10, 20])
def test_designs_have_exactly_their_size(size: tuple[int, int], variant: int):
    """Every look works at every size of display advertising."""
    image = design(Brief(size, PROMPT, variant=variant))
    assert image.size == size
    assert image.mode == "RGB"
    colours = image.getcolors(size[0] * size[1])
    assert colours is None or len(colours) > 100


def test_every_size_has_a_family():
    """All of Sivi's sizes belong to a plan."""
    assert {family(size) for size in SIZES.values()} <= set(PLANS)


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        (PROMPT.replace("Sip the summer", "Hot days"), "text"),
        (PROMPT.replace("$14.99", "$99.00"), "price"),
        (PROMPT + ' CTA: "Go"', "button"),
        (PROMPT.replace("Mug", "Hat"), "art"),
    ],
)
def test_what_the_prompt_says_is_in_the_picture(prompt: str, part: str):
    """Another headline, price, button or product changes the picture where that part stands."""
    size = (300, 250)
    box = differing(design(Brief(size, PROMPT)), design(Brief(size, prompt)))
    assert box is not None
    left, top, right, bottom = getattr(PLANS["box"], part)
    assert box[0] < right * 300
    assert box[2] > left * 300
    assert box[1] < bottom * 250
    assert box[3] > top * 250


def test_the_brand_colours_are_used():
    """Given colours rule the picture: most of a colour design is near the main one."""
    image = design(Brief((300, 250), "Hat", colours=((10, 120, 60), (250, 200, 40)), variant=0)).resize(
        (1, 1), Image.Resampling.BOX
    )
    other = design(Brief((300, 250), "Hat", colours=((150, 20, 60), (250, 200, 40)), variant=0)).resize(
        (1, 1), Image.Resampling.BOX
    )
    green, red = image.getpixel((0, 0)), other.getpixel((0, 0))
    assert isinstance(green, tuple)
    assert isinstance(red, tuple)
    assert green[1] - green[0] > red[1] - red[0]


def test_a_picture_and_a_logo_are_placed():
    """A sent picture appears in the art's place and a logo in the brand's."""
    plain = design(Brief((300, 250), PROMPT))
    sent = Image.new("RGB", (200, 200), (255, 255, 255))
    sent.paste((200, 0, 200), (40, 40, 160, 160))
    for cut in (True, False):
        image = design(Brief((300, 250), PROMPT, image=sent, cut=cut))
        assert differing(plain, image) is not None
        pixel = image.getpixel((222, 150))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 150 > pixel[1]
    box = differing(plain, design(Brief((300, 250), PROMPT, logo=Image.new("RGBA", (50, 20), (0, 255, 0, 255)))))
    assert box is not None
    assert box[3] < 0.25 * 250


def test_content_speaks_for_itself():
    """Words given as content need no prompt, and change the picture."""
    first = design(Brief((300, 250), content={"title": "Sip it", "button": "Go"}))
    assert differing(first, design(Brief((300, 250), content={"title": "Drop it", "button": "Go"}))) is not None


def test_variants_differ_and_repeat():
    """Each variant has another look; the same variant is the same to the last pixel."""
    pictures = [design(Brief((300, 250), PROMPT, variant=variant)).tobytes() for variant in (0, 10, 20, 1)]
    assert len(set(pictures)) == 4
    assert pictures[0] == design(Brief((300, 250), PROMPT)).tobytes()


def test_an_endless_headline_is_shortened():
    """A headline that cannot fit loses words instead of breaking the design."""
    assert design(Brief((120, 240), content={"title": "Donaudampfschifffahrtsgesellschaft " * 30})).size == (120, 240)
