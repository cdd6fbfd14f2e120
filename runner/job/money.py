"""Amounts of money as people of a place write them: `1,299.00 USD` becomes `$1,299.00`, `1.299,00 €` or `1 299,00 €`.

A small table instead of a library with every locale of the world: the separators, the side the symbol stands on, and the symbols
ads need. Forms are those of CLDR 48 (https://cldr.unicode.org). What is not in the table is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from runner.fields import suggest
from runner.frozen import frozen

NBSP: Final = "\u00a0"
NARROW: Final = "\u202f"


@frozen
class Form:
    """How a place writes an amount: group and decimal signs, and the whole with `{n}` number and `{s}` symbol.

    `grouped_from` is the number of digits before the decimal sign from which groups are written (Spanish and Polish write 1234).
    """

    group: str
    decimal: str
    whole: str
    grouped_from: int = 4


_POINT: Final = Form(",", ".", "{s}{n}")
_COMMA: Final = Form(".", ",", "{n}" + NBSP + "{s}")
_SPACE: Final = Form(NBSP, ",", "{n}" + NBSP + "{s}")
FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys(("en", "ja", "zh", "ko", "th"), _POINT),
    **dict.fromkeys(("de", "it", "da", "el", "ro", "sl", "hr", "id"), _COMMA),
    **dict.fromkeys(("cs", "fi", "nb", "no", "sv", "ru", "sk", "uk", "hu"), _SPACE),
    "fr": Form(NARROW, ",", "{n}" + NBSP + "{s}"),
    "es": Form(".", ",", "{n}" + NBSP + "{s}", grouped_from=5),
    "pl": Form(NBSP, ",", "{n}" + NBSP + "{s}", grouped_from=5),
    "pt-PT": Form(NBSP, ",", "{n}" + NBSP + "{s}", grouped_from=5),
    "pt": Form(".", ",", "{s}" + NBSP + "{n}"),
    "nl": Form(".", ",", "{s}" + NBSP + "{n}"),
    "tr": Form(".", ",", "{s}{n}"),
    "de-AT": Form(NBSP, ",", "{s}" + NBSP + "{n}"),
    "de-CH": Form("’", ".", "{s}" + NBSP + "{n}"),
    "es-MX": _POINT,
    "es-US": _POINT,
}
SYMBOLS: Final[Mapping[str, str]] = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "CN¥",
    "KRW": "₩",
    "INR": "₹",
    "BRL": "R$",
    "PLN": "zł",
    "CZK": "Kč",
    "SEK": "kr",
    "NOK": "kr",
    "DKK": "kr.",
    "TRY": "₺",
    "UAH": "₴",
    "ILS": "₪",
    "VND": "₫",
}
PLACES: Final[Mapping[str, int]] = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "TND": 3, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3}


def money(value: Any, locale: str, currency: str | None = None) -> str:
    """`value` as `locale` (`de-DE`) writes it: a price of the feed (`19.99 USD`), or a number with its `currency` given.

    Raises `ValueError` for a locale that is not known, or a value that is no amount.
    """
    amount, code = _read(value, currency)
    form = FORMS.get(locale) or FORMS.get(locale.partition("-")[0])
    if form is None:
        raise ValueError(f"money: unknown locale {locale!r}{suggest(locale, FORMS)}")
    places = PLACES.get(code, 2)
    number = f"{abs(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
    whole, _, part = number.partition(".")
    if len(whole) >= form.grouped_from:
        whole = f"{int(whole):,}".replace(",", form.group)
    symbol = SYMBOLS.get(code, code)
    if len(symbol) == 3 and symbol.isalpha() and form.whole.startswith("{s}{n}"):
        symbol += NBSP
    said = form.whole.format(n=whole + (form.decimal + part if part else ""), s=symbol)
    return f"-{said}" if amount < 0 else said


def _read(value: Any, currency: str | None) -> tuple[Decimal, str]:
    """Amount and currency; a text such as `1,299.00 EUR` has both."""
    text, _, code = str(value).strip().rpartition(" ") if isinstance(value, str) else (str(value), "", "")
    if isinstance(value, str) and not text:
        text, code = code, ""
    code = currency or code
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ValueError(f"money: {str(value)[:60]!r} names no currency; write money(locale, 'EUR')")
    try:
        amount = getattr(value, "amount", None) or Decimal(_pointed(text))
    except InvalidOperation:
        raise ValueError(f"money: {str(value)[:60]!r} is not an amount") from None
    if not isinstance(amount, Decimal) or not amount.is_finite() or abs(amount) >= Decimal(10) ** 15:
        raise ValueError(f"money: {str(value)[:60]!r} is not an amount")
    return amount, code.upper()


def _pointed(text: str) -> str:
    """`1,299.00` and `49,00` with a decimal point and no groups, as prices in a Merchant feed are written."""
    whole, comma, part = text.rpartition(",")
    if comma and "." not in text and "," not in whole and len(part) != 3:
        return f"{whole}.{part}"
    return text.replace(",", "")
