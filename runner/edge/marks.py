"""Marks inside pictures: the XMP packet that says how a picture was made, and credentials (C2PA) that a vendor sealed it with.

The mark is IPTC's Digital Source Type (IPTC Photo Metadata Standard 2023.1, newscodes `digitalsourcetype`), written as XMP where
each format keeps it: JPEG APP1 (XMP part 3, §1.1.3), PNG iTXt `XML:com.adobe.xmp` (§1.1.5), WebP chunk `XMP ` (RIFF container),
GIF application extension (§1.1.2). It is put in beside the pixels, so nothing is compressed again. A vendor's packet is kept and
added to; one that states a source type already is believed. A picture under a C2PA seal is left alone: the seal covers every byte.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

NEWSCODES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED: Final = "trainedAlgorithmicMedia"
COMPOSITE: Final = "compositeWithTrainedAlgorithmicMedia"

STATED: Final = re.compile(rb"DigitalSourceType[^>]{0,200}?digitalsourcetype/([A-Za-z]{1,60})", re.DOTALL)
PACKET: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
DESCRIPTION: Final = (
    '<rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType={}/>'
)
PNG: Final = b"\x89PNG\r\n\x1a\n"
XMP_APP1: Final = b"http://ns.adobe.com/xap/1.0/\0"
XMP_ITXT: Final = b"XML:com.adobe.xmp\0"
XMP_GIF: Final = b"XMP DataXMP"
GIF_TRAILER: Final = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""The "magic trailer" that lets a reader who takes XMP for sub-blocks find the end of it."""
MOST_APP1: Final = 65_502
"""Bytes of a packet that one JPEG segment can hold."""
C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
MOST_PACKET: Final = 1 << 20
"""Bytes of a packet we read; real ones have a few thousand."""

Span = tuple[int, int]


def packet_of(data: bytes) -> bytes:
    """The XMP packet of a picture, empty if it has none."""
    span = _packet_span(data)
    found = b"" if span is None else data[span[0] : span[1]]
    return found if len(found) <= MOST_PACKET else b""


def source_type_of(data: bytes) -> str | None:
    """The Digital Source Type that the picture's own packet states, by its last word."""
    stated = STATED.search(packet_of(data))
    return None if stated is None else stated[1].decode()


def has_credentials(data: bytes) -> bool:
    """Whether the file has a C2PA manifest (C2PA 2.1, appendix A: embedding)."""
    if data.startswith(PNG):
        return any(name == b"caBX" for name, _, _ in _png_chunks(data))
    if data.startswith(b"\xff\xd8"):
        return any(mark == 0xEB and b"jumb" in data[start : start + 64] for mark, start, _ in _jpeg_segments(data))
    if data.startswith(b"RIFF"):
        return any(name == b"C2PA" for name, _, _ in _riff_chunks(data))
    return C2PA_UUID in data[:4096] if data[4:8] == b"ftyp" else False


def write_packet(source_type: str, packet: bytes = b"") -> bytes:
    """An XMP packet that states `source_type`: a new one, or `packet` with one statement more where it is one to add to."""
    stated = DESCRIPTION.format(quoteattr(NEWSCODES + source_type))
    end = packet.rfind(b"</rdf:RDF>")
    if end < 0:
        return PACKET.format(stated).encode()
    return packet[:end] + stated.encode() + packet[end:]


def mark(data: bytes, source_type: str) -> bytes | None:
    """The picture with its source type stated, pixels untouched; as it is where it says so itself or is under a seal.

    None where the format or this file takes no packet beside its pixels.
    """
    if source_type_of(data) is not None or has_credentials(data):
        return data
    return put_packet(data, write_packet(source_type, packet_of(data)))


def unmarked(data: bytes) -> Iterator[bytes]:
    """What a file may have been before `mark` put a packet of ours into it."""
    if data.startswith(PNG):
        yield data[:8] + b"".join(
            data[start - 8 : stop + 4]
            for name, start, stop in _png_chunks(data)
            if not (name == b"iTXt" and data.startswith(XMP_ITXT, start))
        )
    elif data.startswith(b"\xff\xd8"):
        for mark, start, stop in _jpeg_segments(data):
            if mark == 0xE1 and data.startswith(XMP_APP1, start):
                yield data[: start - 4] + data[stop:]
    elif data.startswith(b"RIFF"):
        chunks = [(name, data[start:stop]) for name, start, stop in _riff_chunks(data) if name != b"XMP "]
        plain = [chunk for chunk in chunks if chunk[0] != b"VP8X"]
        yield _riff(plain)
        yield _riff([(name, bytes([content[0] & ~4]) + content[1:] if name == b"VP8X" else content) for name, content in chunks])
    elif data.startswith(b"GIF8"):
        start, stop = data.find(b"\x21\xff\x0b" + XMP_GIF), data.find(GIF_TRAILER)
        for version in (b"GIF89a", b"GIF87a") if 0 <= start < stop else ():
            yield version + data[6:start] + data[stop + len(GIF_TRAILER) :]


def put_packet(data: bytes, packet: bytes) -> bytes | None:
    """The picture with this packet in place of any other; None where the format or this file takes none beside its pixels."""
    if data.startswith(PNG):
        return _mark_png(data, packet)
    if data.startswith(b"\xff\xd8"):
        return _mark_jpeg(data, packet)
    if data.startswith(b"RIFF"):
        return _mark_webp(data, packet)
    return _mark_gif(data, packet) if data.startswith(b"GIF8") else None


def _packet_span(data: bytes) -> Span | None:
    spans: Iterator[Span | None]
    if data.startswith(PNG):
        spans = (_itxt_text(data, start, stop) for name, start, stop in _png_chunks(data) if name == b"iTXt")
    elif data.startswith(b"\xff\xd8"):
        spans = (
            (start + len(XMP_APP1), stop) if data.startswith(XMP_APP1, start) else None
            for mark, start, stop in _jpeg_segments(data)
            if mark == 0xE1
        )
    elif data.startswith(b"RIFF"):
        spans = ((start, stop) for name, start, stop in _riff_chunks(data) if name == b"XMP ")
    else:
        spans = iter([_loose_span(data)])
    return next((span for span in spans if span is not None), None)


def _loose_span(data: bytes) -> Span | None:
    """A packet found by its own marks, for GIF and AVIF: it stands there as it is."""
    start = data.find(b"<x:xmpmeta")
    stop = data.find(b"</x:xmpmeta>", start)
    return (start, stop + len(b"</x:xmpmeta>")) if 0 <= start < stop else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each chunk."""
    at = len(PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, at + 8, min(at + 8 + length, len(data))
        at += 12 + length


def _itxt_text(data: bytes, start: int, stop: int) -> Span | None:
    """Where the text of an uncompressed iTXt chunk stands, if it is XMP: after keyword, two flags, language and translation."""
    if not data.startswith(XMP_ITXT, start) or data[start + len(XMP_ITXT)]:
        return None
    language = data.find(b"\0", start + len(XMP_ITXT) + 2, stop)
    translated = data.find(b"\0", language + 1, stop)
    return (translated + 1, stop) if 0 <= language < translated else None


def _mark_png(data: bytes, packet: bytes) -> bytes:
    body = b"iTXt" + XMP_ITXT + b"\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    whole, at = memoryview(data), len(PNG)
    pieces: list[bytes | memoryview] = [PNG]
    for name, start, stop in _png_chunks(data):
        if not (name == b"iTXt" and data.startswith(XMP_ITXT, start)):
            pieces.append(whole[start - 8 : stop + 4])
        if name == b"IHDR":
            pieces.append(chunk)
        at = stop + 4
    return b"".join([*pieces, whole[at:]])


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the content of each segment before the scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark = data[at + 1]
        if mark == 0xFF:
            at += 1
            continue
        if mark == 0xDA:
            return
        length = struct.unpack_from(">H", data, at + 2)[0]
        yield mark, at + 4, min(at + 2 + length, len(data))
        at += 2 + length


def _mark_jpeg(data: bytes, packet: bytes) -> bytes | None:
    """After the JFIF and Exif segments, which want to be first."""
    if len(packet) > MOST_APP1:
        return None
    body = XMP_APP1 + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    first, old = 2, None
    for mark, start, stop in _jpeg_segments(data):
        if mark == 0xE0 or (mark == 0xE1 and data.startswith(b"Exif\0", start)):
            first = stop
        elif mark == 0xE1 and data.startswith(XMP_APP1, start):
            old = (start - 4, stop)
    if old is not None:
        return data[: old[0]] + segment + data[old[1] :]
    return data[:first] + segment + data[first:]


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each chunk; a chunk of odd length is followed by one byte more."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, min(at + 8 + length, len(data))
        at += 8 + length + length % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def _mark_webp(data: bytes, packet: bytes) -> bytes | None:
    """A file of one chunk gets the extended header (VP8X) that a packet needs; the flag 4 in it says that there is one."""
    chunks = [(name, data[start:stop]) for name, start, stop in _riff_chunks(data) if name != b"XMP "]
    if not chunks:
        return None
    name, content = chunks[0]
    if name == b"VP8X" and len(content) >= 10:
        chunks[0] = (name, bytes([content[0] | 4]) + content[1:])
    elif name in (b"VP8 ", b"VP8L") and (header := _extended_header(name, content)) is not None:
        chunks.insert(0, (b"VP8X", header))
    else:
        return None
    return _riff([*chunks, (b"XMP ", packet)])


def _riff(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(_chunk(*chunk) for chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _extended_header(name: bytes, content: bytes) -> bytes | None:
    """The VP8X chunk of a simple file: flags, then width and height less one in 24 bits each (RFC 9649 §2.7)."""
    if len(content) < 10:
        return None
    if name == b"VP8L":
        bits = struct.unpack_from("<I", content, 1)[0]
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        wide, high = struct.unpack_from("<HH", content, 6)
        width, height, alpha = (wide & 0x3FFF) - 1, (high & 0x3FFF) - 1, 0
    return bytes([4 | int(alpha) << 4, 0, 0, 0]) + int(width).to_bytes(3, "little") + int(height).to_bytes(3, "little")


def _mark_gif(data: bytes, packet: bytes) -> bytes | None:
    if not data.endswith(b"\x3b") or _loose_span(data) is not None:
        return None
    return b"GIF89a" + data[6:-1] + b"\x21\xff\x0b" + XMP_GIF + packet + GIF_TRAILER + b"\x3b"
