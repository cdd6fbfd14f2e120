"""The pieces a picture file is made of, counted without decoding: a file of a million crumbs keeps a decoder busy for minutes.

Decoders walk chunks, segments and blocks one by one, some gather their texts in quadratic time, and each scan of a progressive JPEG
goes over the whole picture. Honest files have a few dozen pieces, or a few thousand where they are as large as we take them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

MOST_PIECES: Final = 10_000
"""Chunks of a PNG (25 MiB in the 8 KiB of libpng are 3,200), or segments of a JPEG."""
MOST_BLOCKS: Final = 250_000
"""Sub-blocks of a GIF: 25 MiB in 255 bytes each are 103,000."""
MOST_SCANS: Final = 64
"""Scans of a JPEG; encoders make about ten."""
SEGMENT: Final = re.compile(rb"\xff[\xe0-\xef\xfe]")
SCAN: Final = b"\xff\xda"


def is_crumbled(decoder: str, data: bytes) -> bool:
    """Whether the file has more pieces than an honest one of its kind (Pillow's name of it)."""
    count = COUNTS.get(decoder)
    return count is not None and count(data)


def _png(data: bytes) -> bool:
    """Length, name, content, checksum, after a head of 8 bytes (ISO/IEC 15948 §5.3)."""
    at = 8
    for _ in range(MOST_PIECES):
        if at >= len(data):
            return False
        at += 12 + int.from_bytes(data[at : at + 4])
    return True


def _jpeg(data: bytes) -> bool:
    """Markers never stand in coded data, where 0xFF is followed by 0x00 or a restart (ITU T.81 §B.1.1.5)."""
    return data.count(SCAN) > MOST_SCANS or sum(1 for _ in SEGMENT.finditer(data)) > MOST_PIECES


def _gif(data: bytes) -> bool:
    return sum(1 for _ in zip(_gif_blocks(data), range(MOST_BLOCKS + 1), strict=False)) > MOST_BLOCKS


def _gif_blocks(data: bytes) -> Iterator[int]:
    """Where each sub-block begins, of extensions and pictures (GIF89a §15). Ends where the file makes no sense any more."""
    at = 13 + _table(data, 10)
    while at < len(data) and data[at] in b"!,":
        at += 2 if data[at : at + 1] == b"!" else 11 + _table(data, at + 9)
        while at < len(data) and data[at]:
            yield at
            at += data[at] + 1
        yield at
        at += 1


def _table(data: bytes, at: int) -> int:
    """Bytes of the colour table that the packed field at `at` tells of."""
    packed = data[at] if at < len(data) else 0
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


COUNTS: Final[Mapping[str, Callable[[bytes], bool]]] = {"PNG": _png, "JPEG": _jpeg, "GIF": _gif}
