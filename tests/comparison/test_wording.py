"""Texts compared word by word."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.comparison.wording import MOST_WORDS, Piece, compare_words, excerpt, told


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("Hot tea", "Hot coffee", "Hot [-tea-]{+coffee+}"),
        ("Now 14.99", "Now 12.99", "Now [-14-]{+12+}.99"),
        ("夏のセール", "冬のセール", "[-夏-]{+冬+}のセール"),
        ("", "new", "{+new+}"),
        ("gone", "", "[-gone-]"),
        ("same", "same", "same"),
        ("", "", ""),
    ],
)
def test_only_the_words_that_differ_are_marked(then: str, now: str, said: str) -> None:
    """A word is what a reader takes for one."""
    assert told(compare_words(then, now)) == said


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_is_lost(then: str, now: str) -> None:
    """Without what is new it is the old text, without what is old the new one."""
    pieces = compare_words(then, now)
    assert "".join(piece.text for piece in pieces if piece.sign != "+") == then
    assert "".join(piece.text for piece in pieces if piece.sign != "-") == now


def test_what_differs_at_great_length_is_told_whole() -> None:
    """Comparing takes the square of the words, so there is an end to it; what long texts have in common before does not count."""
    long = "word " * MOST_WORDS
    assert [piece.sign for piece in compare_words(long, long + "more")] == ["=", "+"]
    assert [piece.sign for piece in compare_words(long + "a " * MOST_WORDS, long + "b " * MOST_WORDS)] == ["=", "-", "+", "="]


def test_words_that_are_everywhere_do_not_take_minutes() -> None:
    """Two texts of the same few words over and over: each match would be looked for among all the others."""
    begun = process_time()
    for then, now in (("a b " * 240, "b c " * 240), (" ab" * 490, " cd" * 490), ("a b " * 240, "c b " * 49)):
        compare_words(then, now)
    assert process_time() - begun < 3


def test_an_excerpt_shows_every_change_and_what_is_around_it() -> None:
    """However long the text before, between and behind; a change at great length has an end as well."""
    pieces = compare_words("x" * 99 + " tea " + "y" * 99 + " now " + "z" * 99, "x" * 99 + " ale " + "y" * 99 + " here " + "z" * 99)
    assert told(excerpt(pieces, 3)) == "…xx [-tea-]{+ale+} yy…yy [-now-]{+here+} zz…"
    assert told(excerpt((Piece("+", "n" * 50),), 3)) == f"{{+{'n' * 30}…+}}"
    assert excerpt(compare_words("same", "same"), 30) == (Piece("=", "same"),)
