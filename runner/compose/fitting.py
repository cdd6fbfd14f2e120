"""Text in a box: as large as it fits, in as few lines as that takes, and never outside.

A line breaks at spaces, after hyphens, and between Chinese, Japanese and Korean characters (not before closing marks, not after
opening ones: UAX #14, JIS X 4051); a single word that is too long breaks anywhere. What does not fit at the smallest size is cut
with an ellipsis. Lines are evened out, as a designer would. Each character is set in the first font that has it, so a renderer
never has to look for one itself. Ink is measured, not only advance: an accent or a swash stays inside, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from functools import lru_cache
from itertools import groupby
from typing import Final

from runner.compose.typeface import Typeface
from runner.frozen import frozen

STEP: Final = 0.5
"""Pixels between the sizes that are tried."""
CLOSING: Final = frozenset("、。，．！？：；」』）】〉》〕”’…・ーぁぃぅぇぉっゃゅょァィゥェォッャュョ!?.,:;)]}%")
OPENING: Final = frozenset("「『（【〈《〔“‘([{")
HANGING: Final = frozenset(":;!?»%–—")
"""Marks that French and others set after a space, and never at the beginning of a line."""
WIDE: Final = frozenset({"W", "F"})
ELLIPSIS: Final = "…"
LONGEST: Final = 2_000
"""Characters of one text that are looked at; no box holds more."""
SLACK: Final = 0.5
"""Pixels kept free on each side: edges are smoothed over half a pixel."""
UNSEEN: Final = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u00ad]")
"""Marks that show nothing of themselves."""


class Unset(ValueError):
    """Why a text cannot be set."""


@frozen
class Box:
    """A box of `width` × `height` pixels and how text goes into it: sizes in pixels, `leading` in ems from line to line."""

    width: float
    height: float
    largest: float
    smallest: float
    lines: int
    leading: float = 1.15
    spacing: float = 0.0


@frozen
class Setting:
    """A box and the fonts to fill it with, the preferred first."""

    box: Box
    faces: tuple[Typeface, ...]


@frozen
class Run:
    """Characters of one line that one font shows."""

    text: str
    face: Typeface


@frozen
class Line:
    """A line as it is measured, in ems: how far it goes on, and how far its ink reaches from where it begins."""

    runs: tuple[Run, ...]
    spacing: float = 0.0

    def reach(self, size: float) -> tuple[float, float, float, float, float]:
        """At this size, in pixels: advance, and ink to the left, up, right and down."""
        at, left, up, right, down = 0.0, 0.0, 0.0, 0.0, 0.0
        for run in self.runs:
            ink = run.face.measure(run.text)
            left = max(left, ink.left * size - at)
            right = max(right, at + ink.right * size)
            up, down = max(up, ink.up * size), max(down, ink.down * size)
            at += ink.width * size + self.spacing * size * len(run.text)
        return at, left, up, max(right, at), down

    def span(self, size: float) -> float:
        """Pixels from its leftmost to its rightmost ink."""
        _, left, _, right, _ = self.reach(size)
        return left + right


@frozen
class Fitted:
    """Text as it stands in its box. Where a line's ink begins is the box's matter; `baselines` are pixels from its top."""

    lines: tuple[Line, ...]
    size: float
    baselines: tuple[float, ...]
    bottom: float
    cut: bool = False
    missing: frozenset[str] = field(default_factory=frozenset)


def fit(text: str, box: Box, faces: Sequence[Typeface]) -> Fitted:
    """The text in its box. Raises `Unset` where no font has a character, or the box holds not even the smallest."""
    words = _clean(text)[:LONGEST]
    pieces = list(_pieces(words))
    _require(words, faces)
    setting = Setting(box, tuple(faces))
    found = _largest(pieces, setting)
    if found is not None:
        return found
    cut = _cut(words, setting)
    if cut is None:
        raise Unset(f"a box of {box.width:g}×{box.height:g} pixels holds no text of size {box.smallest:g}")
    return cut


def _clean(text: str) -> str:
    """One paragraph: composed characters, single spaces, nothing that shows nothing."""
    return " ".join(UNSEEN.sub("", unicodedata.normalize("NFC", text)).split())


def _require(text: str, faces: Sequence[Typeface]) -> None:
    lacking = sorted({character for character in text if not any(face.has(character) for face in faces)})
    if lacking:
        shown = " ".join(f"{character} (U+{ord(character):04X})" for character in lacking[:5])
        raise Unset(f"no declared font has {shown}; add one that has it to fonts: in adbatch.yaml")


def _largest(pieces: list[str], setting: Setting) -> Fitted | None:
    """The largest size at which all of it fits without breaking a word; then with words broken."""
    for breaks in (False, True):
        low, high = 0, max(int((setting.box.largest - setting.box.smallest) / STEP), 0)
        if _try(pieces, setting.box.smallest, setting, breaks) is None:
            continue
        while low < high:
            middle = (low + high + 1) // 2
            if _try(pieces, setting.box.smallest + middle * STEP, setting, breaks) is not None:
                low = middle
            else:
                high = middle - 1
        return _try(pieces, setting.box.smallest + low * STEP, setting, breaks, even=True)
    return None


def _try(pieces: list[str], size: float, setting: Setting, breaks: bool, even: bool = False) -> Fitted | None:
    texts = _wrap(pieces, size, setting, setting.box.width - 2 * SLACK, breaks)
    if texts is None or len(texts) > setting.box.lines:
        return None
    if even and len(texts) > 1:
        evened = _stacked(_evened(pieces, size, setting, texts), size, setting)
        if evened is not None:  # other letters in the last line may reach lower
            return evened
    return _stacked(texts, size, setting)


def _evened(pieces: list[str], size: float, setting: Setting, texts: list[str]) -> list[str]:
    """The same number of lines in the narrowest width: a headline with one word left over looks poor."""
    low, high = 1.0, setting.box.width - 2 * SLACK
    for _ in range(10):
        middle = (low + high) / 2
        tried = _wrap(pieces, size, setting, middle, breaks=False)
        if tried is not None and len(tried) <= len(texts):
            texts, high = tried, middle
        else:
            low = middle
    return texts


def _stacked(texts: Sequence[str], size: float, setting: Setting) -> Fitted | None:
    lines = tuple(_line(text, setting.faces, setting.box.spacing) for text in texts)
    if not lines:
        return Fitted((), size, (), 0.0)
    up = max(lines[0].reach(size)[2], _capital(setting.faces[0]) * size)
    down = lines[-1].reach(size)[4]
    step = setting.box.leading * size
    bottom = up + step * (len(lines) - 1) + down
    if bottom > setting.box.height - 2 * SLACK or any(line.span(size) > setting.box.width - 2 * SLACK for line in lines):
        return None
    return Fitted(lines, size, tuple(SLACK + up + step * index for index in range(len(lines))), SLACK + bottom)


def _capital(face: Typeface) -> float:
    return face.measure("H").up if face.has("H") else 0.7


def _line(text: str, faces: Sequence[Typeface], spacing: float = 0.0) -> Line:
    """The line in runs: each character in the first font that has it, a space in that of what is before it."""
    if faces[0].characters.issuperset(map(ord, text)):  # as most are, and a line is tried many times
        return Line((Run(text, faces[0]),) if text else (), spacing)
    chosen: list[tuple[Typeface, str]] = []
    for character in text:
        before = chosen[-1][0] if chosen else None
        keeps = before is not None and (character == " " or unicodedata.combining(character)) and before.has(character)
        face = before if keeps and before is not None else next(face for face in faces if face.has(character))
        chosen.append((face, character))
    runs = tuple(Run("".join(character for _, character in group), face) for face, group in groupby(chosen, lambda pair: pair[0]))
    return Line(_merged(runs), spacing)


def _merged(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    merged: list[Run] = []
    for run in runs:
        if merged and merged[-1].face is run.face:
            merged[-1] = replace(merged[-1], text=merged[-1].text + run.text)
        else:
            merged.append(run)
    return tuple(merged)


def _pieces(text: str) -> Iterator[str]:
    """What may not be parted, in order; a piece that ends in a space ends a word."""
    start = 0
    for at in range(1, len(text)):
        if _may_break(text[at - 1], text[at]):
            yield text[start:at]
            start = at
    if text[start:]:
        yield text[start:]


def _may_break(before: str, after: str) -> bool:
    if before == " ":
        return after not in HANGING
    if after == " " or after in CLOSING or before in OPENING or unicodedata.combining(after):
        return False
    if before in "-–—/":
        return after.isalpha()
    return unicodedata.east_asian_width(before) in WIDE or unicodedata.east_asian_width(after) in WIDE


def _wrap(pieces: list[str], size: float, setting: Setting, width: float, breaks: bool) -> list[str] | None:
    """Lines no wider than `width`, filled from the first; None where a piece is wider and may not be broken."""
    lines: list[str] = []
    line = ""
    for piece in pieces:
        if _width(line + piece, size, setting) <= width:
            line += piece
            continue
        if line:
            lines.append(line.rstrip())
        if _width(piece, size, setting) <= width:
            line = piece
            continue
        if not breaks:
            return None
        *whole, line = _broken(piece, size, setting, width)
        lines += whole
        if len(lines) > setting.box.lines:
            return None
    return [*lines, line.rstrip()] if line.strip() else lines


def _broken(piece: str, size: float, setting: Setting, width: float) -> Iterator[str]:
    line = ""
    for character in piece:
        if line and not unicodedata.combining(character) and _width(line + character, size, setting) > width:
            yield line
            line = ""
        line += character
    yield line


def _width(text: str, size: float, setting: Setting) -> float:
    return _span(text.rstrip(), setting.faces, setting.box.spacing) * size


@lru_cache(8_192)
def _span(text: str, faces: tuple[Typeface, ...], spacing: float) -> float:
    """Of a line, in ems; sizes and widths are sought by halving, so the same lines come again and again."""
    return _line(text, faces, spacing).span(1.0)


def _cut(text: str, setting: Setting) -> Fitted | None:
    """As much of the text as fits at the smallest size, with an ellipsis."""
    dots = ELLIPSIS if any(face.has(ELLIPSIS) for face in setting.faces) else "..."
    low, high, found = 0, len(text), None
    while low <= high:
        middle = (low + high) // 2
        tried = _try(list(_pieces(text[:middle].rstrip(" ,;:-") + dots)), setting.box.smallest, setting, breaks=True)
        if tried is not None:
            found, low = replace(tried, cut=True), middle + 1
        else:
            high = middle - 1
    return found
