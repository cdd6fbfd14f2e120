from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from runner.sandbox.cutout import solid_box
from runner.sandbox.letters import fit, mark, write

WORDS = st.lists(st.text("abcdefghij", min_size=1, max_size=9), min_size=1, max_size=7)


@settings(max_examples=15, deadline=None)
@given(WORDS, st.integers(60, 400), st.integers(20, 200), st.integers(1, 4))
def test_fitted_text_fits(words: list[str], width: int, height: int, lines: int):
    """Fitted text keeps its words in order and stays inside its room, in no more lines than allowed."""
    fitted = fit(" ".join(words), (width, height), most=80, lines=lines)
    if fitted is not None:
        assert " ".join(fitted.lines).split() == words
        assert len(fitted.lines) <= lines
        assert fitted.width <= width + 1
        assert fitted.height <= height * 1.03


def test_larger_rooms_hold_larger_letters():
    """The text is as large as it can be, up to the most."""
    small, large = fit("Sip the summer", (120, 40), most=200), fit("Sip the summer", (600, 300), most=200)
    assert small is not None
    assert large is not None
    assert small.size < large.size <= 200


@pytest.mark.parametrize(
    ("text", "room"), [("", (100, 100)), ("杯", (100, 100)), ("word", (0, 50)), ("Donaudampfschifffahrt", (10, 50))]
)
def test_what_cannot_fit_is_none(text: str, room: tuple[float, float]):
    """No text, no room, or a word that is too long give nothing."""
    assert fit(text, room, most=50) is None


@pytest.mark.parametrize("align", ["left", "center"])
def test_words_are_written_inside_their_box(align: str):
    """Nothing is written outside the box, and something inside."""
    image = Image.new("RGB", (300, 120))
    fitted = fit("Sip the summer", (200, 80), most=60, lines=2)
    assert fitted is not None
    write(image, fitted, (50, 20, 250, 100), (255, 255, 255), align=align)
    box = image.getbbox()
    assert box is not None
    assert 48 <= box[0] < box[2] <= 253
    assert 15 <= box[1] < box[3] <= 105


@pytest.mark.parametrize("size", [(728, 90), (320, 50), (160, 600), (1080, 1920), (60, 40)])
def test_every_picture_is_marked_in_its_corner(size: tuple[int, int]):
    """The mark changes the lower right corner and nothing else."""
    plain = Image.new("RGB", size, (120, 140, 160))
    box = ImageChops.difference(plain, mark(plain)).getbbox()
    assert box is not None
    assert box[0] > size[0] * 0.25
    assert box[1] > size[1] * 0.5


def test_the_mark_on_a_cutout_is_not_part_of_it():
    """On a transparent picture the mark is fainter than what counts as solid."""
    marked = mark(Image.new("RGBA", (400, 300)))
    assert max(marked.getchannel("A").tobytes()) > 40
    assert solid_box(marked) is None


def test_a_tiny_picture_has_no_room_for_a_mark():
    """Where the mark does not fit, the picture stays as it is."""
    assert mark(Image.new("RGB", (9, 9))).tobytes() == Image.new("RGB", (9, 9)).tobytes()
