"""Checks of copy: how long, how wide, with which words, with whose numbers, and whether it says anything at all.

No language is known here. Words are compared without case and in compatible forms (NFKC), as whole words where a script sets them
apart; Chinese, Japanese, Thai and their like do not, and beside their letters a word may begin and end anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from runner.job.display import display_width
from runner.job.expect import Check, Expected
from runner.job.figures import invented

LEFT_OVER: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{\{|\}\}|%[sd](?!\w)|\$\{[^}]*\}|\blorem ipsum\b", re.IGNORECASE | re.DOTALL)
BRACKETED: Final = re.compile(r"\s*(\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\})\s*[.!]?\s*", re.DOTALL)
NOTHING: Final = frozenset({"null", "none", "undefined", "nan", "n/a", "tbd", "tba", "todo", "xxx", "placeholder", "string"})
UNSPACED: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Beginnings of the Unicode names of letters that are written without spaces between words."""
KOREAN: Final = ("HANGUL",)
"""Has spaces, but its particles cling to words of other scripts."""


def text_checks(expected: Expected, text: str) -> Iterator[Check]:
    """Every check of a text that is asked for, met or not."""
    yield from _lengths(expected, text)
    if expected.blank == "forbidden":
        hollow = emptiness(text)
        yield Check("blank", "forbidden", hollow or None, f"says nothing: {hollow}" if hollow else "")
    if expected.forbidden:
        found = [word for word in expected.forbidden if has_word(text, word)]
        yield Check("forbidden", list(expected.forbidden), list(found), f"has the forbidden {_list(found)}" if found else "")
    if expected.required:
        found = [word for word in expected.required if has_word(text, word)]
        missing = [word for word in expected.required if word not in found]
        yield Check("required", list(expected.required), list(found), f"lacks the required {_list(missing)}" if missing else "")
    if expected.facts is not None:
        wrong = invented(text, expected.facts, expected.locale)
        names = " or ".join(expected.fact_names)
        yield Check("facts", list(expected.fact_names), list(wrong), f"{_list(wrong)} is not in {names}" if wrong else "")


def _lengths(expected: Expected, text: str) -> Iterator[Check]:
    for name, most, size, unit in (
        ("max_chars", expected.max_chars, len(text), "characters"),
        ("max_width", expected.max_width, display_width(text), "columns wide"),
    ):
        if most is not None:
            yield Check(name, most, size, f"{size} {unit}, at most {most} wanted" if size > most else "")
    for name, least, size, unit in (
        ("min_chars", expected.min_chars, len(text), "characters"),
        ("min_width", expected.min_width, display_width(text), "columns wide"),
    ):
        if least is not None:
            yield Check(name, least, size, f"{size} {unit}, at least {least} wanted" if size < least else "")


def emptiness(text: str) -> str:
    """Why a text says nothing, in any language; empty if it does say something."""
    if left := LEFT_OVER.search(text):
        return f"{left[0][:40]!r} was left in"
    if BRACKETED.fullmatch(text):
        return f"only the placeholder {text.strip()[:40]!r}"
    if text.strip(" .!\t\r\n").casefold() in NOTHING:
        return f"only {text.strip()[:40]!r}"
    if not any(unicodedata.category(char)[0] in "LN" for char in text):
        return f"only {text.strip()[:40]!r}" if text.strip() else "empty"
    return ""


def has_word(text: str, word: str) -> bool:
    """Whether the word, or the words in this order, stand in the text, whatever their case."""
    hay, needle = _plain(text), _plain(word)
    at = hay.find(needle) if needle else -1
    while at >= 0:
        end = at + len(needle)
        if _is_edge(hay[at - 1 : at], needle[0]) and _is_edge(hay[end : end + 1], needle[-1]):
            return True
        at = hay.find(needle, at + 1)
    return False


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def _is_edge(outside: str, inside: str) -> bool:
    """Whether a word that ends with the letter `inside` may end before `outside`, which is one character or none."""
    if not (_is_of_word(outside) and _is_of_word(inside)):
        return True
    return _begins(inside, UNSPACED) or _begins(outside, UNSPACED) or _begins(inside, KOREAN) != _begins(outside, KOREAN)


def _is_of_word(char: str) -> bool:
    return bool(char) and unicodedata.category(char)[0] in "LNM"


def _begins(char: str, scripts: tuple[str, ...]) -> bool:
    return unicodedata.name(char, "").startswith(scripts)


def _list(words: list[str]) -> str:
    return ", ".join(words)
