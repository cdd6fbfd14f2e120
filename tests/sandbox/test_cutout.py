from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFilter

from runner.sandbox.canvas import contact_shadow
from runner.sandbox.cutout import remove_background, solid_box, trim


def product(ground: tuple[int, int, int] = (244, 244, 246)) -> Image.Image:
    """A red square with a ring's hole in it, on a light ground with a soft shadow."""
    image = Image.new("RGB", (400, 400), ground)
    contact_shadow(image, (100, 100, 300, 300), 0.2)
    draw = ImageDraw.Draw(image)
    draw.rectangle((100, 100, 300, 300), fill=(190, 40, 50))
    draw.ellipse((160, 160, 240, 240), fill=ground)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def alpha(image: Image.Image, x: int, y: int) -> int:
    """A pixel's alpha."""
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return int(pixel[3])


@pytest.mark.parametrize("ground", [(255, 255, 255), (244, 244, 246), (214, 226, 240), (40, 60, 50)])
def test_the_background_becomes_transparent_and_the_thing_stays(ground: tuple[int, int, int]):
    """Corners, surroundings and holes are transparent, the thing is opaque in its own colour."""
    cut = remove_background(product(ground))
    for x, y in ((2, 2), (397, 2), (2, 397), (397, 397), (50, 200), (200, 60), (200, 200)):
        assert alpha(cut, x, y) == 0
    for x, y in ((120, 120), (290, 290), (200, 130), (110, 200)):
        assert alpha(cut, x, y) == 255
        assert cut.getpixel((x, y))[0] > 150  # type: ignore[index]
    assert cut.size == (400, 400)


def test_soft_shadows_go_with_the_background():
    """A light shadow under the thing does not stay behind as an opaque patch."""
    cut = remove_background(product())
    assert alpha(cut, 200, 330) < 60


def test_edges_are_soft():
    """Somewhere between inside and outside there is a pixel that is neither."""
    levels = set(remove_background(product()).getchannel("A").tobytes())
    assert {0, 255} < levels


def test_transparent_pictures_stay_as_they_are():
    """A picture that is cut out already is returned unchanged."""
    cut = Image.new("RGBA", (20, 20))
    cut.paste((1, 2, 3, 255), (5, 5, 15, 15))
    assert remove_background(cut).tobytes() == cut.tobytes()


def test_trim_crops_to_the_thing():
    """Trimming leaves the thing's box; faint marks beside it do not count, and nothing stays nothing."""
    cut = Image.new("RGBA", (40, 30))
    cut.paste((200, 0, 0, 255), (10, 5, 20, 25))
    cut.putpixel((38, 28), (0, 0, 0, 90))
    assert trim(cut).size == (10, 20)
    assert trim(Image.new("RGBA", (7, 7))).size == (7, 7)
    assert solid_box(Image.new("RGBA", (7, 7))) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (1500, 20)])
def test_odd_sizes_are_no_problem(size: tuple[int, int]):
    """Slivers and single pixels are processed too."""
    assert remove_background(Image.new("RGB", size, (9, 9, 9))).size == size
