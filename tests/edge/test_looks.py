"""What a picture looks like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.edge.looks import distance, look_of
from runner.records import Look, read_look
from tests.job.pictures import draw, noise


@pytest.mark.parametrize(
    ("mode", "named"),
    [
        ("RGB", "rgb"),
        ("RGBA", "rgb"),
        ("L", "grey"),
        ("LA", "grey"),
        ("1", "grey"),
        ("I;16", "grey"),
        ("P", "palette"),
        ("CMYK", "cmyk"),
        ("YCbCr", "ycbcr"),
    ],
)
def test_a_mode_is_told_in_a_word(mode: str, named: str) -> None:
    """However the decoder calls it."""
    picture = Image.new(mode, (20, 10)) if mode == "I;16" else draw(1).convert(mode)
    assert look_of(picture).mode == named


def painted(mode: str, ground: Any, dot: Any = None) -> Image.Image:
    """One colour, with a square of another in the middle where there is one."""
    picture = Image.new(mode, (200, 100), ground)
    if dot is not None:
        picture.paste(dot, (80, 40, 120, 60))
    return picture


@pytest.mark.parametrize(
    ("picture", "spread"),
    [
        (painted("RGB", "white"), 0),
        (painted("L", 7), 0),
        (painted("RGBA", (9, 99, 200, 0)), 0),
        (painted("RGB", (250, 250, 250), (255, 255, 255)), 5),
        (painted("RGB", "white", "black"), 255),
        (painted("RGBA", (255, 255, 255, 0), (255, 255, 255, 255)), 255),
    ],
)
def test_spread_is_what_there_is_to_see(picture: Image.Image, spread: int) -> None:
    """Nothing on a single colour, nor under full transparency; a shape is something whatever it is filled with."""
    assert look_of(picture).spread == spread


def test_grain_is_nothing_to_see() -> None:
    """The noise of a compressor is averaged away, from afar."""
    assert look_of(noise((640, 640), 240, 256)).spread <= 8


@pytest.mark.parametrize(
    ("picture", "clear"),
    [
        (draw(1), False),
        (draw(1, mode="RGBA"), False),
        (painted("RGBA", (0, 0, 0, 255), (0, 0, 0, 254)), True),
        (painted("LA", (9, 0)), True),
    ],
)
def test_one_pixel_that_is_not_opaque_makes_it_clear(picture: Image.Image, clear: bool) -> None:
    """An alpha channel that is full says nothing."""
    assert look_of(picture).clear is clear


def test_a_palette_may_have_a_clear_colour() -> None:
    """As GIF and PNG have it."""
    picture = draw(1, mode="P")
    picture.info["transparency"] = picture.getpixel((0, 0))
    assert look_of(picture).clear
    assert not look_of(draw(1, mode="P")).clear


def test_likeness_outlives_scaling_and_shades() -> None:
    """Few bits of 64 differ, hardly ever more than six; turned upside down a picture is another."""
    apart: list[int] = []
    for number in range(40):
        picture = draw(number, (160, 120))
        one = look_of(picture).dhash
        brighter = picture.point([min(255, round(each * 0.9) + 10) for each in range(256)] * 3)
        changed = [picture.resize((120, 90)), picture.resize((240, 180)), brighter, picture.convert("L")]
        apart += [distance(one, look_of(each).dhash) for each in changed]
        assert distance(one, look_of(picture.rotate(180)).dhash) > 6
    assert max(apart) <= 10
    assert sum(each > 6 for each in apart) <= 4
    assert distance(0, 2**64 - 1) == 64


def test_strangers_do_not_look_alike() -> None:
    """Of fifty drawn pictures no two are near-duplicates."""
    hashed = [look_of(draw(number)).dhash for number in range(50)]
    assert min(distance(one, other) for at, one in enumerate(hashed) for other in hashed[:at]) > 6


@given(
    st.builds(
        Look, st.sampled_from(["rgb", "cmyk"]), st.booleans(), st.integers(1, 2000), st.integers(0, 255), st.integers(0, 2**64 - 1)
    )
)
def test_a_look_is_read_as_it_is_written(look: Look) -> None:
    """The journal keeps it as text."""
    assert read_look(str(look)) == look
