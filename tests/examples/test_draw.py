"""The script that draws the product pictures: complete, and the same every time."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

FEEDS = Path(__file__).parents[2] / "examples" / "feeds"
SIZE = (2400, 2400)


@pytest.fixture(scope="module")
def studio():
    """The tools the drawings are made with."""
    return script("studio")


def script(name: str) -> Any:
    """A module of examples/feeds, which is a folder of scripts and no package."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(str(FEEDS))
        return importlib.import_module(name)


def at(mask: Image.Image, x: int, y: int) -> Any:
    """The value of a mask or picture at a point of the 800 × 800 sheet."""
    return mask.getpixel((x * 3, y * 3))


def test_there_is_a_drawing_for_every_picture():
    """The products the script knows are the pictures that are committed, and no two share a drawing."""
    products = script("draw").PRODUCTS
    assert sorted(products) == sorted(picture.stem for picture in (FEEDS / "pictures").glob("*.png"))
    assert len(set(products.values())) == len(products)


def test_a_picture_drawn_twice_has_the_same_bytes(tmp_path):
    """Nothing in a drawing is random and no font of the machine is used."""
    studio, bottle = script("studio"), script("draw").PRODUCTS["bottle-0815"]
    files = [tmp_path / "first.png", tmp_path / "second.png"]
    for file in files:
        picture = studio.Picture()
        bottle(picture)
        picture.save(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    with Image.open(files[0]) as image:
        assert (image.size, image.mode) == ((800, 800), "P")


@pytest.mark.parametrize(
    ("tool", "arguments", "inside", "outside"),
    [
        ("oval", (400, 400, 100), (400, 310), (480, 320)),
        ("oval", (400, 400, 100, 50), (490, 400), (400, 460)),
        ("box", (100, 100, 300, 200), (101, 101), (301, 150)),
        ("box", (100, 100, 300, 200, 40), (200, 101), (103, 103)),
        ("shape", ((100, 100), (300, 100), (100, 300)), (120, 120), (290, 290)),
        ("blob", ((400, 100), (700, 400), (400, 700), (100, 400)), (578, 222), (690, 110)),
    ],
)
def test_a_shape_covers_what_it_should(studio, tool, arguments, inside, outside):
    """Each tool gives a mask of the whole sheet that is full inside the shape and empty outside."""
    mask = getattr(studio, tool)(*arguments)
    assert (mask.mode, mask.size) == ("L", SIZE)
    assert (at(mask, *inside), at(mask, *outside)) == (255, 0)


def test_a_line_has_its_width_and_round_ends(studio):
    """A straight line reaches half its width to either side and beyond its ends, but not into their corners."""
    mask = studio.line((200, 400), (600, 400), width=40)
    assert [at(mask, *point) for point in ((400, 382), (400, 422), (184, 400), (183, 383))] == [255, 0, 255, 0]


def test_a_curve_passes_through_its_points(studio):
    """A line of three points bends through the middle one; with `smooth` off it is straight between them."""
    points = ((200, 600), (400, 200), (600, 600))
    curved, straight = studio.line(*points, width=6), studio.line(*points, width=6, smooth=False)
    assert all(at(mask, *point) == 255 for mask in (curved, straight) for point in points)
    assert at(straight, 300, 400) == 255
    assert at(curved, 300, 400) == 0


def test_masks_are_combined_as_sets(studio):
    """`either` is the union, `both` the intersection, `without` the difference."""
    left, right = studio.box(100, 100, 300, 300), studio.box(200, 100, 400, 300)
    points = ((150, 200), (250, 200), (350, 200))
    assert [at(studio.either(left, right), *point) for point in points] == [255, 255, 255]
    assert [at(studio.both(left, right), *point) for point in points] == [0, 255, 0]
    assert [at(studio.without(left, right), *point) for point in points] == [255, 0, 0]


def test_masks_can_be_moved_turned_and_softened(studio):
    """`moved` shifts right and down, `turned` goes counter-clockwise, `soft` blurs the edge and leaves the middle."""
    mark = studio.oval(600, 400, 30)
    assert at(studio.moved(mark, 50, 100), 650, 500) == 255
    assert at(studio.turned(mark, 90, (400, 400)), 400, 200) == 255
    blurred = studio.soft(studio.box(200, 200, 600, 600), 10)
    assert at(blurred, 400, 400) == 255
    assert 100 < at(blurred, 200, 400) < 156


def test_letters_stand_centred(studio):
    """Text is centred on its point."""
    left, top, right, bottom = studio.letters("50", 400, 300, 80).getbbox()
    assert abs((left + right) / 2 - 1200) < 30
    assert abs((top + bottom) / 2 - 900) < 60


def test_fill_blends_its_colours_from_top_to_bottom_or_across(studio):
    """The first colour is at the top (or left) of the mask, the last at the bottom (or right); outside nothing changes."""
    picture = studio.Picture()
    picture.fill(studio.box(100, 100, 300, 300), "#000000", "#ff0000")
    picture.fill(studio.box(400, 100, 600, 300), "#000000", "#00ff00", "#0000ff", across=True)
    picture.fill(studio.box(100, 500, 300, 700), "#000000", opacity=0.5)
    picture.fill(studio.oval(-100, -100, 10), "#000000")
    image = picture.image
    assert at(image, 200, 102)[0] < 10
    assert at(image, 200, 298)[0] > 245
    assert at(image, 200, 200)[0] == pytest.approx(128, abs=3)
    assert at(image, 500, 200)[1] > 245
    assert at(image, 598, 200)[2] > 245
    assert at(image, 200, 600) == pytest.approx((122, 122, 123), abs=2)
    assert at(image, 50, 50) == (244, 245, 247)


def test_shade_stays_within_its_mask(studio):
    """Soft light never leaks out of the thing it falls on."""
    picture, thing = studio.Picture(), studio.box(200, 200, 400, 400)
    picture.shade(studio.box(380, 200, 420, 400), thing, "#000000", 0.8, 10)
    assert at(picture.image, 396, 300)[0] < 120
    assert at(picture.image, 404, 300) == (244, 245, 247)


def test_the_shadow_under_a_product_is_faint(studio):
    """A background remover with some tolerance takes the shadow for background: it is at most 40 of 255 darker."""
    picture = studio.Picture()
    picture.ground(400, 600, 200)
    assert all(244 - 40 <= value <= 247 for value in at(picture.image, 400, 600))
    assert at(picture.image, 400, 600)[0] < 244
