"""Tokens are guessed by letters."""

from __future__ import annotations

import pytest

from runner.providers.tokens import ANSWER_TOKENS, estimate, letters


def test_text_counts_wherever_it_stands() -> None:
    """Pictures and addresses weigh nothing, nor do numbers."""
    assert letters({"a": ["four", {"b": "five."}], "c": 12345, "d": "https://cdn.example.com/a.png", "e": "blob:" + "0" * 64}) == 9


@pytest.mark.parametrize(("most", "answer"), [(60, 60), (None, ANSWER_TOKENS), (True, ANSWER_TOKENS), (0, ANSWER_TOKENS)])
def test_an_answer_of_no_declared_length_is_taken_for_a_thousand(most: object, answer: int) -> None:
    """Four letters are a token."""
    assert estimate({"prompt": "x" * 40}, most) == 10 + answer
