from __future__ import annotations

import pytest

from runner.sandbox.objects import NAMED, THINGS, draw_thing, knows

COLOURS = ((17, 94, 137), (255, 138, 76))


@pytest.mark.parametrize("word", [words[0] for words in THINGS.values()] + ["something else"])
def test_every_thing_is_drawn(word: str):
    """A thing is opaque in the middle of its box, stands near the lower edge, and is transparent in its corners."""
    image = draw_thing(word, 60, COLOURS)
    box = image.getbbox()
    assert image.size == (60, 60)
    assert box is not None
    assert box[3] >= 46
    assert (box[2] - box[0]) * (box[3] - box[1]) > 600
    assert image.getpixel((0, 59)) == (0, 0, 0, 0) or box[0] == 0


def test_the_first_thing_named_is_drawn():
    """The words of a text choose the thing, in any of our languages and in any case."""
    assert draw_thing("Der BECHER", 40, COLOURS).tobytes() == draw_thing("mug", 40, COLOURS).tobytes()
    assert draw_thing("bottle and mug", 40, COLOURS).tobytes() == draw_thing("flasche", 40, COLOURS).tobytes()
    assert draw_thing("mug", 40, COLOURS).tobytes() != draw_thing("bottle", 40, COLOURS).tobytes()


def test_unknown_things_are_known_to_be_unknown():
    """`knows` tells whether there is a painter for what is named."""
    assert knows("a beach-towel")
    assert not knows("quantum flux")


def test_no_word_calls_two_painters():
    """Every word belongs to exactly one painter."""
    assert len(NAMED) == sum(len(set(words)) for words in THINGS.values())
