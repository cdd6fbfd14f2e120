"""Tokens, as far as they can be told before anything is answered: for vendors that limit them by the minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.records import BLOB_SCHEME, Json

LETTERS_A_TOKEN: Final = 4
"""Letters that make a token, as vendors' help pages count English text."""
ANSWER_TOKENS: Final = 1000
"""Tokens that an answer of no declared length is taken for."""


def estimate(params: Mapping[str, Json], most: object) -> int:
    """About how many tokens a request uses up, in and out together; `most` is how many its answer may have, if that is a number."""
    declared = most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else ANSWER_TOKENS
    return letters(params) // LETTERS_A_TOKEN + declared


def letters(value: Json) -> int:
    """How many characters of text there are in it, at any depth; pictures have none."""
    if isinstance(value, str):
        return 0 if value.startswith((BLOB_SCHEME, "data:", "http://", "https://")) else len(value)
    if isinstance(value, Mapping):
        return sum(map(letters, value.values()))
    return sum(map(letters, value)) if isinstance(value, list | tuple) else 0
