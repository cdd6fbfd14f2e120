"""How wide a text is shown: wide and full-width characters take two columns, combining ones none (Unicode UAX #11).

Ad platforms count so: a headline of 30 holds 15 Chinese characters.
"""

from __future__ import annotations

import unicodedata
from typing import Final

NO_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})


def columns(char: str) -> int:
    """The columns that one character takes: 0, 1 or 2."""
    if char.isascii():
        return 1
    if unicodedata.category(char) in NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def display_width(text: str) -> int:
    """The columns that a text takes."""
    return len(text) if text.isascii() else sum(map(columns, text))
