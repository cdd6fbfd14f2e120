"""Columns of a text, as ad platforms count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.display import columns, display_width


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("Mug", 3),
        ("Größe", 5),
        ("e\u0301", 1),
        ("夏のセール", 10),
        ("여름", 4),
        ("ＡＢ", 4),
        ("ｱｲ", 2),
        ("a\u200db", 2),
        ("лето", 4),
        ("☀\ufe0f", 1),
    ],
)
def test_wide_letters_take_two_columns_and_combining_ones_none(text: str, width: int) -> None:
    """Half-width kana are one column, full-width Latin letters two."""
    assert display_width(text) == width


@given(st.text(), st.text())
def test_the_width_of_two_texts_is_the_sum(one: str, other: str) -> None:
    """Nothing depends on its neighbours."""
    assert display_width(one + other) == display_width(one) + display_width(other) == sum(map(columns, one + other))
