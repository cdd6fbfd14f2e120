from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image

from runner.sandbox.easel import order, paint
from runner.sandbox.intake import HELD, Made


def hold(image: Image.Image) -> tuple[str, dict[str, bytes]]:
    """A reference to this picture and what it leads to."""
    file = io.BytesIO()
    image.save(file, "PNG")
    reference = HELD + hashlib.sha256(file.getvalue()).hexdigest()
    return reference, {reference: file.getvalue()}


def opened(made: Made) -> Image.Image:
    """The picture that was made."""
    return Image.open(io.BytesIO(made.data))


def test_a_new_scene_is_drawn_as_often_as_asked():
    """Each of several pictures differs, has the size asked for, and is the same the next time."""
    params = order("draw", "a mug", size=(48, 32), count=2, seed=7)
    made = paint(params, {})
    assert [opened(each).size for each in made] == [(48, 32)] * 2
    assert made[0].data != made[1].data
    assert paint(params, {}) == made


@pytest.mark.parametrize(("form", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_format_is_the_one_ordered(form: str, kind: str):
    """Name, media type and bytes agree."""
    made = paint(order("draw", "a mug", size=(32, 32), format=form), {})[0]
    assert (opened(made).format, made.media_type) == (kind, f"image/{form}")


@pytest.mark.parametrize(
    ("task", "more", "size", "mode"),
    [
        ("draw", {}, (40, 30), "RGB"),
        ("draw", {"size": (32, 32)}, (32, 32), "RGB"),
        ("cutout", {}, (40, 30), "RGBA"),
        ("upscale", {}, (80, 60), "RGB"),
        ("extend", {"size": (60, 30)}, (60, 30), "RGB"),
        ("erase", {}, (40, 30), "RGB"),
    ],
)
def test_a_picture_is_worked_on(task: str, more: dict[str, object], size: tuple[int, int], mode: str):
    """Each task has its own outcome for a picture that was given."""
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste((200, 30, 30), (12, 8, 28, 24))
    reference, inputs = hold(picture)
    made = opened(paint(order(task, "a mug on a beach", images=[reference], **more), inputs)[0])
    assert (made.size, made.mode) == (size, mode)


def test_an_object_can_stand_on_nothing():
    """`clear` without a picture draws one with a transparent ground."""
    made = opened(paint(order("clear", "a mug", size=(40, 40)), {})[0])
    assert made.getpixel((0, 0)) == (*made.getpixel((0, 0))[:3], 0)  # type: ignore[index]


@pytest.mark.parametrize("transparent", [True, False])
def test_a_mask_says_where_to_paint(transparent: bool):
    """What is transparent, or white where nothing is, is painted anew; the rest stays."""
    reference, inputs = hold(Image.new("RGB", (64, 64), (10, 200, 10)))
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0) if transparent else (255, 255, 255, 255), (0, 0, 20, 64))
    where, more = hold(mask)
    made = opened(paint(order("draw", "night sky", images=[reference], mask=where), {**inputs, **more})[0]).convert("RGB")
    assert made.getpixel((50, 20)) == (10, 200, 10)
    assert made.getpixel((4, 20)) != (10, 200, 10)
