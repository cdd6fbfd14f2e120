"""The numbers in a text, as people of many places write them, and whether each occurs among declared facts.

`1.299,00 €`, `$1,299`, `1 299,00 zł`, `20 %`, `%20`, Arabic and full-width digits: a number is read by the habits of a locale, or
where none is known in every way that makes sense. It is a price, a percentage or a plain number. A percentage must occur as a
percentage, or as a plain number of a column that holds no price: `20 % off` is not proved by a price of 20. A price must occur
with its currency where both name one. So no discount is invented, none is computed either: a column must say it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from runner.frozen import frozen

SYMBOLS: Final[Mapping[str, frozenset[str]]] = {
    "$": frozenset(["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD", "BRL"]),
    "US$": frozenset({"USD"}),
    "C$": frozenset({"CAD"}),
    "A$": frozenset({"AUD"}),
    "R$": frozenset({"BRL"}),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
    "¥": frozenset({"JPY", "CNY"}),
    "円": frozenset({"JPY"}),
    "元": frozenset({"CNY", "TWD"}),
    "₹": frozenset({"INR"}),
    "₽": frozenset({"RUB"}),
    "₴": frozenset({"UAH"}),
    "₩": frozenset({"KRW"}),
    "원": frozenset({"KRW"}),
    "₺": frozenset({"TRY"}),
    "₫": frozenset({"VND"}),
    "₪": frozenset({"ILS"}),
    "฿": frozenset({"THB"}),
    "₱": frozenset({"PHP"}),
    "₸": frozenset({"KZT"}),
    "₦": frozenset({"NGN"}),
    "zł": frozenset({"PLN"}),
    "Kč": frozenset({"CZK"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "Ft": frozenset({"HUF"}),
    "lei": frozenset({"RON"}),
    "лв": frozenset({"BGN"}),
    "руб": frozenset({"RUB"}),
    "грн": frozenset({"UAH"}),
    "Euro": frozenset({"EUR"}),
}
CODES: Final = frozenset(
    re.findall(
        "...",
        "USDCADAUDNZDSGDHKDMXNARSCLPCOPTWDBRLEURGBPJPYCNYINRRUBUAHKRWTRYVNDILSTHBPHPKZTNGNPLNCZKSEKNOKDKKISKHUFRONBGNCHFZARAEDSARMYR"
        "IDREGPPEN",
    )
)
SIGNS: Final = "|".join(map(re.escape, sorted([*SYMBOLS, *CODES], key=len, reverse=True)))
PERCENT: Final = "percent|per cent|prozent|pour cent|por ciento|por cento|per cento|procent|процент"
NUMBER: Final = r"\d+(?:[.,'٫٬]\d+)*"
FIGURE: Final = re.compile(
    rf"(?:(?P<before>(?<!\w)(?:{SIGNS})|[%$€£¥₹₽₴₩₺₫₪฿₱₸₦])\s?)?(?P<number>{NUMBER}(?: \d{{3}}(?:[.,]\d+)?(?!\d))*)"
    rf"(?:\s?(?P<after>%|(?:{PERCENT})|(?:{SIGNS})(?![^\W\d_])))?",
    re.IGNORECASE,
)
GROUPING: Final = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
"""A space that does not break, before three digits: it groups thousands."""
MARKS: Final = str.maketrans({"’": "'", "٪": "%", "٫": ".", "٬": ","})
GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}")
COMMAS: Final = frozenset(
    re.findall("..", "azbebgbscacsdadeeleseteufifrglhrhuhyidisitkakkltlvmknbnlnnnoplptroruskslsqsrsvtrukuzvi")
)
"""Languages that write a decimal comma (CLDR); in their countries below, and in all other languages, it is a point."""
SPANISH: Final = ("419", "MX", "US", "GT", "HN", "NI", "PA", "PE", "PR", "SV", "DO")
POINTS: Final = frozenset({"de-CH", "de-LI", "it-CH", *(f"es-{place}" for place in SPANISH)})
PRICED: Final = re.compile(r"price|amount|cost|preis|prix|precio|prezzo|cena|цена", re.IGNORECASE)
BY_SIGN: Final = {sign.casefold(): codes for sign, codes in SYMBOLS.items()} | {
    code.casefold(): frozenset({code}) for code in CODES
}


@frozen
class Figure:
    """A number in a text: as written, every set of values it may mean, whether it is a percentage, the currencies it may be in."""

    written: str
    readings: tuple[tuple[Decimal, ...], ...]
    percent: bool = False
    currencies: frozenset[str] = frozenset()
    priced: bool = False


def figures(text: str, locale: str | None = None) -> Iterator[Figure]:
    """The numbers of a text, read as the locale (`de-AT`) writes them, or in every way where there is none."""
    plain = unicodedata.normalize("NFKC", GROUPING.sub("'", text)).translate(MARKS)
    for found in FIGURE.finditer(_with_ascii_digits(plain)):
        signs = [sign.casefold() for sign in (found["before"], found["after"]) if sign]
        percent = any(sign not in BY_SIGN for sign in signs)
        money = frozenset[str]().union(*(BY_SIGN[sign] for sign in signs if sign in BY_SIGN))
        if readings := tuple(_readings(found["number"], _decimal_mark(locale))):
            yield Figure(found[0].strip(), readings, percent, money, bool(money))


def facts_in(columns: Mapping[str, Any]) -> list[Figure]:
    """The numbers that some values state, by the column they are of; a price may be a number, a text, or a map with an amount."""
    return [
        Figure(figure.written, figure.readings, figure.percent, figure.currencies, figure.priced or bool(PRICED.search(name)))
        for name, value in columns.items()
        for text in _texts(value)
        for figure in figures(text)
    ]


def invented(text: str, facts: Iterable[Figure], locale: str | None = None) -> list[str]:
    """The numbers of a text that none of the facts states, as they are written there, each once."""
    known = list(facts)
    return list(dict.fromkeys(figure.written for figure in figures(text, locale) if not _is_stated(figure, known)))


def _is_stated(figure: Figure, facts: list[Figure]) -> bool:
    able = [fact for fact in facts if _agree(figure, fact)]
    values = {value for fact in able for reading in fact.readings for value in reading}
    return any(values.issuperset(reading) for reading in figure.readings)


def _agree(figure: Figure, fact: Figure) -> bool:
    """Whether the fact can state the figure, if it is of the same value."""
    if figure.percent:
        return fact.percent or not fact.priced
    if figure.priced:
        return not fact.percent and (not fact.currencies or bool(figure.currencies & fact.currencies))
    return True


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        amount, currency = value.get("amount", value.get("value")), value.get("currency")
        if amount is not None:
            yield f"{amount} {currency or ''}".strip()
        else:
            for part in value.values():
                yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif value is not None and not isinstance(value, bool):
        yield f"{Decimal(str(value)):f}" if isinstance(value, float) else str(value)


def _with_ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() and not char.isascii() else char for char in text)


def _decimal_mark(locale: str | None) -> str:
    """`,` or `.`, and nothing where it is not known."""
    if not locale:
        return ""
    language, _, rest = locale.replace("_", "-").partition("-")
    country = rest.rpartition("-")[2]
    if f"{language.lower()}-{country.upper()}" in POINTS:
        return "."
    return "," if language.lower() in COMMAS else "."


def _readings(written: str, mark: str) -> Iterator[tuple[Decimal, ...]]:
    """Every set of numbers that what is written may be: one number, or several that stand side by side."""
    joined = written.replace(" ", "")
    found = {value for each in mark or ".," if (value := _value(joined, each)) is not None}
    found = found or {value for each in ".," if (value := _value(joined, each)) is not None}  # foreign, but clear
    yield from ((value,) for value in sorted(found))
    if not found or " " in written:
        parts = re.split(r" ", written) if " " in written else re.split(r"[.,']", written)
        yield tuple(_part(part, mark or ".,") for part in parts)


def _part(written: str, marks: str) -> Decimal:
    values = [value for mark in marks if (value := _value(written, mark)) is not None]
    return values[0] if values else Decimal(re.sub(r"\D", "", written))


def _value(written: str, mark: str) -> Decimal | None:
    """The number, where `mark` divides whole from fraction and any other mark groups thousands; None where that makes no sense."""
    whole, _, fraction = written.partition(mark)
    if not fraction.isdigit() and fraction:
        return None
    groups = re.sub(r"[.,']", ",", whole)
    if "," in groups and (mark in whole or not GROUPED.fullmatch(groups)):
        return None
    return Decimal(f"{groups.replace(',', '')}.{fraction or '0'}")
