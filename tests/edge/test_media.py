"""What a file really is: pictures made by Pillow, then cut, flipped, faked and blown up."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.media import MOST_FRAMES, MOST_PIXELS, Bad, Media, inspect, inspect_bytes, sniff

FORMATS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "AVIF": "avif"}


def draw(decoder: str, size: tuple[int, int] = (64, 48)) -> bytes:
    """A noisy picture in the given format."""
    noise = random.Random(7).randbytes(size[0] * size[1] * 3)
    picture, buffer = Image.frombytes("RGB", size, noise), io.BytesIO()
    picture.save(buffer, decoder)
    return buffer.getvalue()


def box(name: bytes, *content: bytes) -> bytes:
    """One ISO base media box."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def film(width: int = 640, height: int = 360) -> bytes:
    """The smallest MP4 that has an index, a track header and data."""
    header = box(b"tkhd", bytes(76), struct.pack(">II", width << 16, height << 16))
    index = box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", header))
    return box(b"ftyp", b"isom", bytes(4), b"mp42") + index + box(b"mdat", bytes(500))


def look(tmp_path: Path, data: bytes) -> Media | Bad:
    """Inspect `data` as a file without a telling name; from memory it is the same."""
    path = tmp_path / "file"
    path.write_bytes(data)
    found = inspect(path)
    assert found == inspect_bytes(data)
    return found


def why(tmp_path: Path, data: bytes) -> str:
    """Why `data` is not usable."""
    found = look(tmp_path, data)
    assert isinstance(found, Bad)
    return found.why


@pytest.mark.parametrize("decoder", FORMATS)
def test_whole_pictures_are_measured(tmp_path: Path, decoder: str) -> None:
    """Each format is told by its bytes, with its extension and its pixels."""
    ext = FORMATS[decoder]
    media_type = f"image/{decoder.lower()}"
    assert look(tmp_path, draw(decoder)) == Media(media_type, ext, 64, 48)


@pytest.mark.parametrize("decoder", FORMATS)
@pytest.mark.parametrize("sixteenths", range(1, 16))
def test_pictures_cut_anywhere_are_bad(tmp_path: Path, decoder: str, sixteenths: int) -> None:
    """A picture cut at any sixteenth of its length is never taken for whole."""
    data = draw(decoder)
    assert why(tmp_path, data[: len(data) * sixteenths // 16])


def test_a_png_without_its_end_is_bad(tmp_path: Path) -> None:
    """A PNG that lost only its last chunk loads, but does not verify."""
    assert "broken PNG" in why(tmp_path, draw("PNG")[:-12])


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_byte_in_a_png_is_seen(tmp_path: Path, seed: int) -> None:
    """Every chunk of a PNG has a checksum, and it is checked."""
    data = bytearray(draw("PNG"))
    data[random.Random(seed).randrange(40, len(data) - 16)] ^= 0x10
    assert "broken PNG" in why(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>login</html>", "an HTML page"),
        (b"\n <html><body>", "an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG or XML"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "SVG or XML"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"GIF88a" + bytes(50), "not a JPEG"),
        (b"BM" + bytes(100), "not a JPEG"),
        (b"II*\x00" + bytes(100), "not a JPEG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(30), "not a JPEG"),
        (b"PK\x03\x04" + bytes(100), "not a JPEG"),
        (b"{}", "not a JPEG"),
    ],
)
def test_strangers_are_named(tmp_path: Path, data: bytes, reason: str) -> None:
    """What may not be published is refused, and a person is told what it looks like."""
    assert reason in why(tmp_path, data)


@pytest.mark.parametrize("decoder", FORMATS)
def test_a_head_alone_is_no_picture(tmp_path: Path, decoder: str) -> None:
    """Magic bytes followed by nonsense are refused by the decoder they promise."""
    assert why(tmp_path, draw(decoder)[:12] + b"nonsense" * 40)


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that says it is huge."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(7_100, 7_100), (10_000, 10_000), (60_000, 60_000)])
def test_bombs_are_refused_by_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    """More than 50 million pixels are refused before any is decoded."""
    assert size[0] * size[1] > MOST_PIXELS
    assert any(word in why(tmp_path, bomb(*size)) for word in ("pixels", "bomb"))


def test_a_polyglot_keeps_the_type_of_its_head(tmp_path: Path) -> None:
    """HTML after a JPEG's end changes nothing: the magic bytes decide type and extension."""
    found = look(tmp_path, draw("JPEG") + b"<html><script>alert(1)</script>")
    assert isinstance(found, Media)
    assert (found.media_type, found.ext) == ("image/jpeg", "jpg")


def test_every_frame_of_an_animation_is_decoded(tmp_path: Path) -> None:
    """A GIF cut after its first frame is not taken for whole."""
    frames = [Image.frombytes("L", (40, 40), random.Random(seed).randbytes(1600)) for seed in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    whole = buffer.getvalue()
    assert look(tmp_path, whole) == Media("image/gif", "gif", 40, 40)
    assert why(tmp_path, whole[: len(whole) * 5 // 6])


def test_a_film_is_measured_from_its_index(tmp_path: Path) -> None:
    """An MP4's pixels are those of its first track."""
    assert look(tmp_path, film()) == Media("video/mp4", "mp4", 640, 360)


def test_a_film_may_not_say_its_size(tmp_path: Path) -> None:
    """A video whose tracks have no pixels is still a video."""
    assert look(tmp_path, film(0, 0)) == Media("video/mp4", "mp4", None, None)


def test_a_film_with_a_long_box_is_read(tmp_path: Path) -> None:
    """Boxes may give their length in 64 bits."""
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 300) + bytes(300)
    data = film()
    assert look(tmp_path, data[: data.index(b"mdat") - 4] + long) == Media("video/mp4", "mp4", 640, 360)


@pytest.mark.parametrize("lost", [1, 7, 100, 499, 507, 520])
def test_a_film_cut_off_is_bad(tmp_path: Path, lost: int) -> None:
    """A video shorter than its boxes say is never taken for whole."""
    assert "broken MP4" in why(tmp_path, film()[:-lost])


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_film_with_a_senseless_box_is_bad(tmp_path: Path, length: int) -> None:
    """A box that would end before it begins does not make the reader run in circles."""
    data = film()
    at = data.index(b"mdat") - 4
    assert "broken MP4" in why(tmp_path, data[:at] + struct.pack(">I4s", length, b"mdat") + bytes(4))


@pytest.mark.parametrize("head", [b"", b"\xff\xd8", b"\x89PNG", b"RIFF\x00\x00\x00\x00WAVE", b"\x00\x00\x00\x0cftyp"])
def test_too_little_says_nothing(head: bytes) -> None:
    """A head that does not settle the format promises none."""
    assert sniff(head) is None


@pytest.mark.parametrize(("size", "fine"), [((970, 90), True), ((1000, 10), True), ((1010, 10), False), ((10, 1010), False)])
def test_a_picture_has_sides_of_one_kind(tmp_path: Path, size: tuple[int, int], fine: bool) -> None:
    """One side is at most a hundred times the other."""
    assert isinstance(look(tmp_path, draw("PNG", size)), Media) is fine


def test_a_large_picture_says_something(tmp_path: Path) -> None:
    """From four megapixels, more than two thousand pixels a byte are a bomb, before any is decoded."""
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 3000)).save(buffer, "WEBP", lossless=True)
    assert why(tmp_path, buffer.getvalue()).startswith("a decompression bomb: 3000×3000 pixels in")


def test_an_animation_has_an_end(tmp_path: Path) -> None:
    """Beyond two thousand frames it is refused, however small they are."""
    buffer = io.BytesIO()
    frames = [Image.new("L", (1, 1), number % 256) for number in range(MOST_FRAMES + 1)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], optimize=False, disposal=2)
    assert "more than 2,000 frames" in why(tmp_path, buffer.getvalue())


def test_a_film_has_an_end(tmp_path: Path) -> None:
    """A million empty boxes are not walked through."""
    assert "too many" in why(tmp_path, film() + box(b"free") * 1_000_000)


def test_what_decoders_stumble_over_is_told(tmp_path: Path) -> None:
    """An AVIF whose item is gone raises what is neither an OSError nor a ValueError; it is a broken file all the same."""
    data = draw("AVIF")
    assert "broken AVIF" in why(tmp_path, data[: data.index(b"mdat") + 4] + bytes(len(data) - data.index(b"mdat") - 4))
