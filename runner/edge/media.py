"""What a file really is: its magic bytes decide, and only what decodes completely counts.

Vendors answer with HTML under an image's name, with half a JPEG, with a 20 KB picture of 178 megapixels. A picture is therefore
verified *and* loaded: a JPEG cut in half passes Pillow's `verify` and fails `load`, a PNG without its end the other way round. Only
the decoder that belongs to the magic bytes is tried, and anything that could run in a browser (SVG, HTML, PDF) is refused. Decoding
blocks: call it from a thread.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from pathlib import Path
from typing import BinaryIO, Final

from runner.edge.pieces import is_crumbled
from runner.frozen import frozen
from runner.records import Look

MOST_PIXELS: Final = 50_000_000
"""Pixels of one picture, far beyond any ad, and 200 MB once decoded."""
MOST_FRAME_PIXELS: Final = 4 * MOST_PIXELS
"""Pixels of all frames of an animation together."""
MOST_FRAMES: Final = 2_000
"""Frames of one animation: a minute of film, and a second of decoding where each is small."""
LARGE: Final = 4_000_000
"""Pixels from which a picture is decoded alone, as it may take a gigabyte, and must be worth its size."""
MOST_PIXELS_A_BYTE: Final = 2_000
"""A large picture that says so little for so many pixels is a bomb, or shows nothing."""
LONGEST_SIDES: Final = 100
"""The longer side of a picture is at most so many times the shorter one."""
MOST_BOXES: Final = 10_000
"""Boxes at one level of an MP4; real ones have a few hundred, one for each fragment."""
HEAD_BYTES: Final = 64
AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
MP4_BRANDS: Final = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash"})


DECODER_ERRORS: Final = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError)
"""What decoders raise on files made to hurt them, besides SyntaxError, TypeError, ValueError, struct.error and warnings."""
_ALONE: Final = ThreadPoolExecutor(1, "large-picture")
"""Large pictures are decoded by one thread: each thread keeps some of the memory it once had."""


@frozen
class Kind:
    """A file format that may be published; `decoder` is Pillow's name for it, empty for video."""

    media_type: str
    ext: str
    decoder: str = ""


JPEG: Final = Kind("image/jpeg", "jpg", "JPEG")
PNG: Final = Kind("image/png", "png", "PNG")
GIF: Final = Kind("image/gif", "gif", "GIF")
WEBP: Final = Kind("image/webp", "webp", "WEBP")
AVIF: Final = Kind("image/avif", "avif", "AVIF")
MP4: Final = Kind("video/mp4", "mp4")


@frozen
class Media:
    """A verified picture or video. `ext` has no dot; width and height are pixels, None where a video does not say.

    A picture's `look` is found out in passing, while it is decoded anyway.
    """

    media_type: str
    ext: str
    width: int | None
    height: int | None
    look: Look | None = field(default=None, compare=False)


@frozen
class Bad:
    """Not usable, and why, for a person."""

    why: str


def sniff(head: bytes) -> Kind | None:
    """The format that the first bytes (12 are enough, 64 better) promise, None if it is none that may be published."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    return _sniff_ftyp(head) if head[4:8] == b"ftyp" else None


def _sniff_ftyp(head: bytes) -> Kind | None:
    """ISO base media (ISO/IEC 14496-12 §4.3): a major brand, a version, then compatible brands up to the end of the box."""
    length = struct.unpack(">I", head[:4])[0]
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))}
    if brands & AVIF_BRANDS:
        return AVIF
    return MP4 if brands & MP4_BRANDS else None


def inspect(path: Path) -> Media | Bad:
    """Decode the file completely and say what it is, or why it is not usable. Raises `OSError` only if it cannot be opened."""
    with path.open("rb") as file:
        return _inspect(file)


def inspect_bytes(data: bytes) -> Media | Bad:
    """`inspect` for a file whose bytes are at hand."""
    return _inspect(io.BytesIO(data))


def _inspect(file: BinaryIO) -> Media | Bad:
    head = file.read(HEAD_BYTES)
    kind = sniff(head)
    if kind is None:
        return Bad(_describe_stranger(head))
    file.seek(0)
    return _inspect_video(file) if kind is MP4 else _inspect_picture(file.read(), kind)


def _describe_stranger(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "an empty file"
    if text.startswith((b"<!doctype", b"<html")):
        return "an HTML page, not a picture"
    if text.startswith((b"<svg", b"<?xml")):
        return "SVG or XML, which is never published: it can run scripts in a browser"
    if text.startswith(b"%pdf"):
        return "a PDF, not a picture"
    return "not a JPEG, PNG, GIF, WebP, AVIF or MP4 file"


def _inspect_picture(data: bytes, kind: Kind) -> Media | Bad:
    """From memory: a decoder seeks and reads in pieces, and each would have the thread wait for its turn at the interpreter."""
    from runner.edge.looks import Image, UnidentifiedImageError  # noqa: PLC0415 - Pillow is for runs that have pictures

    try:
        if is_crumbled(kind.decoder, data):
            return Bad(f"a broken {kind.decoder}: it is in more pieces than any picture")
        with Image.open(io.BytesIO(data), formats=(kind.decoder,)) as picture:
            width, height = picture.size
            if why := _immoderate(width, height, len(data)):
                return Bad(why)
            picture.verify()
        decoded = _ALONE.submit(_decode, data, kind).result() if width * height > LARGE else _decode(data, kind)
        return decoded if isinstance(decoded, Bad) else Media(kind.media_type, kind.ext, width, height, decoded)
    except UnidentifiedImageError:
        return Bad(f"it begins like {kind.decoder} but cannot be read as such")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Bad(f"a decompression bomb: {error}")
    except (*DECODER_ERRORS, SyntaxError, TypeError, ValueError, struct.error, Warning) as error:
        return Bad(f"a broken {kind.decoder}: {error}")


def _immoderate(width: int, height: int, size: int) -> str:
    """What is out of all measure about a picture, from its header and its size in bytes alone; empty if nothing is."""
    if width * height > MOST_PIXELS:
        return f"{width}×{height} pixels, more than {MOST_PIXELS:,}"
    if max(width, height) > LONGEST_SIDES * min(width, height):
        return f"{width}×{height} pixels: one side is more than {LONGEST_SIDES} times the other"
    if width * height > LARGE and width * height > MOST_PIXELS_A_BYTE * size:
        return f"a decompression bomb: {width}×{height} pixels in {size:,} bytes"
    return ""


def _decode(data: bytes, kind: Kind) -> Bad | Look:
    """Decode every frame and look at the first; an animation may not unfold into more than its share."""
    from runner.edge.looks import Image, ImageSequence, look_of  # noqa: PLC0415

    pixels, look = 0, None
    with Image.open(io.BytesIO(data), formats=(kind.decoder,)) as picture:
        for number, frame in enumerate(ImageSequence.Iterator(picture), 1):
            each = frame.size[0] * frame.size[1]
            pixels += each
            if number > MOST_FRAMES or each > MOST_PIXELS or pixels > MOST_FRAME_PIXELS:
                return Bad(f"an animation of more than {MOST_FRAMES:,} frames or {MOST_FRAME_PIXELS:,} pixels")
            frame.load()
            look = look_of(frame) if look is None else replace(look, frames=number)
    assert look is not None, "every picture has a frame"
    return look


def _inspect_video(file: BinaryIO) -> Media | Bad:
    """An MP4 whose boxes add up to the file and that has both an index (`moov`) and data (`mdat`)."""
    end = file.seek(0, 2)
    try:
        boxes = {name: (start, stop) for name, start, stop in _boxes(file, 0, end)}
    except (ValueError, struct.error):
        return Bad("a broken MP4: its boxes do not add up to the file, as if it were cut off, or are too many")
    if not {b"moov", b"mdat"} <= boxes.keys():
        return Bad("a broken MP4: it has no index or no data")
    try:
        width, height = _video_size(file, *boxes[b"moov"])
    except (ValueError, struct.error):
        return Bad("a broken MP4: its index cannot be read")
    return Media(MP4.media_type, MP4.ext, width, height)


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each box between `at` and `end`.

    Raises `ValueError` where one leaves its parent, or there are too many.
    """
    for _ in range(MOST_BOXES):
        if at >= end:
            return
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            start += 8
        stop = at + length if length else end
        if stop < start or stop > end:
            raise ValueError("a box leaves its parent")
        yield name, start, stop
        at = stop
    raise ValueError("too many boxes")


def _video_size(file: BinaryIO, start: int, end: int) -> tuple[int | None, int | None]:
    """Pixels of the first track that has any: the last two 16.16 numbers of its header (ISO/IEC 14496-12 §8.3.2)."""
    for name, track_start, track_end in _boxes(file, start, end):
        if name != b"trak":
            continue
        for inner, _, header_end in _boxes(file, track_start, track_end):
            if inner != b"tkhd":
                continue
            file.seek(header_end - 8)
            width, height = struct.unpack(">II", file.read(8))
            if width >> 16 and height >> 16:
                return width >> 16, height >> 16
    return None, None
