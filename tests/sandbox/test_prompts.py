from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.prompts import read_prompt, words_of


@pytest.mark.parametrize(
    ("prompt", "name", "value"),
    [
        ('An ad with the headline "Sip the summer" on a beach', "headline", "Sip the summer"),
        ("Überschrift: „Strandtage voller Farbe“", "headline", "Strandtage voller Farbe"),
        ("Headline: Beat the heat. Price: $14.99", "headline", "Beat the heat"),
        ("Headline: Enamel Mug. Simply good.\nPrice: 3 €", "headline", "Enamel Mug. Simply good"),
        ("title=Less is more\nprice=3 €", "headline", "Less is more"),
        ('"Big sale" with a button saying "Go"', "headline", "Big sale"),
        ("A mug", "headline", ""),
        ("now $14.99!", "price", "$14.99"),
        ("für 19,99 € im Laden", "price", "19,99 €"),
        ("19.99 USD only", "price", "19.99 USD"),
        ("EUR 1.299,00", "price", "EUR 1.299,00"),
        ("summer with 20% off", "saving", "20% off"),
        ("30 % Rabatt", "saving", "30 % Rabatt"),
        ('CTA: "Buy it"', "call", "Buy it"),
        ("Write a headline in German", "language", "german"),
        ("Locale: de-DE", "language", "german"),
        ("en français", "language", "french"),
        ("for es-ES", "language", "spanish"),
        ("A mug", "language", ""),
        ("at most 30 characters", "most", 30),
        ("höchstens 25 Zeichen", "most", 25),
        ("40 characters or less", "most", 40),
        ("no limit", "most", None),
        ("on a sunny beach", "setting", "beach"),
        ("im Wald", "setting", "forest"),
        ("a night under the stars", "setting", "night"),
        ("product-shoot style", "setting", "studio"),
        ("a summer picnic", "setting", "beach"),
        ("something", "setting", ""),
        ("a headline for the Enamel Mug, at most 30 characters", "subject", "Enamel Mug"),
        ("Eine Zeile für das Strandtuch Riviera.", "subject", "Strandtuch Riviera"),
        ("for the Enamel Mug on a beach", "subject", "Enamel Mug"),
        ("for 20 people", "subject", ""),
        ("a mug by Acme", "brand", "Acme"),
        ("Brand: Acme", "brand", "Acme"),
        ("for my t-shirt shop for summer", "brand", ""),
    ],
)
def test_prompts_are_read(prompt: str, name: str, value: object):
    """Headline, price, saving, button, language, length, setting, subject and brand are found where they are, and only there."""
    assert getattr(read_prompt(prompt), name) == value


@given(st.text(max_size=300))
def test_any_prompt_can_be_read(prompt: str):
    """No text whatever makes reading fail, and reading is repeatable."""
    assert read_prompt(prompt) == read_prompt(prompt)


def test_words_include_the_parts_of_hyphenated_ones():
    """`beach-towel` is found as itself and as both of its words."""
    assert {"beach-towel", "beach", "towel", "größe"} <= set(words_of("Beach-Towel GRÖSSE größe"))
