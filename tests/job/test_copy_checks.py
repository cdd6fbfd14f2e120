"""Checks of copy that know no language."""

from __future__ import annotations

import pytest

from runner.job.copy_checks import emptiness, has_word, text_checks
from runner.job.expect import Expected
from runner.job.figures import facts_in


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The BEST mug", "best"),
        ("Best's mug", "best"),
        ("best", "best"),
        ("Straße frei", "STRASSE"),
        ("Лучшая кружка", "лучшая"),
        ("业界最好的杯子", "最好"),
        ("最安値のマグ", "最安値"),
        ("ราคาถูกที่สุด", "ถูกที่สุด"),
        ("ｂｅｓｔ mug", "best"),
        ("risk   free", "risk free"),
        ("夏のAcmeマグ", "acme"),
        ("Acme는 최고", "acme"),
        ("100% pure", "100%"),
        ("cafe\u0301 au lait", "café"),
    ],
)
def test_a_word_is_found_in_any_case_and_script(text: str, word: str) -> None:
    """Letters are compared in compatible forms and without case; scripts without spaces have words anywhere."""
    assert has_word(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Bestow", "best"),
        ("the rebest", "best"),
        ("1000% pure", "00%"),
        ("", "best"),
        ("mug", " "),
        ("кружками", "кружка"),
        ("nai\u0308ve", "nai"),
    ],
)
def test_a_part_of_a_word_is_none(text: str, word: str) -> None:
    """Whole words only, where a script sets them apart; a combining mark belongs to its letter."""
    assert not has_word(text, word)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "...",
        "…",
        "—",
        "!!!",
        "🔥🔥",
        "。。。",
        "Hello {{ name }}",
        "{% if %}",
        "[Headline]",
        "<headline>",
        "{headline}",
        "null",
        "None.",
        "N/A",
        "Lorem ipsum dolor",
        "Buy %s now",
        "Hi ${name}",
        "\u200b",
    ],
)
def test_a_text_that_says_nothing_is_empty_in_every_language(text: str) -> None:
    """White space, punctuation, symbols, and placeholders that were left in."""
    assert emptiness(text)


@pytest.mark.parametrize(
    "text",
    ["A", "夏", "5", "Wow!", "100 % Leinen", "[New] Mug", "Nulltarif", "None of these are cheap", "50%sale", "Größe", "C$ 5"],
)
def test_a_text_that_says_something_is_not_empty(text: str) -> None:
    """One letter or number of any script will do."""
    assert emptiness(text) == ""


def test_every_check_that_is_asked_for_is_told() -> None:
    """Met or not, with what was wanted and measured, in a fixed order."""
    expected = Expected(
        max_chars=9,
        max_width=9,
        min_chars=1,
        min_width=2,
        blank="forbidden",
        forbidden=("best",),
        required=("mug", "now"),
        facts=tuple(facts_in({"price": "5 EUR"})),
        fact_names=("price",),
    )
    told = [(check.name, check.wanted, check.got, check.said) for check in text_checks(expected, "Best mug 9€")]
    assert told == [
        ("max_chars", 9, 11, "11 characters, at most 9 wanted"),
        ("max_width", 9, 11, "11 columns wide, at most 9 wanted"),
        ("min_chars", 1, 11, ""),
        ("min_width", 2, 11, ""),
        ("blank", "forbidden", None, ""),
        ("forbidden", ["best"], ["best"], "has the forbidden best"),
        ("required", ["mug", "now"], ["mug"], "lacks the required now"),
        ("facts", ["price"], ["9€"], "9€ is not in price"),
    ]
