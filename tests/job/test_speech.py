from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.speech import LONGEST, LONGEST_MESSAGE, clip, say, shorten


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        ({"a": 1}, "a map"),
        ([1], "a list"),
        ((1, 2), "a list"),
        (True, "true"),
        (False, "false"),
        (5, "the number 5"),
        (1.5, "the number 1.5"),
        ("x", "the text 'x'"),
        ("", "the text ''"),
    ],
)
def test_say(value, said):
    """A value is said with its kind, as a person would name it."""
    assert say(value) == said


def test_say_of_a_long_text():
    """A long text is cut, so that a message stays one readable line."""
    assert say("x" * 1000) == "the text '" + "x" * 58 + "…"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.text())))
def test_clip_is_one_short_line(value):
    """Whatever is clipped fits one line of sixty characters and holds nothing unprintable."""
    shown = clip(value)
    assert len(shown) <= LONGEST
    assert shown.isprintable()


def test_shorten_keeps_what_a_person_reads():
    """A message is cut only where it is longer than anybody reads."""
    assert shorten("x" * LONGEST_MESSAGE) == "x" * LONGEST_MESSAGE
    assert shorten("x" * 5000) == "x" * (LONGEST_MESSAGE - 1) + "…"
