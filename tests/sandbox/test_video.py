from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from PIL import Image

from runner.sandbox.video import FRAMES, Bits, film, film_size


def boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of an ISO base media file, one level deep."""
    while body:
        (size,) = struct.unpack(">I", body[:4])
        yield body[4:8], body[8:size]
        body = body[size:]


def test_a_film_is_a_whole_mp4():
    """It begins with ftyp, its boxes fill it exactly, and the sample tables point at the samples."""
    made = film("video.mp4", Image.linear_gradient("L").convert("RGB"))
    parts = dict(boxes(made.data))
    assert made.data[4:8] == b"ftyp"
    assert list(parts) == [b"ftyp", b"moov", b"mdat"]
    offset = made.data.index(b"mdat") + 4
    at = made.data.index(b"stco") + 12
    assert struct.unpack(">I", made.data[at : at + 4]) == (offset,)
    at = made.data.index(b"stsz") + 12
    count, *sizes = struct.unpack(f">I{FRAMES}I", made.data[at : at + 4 + 4 * FRAMES])
    assert count == FRAMES
    assert sum(sizes) == len(parts[b"mdat"])


def test_every_sample_is_one_key_frame_without_start_codes():
    """Each sample is one IDR slice with its length before it, and never contains 00 00 followed by 0 to 3."""
    made = film("video.mp4", Image.new("RGB", (64, 64)))
    body = dict(boxes(made.data))[b"mdat"]
    seen = 0
    while body:
        (size,) = struct.unpack(">I", body[:4])
        unit, body = body[4 : 4 + size], body[4 + size :]
        assert unit[0] == 0x65
        assert all(bytes((0, 0, last)) not in unit for last in range(4))
        seen += 1
    assert seen == FRAMES


@pytest.mark.parametrize(
    ("size", "film"), [((1024, 576), (256, 144)), ((576, 1024), (144, 256)), ((800, 800), (256, 256)), ((4000, 10), (256, 32))]
)
def test_sizes_are_whole_blocks(size: tuple[int, int], film: tuple[int, int]):
    """A film has the picture's shape in blocks of 16, its longer side 256."""
    assert film_size(size) == film


def test_codes_are_exp_golomb():
    """0, 1, 2 and 25 are 1, 010, 011 and 000011010 (H.264, table 9-2)."""
    assert Bits().ue(0, 1, 2).aligned() == bytes([0b10100110])
    assert Bits().ue(25).put(0, 1).closed() == bytes([0b00001101, 0b00100000])


def test_the_same_picture_is_the_same_film():
    """A film depends on its picture alone."""
    picture = Image.linear_gradient("L").convert("RGB")
    assert film("a", picture).data == film("a", picture).data
