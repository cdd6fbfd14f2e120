"""Finishing pictures: exact sizes, formats, weights, colours, and the mark that goes along."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image, ImageCms

from runner.edge.finish import finish, target_size
from runner.edge.marks import GENERATED, mark, source_type_of
from runner.job.finishing import Finishing, Unfinished

DECODERS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}


def noisy(width: int, height: int, form: str = "PNG", **options: Any) -> bytes:
    """A picture that compresses badly: soft shapes with noise on them."""
    small = Image.frombytes("RGB", (width // 4, height // 4), random.Random(1).randbytes(width // 4 * (height // 4) * 3))
    target = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(target, form, **options)
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    """The picture, decoded."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def plain(colour: Any, size: tuple[int, int], mode: str = "RGB", form: str = "PNG", **options: Any) -> bytes:
    """One colour."""
    target = io.BytesIO()
    Image.new(mode, size, colour).save(target, form, **options)
    return target.getvalue()


def test_a_megabyte_becomes_150_kb_with_its_mark() -> None:
    """The best JPEG under the weight, of the exact size, stating how it was made; twice the same bytes."""
    source = noisy(900, 600)
    assert len(source) > 1_000_000
    wish = Finishing(width=728, height=500, format="jpeg", max_kb=150, source_type=GENERATED)
    data = finish(mark(source, GENERATED) or b"", wish)
    assert opened(data).size == (728, 500)
    assert 100_000 < len(data) <= 150_000
    assert source_type_of(data) == GENERATED
    assert finish(mark(source, GENERATED) or b"", wish) == data


@pytest.mark.parametrize("form", DECODERS)
@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_the_mark_survives_every_conversion(source: Any, form: Any) -> None:
    """From each format to each, by what the file says or by what it is told to say."""
    data = plain("teal", (40, 30), form=source)
    made = finish(data, Finishing(format=form, width=20, source_type=GENERATED))
    assert (opened(made).format, opened(made).size) == (DECODERS[form], (20, 15))
    assert source_type_of(made) == GENERATED
    again = finish(made, Finishing(format="png", height=10))
    assert source_type_of(again) == GENERATED


def test_what_fits_already_is_not_compressed_again() -> None:
    """A file of the wished size, format and weight keeps its bytes; finishing is finished."""
    wish = Finishing(width=100, height=60, format="jpeg", max_kb=50, source_type=GENERATED)
    once = finish(noisy(200, 160), wish)
    assert finish(once, wish) == once


def test_crop_keeps_the_middle_and_pad_keeps_all() -> None:
    """A picture with coloured ends loses them to a crop and keeps them when padded."""
    source = Image.new("RGB", (90, 30), "white")
    source.paste("red", (0, 0, 30, 30))
    target = io.BytesIO()
    source.save(target, "PNG")
    cropped = opened(finish(target.getvalue(), Finishing(width=30, height=30)))
    padded = opened(finish(target.getvalue(), Finishing(width=90, height=90, fit="pad", background="#00ff00")))
    stretched = opened(finish(target.getvalue(), Finishing(width=30, height=30, fit="stretch")))
    assert cropped.getpixel((2, 15)) == (255, 255, 255)
    assert (padded.getpixel((45, 5)), padded.getpixel((5, 45))) == ((0, 255, 0), (255, 0, 0))
    assert stretched.getpixel((2, 15)) == (255, 0, 0)


def test_what_is_clear_lies_on_the_background() -> None:
    """A JPEG has no alpha; half of a colour on white is lighter, and an invisible colour does not show."""
    data = finish(plain((255, 0, 0, 0), (20, 20), "RGBA"), Finishing(format="jpeg", background="#0000ff"))
    red, _, blue = opened(data).getpixel((10, 10))  # type: ignore[misc]
    assert red < 10
    assert blue > 245


def test_another_colour_space_becomes_srgb() -> None:
    """CMYK and pictures with a profile come out as RGB without one."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for data in (plain((0, 255, 255, 0), (20, 20), "CMYK", "JPEG"), plain("red", (20, 20), icc_profile=profile)):
        made = opened(finish(data, Finishing(format="png", width=20)))
        assert (made.mode, "icc_profile" in made.info) == ("RGB", False)


def test_metadata_is_kept_without_the_place_or_dropped() -> None:
    """The maker's name stays where it is to be kept, where it was taken never does; a turned picture is turned."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Acme", 6
    exif.get_ifd(0x8825)[1] = "N"
    data = plain("red", (40, 20), form="JPEG", exif=exif.tobytes())
    kept = opened(finish(data, Finishing(max_kb=100, source_type=GENERATED)))
    dropped = opened(finish(data, Finishing(max_kb=100, metadata="drop")))
    assert kept.size == dropped.size == (20, 40)
    assert (kept.getexif().get(0x010F), 0x8825 in kept.getexif(), dict(dropped.getexif())) == ("Acme", False, {})


def test_what_cannot_be_finished_says_why() -> None:
    """A weight that no quality meets, and an animation, are told in words a person can act on."""
    with pytest.raises(Unfinished, match=r"no jpeg of 800×600 that is fit to be seen has at most 1 kB; make it smaller"):
        finish(noisy(400, 300), Finishing(width=800, height=600, format="jpeg", max_kb=1))
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(Unfinished, match="animated"):
        finish(target.getvalue(), Finishing(width=5))
    with pytest.raises(Unfinished, match="cannot convert"):
        finish(noisy(80, 80)[:2000], Finishing(width=5))


def test_a_heavy_png_loses_colours_before_it_fails() -> None:
    """A PNG under a weight is reduced to a palette."""
    data = finish(noisy(160, 120), Finishing(format="png", max_kb=20))
    assert len(data) <= 20_000
    assert opened(data).mode == "P"


@pytest.mark.parametrize(
    ("wish", "size"), [({}, (80, 40)), ({"width": 40}, (40, 20)), ({"height": 80}, (160, 80)), ({"width": 7, "height": 9}, (7, 9))]
)
def test_a_side_that_is_not_given_follows(wish: dict[str, int], size: tuple[int, int]) -> None:
    """The ratio stays where only one side is asked for."""
    assert target_size((80, 40), Finishing(**wish)) == size  # type: ignore[arg-type]
