"""Text in boxes: as large as it fits, broken where it may be, cut where it must be."""

from __future__ import annotations

import pytest

from runner.compose.fitting import Box, Fitted, Unset, fit
from tests.compose.conftest import faces

BOX = Box(260, 90, 40, 10, 3)


def lines(fitted: Fitted) -> list[str]:
    """The lines' texts."""
    return ["".join(run.text for run in line.runs) for line in fitted.lines]


def test_a_short_text_is_as_large_as_it_may_be() -> None:
    """The largest size, one line."""
    fitted = fit("Summer", BOX, faces())
    assert (lines(fitted), fitted.size, fitted.cut) == (["Summer"], 40, False)


def test_a_long_text_is_smaller_in_even_lines() -> None:
    """It breaks at spaces only, and no word is left alone."""
    fitted = fit("A water bottle of steel for every day", BOX, faces())
    assert " ".join(lines(fitted)) == "A water bottle of steel for every day"
    spans = [line.span(fitted.size) for line in fitted.lines]
    assert 10 < fitted.size < 40
    assert min(spans) > max(spans) / 2


def test_a_word_that_is_too_long_breaks_rather_than_leaves() -> None:
    """Broken anywhere, at a size that shows all of it."""
    word = "Donaudampfschifffahrtsgesellschaftskapitänsmütze"
    assert "".join(lines(fit(word, Box(120, 80, 30, 10, 3), faces()))) == word


def test_what_does_not_fit_is_cut_with_an_ellipsis() -> None:
    """At the smallest size, as much as there is room for."""
    fitted = fit("word " * 100, Box(120, 40, 20, 12, 2), faces())
    assert (fitted.cut, fitted.size, lines(fitted)[-1][-1]) == (True, 12, "…")


@pytest.mark.parametrize(
    ("text", "never"),
    [("「夏季特卖」、全新背包、水壶。「夏季特卖」、全新背包、水壶。", "、。」"), ("Nouveau : un été ! Oui ? Non ; là", ":!?;")],
)
def test_closing_marks_begin_no_line(text: str, never: str) -> None:
    """Neither in Chinese, where there are no spaces, nor in French, where one stands before them."""
    for width in range(60, 200, 12):
        fitted = fit(text, Box(width, 400, 20, 12, 20), faces()[::-1] if "夏" in text else [*faces(), *faces()])
        assert not any(line[0] in never for line in lines(fitted))


def test_each_character_is_set_in_a_font_that_has_it() -> None:
    """Runs by font, the first font first; white space and marks that show nothing cost nothing."""
    [line] = fit("Acme\u200b  夏季\n x", Box(300, 60, 20, 10, 1), faces()).lines
    assert [(run.text.strip(), run.face.family[:5]) for run in line.runs] == [("Acme", "Inter"), ("夏季", "Noto "), ("x", "Inter")]


def test_a_character_that_no_font_has_is_told() -> None:
    """With its code, and what to do."""
    with pytest.raises(Unset, match=r"no declared font has ᚠ \(U\+16A0\); add one"):
        fit("ᚠ", BOX, faces())
    with pytest.raises(Unset, match="holds no text of size 10"):
        fit("a", Box(4, 4, 20, 10, 1), faces())


def test_nothing_fits_everywhere() -> None:
    """An empty text has no lines."""
    assert fit("  ", BOX, faces()).lines == ()
