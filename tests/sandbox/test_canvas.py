from __future__ import annotations

import pytest
from PIL import Image

from runner.sandbox.canvas import (
    MOST_DRAWN,
    Points,
    Shape,
    Sketch,
    blob,
    contact_shadow,
    drawing_scale,
    glow,
    gradient,
    scaled,
    shape_mask,
    wash,
)


@pytest.mark.parametrize("size", [(300, 250), (728, 90), (1080, 1920), (4096, 4096), (1, 1)])
def test_drawings_are_larger_but_not_too_large(size: tuple[int, int]):
    """A picture is drawn at up to twice its size, and never with more pixels than the budget."""
    width, height = scaled(size, drawing_scale(size))
    assert width * height <= MOST_DRAWN * 1.01
    assert drawing_scale(size) <= 2


def test_gradients_go_from_first_to_last():
    """A gradient runs down, or sideways if told so."""
    down, across = gradient((3, 50), (0, 0, 0), (255, 255, 255)), gradient((50, 3), (0, 0, 0), (255, 255, 255), sideways=True)
    for first, last in ((down.getpixel((1, 0)), down.getpixel((1, 49))), (across.getpixel((0, 1)), across.getpixel((49, 1)))):
        assert max(first) < 10  # type: ignore[arg-type]
        assert min(last) > 245  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "points", "inside", "outside"),
    [
        ("ellipse", [(0, 0), (40, 40)], (20, 20), (1, 1)),
        ("rect", [(0, 0), (20, 20)], (2, 2), (30, 30)),
        ("round", [(0, 0), (39, 39)], (20, 2), (0, 0)),
        ("poly", [(0, 0), (39, 0), (0, 39)], (5, 5), (38, 38)),
        ("line", [(0, 20), (39, 20)], (20, 21), (20, 35)),
        ("arc", [(0, 0), (39, 39), (180, 360)], (20, 2), (20, 37)),
    ],
)
def test_shapes_cover_what_they_should(shape: Shape, points: Points, inside: tuple[int, int], outside: tuple[int, int]):
    """Every shape's mask is full inside and empty outside."""
    mask = shape_mask((40, 40), shape, points, 6)
    assert mask.getpixel(inside) == 255
    assert mask.getpixel(outside) == 0


def test_a_sketch_is_shaded_and_transparent_around():
    """A shape is opaque, lighter on the left than on the right, and the rest stays transparent."""
    sketch = Sketch(100)
    sketch.add("rect", [(20, 20), (80, 80)], (100, 100, 200))
    left, right = sketch.image.getpixel((22, 50)), sketch.image.getpixel((78, 50))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > right[0]
    assert left[3] == right[3] == 255
    assert sketch.image.getpixel((5, 5)) == (0, 0, 0, 0)
    sketch.light("rect", [(0, 0), (100, 100)], 1.0)
    assert sketch.image.getpixel((50, 50)) == (255, 255, 255, 255)
    assert sketch.image.getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_painting_nothing_changes_nothing():
    """A shape outside the sketch is no error."""
    sketch = Sketch(20)
    sketch.add("rect", [(200, 200), (300, 300)], (1, 2, 3))
    assert sketch.image.getbbox() is None


def test_light_and_shadow_are_soft():
    """A glow brightens its middle, a blob and a shadow darken theirs, and all fade out."""
    image = Image.new("RGB", (120, 120), (120, 120, 120))
    glow(image, (60, 30), 30, (255, 255, 255))
    blob(image, (50, 80, 70, 100), (0, 0, 0), 1.0, 3)
    assert image.getpixel((60, 30))[0] > 230  # type: ignore[index]
    assert image.getpixel((60, 90))[0] < 40  # type: ignore[index]
    assert image.getpixel((2, 2)) == (120, 120, 120)
    contact_shadow(image, (10, 60, 40, 110))
    assert image.getpixel((25, 110))[0] < 115  # type: ignore[index]


def test_a_wash_has_strength():
    """A wash of strength 0 leaves the picture, of 1 it covers it."""
    image, mask = Image.new("RGB", (4, 4)), Image.new("L", (4, 4), 255)
    wash(image, mask, (200, 100, 50), 0.0)
    assert image.getpixel((0, 0)) == (0, 0, 0)
    wash(image, mask, (200, 100, 50), 1.0)
    assert image.getpixel((0, 0)) == (200, 100, 50)
