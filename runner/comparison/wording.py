"""Two texts compared word by word.

A word is what a reader takes for one: letters and digits together, each Chinese, Japanese or Korean sign by itself, white space
and every other sign as it stands. Nothing is lost: all pieces but the new ones are the old text, all but the old ones the new.
How long it may take has an end: what both texts begin and end with is set aside first, the rest is compared word by word only if it
is not too long, and words that are everywhere in a long text (spaces most of all) are not what a match begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile
from typing import Final, Literal, NamedTuple, TypeAlias

Sign: TypeAlias = Literal["=", "-", "+"]
WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s+|\w+|.", re.DOTALL)
MOST_WORDS: Final = 1_000
"""Words of a text that are compared one by one; comparing takes the square of it."""
REMEMBERED: Final = 64
"""Comparisons that are kept: variants that share a request see the same become of it, one after the other."""


class Piece(NamedTuple):
    """A run of words that is in both texts (`=`), only in the old (`-`), or only in the new one (`+`)."""

    sign: Sign
    text: str


@lru_cache(REMEMBERED)
def compare_words(then: str, now: str) -> tuple[Piece, ...]:
    """What became of `then`; what differs at great length is told as one piece each."""
    old, new = WORD.findall(then), WORD.findall(now)
    front = _alike(zip(old, new, strict=False))
    back = _alike(zip(reversed(old[front:]), reversed(new[front:]), strict=False))
    end, stop = len(old) - back, len(new) - back
    pieces: list[tuple[Sign, list[str]]] = [("=", old[:front]), *_changes(old[front:end], new[front:stop]), ("=", old[end:])]
    return tuple(Piece(sign, "".join(words)) for sign, words in pieces if words)


def _alike(pairs: Iterable[tuple[str, str]]) -> int:
    """How many of the pairs are two of the same before the first that is not."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[Sign, list[str]]]:
    if max(len(old), len(new)) > MOST_WORDS:
        yield from (("-", old), ("+", new))
        return
    for what, start, end, begin, stop in SequenceMatcher(None, old, new).get_opcodes():
        if what == "equal":
            yield "=", old[start:end]
        else:
            yield from (("-", old[start:end]), ("+", new[begin:stop]))


def excerpt(pieces: tuple[Piece, ...], around: int) -> tuple[Piece, ...]:
    """The pieces for people: of what is in both, `around` characters on either side of a change; of a change ten times as many."""
    last = len(pieces) - 1
    if not last:
        return (Piece(pieces[0].sign, _clipped(pieces[0].text, 10 * around)),)
    return tuple(
        Piece(sign, _around(text, around * (place > 0), around * (place < last)) if sign == "=" else _clipped(text, 10 * around))
        for place, (sign, text) in enumerate(pieces)
    )


def _around(text: str, front: int, back: int) -> str:
    """Its beginning and its end."""
    return text if len(text) <= front + back + 1 else f"{text[:front]}…{text[len(text) - back :]}"


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def told(pieces: tuple[Piece, ...]) -> str:
    """The comparison in a line: `Hot [-tea-]{+coffee+}`, as git's word diff has it (git-diff(1), `--word-diff=plain`)."""
    forms = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return "".join(forms[piece.sign].format(piece.text) for piece in pieces)
