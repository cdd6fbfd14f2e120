"""Advertising copy from a prompt, without a model: lines by pattern, in English, German, French and Spanish.

The prompt's own product and words are used; the length it asks for is kept. The same prompt always gives the same line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from runner.sandbox.dice import Dice
from runner.sandbox.prompts import Wish, read_prompt

DEFAULT_MOST: Final = 60
LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "english": (
        "{subject}: made for sunny days",
        "Say hello to your {subject}",
        "{subject}, ready when you are",
        "Your summer needs a {subject}",
        "{subject}: small price, big smile",
        "Meet the new {subject}",
        "Make room for {subject}",
        "{subject}. Simply good.",
        "{subject} for every day",
        "Love your {subject}",
        "{subject}",
    ),
    "german": (
        "{subject}: gemacht für Sonnentage",
        "{subject} – bereit, wenn du es bist",
        "Mehr Sommer mit {subject}",
        "{subject}: kleiner Preis, große Freude",
        "Jetzt neu: {subject}",
        "{subject}. Einfach gut.",
        "{subject} für jeden Tag",
        "Zeit für {subject}",
        "{subject}",
    ),
    "french": (
        "{subject} : l'été commence ici",
        "{subject}, prêt quand vous l'êtes",
        "Un été avec {subject}",
        "{subject} : petit prix, grand sourire",
        "Nouveau : {subject}",
        "{subject}, tout simplement",
        "{subject} au quotidien",
        "{subject}",
    ),
    "spanish": (
        "{subject}: hecho para el sol",
        "Tu verano con {subject}",
        "Nuevo: {subject}",
        "{subject}, así de fácil",
        "{subject}",
    ),
}
"""Lines with a place for the product, from long to short."""

GENERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "english": (
        "Beat the heat with bright ideas",
        "Good things, made simple",
        "Summer starts right here",
        "Made for your best days",
        "Fresh picks for today",
        "Simply good",
    ),
    "german": (
        "Der Sommer beginnt genau hier",
        "Gute Dinge, einfach gemacht",
        "Frische Ideen für heute",
        "Gemacht für gute Tage",
        "Einfach gut",
    ),
    "french": ("L'été commence ici, avec vous", "De belles choses, simplement", "Des idées fraîches", "Tout simplement bon"),
    "spanish": ("El verano empieza aquí", "Cosas buenas, sin más", "Ideas frescas para hoy", "Así de bueno"),
}
CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "english": ("Shop now", "See more", "Get yours"),
    "german": ("Jetzt kaufen", "Mehr sehen", "Entdecken"),
    "french": ("Acheter", "En profiter", "Découvrir"),
    "spanish": ("Comprar", "Ver más", "Descubrir"),
}
SENDINGS: Final[Mapping[str, str]] = {
    "english": "{occasion}: {about}. {keywords} Come by, we look forward to seeing you.",
    "german": "{occasion}: {about}. {keywords} Komm vorbei, wir freuen uns auf dich.",
    "french": "{occasion} : {about}. {keywords} Passez nous voir, à très vite.",
    "spanish": "{occasion}: {about}. {keywords} Ven a vernos, te esperamos.",
}
CODES: Final[Mapping[str, str]] = {"de": "german", "fr": "french", "es": "spanish"}


def write_copy(prompt: str, temperature: float | None = None) -> str:
    """One line of copy for a prompt, no longer than it asks (60 characters, if it does not say)."""
    wish = read_prompt(prompt)
    return headline_for(wish, Dice("copy", prompt, temperature))


def count_tokens(text: str) -> int:
    """About as many tokens as a model would count: one for every four bytes, and no text has none."""
    return max(1, -(-len(text.encode()) // 4))


def headline_for(wish: Wish, dice: Dice, language: str = "") -> str:
    """A headline in the wish's language (else `language`, else English), about its subject if it names one."""
    spoken = wish.language or language
    most = wish.most or DEFAULT_MOST
    subject = _short(wish.subject, most)
    patterns = LINES.get(spoken, LINES["english"]) if subject else GENERAL.get(spoken, GENERAL["english"])
    lines = [_capital(pattern.format(subject=subject)) for pattern in patterns]
    fitting = [line for line in lines if len(line) <= most]
    telling = [line for line in fitting if line != _capital(subject)]
    return dice.pick(telling or fitting or [_cut(lines[-1], most)])


def call_for(language: str, dice: Dice) -> str:
    """What a button says."""
    return dice.pick(CALLS.get(language, CALLS["english"]))


def write_sending(params: Mapping[str, Any]) -> str:
    """The text of a message to members, in the target language where we know it, within its word limit."""
    pattern = SENDINGS[CODES.get(params["target_language"][:2].lower(), "english")]
    keywords = ", ".join(params["include_keywords"])
    text = pattern.format(
        occasion=_capital(params["occasion"]),
        about=params["about"].rstrip(". "),
        keywords=f"{_capital(keywords)}." if keywords else "",
    )
    return " ".join(text.split()[: params["word_limit"]])


def suggest_content(prompt: str, language: str) -> bytes:
    """Sivi's content suggestions (JSON): three sets of words for a design."""
    wish = read_prompt(prompt)
    sets = []
    for number in range(3):
        dice = Dice("content", prompt, language, number)
        title = wish.headline if wish.headline and not number else headline_for(wish, dice, language)
        sets.append(
            {
                "title": title,
                "subTitle": wish.saving or wish.price,
                "button": wish.call or call_for(wish.language or language, dice),
            }
        )
    return orjson.dumps({"contentSuggestions": sets, "assetSuggestions": {"images": [wish.subject] if wish.subject else []}})


def _short(subject: str, most: int) -> str:
    """As many of the subject's last words as leave room for a pattern: the last ones name the thing."""
    words = subject.split()
    while len(words) > 1 and len(" ".join(words)) > most * 0.72:
        words = words[1:]
    return " ".join(words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, most: int) -> str:
    """The text's first words, within `most` characters; letters only if not even one word fits."""
    kept = ""
    for word in text.split():
        longer = f"{kept} {word}".strip()
        if len(longer) > most:
            break
        kept = longer
    return kept or text[:most]
