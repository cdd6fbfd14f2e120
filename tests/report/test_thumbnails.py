"""Thumbnails: small, upright, made once, and never in the way."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from runner.errors import OurSide
from runner.report.thumbnails import Thumbnails, shrink
from tests.report.runs import picture


def saved(folder: Path, data: bytes) -> tuple[str, Path]:
    """The bytes as a file; their digest and its path."""
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return path.name, path


@pytest.mark.parametrize(
    ("size", "small"),
    [((640, 480), (320, 240)), ((300, 600), (160, 320)), ((728, 90), (728, 90)), ((100, 50), (100, 50)), ((4000, 20), (1200, 6))],
)
def test_a_thumbnail_is_small_and_keeps_its_shape(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    """The longer side is 320 pixels, banners stay legible, small pictures stay as they are."""
    _, path = saved(tmp_path, picture(size=size))
    data = shrink(path)
    assert data is not None
    with Image.open(BytesIO(data)) as found:
        assert (found.format, found.size) == ("WEBP", small)


def test_transparency_stays_and_turned_pictures_stand_upright(tmp_path: Path) -> None:
    """An alpha channel is kept, and what a camera noted about turning is obeyed."""
    clear, turned = BytesIO(), BytesIO()
    Image.new("RGBA", (400, 400), (9, 9, 9, 0)).save(clear, "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200), "red").save(turned, "JPEG", exif=exif)
    small = [shrink(saved(tmp_path, data.getvalue())[1]) for data in (clear, turned)]
    with Image.open(BytesIO(small[0] or b"")) as one, Image.open(BytesIO(small[1] or b"")) as other:
        assert one.mode == "RGBA"
        assert one.getpixel((5, 5))[3] == 0  # type: ignore[index]
        assert other.size == (160, 320)


@pytest.mark.parametrize("data", [b"", b"not a picture", picture()[:200], b"GIF89a\x01"])
def test_what_is_no_picture_has_no_thumbnail(tmp_path: Path, data: bytes) -> None:
    """Bytes that cannot be read are told by their absence, not by a failure."""
    name, path = saved(tmp_path, data)
    assert Thumbnails(tmp_path / "thumbs").make({name: path, "f" * 64: tmp_path / "gone"}) == set()


def test_a_thumbnail_is_made_once(tmp_path: Path) -> None:
    """What is there is not touched, whatever became of the picture, and what lies on a shelf is copied."""
    name, path = saved(tmp_path, picture())
    first = Thumbnails(tmp_path / "thumbs")
    assert first.make({name: path}) == {name}
    made = first.path(name).stat().st_mtime_ns
    path.unlink()
    assert first.make({name: path}) == {name}
    assert first.path(name).stat().st_mtime_ns == made
    second = Thumbnails(tmp_path / "other", [tmp_path / "thumbs"])
    assert second.make({name: path}) == {name}
    assert second.path(name).read_bytes() == first.path(name).read_bytes()


def test_what_nobody_shows_any_more_is_removed(tmp_path: Path) -> None:
    """Only thumbnails of what is kept stay."""
    files = dict(saved(tmp_path, picture(color)) for color in ("red", "blue"))
    thumbs = Thumbnails(tmp_path / "thumbs")
    thumbs.make(files)
    kept = min(files)
    thumbs.forget([kept])
    assert {path.stem for path in (tmp_path / "thumbs").glob("??/*")} == {kept}


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    """Where a file is in the way of the folder, the message names it."""
    name, path = saved(tmp_path, picture())
    (tmp_path / "thumbs").write_text("in the way")
    with pytest.raises(OurSide, match="cannot be written"):
        Thumbnails(tmp_path / "thumbs").make({name: path})
