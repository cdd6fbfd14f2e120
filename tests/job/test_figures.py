"""Numbers in copy, as people of many places write them, and whether a row states them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.figures import facts_in, figures, invented


def read(text: str, locale: str | None = None) -> list[tuple[set[Decimal], bool, bool]]:
    """For each number the values it may mean, whether it is a percentage, and whether it is a price."""
    return [({value for way in one.readings for value in way}, one.percent, one.priced) for one in figures(text, locale)]


@pytest.mark.parametrize(
    ("text", "locale", "value"),
    [
        ("1.299,00", "de-DE", "1299"),
        ("1,299.00", "en-US", "1299"),
        ("1.299", "de-AT", "1299"),
        ("1.299", "en-GB", "1.299"),
        ("1'299.50", "de-CH", "1299.50"),
        ("1’299.50", "de-CH", "1299.50"),
        ("1\u202f299,50", "fr-FR", "1299.50"),
        ("1,29,900", "hi-IN", "129900"),
        ("19,99", "pl", "19.99"),
        ("19.99", "de-DE", "19.99"),
        ("1,299", "es-MX", "1299"),
        ("1,299", "es-ES", "1.299"),
        ("１９.９９", "ja-JP", "19.99"),
        ("١٩٫٩٩", "ar", "19.99"),
        ("1.299.000", "id-ID", "1299000"),
    ],
)
def test_a_number_is_read_by_the_habits_of_its_place(text: str, locale: str, value: str) -> None:
    """Groups and decimal marks are those of the locale; what can mean but one thing is read so anyway."""
    assert read(text, locale) == [({Decimal(value)}, False, False)]


def test_without_a_locale_every_sensible_way_counts() -> None:
    """A thousand or a little more than one: nobody can tell; and a version is several numbers."""
    assert read("1.299") == [({Decimal("1.299"), Decimal(1299)}, False, False)]
    assert read("15 128") == [({Decimal(15), Decimal(128), Decimal(15128)}, False, False)]
    assert read("1.2.3") == [({Decimal(1), Decimal(2), Decimal(3)}, False, False)]


@pytest.mark.parametrize("text", ["20%", "20 %", "%20", "20\u00a0％", "٢٠٪", "20 percent", "20 Prozent", "20 процентов"])
def test_a_percentage_is_known_by_its_sign_or_word(text: str) -> None:
    """Before or after the number, in several scripts."""
    assert read(text) == [({Decimal(20)}, True, False)]


@pytest.mark.parametrize(
    "text", ["$20", "20 €", "EUR 20", "20zł", "kr 20", "20 Kč", "¥20", "20円", "20 руб.", "US$20", "20 Euro", "chf 20"]
)
def test_a_price_is_known_by_its_currency(text: str) -> None:
    """By sign, code or word, before or after the number."""
    assert read(text) == [({Decimal(20)}, False, True)]


@pytest.mark.parametrize("text", ["20 kreative Ideen", "Usd", "20 leise Stunden", "MEUR 20"])
def test_a_word_that_begins_like_a_currency_is_none(text: str) -> None:
    """Currencies are whole words."""
    assert not any(priced for _, _, priced in read(text))


@pytest.mark.parametrize(
    ("copy", "row", "locale", "wrong"),
    [
        ("Now $19.99", {"price": "19.99 USD"}, None, []),
        ("Nur 19,99 €", {"price": "19.99 EUR"}, "de-DE", []),
        ("Nur 1.299 €", {"price": "1299.00 EUR"}, "de-DE", []),
        ("Only €19.99", {"price": "19.99 USD"}, None, ["€19.99"]),
        ("Now $19", {"price": "19.99 USD"}, None, ["$19"]),
        ("20% off", {"price": "20.00 USD"}, None, ["20%"]),
        ("20% off", {"price": 20}, None, ["20%"]),
        ("20% off", {"discount": 20}, None, []),
        ("20% off", {"offer": "save 20 %"}, None, []),
        ("Save $20", {"offer": "save 20 %"}, None, ["$20"]),
        ("Was $25.00, now $19.99", {"price": "25.00 USD", "sale_price": "19.99 USD"}, None, []),
        ("20% off", {"price": "25.00 USD", "sale_price": "20.00 USD"}, None, ["20%"]),
        ("Over 500 sold, 500 left", {"price": "25 USD"}, None, ["500"]),
        ("Phone 15 128 GB", {"title": "Phone 15, 128 GB"}, None, []),
        ("No numbers here", {}, None, []),
        ("Only 5", {"price": None}, None, ["5"]),
        ("Only 19.90", {"price": {"amount": "19.90", "currency": "EUR"}}, None, []),
        ("Only 0.1", {"size": 0.1}, None, []),
        ("3 pieces", {"sizes": ["2", {"pack": 3}]}, None, []),
        ("1 piece", {"new": True}, None, ["1"]),
    ],
)
def test_every_number_must_be_stated(copy: str, row: dict[str, Any], locale: str | None, wrong: list[str]) -> None:
    """A price needs its amount and currency, a percentage a percentage; nothing is computed, nothing is rounded."""
    assert invented(copy, facts_in(row), locale) == wrong


@given(st.decimals(0, 10**9, places=2), st.sampled_from(["en-US", "de-DE", "fr-FR", "de-CH", "hi-IN"]))
def test_a_price_as_its_place_writes_it_is_the_price(amount: Decimal, locale: str) -> None:
    """However large, with groups or without."""
    group, mark = {"en-US": (",", "."), "de-DE": (".", ","), "fr-FR": ("\u202f", ","), "de-CH": ("’", "."), "hi-IN": (",", ".")}[
        locale
    ]
    shown = f"{amount:,.2f}".replace(",", "G").replace(".", mark).replace("G", group)
    facts = facts_in({"price": f"{amount:.2f} EUR"})
    assert invented(f"Jetzt {shown} €", facts, locale) == invented(f"EUR {amount:.2f}", facts) == []
