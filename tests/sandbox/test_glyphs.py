from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from runner.sandbox.glyphs import drawable, length, parts_of, write_line


def written(text: str) -> Image.Image:
    """The text, white on black."""
    image = Image.new("RGB", (200, 80))
    write_line(ImageDraw.Draw(image), (10, 40), text, 50, ((255, 255, 255), 1.0))
    return image


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Frühstück für Bärchen", "Frühstück für Bärchen"),
        ("19,99 €", "19,99 €"),
        ("Straße", "Strasse"),
        ("l’été – cœur", "l'été - coeur"),
        ("  two   words\n", "two words"),
        ("mug 杯 ☕ x", "mug x"),
        ("u\u0308ber", "über"),
        ("\u00a0Łódź…", "Lódź..."),
    ],
)
def test_what_can_be_drawn_is_kept(text: str, shown: str):
    """Accents and the euro are put together, some letters spelled otherwise, and what has no form is left out."""
    assert drawable(text) == shown


@pytest.mark.parametrize("character", "äöüÄÖÜéèêñçåčőŻę€£¥")
def test_accents_add_ink(character: str):
    """A put-together letter has more ink than the letter it is made from, and the same width."""
    base, mark = parts_of(character)
    assert mark
    assert sum(written(character).tobytes()) > sum(written(base).tobytes())
    assert length(character, 50) == length(base, 50)


def test_length_grows_with_the_text_and_the_size():
    """More letters are longer, larger letters too."""
    assert 0 < length("a", 20) < length("ab", 20) < length("ab", 40)
    assert length("", 20) == 0
