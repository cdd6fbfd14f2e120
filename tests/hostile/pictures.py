"""Pictures and films made to hurt: cut, flipped, blown up, and dressed as something else. All are made here, none is kept."""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
PAGE = b"<!doctype html><html><script>alert(document.domain)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
ZIP = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


@functools.cache
def draw(decoder: str, size: tuple[int, int] = (64, 48), frames: int = 1) -> bytes:
    """A noisy picture, animated where it has several frames."""
    pictures = [Image.frombytes("RGB", size, random.Random(seed).randbytes(size[0] * size[1] * 3)) for seed in range(frames)]
    buffer = io.BytesIO()
    if frames > 1:
        pictures[0].save(buffer, decoder, save_all=True, append_images=pictures[1:])
    else:
        pictures[0].save(buffer, decoder)
    return buffer.getvalue()


def plain(decoder: str, size: tuple[int, int], **more: object) -> bytes:
    """A picture of one colour: as many pixels as you like in hardly any bytes."""
    buffer = io.BytesIO()
    Image.new("L", size, 7).convert("RGB").save(buffer, decoder, **more)
    return buffer.getvalue()


def box(name: bytes, *content: bytes) -> bytes:
    """One ISO base media box."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def film(media: int = 500) -> bytes:
    """The smallest MP4 that has an index, a track header and data."""
    header = box(b"tkhd", bytes(76), struct.pack(">II", 640 << 16, 360 << 16))
    index = box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", header))
    return box(b"ftyp", b"isom", bytes(4), b"mp42") + index + box(b"mdat", bytes(media))


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, pixels: bytes = bytes(1000)) -> bytes:
    """A PNG that says it has this size, whatever it has."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def gif(frames: list[tuple[int, int]], canvas: tuple[int, int] = (1, 1)) -> bytes:
    """A GIF whose frames say they have these sizes; each holds the data of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6)
    control, data = b"\x21\xf9\x04\x00\x00\x00\x00\x00,\x00\x00\x00\x00", b"\x02\x02\x44\x01\x00"
    return b"".join([head, *(control + struct.pack("<HHB", *size, 0) + data for size in frames), b";"])


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    data = bytearray(draw("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def flipped(data: bytes, seed: int) -> bytes:
    """A few bytes changed, the first ones most often."""
    dice, changed = random.Random(seed), bytearray(data)
    for _ in range(dice.choice((1, 2, 5, 20))):
        changed[dice.randrange(min(len(changed), dice.choice((100, len(changed)))))] = dice.choice((0, 255, dice.randrange(256)))
    return bytes(changed)


Make = Callable[[], bytes]


def dressed() -> Mapping[str, Make]:
    """Things that are no picture under a picture's name, and pictures that something else is hidden in."""
    strangers = {
        "page": PAGE,
        "page after a mark": b"\xef\xbb\xbf \n" + PAGE,
        "svg": SVG,
        "xml": b"<?xml version='1.0'?>" + SVG,
        "pdf": PDF,
        "zip": ZIP,
        "nothing": b"",
        "nul": bytes(4096),
        "script": b"#!/bin/sh\nid\n",
        "elf": b"\x7fELF" + bytes(60),
        "bmp": b"BM" + bytes(60),
        "gzip": b"\x1f\x8b\x08" + bytes(20),
        "icon": b"\x00\x00\x01\x00" + bytes(60),
        "tiff": b"II*\x00" + bytes(60),
        "psd": b"8BPS" + bytes(60),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "json": b'{"error": "x"}',
        "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        "wave": b"RIFF\x24\x00\x00\x00WAVEfmt ",
        "quicktime": box(b"ftyp", b"qt  ", bytes(4)) + film()[24:],
        "heic": box(b"ftyp", b"heic", bytes(4)),
        "a page in a comment": b"GIF89a/*" + PAGE + b"*/=1;",
        "png head": b"\x89PNG\r\n\x1a\n" + PAGE,
        "jpeg head": b"\xff\xd8\xff" + PAGE,
        "webp head": b"RIFF\xff\x00\x00\x00WEBP" + PAGE,
        "avif head": box(b"ftyp", b"avif", bytes(4)) + PAGE,
        "mp4 head": film()[:24] + PAGE,
    }
    hidden = {
        f"{what} after a {decoder}": draw(decoder) + stuff for decoder in FORMATS for what, stuff in (("page", PAGE), ("zip", ZIP))
    }
    hidden |= {
        "a page in a JPEG comment": draw("JPEG")[:2] + b"\xff\xfe" + struct.pack(">H", len(PAGE) + 2) + PAGE + draw("JPEG")[2:],
        "a page in a PNG text": draw("PNG")[:33] + chunk(b"tEXt", b"Comment\0" + PAGE) + draw("PNG")[33:],
        "a page in a GIF comment": draw("GIF")[:-1] + b"\x21\xfe" + bytes([len(PAGE)]) + PAGE + b"\x00;",
        "a page in a film": film()[:-508] + box(b"free", PAGE) + film()[-508:],
    }
    return {name: functools.partial(bytes, data) for name, data in (strangers | hidden).items()}


def bombs() -> Mapping[str, Make]:
    """Small files that would unfold into much: pixels, frames, text, profiles, boxes."""
    text = zlib.compress(b"x" * (64 << 20), 9)
    whole = draw("PNG")
    return {
        "png 7100": lambda: png(7100, 7100),
        "png 50000": lambda: png(50_000, 50_000),
        "png 2^31": lambda: png(2**31 - 1, 2**31 - 1),
        "png one line": lambda: png(40_000_000, 1),
        "png one column": lambda: png(1, 40_000_000),
        "jpeg of many comments": lambda: draw("JPEG")[:2] + b"\xff\xfe\x00\x02" * 3_000_000 + draw("JPEG")[2:],
        "jpeg of many scans": lambda: (
            plain("JPEG", (1500, 1500), progressive=True)[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x10" * 9_000
        ),
        "gif of a crumbled comment": lambda: gif([(1, 1)])[:19] + b"!\xfe" + b"\x01x" * 3_000_000 + b"\x00;",
        "jpeg 65500": lambda: jpeg_of_size(65_500, 65_500),
        "jpeg 7000, nothing in it": lambda: jpeg_of_size(7000, 7000),
        "jpeg one line": lambda: jpeg_of_size(65_500, 1),
        "webp of one colour": lambda: plain("WEBP", (2500, 2500), lossless=True),
        "avif of one colour": lambda: plain("AVIF", (2500, 2500), speed=10),
        "gif 65535": lambda: gif([(65535, 65535)], (65535, 65535)),
        "gif that grows": lambda: gif([(1, 1), (12_000, 12_000)]),
        "gif that grows a little": lambda: gif([(1, 1), (7500, 7500)]),
        "gif of many frames": lambda: gif([(1, 1)] * 300_000),
        "gif of large frames": lambda: gif([(1, 1)] * 9, (7000, 7000)),
        "png text": lambda: whole[:33] + chunk(b"zTXt", b"x\0\0" + text) + whole[33:],
        "png text in utf-8": lambda: whole[:33] + chunk(b"iTXt", b"x\0\1\0\0\0" + text) + whole[33:],
        "png profile": lambda: whole[:33] + chunk(b"iCCP", b"x\0\0" + text) + whole[33:],
        "png of many texts": lambda: whole[:33] + chunk(b"tEXt", b"x\0y") * 200_000 + whole[33:],
        "mp4 of many boxes": lambda: film()[:24] + box(b"free") * 2_000_000,
        "mp4 of many tracks": lambda: film()[:24] + box(b"moov", box(b"trak") * 500_000) + box(b"mdat"),
        "mp4 of a huge box": lambda: film()[:24] + struct.pack(">I4sQ", 1, b"mdat", 2**63),
        "mp4 of boxes of no length": lambda: (
            film()[:24] + struct.pack(">I4s", 8, b"") * 100 + struct.pack(">I4s", 0, b"moov") * 100
        ),
    }


def damaged() -> Mapping[str, Make]:
    """Pictures and films cut and flipped at many places."""
    sources = {decoder: draw(decoder) for decoder in FORMATS} | {
        f"moving {decoder}": draw(decoder, (16, 16), 3) for decoder in ANIMATED
    }
    cut = {
        f"{name} cut at {part}/8": functools.partial(bytes, data[: len(data) * part // 8])
        for name, data in ({**sources, "MP4": film()}).items()
        for part in range(1, 8)
    }
    flips = {
        f"{name} flipped {seed}": functools.partial(flipped, data, seed) for name, data in sources.items() for seed in range(40)
    }
    return cut | flips
