"""Pieces of picture files: honest ones have few, whatever their size; crumbs are counted no further than they matter."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.pieces import MOST_BLOCKS, MOST_PIECES, MOST_SCANS, is_crumbled
from tests.hostile.pictures import ANIMATED, FORMATS, chunk, draw, gif, png


@pytest.mark.parametrize("decoder", FORMATS)
def test_honest_pictures_are_whole(decoder: str) -> None:
    """A picture of a megabyte has few pieces, a moving one a few more."""
    assert not is_crumbled(decoder, draw(decoder, (700, 500)))
    assert decoder not in ANIMATED or not is_crumbled(decoder, draw(decoder, (90, 60), 9))


def of_chunks(count: int) -> bytes:
    """A PNG of `count` chunks."""
    return png(8, 8, *[chunk(b"tEXt", b"x\0y")] * (count - 3))


def of_segments(count: int) -> bytes:
    """A JPEG with `count` more comments."""
    data = draw("JPEG")
    return data[:2] + b"\xff\xfe\x00\x02" * count + data[2:]


def of_scans(count: int) -> bytes:
    """A JPEG that goes over its picture `count` times."""
    return draw("JPEG") + b"\xff\xda" * (count - 1)


def of_blocks(count: int) -> bytes:
    """A GIF with a comment in so many blocks of one byte."""
    return gif([(1, 1)])[:19] + b"!\xfe" + b"\x01x" * count + b"\x00;"


@pytest.mark.parametrize(
    ("make", "decoder", "few", "many"),
    [
        (of_chunks, "PNG", MOST_PIECES - 1, MOST_PIECES + 1),
        (of_segments, "JPEG", MOST_PIECES - 10, MOST_PIECES + 1),
        (of_scans, "JPEG", MOST_SCANS, MOST_SCANS + 1),
        (of_blocks, "GIF", MOST_BLOCKS - 9, MOST_BLOCKS + 1),
        (lambda count: gif([(1, 1)] * count), "GIF", 20_000, MOST_BLOCKS),
    ],
)
def test_crumbs_are_told_from_pieces(make: Callable[[int], bytes], decoder: str, few: int, many: int) -> None:
    """Up to the bound a file is whole, beyond it is crumbled."""
    assert not is_crumbled(decoder, make(few))
    assert is_crumbled(decoder, make(many))


def test_counting_ends_at_the_bound() -> None:
    """Twenty megabytes of crumbs are given up after the first few."""
    began = time.thread_time()
    assert is_crumbled("PNG", of_chunks(4) + bytes(20 << 20))
    assert is_crumbled("GIF", of_blocks(10_000_000))
    assert time.thread_time() - began < 1


@given(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]), st.binary(max_size=300), st.integers(0, 40))
def test_any_bytes_are_counted(decoder: str, data: bytes, kept: int) -> None:
    """Nonsense after an honest beginning is whole or crumbled, never an exception."""
    beginning = draw(decoder)[:kept] if kept else struct.pack(">I", 0)
    assert is_crumbled(decoder, beginning + data) in (True, False)
