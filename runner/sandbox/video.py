"""Short films that players play, without an encoder: H.264 with every sample written out (I_PCM), in an MP4.

The picture moves slowly closer over ten frames. Sizes are small, because nothing is compressed; it is enough to be recognised as a
film, to be played by a browser, and to be measured. Sources: ITU-T H.264 (7.3 syntax, 9.1 Exp-Golomb codes), ISO/IEC 14496-12 and
14496-15 (`avc1`, `avcC`).
"""

from __future__ import annotations

import struct
from typing import Final

from PIL import Image, ImageOps

from runner.sandbox.intake import Made
from runner.sandbox.letters import mark

FRAMES: Final = 10
PER_SECOND: Final = 5
BLOCK: Final = 16
LONG_BLOCKS: Final = 16
MACROBLOCK: Final = b"\x0d\x00"
"""`mb_type` 25 (I_PCM) as ue(v), filled up with zeros to a byte's end."""
MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def film(name: str, picture: Image.Image) -> Made:
    """A film over a picture, as an MP4 called `name`: two seconds, at most 256 pixels wide or high."""
    size = film_size(picture.size)
    frames = [_frame(image, number) for number, image in enumerate(_zoom(picture.convert("RGB"), size))]
    return Made(name, "video/mp4", write_mp4(frames, size), *size)


def film_size(size: tuple[int, int]) -> tuple[int, int]:
    """The nearest size in whole blocks of 16 pixels whose longer side is 256."""
    scale = LONG_BLOCKS / max(size)
    return BLOCK * max(2, round(size[0] * scale)), BLOCK * max(2, round(size[1] * scale))


def _zoom(picture: Image.Image, size: tuple[int, int]) -> list[Image.Image]:
    """The picture, closer from frame to frame."""
    base = ImageOps.fit(picture, (size[0] * 2, size[1] * 2), Image.Resampling.LANCZOS)
    frames = []
    for number in range(FRAMES):
        dx, dy = (side * 0.012 * number for side in base.size)
        frames.append(mark(base.resize(size, Image.Resampling.BILINEAR, (dx, dy, base.width - dx, base.height - dy))))
    return frames


class Bits:
    """Bits written one after another, with the codes of H.264."""

    def __init__(self) -> None:
        self._bits = ""

    def put(self, value: int, count: int) -> Bits:
        """`value` in `count` bits: u(n)."""
        self._bits += format(value, f"0{count}b")
        return self

    def ue(self, *values: int) -> Bits:
        """Write unsigned Exp-Golomb codes (a signed 0 has the same code as 0)."""
        for value in values:
            code = format(value + 1, "b")
            self._bits += "0" * (len(code) - 1) + code
        return self

    def aligned(self) -> bytes:
        """The bytes, filled up with zeros."""
        bits = self._bits + "0" * (-len(self._bits) % 8)
        return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))

    def closed(self) -> bytes:
        """The bytes, ended by a one and filled up with zeros: rbsp_trailing_bits."""
        self._bits += "1"
        return self.aligned()


def _parameters(size: tuple[int, int]) -> tuple[bytes, bytes]:
    """Sequence and picture parameter sets: constrained baseline, level 3, no references, no deblocking."""
    sps = Bits().ue(0, 0, 2, 0).put(0, 1).ue(size[0] // BLOCK - 1, size[1] // BLOCK - 1).put(0b1100, 4)
    pps = Bits().ue(0, 0).put(0, 2).ue(0, 0, 0).put(0, 3).ue(0, 0, 0).put(0b100, 3)
    return b"\x67\x42\xc0\x1e" + sps.closed(), b"\x68" + pps.closed()


def _frame(image: Image.Image, number: int) -> bytes:
    """One IDR picture: a slice header, then all samples, block by block."""
    luma, *chroma = image.convert("YCbCr").split()
    luma = luma.point([16 + round(value * 219 / 255) for value in range(256)])
    blue, red = (
        plane.resize((image.width // 2, image.height // 2), Image.Resampling.BOX).point(
            [128 + round((value - 128) * 224 / 255) for value in range(256)]
        )
        for plane in chroma
    )
    header = Bits().ue(0, 7, 0).put(0, 4).ue(number % 2).put(0, 2).ue(0, 1).ue(25).aligned()
    blocks = zip(_tiles(luma, BLOCK), _tiles(blue, BLOCK // 2), _tiles(red, BLOCK // 2), strict=True)
    body = MACROBLOCK.join(b"".join(block) for block in blocks)
    return b"\x65" + header + body + b"\x80"


def _tiles(plane: Image.Image, side: int) -> list[bytes]:
    """A plane's samples, tile by tile. None is below 16, so no start code can appear among them."""
    tiles: list[bytes] = []
    for top in range(0, plane.height, side):
        band = plane.crop((0, top, plane.width, top + side))
        tiles.extend(band.crop((left, 0, left + side, side)).tobytes() for left in range(0, plane.width, side))
    return tiles


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *content)


def write_mp4(frames: list[bytes], size: tuple[int, int]) -> bytes:
    """An MP4 of H.264 pictures that are all key frames; `size` in pixels."""
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    kind = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    moov = _moov(samples, size, 0)
    moov = _moov(samples, size, len(kind) + len(moov) + 8)
    return kind + moov + _box(b"mdat", *samples)


def _moov(samples: list[bytes], size: tuple[int, int], offset: int) -> bytes:
    span = len(samples) * 1000 // PER_SECOND
    mvhd = _full(b"mvhd", struct.pack(">4I I H 10x", 0, 0, 1000, span, 0x10000, 0x100), MATRIX, bytes(24), struct.pack(">I", 2))
    tkhd = _full(
        b"tkhd", struct.pack(">5I 16x", 0, 0, 1, 0, span), MATRIX, struct.pack(">2I", size[0] << 16, size[1] << 16), flags=3
    )
    mdhd = _full(b"mdhd", struct.pack(">4I2H", 0, 0, 1000, span, 0x55C4, 0))
    hdlr = _full(b"hdlr", bytes(4), b"vide", bytes(12), b"sandbox\0")
    minf = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), _dinf(), _stbl(samples, size, offset))
    return _box(b"moov", mvhd, _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf)))


def _dinf() -> bytes:
    return _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))


def _stbl(samples: list[bytes], size: tuple[int, int], offset: int) -> bytes:
    """The tables that say what the samples are, how long each lasts, and where it lies."""
    sps, pps = _parameters(size)
    lengths = (struct.pack(">H", len(sps)), struct.pack(">H", len(pps)))
    avcc = _box(b"avcC", b"\x01", sps[1:4], b"\xff\xe1", lengths[0], sps, b"\x01", lengths[1], pps)
    look = struct.pack(">2H2I I H 32x 2H", *size, 0x480000, 0x480000, 0, 1, 24, 0xFFFF)
    avc1 = _box(b"avc1", bytes(6), struct.pack(">H", 1), bytes(16), look, avcc)
    count = len(samples)
    sizes = struct.pack(f">2I{count}I", 0, count, *map(len, samples))
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), avc1),
        _full(b"stts", struct.pack(">3I", 1, count, 1000 // PER_SECOND)),
        _full(b"stsc", struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", sizes),
        _full(b"stco", struct.pack(">2I", 1, offset)),
    )
