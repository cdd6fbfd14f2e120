from __future__ import annotations

from decimal import Decimal

import pytest

from runner.job.money import money

NBSP, NARROW = "\u00a0", "\u202f"


class Price(str):
    """A text with an amount and a currency, as a feed reader makes it."""

    __slots__ = ()

    @property
    def amount(self) -> Decimal:
        return Decimal(self.split()[0])

    @property
    def currency(self) -> str:
        return self.split()[1]


@pytest.mark.parametrize(
    ("value", "locale", "said"),
    [
        ("1299.00 USD", "en-US", "$1,299.00"),
        ("19.99 EUR", "en-IE", "€19.99"),
        ("1299 EUR", "de-DE", f"1.299,00{NBSP}€"),
        ("1299 EUR", "de-AT", f"€{NBSP}1{NBSP}299,00"),
        ("1299.5 CHF", "de-CH", f"CHF{NBSP}1’299.50"),
        ("1299 EUR", "fr-FR", f"1{NARROW}299,00{NBSP}€"),
        ("1299 EUR", "es-ES", f"1299,00{NBSP}€"),
        ("12999 EUR", "es-ES", f"12.999,00{NBSP}€"),
        ("1234567 PLN", "pl", f"1{NBSP}234{NBSP}567,00{NBSP}zł"),
        ("49.90 BRL", "pt-BR", f"R${NBSP}49,90"),
        ("49.90 EUR", "nl-NL", f"€{NBSP}49,90"),
        ("1299 JPY", "ja-JP", "¥1,299"),
        ("49,00 TND", "en", f"TND{NBSP}49.000"),
        ("1,299.00 USD", "en", "$1,299.00"),
        ("1,299 USD", "en", "$1,299.00"),
        ("-5 USD", "en", "-$5.00"),
        ("0.005 USD", "en", "$0.01"),
        ("5 usd", "en", "$5.00"),
        (Price("19.99 USD"), "de", f"19,99{NBSP}$"),
    ],
)
def test_amounts_are_written_as_the_place_writes_them(value, locale, said):
    """Separators, side and symbol follow CLDR; the number of places follows the currency."""
    assert money(value, locale) == said


def test_a_number_needs_its_currency():
    """A bare number is an amount once the currency is given."""
    assert money(5, "en", "EUR") == "€5.00"
    assert money(Decimal("5.5"), "de", "EUR") == f"5,50{NBSP}€"


@pytest.mark.parametrize(
    ("value", "locale", "message"),
    [
        ("19.99 USD", "dee-DE", "unknown locale 'dee-DE'; did you mean de-DE|unknown locale 'dee-DE'"),
        ("19.99 USD", "tlh", "unknown locale 'tlh'"),
        ("19.99", "de", "names no currency"),
        ("cheap USD", "de", "is not an amount"),
        ("NaN USD", "de", "is not an amount"),
        ("1e999 USD", "de", "is not an amount"),
        (7, "de", r"names no currency; write money\(locale, 'EUR'\)"),
        (None, "de", "names no currency"),
    ],
)
def test_what_is_not_known_is_refused(value, locale, message):
    """A locale outside the table, a missing currency, or no amount: an error, never a guess."""
    with pytest.raises(ValueError, match=message):
        money(value, locale)
