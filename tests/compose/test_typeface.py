"""Fonts are read for what they are called, what they have, and how much room it takes."""

from __future__ import annotations

import pytest

from runner.compose.typeface import NotAFont, read_typeface
from tests.compose.conftest import FONTS, faces


def test_a_font_tells_its_family_weight_and_characters() -> None:
    """By the names that a drawing uses."""
    display, medium, noto = faces()
    assert [(face.family, face.weight, face.italic) for face in (display, medium)] == [
        ("Inter Display", 800, False),
        ("Inter", 500, False),
    ]
    assert [display.has(character) for character in "aßЖ€夏"] == [True, True, True, True, False]
    assert noto.has("夏")
    assert noto.has("여")


def test_ink_is_measured_in_ems() -> None:
    """A wider text is wider, an accent reaches higher, a g lower; nothing takes no room."""
    face = faces()[1]
    assert face.measure("WW").width > face.measure("il").width > 0
    assert face.measure("É").up > face.measure("E").up > 0.6
    assert face.measure("g").down > face.measure("a").down
    assert face.measure("").width == 0


@pytest.mark.parametrize("data", [b"", b"hello", b"OTTO" + b"\0" * 50, FONTS[1][:500], b"ttcf" + FONTS[1]])
def test_what_is_no_font_is_told(data: bytes) -> None:
    """Broken fonts and collections raise in words, and nothing else."""
    with pytest.raises(NotAFont):
        read_typeface(data)
