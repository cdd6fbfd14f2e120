"""The distance of two pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from runner.comparison.measuring import Distance, measure


def save(path: Path, picture: Image.Image) -> Path:
    """The picture as a file."""
    picture.save(path)
    return path


def drawn(size: tuple[int, int] = (100, 80), at: int = 0, mode: str = "RGB") -> Image.Image:
    """A dark box on white."""
    picture = Image.new(mode, size, "white")
    ImageDraw.Draw(picture).rectangle((at, 10, at + 39, 49), "navy")
    return picture


def test_a_picture_is_no_way_from_itself(tmp_path: Path) -> None:
    """The same pixels in another format are the same picture."""
    assert measure(save(tmp_path / "a.png", drawn()), save(tmp_path / "b.webp", drawn().convert("RGBA"))) is not None
    assert measure(save(tmp_path / "a.png", drawn()), save(tmp_path / "b.png", drawn(mode="RGBA"))) == Distance(0.0, 0.0, 0)


def test_the_share_is_that_of_the_pixels(tmp_path: Path) -> None:
    """A tenth of the area made black is a tenth of the pixels, and as much of the whole difference there can be."""
    other = Image.new("RGB", (100, 100), "white")
    other.paste("black", (0, 0, 100, 10))
    found = measure(save(tmp_path / "a.png", Image.new("RGB", (100, 100), "white")), save(tmp_path / "b.png", other))
    assert found is not None
    assert (found.share, found.mean) == (0.1, 0.1)


def test_noise_is_no_visible_difference(tmp_path: Path) -> None:
    """What differs by a few levels counts in the mean and not in the share."""
    one, other = Image.new("L", (40, 40), 100), Image.new("L", (40, 40), 104)
    assert measure(save(tmp_path / "a.png", one), save(tmp_path / "b.png", other)) == Distance(0.0, 0.0157, 0)


def test_what_a_clear_pixel_hides_does_not_count(tmp_path: Path) -> None:
    """Red and blue are alike where nobody sees them."""
    pictures = [Image.new("RGBA", (30, 30), colour) for colour in ((255, 0, 0, 0), (0, 0, 255, 0))]
    paths = [save(tmp_path / f"{number}.png", picture) for number, picture in enumerate(pictures)]
    assert measure(*paths) == Distance(0.0, 0.0, 0)


def test_another_size_has_a_look_and_no_pixels(tmp_path: Path) -> None:
    """Scaling keeps the look; pixels of pictures of two sizes have nothing to be compared with."""
    found = measure(save(tmp_path / "a.png", drawn()), save(tmp_path / "b.png", drawn().resize((200, 160))))
    assert found is not None
    assert found.share is None
    assert found.mean is None
    assert found.dhash is not None
    assert found.dhash <= 3


def test_another_picture_is_far(tmp_path: Path) -> None:
    """A box at the other end is seen by the pixels and by the look."""
    found = measure(save(tmp_path / "a.png", drawn()), save(tmp_path / "b.png", drawn(at=60)))
    assert found is not None
    assert found.share == 0.4
    assert found.dhash is not None
    assert found.dhash > 3


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_picture_is_not_measured(tmp_path: Path, data: bytes) -> None:
    """A file of another kind, or a broken one, has no distance, and is no reason to fail."""
    (tmp_path / "b").write_bytes(data)
    assert measure(save(tmp_path / "a.png", drawn()), tmp_path / "b") is None
