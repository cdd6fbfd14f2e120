from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.copywriter import LINES, call_for, suggest_content, write_copy, write_sending
from runner.sandbox.dice import Dice

SENDING = {
    "about": "summer sale",
    "include_keywords": ["mugs", "towels"],
    "word_limit": 40,
    "tone": "friendly",
    "occasion": "opening",
    "variation": "none",
    "target_language": "en",
}


@pytest.mark.parametrize("language", ["English", "German", "French", "Spanish"])
@pytest.mark.parametrize("product", ["Enamel Mug", "Folding Beach Chair Riviera Deluxe", "Hat"])
def test_headlines_keep_to_the_length_and_name_the_product(language: str, product: str):
    """A headline of at most 30 characters has at most 30 characters and the product's last word."""
    line = write_copy(f"Write one headline in {language} for the {product} by Acme. At most 30 characters.")
    assert 0 < len(line) <= 30
    assert product.rsplit(maxsplit=1)[-1] in line


def test_the_language_is_obeyed():
    """German copy is made of German patterns."""
    line = write_copy("Schreibe eine Schlagzeile für de-DE, for the Enamel Mug")
    assert any(line == pattern.format(subject="Enamel Mug") for pattern in LINES["german"])


@given(st.text(max_size=200), st.integers(1, 80))
def test_no_prompt_breaks_the_limit(words: str, most: int):
    """Whatever the prompt says besides, the length it asks for first is kept and the line is not empty."""
    line = write_copy(f"At most {most} characters. {words}")
    assert 0 < len(line) <= most


def test_the_same_prompt_gives_the_same_line():
    """Copy depends on the prompt and the temperature alone."""
    assert write_copy("for the Hat", 0.5) == write_copy("for the Hat", 0.5)
    assert len({write_copy("for the Hat", number / 10) for number in range(10)}) > 1


def test_buttons_speak_the_language():
    """A button's words come in the language, English where it is unknown."""
    assert call_for("german", Dice(1)) in {"Jetzt kaufen", "Mehr sehen", "Entdecken"}
    assert call_for("klingon", Dice(1)) in {"Shop now", "See more", "Get yours"}


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Come by"), ("de-DE", "Komm vorbei"), ("fr", "Passez"), ("es", "Ven"), ("xx", "Come by")]
)
def test_messages_are_in_the_target_language(language: str, word: str):
    """A message names its occasion, subject and keywords in the target language."""
    text = write_sending({**SENDING, "target_language": language})
    assert word in text
    assert "Opening" in text
    assert "Mugs, towels" in text


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_messages_keep_to_the_word_limit(limit: int):
    """No message has more words than allowed."""
    assert len(write_sending({**SENDING, "word_limit": limit}).split()) == limit


def test_content_is_suggested_thrice():
    """Three sets of words, the first with the prompt's own headline."""
    content = orjson.loads(suggest_content('An ad, headline: "Sip it", for the Mug, 20% off', "german"))
    assert [len(each) for each in content["contentSuggestions"]] == [3, 3, 3]
    assert content["contentSuggestions"][0]["title"] == "Sip it"
    assert content["assetSuggestions"]["images"] == ["Mug"]
