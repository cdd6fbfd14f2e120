"""A font as it is measured: which characters it has, and how wide and high they are.

Pillow measures, at one large size without hinting's rounding, so a text of any size is the same text scaled. What Pillow does not
tell (family, weight, which characters there are) is read from the font's own tables (OpenType 1.9: name, OS/2, cmap).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from PIL import ImageFont, features

from runner.frozen import frozen

MEASURED_AT: Final = 1000
"""Pixels an em is measured at."""
FAMILIES: Final = (16, 1)
"""Names in the `name` table that are the family's: the typographic one, and the old one of at most four styles."""
SFNT: Final = (b"\x00\x01\x00\x00", b"OTTO", b"true")
MOST_BYTES: Final = 32 << 20


class NotAFont(ValueError):
    """Why bytes are not a font that can be used."""


@frozen
class Ink:
    """What a text covers, in ems: `width` it moves on by, and how far ink reaches left, up, right and down of where it begins."""

    width: float
    left: float
    up: float
    right: float
    down: float


@dataclass(frozen=True, eq=False)
class Typeface:
    """A font file that has been read."""

    family: str
    weight: int
    italic: bool
    data: bytes = field(repr=False)
    characters: frozenset[int] = field(repr=False)
    drawn: ImageFont.FreeTypeFont = field(repr=False)

    def has(self, character: str) -> bool:
        """Whether it can show the character."""
        return ord(character) in self.characters

    def measure(self, text: str) -> Ink:
        """What the text covers, in ems."""
        return _measure(self, text)


@lru_cache(20_000)
def _measure(face: Typeface, text: str) -> Ink:
    if not text:
        return Ink(0.0, 0.0, 0.0, 0.0, 0.0)
    left, top, right, bottom = face.drawn.getbbox(text, anchor="ls")
    width = face.drawn.getlength(text)
    return Ink(width / MEASURED_AT, -left / MEASURED_AT, -top / MEASURED_AT, right / MEASURED_AT, bottom / MEASURED_AT)


@lru_cache(64)
def read_typeface(data: bytes) -> Typeface:
    """The font in these bytes (TTF or OTF). Raises `NotAFont`."""
    if not data.startswith(SFNT) or len(data) > MOST_BYTES:
        raise NotAFont("not a TrueType or OpenType font (a .ttf or .otf file of at most 32 MB); collections (.ttc) are not read")
    try:
        tables = dict(_tables(data))
        layout = ImageFont.Layout.RAQM if features.check_feature("raqm") else ImageFont.Layout.BASIC
        drawn = ImageFont.truetype(io.BytesIO(data), MEASURED_AT, layout_engine=layout)
        weight, style = _weight(tables[b"OS/2"])
        return Typeface(_family(tables[b"name"]), weight, style, data, frozenset(_characters(tables[b"cmap"])), drawn)
    except (OSError, LookupError, ValueError, struct.error) as error:
        raise NotAFont(f"a broken font ({error})") from error


def _tables(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    count = struct.unpack_from(">H", data, 4)[0]
    for index in range(count):
        tag, _, start, length = struct.unpack_from(">4sIII", data, 12 + 16 * index)
        yield tag, data[start : start + length]


def _weight(table: bytes) -> tuple[int, bool]:
    weight = struct.unpack_from(">H", table, 4)[0]
    selection = struct.unpack_from(">H", table, 62)[0]
    return weight, bool(selection & 1)


def _family(table: bytes) -> str:
    count, storage = struct.unpack_from(">HH", table, 2)
    found: dict[int, str] = {}
    for index in range(count):
        platform, _, _, name, length, start = struct.unpack_from(">HHHHHH", table, 6 + 12 * index)
        if platform in (0, 3) and name in FAMILIES:
            found.setdefault(name, table[storage + start : storage + start + length].decode("utf-16-be"))
    return next(found[name] for name in FAMILIES if name in found)


def _characters(table: bytes) -> Iterator[int]:
    count = struct.unpack_from(">H", table, 2)[0]
    for index in range(count):
        platform, _, start = struct.unpack_from(">HHI", table, 4 + 8 * index)
        if platform not in (0, 3):
            continue
        form = struct.unpack_from(">H", table, start)[0]
        if form == 4:
            yield from _segments(table[start:])
        elif form == 12:
            yield from _groups(table[start:])


def _segments(table: bytes) -> Iterator[int]:
    """Format 4: segments of the basic plane; a character without a glyph there has glyph 0."""
    doubled = struct.unpack_from(">H", table, 6)[0]
    for at in range(0, doubled, 2):
        end = struct.unpack_from(">H", table, 14 + at)[0]
        start = struct.unpack_from(">H", table, 16 + doubled + at)[0]
        delta = struct.unpack_from(">H", table, 16 + 2 * doubled + at)[0]
        place = 16 + 3 * doubled + at
        offset = struct.unpack_from(">H", table, place)[0]
        for code in range(start, min(end, 0xFFFE) + 1):
            if offset:
                glyph = struct.unpack_from(">H", table, place + offset + 2 * (code - start))[0]
                glyph = (glyph + delta) & 0xFFFF if glyph else 0
            else:
                glyph = (code + delta) & 0xFFFF
            if glyph:
                yield code


def _groups(table: bytes) -> Iterator[int]:
    """Format 12: groups of all planes."""
    count = min(struct.unpack_from(">I", table, 12)[0], 100_000)
    for index in range(count):
        start, end, _ = struct.unpack_from(">III", table, 16 + 12 * index)
        yield from range(start, min(end, 0x10FFFF) + 1)
