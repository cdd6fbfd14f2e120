"""What a prompt asks for, as far as words tell: headline, price, language, length, setting, product.

The emulated vendors have no model behind them. They read prompts the way a layout artist skims a briefing: quoted words are
the headline, an amount with a currency is the price, "on a beach" is the setting.
"""

from __future__ import annotations

import re
from typing import Final

from runner.frozen import frozen

LONGEST: Final = 8000
QUOTED: Final = re.compile(r"[\"“„«»]([^\"“”„«»]{2,140})[\"”“«»]|(?<!\w)'([^'\n]{4,140})'(?!\w)")
LABELLED: Final = re.compile(
    r"\b(?:headline|title|Schlagzeile|Überschrift|titre)\b\s*(?:is|:|=)\s*(?:[\"“„«]([^\"“”„«»\n]{2,140})[\"”“»]|([^\n]{2,140}?)(?:[.,;]\s+\w+:|\.?$))",
    re.IGNORECASE | re.MULTILINE,
)
PRICE: Final = re.compile(
    r"(?:(?:USD|EUR|GBP|CHF|US\$|[$€£])\s?\d[\d.,]*\d|\d[\d.,]*\d\s?(?:USD|EUR|GBP|CHF|US\$|[$€£])|(?:[$€£])\s?\d|\d\s?[€£])"
)
PERCENT: Final = re.compile(r"\b\d{1,2}\s?%(?:\s?(?:off|Rabatt|discount|de remise))?", re.IGNORECASE)
MOST: Final = re.compile(
    r"(?:at most|no more than|max(?:imum|\.)?(?: of)?|under|up to|within|höchstens|maximal|au plus|maximum)\s+(\d{1,4})\s+"
    r"(?:characters|chars|letters|Zeichen|caractères)"
    r"|(\d{1,4})\s+(?:characters|chars|Zeichen|caractères)\s+(?:at most|or less|or fewer|max)",
    re.IGNORECASE,
)
CALL: Final = re.compile(
    r"\b(?:button|cta|call to action)\b\s*(?:text|says|saying|:|=)*\s*[\"“„']([^\"”“']{2,28})[\"”“']", re.IGNORECASE
)
SUBJECT: Final = re.compile(
    r"\b(?:for|of|about|featuring|showing|advertise|promote|product|für|über|pour|produit)\b\s*:?\s+"
    r"(?:(?:the|a|an|our|my|das|die|der|den|ein|eine|einen|le|la|les|un|une|notre)\s+)?([^\n.,;:!?()]{3,60})",
    re.IGNORECASE,
)
BRAND: Final = re.compile(
    r"\b(?:[Bb]rand|Marke|[Mm]arque|[Ss]hop|[Ss]tore)\b(?:\s+(?:is|name|named|called))?\s*:?\s+([A-Z][\w&+-]{1,18})\b|\bby\s+([A-Z][\w&+-]{1,18})\b"
)
TAIL: Final = re.compile(
    r"\s+(?:in|on|at|with|by|from|that|which|priced|for|as|and write|auf|mit|im|am|bei|sur|avec|dans|pour|à|[-–—])\s.*$",
    re.IGNORECASE,
)
LANGUAGES: Final = (
    ("german", re.compile(r"\b(?:german|deutsch|auf deutsch|allemand)\b|\bde[-_](?:DE|AT|CH)\b", re.IGNORECASE)),
    ("french", re.compile(r"\b(?:french|français|französisch)\b|\bfr[-_](?:FR|BE|CH|CA)\b", re.IGNORECASE)),
    ("spanish", re.compile(r"\b(?:spanish|español|spanisch|espagnol)\b|\bes[-_](?:ES|MX|AR)\b", re.IGNORECASE)),
)
SETTINGS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("night", ("night", "midnight", "stars", "moon", "nacht", "nuit", "camp")),
    ("beach", ("beach", "sea", "ocean", "coast", "strand", "meer", "plage", "tropical", "poolside", "pool", "sand")),
    ("snow", ("snow", "winter", "ski", "schnee", "neige", "christmas", "ice", "frost")),
    ("desert", ("desert", "dune", "wüste", "safari", "canyon", "désert")),
    (
        "forest",
        ("forest", "wood", "woods", "trees", "wald", "jungle", "forêt", "hiking", "trail", "park", "garden", "garten", "meadow"),
    ),
    ("mountain", ("mountain", "mountains", "alps", "peak", "berg", "berge", "lake", "montagne")),
    ("city", ("city", "street", "urban", "skyline", "stadt", "downtown", "ville", "office", "modern")),
    (
        "kitchen",
        ("kitchen", "table", "breakfast", "küche", "cozy", "home", "living", "desk", "shelf", "wooden", "cuisine", "café", "cafe"),
    ),
    ("studio", ("studio", "minimal", "minimalist", "minimalistic", "plain", "product-shoot", "white", "seamless", "podium")),
)
SEASONS: Final = (
    ("summer", "beach"),
    ("sommer", "beach"),
    ("été", "beach"),
    ("spring", "forest"),
    ("autumn", "forest"),
    ("outdoor", "mountain"),
)
WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*", re.UNICODE)


@frozen
class Wish:
    """A prompt as read: empty text where it said nothing. `most` is the greatest number of characters asked for."""

    prompt: str
    headline: str = ""
    price: str = ""
    saving: str = ""
    call: str = ""
    subject: str = ""
    setting: str = ""
    language: str = ""
    brand: str = ""
    most: int | None = None


def read_prompt(prompt: str) -> Wish:
    """Read a prompt (its first 8,000 characters) in any of the languages we know a few words of."""
    prompt = prompt[:LONGEST]
    most, brand = MOST.search(prompt), BRAND.search(prompt)
    price, saving, call = PRICE.search(prompt), PERCENT.search(prompt), CALL.search(prompt)
    return Wish(
        prompt=prompt,
        headline=_headline(prompt),
        price=price.group().strip(" .,") if price else "",
        saving=saving.group() if saving else "",
        call=call.group(1) if call else "",
        subject=_subject(prompt),
        setting=_setting(prompt),
        language=next((name for name, pattern in LANGUAGES if pattern.search(prompt)), ""),
        brand=(brand.group(1) or brand.group(2)) if brand else "",
        most=int(most.group(1) or most.group(2)) if most else None,
    )


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; hyphened words also in their parts."""
    found = [word.lower() for word in WORD.findall(text[:LONGEST])]
    return found + [part for word in found if "-" in word for part in word.split("-")]


def _headline(prompt: str) -> str:
    labelled = LABELLED.search(prompt)
    if labelled:
        return (labelled.group(1) or labelled.group(2)).strip(" \"“”„'«».,")
    spans = [span for span in QUOTED.finditer(prompt) if not CALL.search(prompt[max(0, span.start() - 24) : span.end()])]
    return next(((span.group(1) or span.group(2)).strip() for span in spans), "")


def _subject(prompt: str) -> str:
    for found in SUBJECT.finditer(prompt):
        subject = TAIL.sub("", found.group(1).strip(" \"“”„'«»"))
        if 3 <= len(subject) <= 48 and not re.match(
            r"\d|[a-z]{2}-[a-z]{2}\b|(?:advert|ad|headline|summer campaign)\b", subject, re.IGNORECASE
        ):
            return subject
    return ""


def _setting(prompt: str) -> str:
    words = set(words_of(prompt))
    named = next((name for name, signs in SETTINGS if words.intersection(signs)), "")
    return named or next((name for sign, name in SEASONS if sign in words), "")
