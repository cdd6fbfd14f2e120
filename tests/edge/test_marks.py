"""Marks inside pictures: put in beside the pixels, found again, and taken out again."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from runner.edge.marks import COMPOSITE, GENERATED, has_credentials, mark, packet_of, source_type_of, unmarked, write_packet

FORMS = ("PNG", "JPEG", "WEBP", "GIF")


def picture(form: str, **options: object) -> bytes:
    """A small picture with two colours."""
    made = Image.new("RGB", (24, 16), "teal")
    made.paste("gold", (0, 0, 12, 16))
    target = io.BytesIO()
    made.save(target, form, **options)
    return target.getvalue()


def pixels(data: bytes) -> bytes:
    """What a reader sees."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGBA").tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_goes_in_beside_the_pixels_and_comes_out_again(form: str) -> None:
    """It is found by us and by Pillow, no pixel changes, and without it the file is what it was, byte for byte."""
    data = picture(form)
    marked = mark(data, GENERATED)
    assert marked is not None
    assert source_type_of(data) is None
    assert source_type_of(marked) == GENERATED
    assert pixels(marked) == pixels(data)
    assert data in list(unmarked(marked))
    with Image.open(io.BytesIO(marked)) as opened:
        opened.load()
        assert form == "GIF" or b"DigitalSourceType" in (opened.info.get("xmp") or opened.info["XML:com.adobe.xmp"].encode())


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}])
def test_both_kinds_of_webp_keep_their_size(options: dict[str, object]) -> None:
    """The extended header that a packet needs says how large the picture is."""
    marked = mark(picture("WEBP", **options), GENERATED)
    assert marked is not None
    with Image.open(io.BytesIO(marked)) as opened:
        assert opened.size == (24, 16)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_states_its_source_is_believed(form: str) -> None:
    """A second mark changes no byte, whatever it would say."""
    marked = mark(picture(form), COMPOSITE)
    assert marked is not None
    assert mark(marked, GENERATED) == marked


def test_a_vendors_packet_is_kept_and_added_to() -> None:
    """What it says stays, and our statement stands beside it."""
    theirs = write_packet("x").replace(b"DigitalSourceType", b"Creator")
    marked = mark(picture("JPEG", xmp=theirs), GENERATED)
    assert marked is not None
    assert b"Creator" in packet_of(marked)
    assert source_type_of(marked) == GENERATED


def test_a_sealed_picture_is_left_alone() -> None:
    """Content credentials cover every byte; a mark would break them."""
    data = picture("JPEG")
    body = b"JP\0\1\0\0\0\1\0\0\0\x20jumb" + b"c2pa" * 5
    sealed = data[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + data[2:]
    assert not has_credentials(data)
    assert has_credentials(sealed)
    assert mark(sealed, GENERATED) == sealed


@pytest.mark.parametrize("form", FORMS)
def test_half_a_picture_breaks_nothing(form: str) -> None:
    """Files cut anywhere are read as far as they go."""
    data = mark(picture(form), GENERATED) or b""
    for end in range(0, len(data), 7):
        assert GENERATED.startswith(source_type_of(data[:end]) or "")
        assert not has_credentials(data[:end])
