from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops

from runner.sandbox import pictures
from runner.sandbox.intake import Made


def square(size: int = 120) -> Image.Image:
    """A blue square on white."""
    image = Image.new("RGB", (size, size), (255, 255, 255))
    image.paste((30, 60, 190), (size // 4, size // 4, size * 3 // 4, size * 3 // 4))
    return image


def decode(made: Made) -> Image.Image:
    """A made picture, decoded again."""
    image = Image.open(io.BytesIO(made.data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("paint", "size", "mode"),
    [
        (lambda: pictures.draw_picture("mug on a beach", (364, 45)), (364, 45), "RGB"),
        (lambda: pictures.draw_picture("", (31, 33)), (31, 33), "RGB"),
        (lambda: pictures.draw_cutout("mug", (90, 60)), (90, 60), "RGBA"),
        (lambda: pictures.place_on_scene(square(), "forest", 3), (120, 120), "RGB"),
        (lambda: pictures.outpaint(square(), (300, 100)), (300, 100), "RGB"),
        (lambda: pictures.outpaint(square(), (50, 200)), (50, 200), "RGB"),
        (lambda: pictures.upscale(square()), (240, 240), "RGB"),
        (lambda: pictures.enhance(square(), "snow", (96, 64), 1), (96, 64), "RGB"),
        (lambda: pictures.fill(square(), Image.new("L", (120, 120)), "snow"), (120, 120), "RGB"),
        (lambda: pictures.retouch(square(), Image.new("L", (120, 120))), (120, 120), "RGB"),
    ],
)
def test_every_operation_has_its_size_and_repeats(paint: Callable[[], Image.Image], size: tuple[int, int], mode: str):
    """Each result has the size it should, and is the same to the last pixel when made again."""
    image = paint()
    assert (image.size, image.mode) == (size, mode)
    assert image.tobytes() == paint().tobytes()


@pytest.mark.parametrize(
    ("ratio", "longest", "size"), [("1:1", 256, (256, 256)), ("16:9", 1024, (1024, 576)), ("2:3", 256, (170, 256))]
)
def test_ratios_become_sizes(ratio: str, longest: int, size: tuple[int, int]):
    """The longer side is as long as asked; both are even."""
    assert pictures.fit_ratio(ratio, longest) == size


def test_files_are_what_they_say():
    """PNG and JPEG decode, with the size in their record, and are byte for byte the same each time."""
    for write, kind in ((pictures.as_png, "PNG"), (pictures.as_jpeg, "JPEG")):
        made = write("x", square())
        assert decode(made).format == kind
        assert decode(made).size == (made.width, made.height) == (120, 120)
        assert made.data == write("x", square()).data


def test_a_foreign_url_gives_a_stand_in():
    """The stand-in depends on the URL alone, shows what the URL names, and has a background to remove."""
    first = pictures.open_picture("url:https://shop.example/mug.png", {})
    assert first.tobytes() == pictures.open_picture("url:https://shop.example/mug.png", {}).tobytes()
    assert first.tobytes() != pictures.open_picture("url:https://shop.example/hat.png", {}).tobytes()
    assert pictures.open_picture("url:https://shop.example/logo.png", {}, is_logo=True).mode == "RGBA"


def test_posted_pictures_are_opened_upright_with_their_alpha():
    """A palette PNG with transparency becomes RGBA, a plain one RGB."""
    body = io.BytesIO()
    Image.new("RGBA", (5, 4), (1, 2, 3, 0)).quantize().save(body, "PNG")
    assert pictures.open_picture("sha256:x", {"sha256:x": body.getvalue()}).mode == "RGBA"
    assert pictures.open_picture("sha256:x", {"sha256:x": pictures.as_jpeg("x", square()).data}).mode == "RGB"


def test_the_cutout_stands_on_its_scene():
    """The thing's colour is in the lower half of the scene, and the scene's in the upper corners."""
    image = pictures.place_on_scene(square(200), "a beach", 3)
    blues = [image.getpixel((x, 130)) for x in range(60, 140, 10)]
    assert sum(pixel == (30, 60, 190) for pixel in blues) >= 4
    assert image.getpixel((2, 2)) != (255, 255, 255)


def test_outpaint_keeps_the_picture_in_the_middle():
    """The picture's own middle is unchanged and its surroundings continue its edges."""
    image = pictures.outpaint(square(), (300, 120))
    assert image.getpixel((150, 60)) == (30, 60, 190)
    assert min(image.getpixel((3, 60))) > 225  # type: ignore[arg-type]


def test_masks_decide_what_changes():
    """Only the white part of a mask is painted anew; a retouched thing is gone."""
    mask = Image.new("L", (120, 120))
    mask.paste(255, (25, 25, 95, 95))
    filled = pictures.fill(square(), mask, "night")
    box = ImageChops.difference(filled, square()).getbbox()
    assert box is not None
    assert box[0] >= 15
    gone = pictures.retouch(square(), mask).getpixel((60, 60))
    assert min(gone) > 200  # type: ignore[arg-type]


def test_colours_in_a_prompt_are_obeyed():
    """Hex codes in the prompt colour the drawn thing."""
    first, second = (pictures.draw_cutout(f"bag in {code}", (60, 60)).getpixel((30, 40)) for code in ("#ff0000", "#0000ff"))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert first[0] > first[2] or first != second
