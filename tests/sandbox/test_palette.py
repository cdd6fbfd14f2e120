from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.palette import INK, PAIRS, WHITE, accent_for, contrast, deep, luminance, mix, read_colour, readable_on

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("text", "colour"),
    [("#5662EC", (86, 98, 236)), ("#fff", (255, 255, 255)), ("5662EC", None), ("#12345", None), ("red", None), ("#5662ECx", None)],
)
def test_hex_codes_are_read(text: str, colour: tuple[int, int, int] | None):
    """Only #rgb and #rrggbb are colours."""
    assert read_colour(text) == colour


@given(COLOURS, COLOURS)
def test_mixing_has_both_ends(first: tuple[int, int, int], second: tuple[int, int, int]):
    """A share of 0 is the first colour and of 1 the second."""
    assert mix(first, second, 0) == first
    assert mix(first, second, 1) == second


def test_contrast_is_wcag():
    """Black on white is 21:1 and a colour on itself 1:1."""
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast(INK, INK) == 1
    assert luminance(WHITE) == pytest.approx(1)


@given(COLOURS)
def test_words_can_be_read_on_any_ground(ground: tuple[int, int, int]):
    """The colour of words has a contrast of at least 3:1 to its ground, and deep colours carry white."""
    assert contrast(readable_on(ground), ground) >= 3
    assert contrast(WHITE, deep(ground)) >= 4


@given(COLOURS)
def test_an_accent_stands_out(ground: tuple[int, int, int]):
    """An accent differs from its ground even if every wanted colour is the ground itself."""
    assert contrast(accent_for(ground, [ground]), ground) >= 1.9
    assert accent_for((0, 0, 0), [(255, 255, 0)]) == (255, 255, 0)


def test_house_pairs_work():
    """Every pair of ours has a main colour that carries white words."""
    assert all(contrast(WHITE, main) >= 3 for main, _ in PAIRS)
