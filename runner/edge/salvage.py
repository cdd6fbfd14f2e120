"""What can still be read of a damaged SQLite file, without SQLite: bytes to rows, pure.

SQLite refuses a file whose first bytes or inner pages are wrong, though the rows in its other pages are whole. So every version of
every page, in the file and in its write-ahead log, is looked at on its own: if it is a leaf, its cells are rows. That fits a
journal, whose rows are only ever appended: an old version of a page holds nothing that is not true. Whoever reads the rows judges
what each one is by its shape; a row that damage has touched has most often no shape at all.

Format: https://www.sqlite.org/fileformat2.html (sections 1.3, 1.6, 2.1 and 4.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from mmap import mmap
from typing import Final, TypeAlias

from runner.frozen import frozen

Buffer: TypeAlias = bytes | mmap
Value: TypeAlias = int | float | str | bytes | None

TABLE_LEAF: Final = b"\x0d"
INDEX_LEAF: Final = b"\x0a"
FILE_HEADER: Final = 100
WAL_HEADER: Final = 32
FRAME_HEADER: Final = 24
USUAL_PAGE: Final = 4096
"""SQLite's page size unless told otherwise; believed where the header is gone."""
INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer by its serial type."""


@frozen
class Found:
    """A row of a table, with its number, or an entry of an index, whose number is None."""

    number: int | None
    values: tuple[Value, ...]


def read_rows(database: Buffer, log: Buffer = b"") -> Iterator[Found]:
    """Every row and index entry that some version of some page still holds, older versions of a page first.

    `database` is the file and `log` its write-ahead log, whole; a memory map of either will do.
    """
    file, size = memoryview(database), _page_size(bytes(memoryview(database)[:FILE_HEADER]))
    pages = [(number, file[start : start + size]) for number, start in enumerate(range(0, len(file), size), 1)]
    pages += _frames(memoryview(log), size)
    latest = dict(pages)
    for number, page in pages:
        header = FILE_HEADER if number == 1 else 0
        kind = bytes(page[header : header + 1])
        if kind in (TABLE_LEAF, INDEX_LEAF):
            for place in _cells(page, header):
                if (found := _read_cell(page, place, kind == TABLE_LEAF, latest)) is not None:
                    yield found


def _page_size(header: bytes) -> int:
    told = int.from_bytes(header[16:18], "big")
    size = 65536 if told == 1 else told
    return size if size >= 512 and size & (size - 1) == 0 else USUAL_PAGE


def _frames(log: memoryview, size: int) -> list[tuple[int, memoryview]]:
    """The pages of a write-ahead log, those of an earlier use of the file left out. Checksums are not asked: rows are judged."""
    salts, step = log[16:24], FRAME_HEADER + size
    whole = (log[start : start + step] for start in range(WAL_HEADER, len(log) - step + 1, step))
    return [(int.from_bytes(frame[:4], "big"), frame[FRAME_HEADER:]) for frame in whole if frame[8:16] == salts]


def _cells(page: memoryview, header: int) -> Iterator[int]:
    """Where the cells of a leaf begin."""
    count = int.from_bytes(page[header + 3 : header + 5], "big")
    for place in range(header + 8, min(header + 8 + 2 * count, len(page) - 1), 2):
        yield int.from_bytes(page[place : place + 2], "big")


def _read_cell(page: memoryview, place: int, is_table: bool, latest: Mapping[int, memoryview]) -> Found | None:
    try:
        size, place = _varint(page, place)
        number, place = _varint(page, place) if is_table else (None, place)
        return Found(number, _read_record(_payload(page, place, size, is_table, latest)))
    except (LookupError, ValueError):
        return None


def _payload(page: memoryview, place: int, size: int, is_table: bool, latest: Mapping[int, memoryview]) -> bytes:
    """The cell's record, gathered from its overflow pages where it is too long for one. Raises `LookupError`, `ValueError`."""
    usable = len(page)
    most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
    if not 0 < size <= usable * len(latest):
        raise ValueError("no size a record has")
    if size <= most:
        return _exactly(bytes(page[place : place + size]), size)
    least = (usable - 12) * 32 // 255 - 23
    wished = least + (size - least) % (usable - 4)
    kept = wished if wished <= most else least
    payload, following = bytearray(page[place : place + kept]), page[place + kept : place + kept + 4]
    while len(payload) < size:
        overflow = latest[int.from_bytes(following, "big")]
        payload += overflow[4:]
        following = overflow[:4]
    return _exactly(bytes(payload[:size]), size)


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError("cut off")
    return data


def _read_record(payload: bytes) -> tuple[Value, ...]:
    """The values of a record. Raises `ValueError` unless header and values fill it exactly."""
    end, place = _varint(payload, 0)
    types = []
    while place < end:
        kind, place = _varint(payload, place)
        types.append(kind)
    if place != end:
        raise ValueError("the header runs into the values")
    values, place = _read_values(payload, types, end)
    if place != len(payload):
        raise ValueError("values and size disagree")
    return values


def _read_values(payload: bytes, types: Sequence[int], place: int) -> tuple[tuple[Value, ...], int]:
    values: list[Value] = []
    for kind in types:
        width = INTEGERS.get(kind, 8 if kind == 7 else max(kind - 12, 0) // 2)
        values.append(_read_value(kind, _exactly(payload[place : place + width], width)))
        place += width
    return tuple(values), place


def _read_value(kind: int, data: bytes) -> Value:
    if kind in (8, 9):
        return kind - 8
    if kind in INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind == 7:
        (number,) = struct.unpack(">d", data)
        return float(number)
    if kind >= 12:
        return data.decode("utf-8") if kind % 2 else data
    if kind == 0:
        return None
    raise ValueError("no such type")


def _varint(data: bytes | memoryview, place: int) -> tuple[int, int]:
    """An integer of one to nine bytes, and where the next begins."""
    number = 0
    for byte in range(place, place + 8):
        number = number << 7 | data[byte] & 0x7F
        if data[byte] < 0x80:
            return number, byte + 1
    return number << 8 | data[place + 8], place + 9
