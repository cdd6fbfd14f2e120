"""Prices inside a feed: texts that also know their amount and currency.

A price stays the text the shop wrote, so a prompt says `1,299.00 EUR` where the feed does, and ids or sizes are never turned into
numbers by a guess. What has the form amount, space, ISO 4217 code (the form of Google's product data specification,
https://support.google.com/merchants/answer/6324371) becomes a `Price`: the same text, with `.amount` and `.currency`. It is a
`str` in every other respect; json, orjson (without OPT_PASSTHROUGH_SUBCLASS) and rfc8785 write it as a plain string.

The test has to be cheap, for it looks at every cell of a feed: its last character comes first, patterns only then.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from runner.feed.source import CELL_CAP, DEEPEST

CODES: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
"""The codes of ISO 4217 (list one) that money is paid in: no metals, funds or testing codes."""

CURRENCIES: Final = frozenset(CODES.split())
CAPITALS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

THREE_DECIMALS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Currencies of three decimals, where `1,250` may be a thousand or one and a quarter."""

LONGEST: Final = 40
"""No price has more characters; what is longer is prose that ends in three capitals."""

FORMS: Final = tuple(
    (re.compile(pattern, re.ASCII), group, point)
    for pattern, group, point in (
        (r"\d+(?:\.\d+)?", "", "."),  # 19.99
        (r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", ",", "."),  # 1,299.00
        (r"\d+,\d+", "", ","),  # 49,00
        (r"\d{1,3}(?:\.\d{3})+,\d+", ".", ","),  # 1.299,00
        (r"\d{1,3}(?:\.\d{3}){2,}", ".", ","),  # 1.299.000
        (r"\d{1,3}(?: \d{3})+(?:,\d+)?", " ", ","),  # 1 299,00
        (r"\d{1,3}(?: \d{3})+(?:\.\d+)?", " ", "."),  # 1 299.00
        (r"\d{1,3}(?:'\d{3})+(?:\.\d+)?", "'", "."),  # 1'299.00
    )
)
"""How amounts are written, with the mark between thousands and the decimal mark; the first that fits is meant. Google's own form is
the first, so `1.299 EUR` is one euro thirty, and `1,299 EUR` thirteen hundred."""

PLAIN: Final = re.compile(r"\d{1,15}(?:\.\d{1,15})? [A-Z]{3}", re.ASCII)
"""Google's own form, tried before all others."""

SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'"})


class Price(str):
    """A text such as `19.99 USD` that prints as it was written. Made by `read_price`, which has seen that it is one."""

    __slots__ = ()

    @property
    def amount(self) -> Decimal:
        """The exact number: `1,299.00 EUR` is Decimal("1299.00")."""
        amount = read_amount(self[:-4], self[-3:])
        if amount is None:
            raise ValueError(f"{str(self)!r} is not a price; one is written like 19.99 USD")
        return amount

    @property
    def currency(self) -> str:
        """The ISO 4217 code."""
        return self[-3:]


def read_price(text: str) -> Price | None:
    """The text as a Price, or None where it is not one or could be two (`1,250 KWD`)."""
    code = text[-3:]
    if code not in CURRENCIES:
        return None
    if PLAIN.fullmatch(text):
        return Price(text)
    if len(text) > LONGEST or text[-4:-3].translate(SPACES) != " ":
        return None
    return None if read_amount(text[:-4], code) is None else Price(text)


def read_amount(text: str, currency: str) -> Decimal | None:
    """The number in `text`, or None. One comma and three digits are a doubt in a currency of three decimals."""
    text = text.translate(SPACES)
    for pattern, group, point in FORMS:
        if pattern.fullmatch(text):
            if group == "," and text.count(",") == 1 and "." not in text and currency in THREE_DECIMALS:
                return None
            return Decimal(text.replace(group, "").replace(point, "."))
    return None


def mark_prices(values: Any, levels: int = DEEPEST) -> None:
    """Put a Price in the place of every price in a row (a dict or list of JSON values). Changes `values`.

    Raises ValueError where values are nested deeper than `levels`, or a text is longer than a cell may be: no honest feed does
    that, and no later step should have to bear it.
    """
    for at, value in values.items() if type(values) is dict else enumerate(values):
        kind = type(value)
        if kind is str:
            if len(value) > CELL_CAP:
                raise ValueError(f"holds a text of {len(value):,} characters; at most {CELL_CAP:,} are read")
            if value[-1:] in CAPITALS and (price := read_price(value)) is not None:
                values[at] = price
        elif kind is dict or kind is list:
            if levels == 0:
                raise ValueError(f"holds values nested deeper than {DEEPEST} levels")
            mark_prices(value, levels - 1)
