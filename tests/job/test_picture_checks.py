"""Checks of pictures on what was measured."""

from __future__ import annotations

from fractions import Fraction

import pytest

from runner.job.expect import Expected, Ratio
from runner.job.picture_checks import Compared, file_checks
from runner.records import Artifact, Look

PHOTO = Look("rgb", False, 1, 200, 0xFF00FF00FF00FF00)
WIDE = (Ratio("1.91:1", Fraction("1.91")),)


def picture(width: int | None = 300, height: int | None = 250, size: int = 1000, kind: str = "image/png") -> Artifact:
    """A measured file."""
    return Artifact("file", sha256="0" * 64, size=size, media_type=kind, width=width, height=height)


def wrongs(expected: Expected, file: Artifact, look: Look | None = PHOTO, compared: Compared | None = None) -> list[str]:
    """What is said of the checks that are not met."""
    return [check.said for check in file_checks(expected, file, look, compared or Compared()) if not check.ok]


@pytest.mark.parametrize(
    ("expected", "file", "wrong"),
    [
        (Expected(min_width=300, max_width=300), picture(), []),
        (Expected(min_width=301), picture(), ["width is 300, at least 301 wanted"]),
        (Expected(max_height=249), picture(), ["height is 250, at most 249 wanted"]),
        (
            Expected(max_width=9, min_height=9),
            picture(None, None),
            ["width is unknown, at most 9 wanted", "height is unknown, at least 9 wanted"],
        ),
        (Expected(ratios=WIDE), picture(1200, 628), []),
        (Expected(ratios=WIDE), picture(1200, 640), ["ratio is 1.875:1, 1.91:1 within 1% wanted"]),
        (Expected(ratios=WIDE, tolerance=0.02), picture(1200, 640), []),
        (Expected(ratios=WIDE, tolerance=0.0), picture(1910, 1000), []),
        (Expected(ratios=(*WIDE, Ratio("1:1", Fraction(1)))), picture(500, 500), []),
        (Expected(ratios=WIDE), picture(None, None), ["ratio is unknown:1, 1.91:1 within 1% wanted"]),
        (Expected(sizes={(300, 250): None, (728, 90): None}), picture(), []),
        (Expected(sizes={(300, 600): None, (728, 90): None}), picture(), ["size is 300x250, 300x600 or 728x90 wanted"]),
        (Expected(sizes={(300, 250): 0.5}), picture(), ["1 kB, at most 0.5 wanted"]),
        (Expected(sizes={(300, 250): 5}, max_kb=0.9), picture(), ["1 kB, at most 0.9 wanted"]),
        (Expected(min_kb=1), picture(), []),
        (Expected(min_kb=2), picture(), ["1 kB, at least 2 wanted"]),
    ],
)
def test_sizes_and_weights_are_what_was_measured(expected: Expected, file: Artifact, wrong: list[str]) -> None:
    """Bounds belong to what is wanted, a ratio has its tolerance, a size its weight."""
    assert wrongs(expected, file) == wrong


@pytest.mark.parametrize(
    ("expected", "look", "wrong"),
    [
        (Expected(modes=("rgb", "grey")), PHOTO, []),
        (Expected(modes=("rgb", "grey")), Look("cmyk", False, 1, 99, 0), ["colours are cmyk, rgb or grey wanted"]),
        (Expected(alpha="forbidden"), PHOTO, []),
        (Expected(alpha="required"), PHOTO, ["has no transparent pixel, alpha is required"]),
        (Expected(alpha="forbidden"), Look("rgb", True, 1, 99, 0), ["has transparent pixels, alpha is forbidden"]),
        (Expected(animation="forbidden"), PHOTO, []),
        (Expected(animation="required"), PHOTO, ["has 1 frame, animation is required"]),
        (Expected(animation="forbidden"), Look("palette", False, 3, 99, 0), ["has 3 frames, animation is forbidden"]),
        (Expected(blank="forbidden"), PHOTO, []),
        (Expected(blank="forbidden"), Look("rgb", False, 1, 8, 0), ["shows nothing but one colour"]),
        (Expected(modes=("rgb",)), None, ["colours are unknown, rgb wanted"]),
        (Expected(alpha="forbidden"), None, ["transparency is unknown, alpha is forbidden"]),
        (Expected(animation="forbidden"), None, ["has unknown frames, animation is forbidden"]),
        (Expected(blank="forbidden"), None, ["shows nothing but one colour"]),
    ],
)
def test_a_look_is_as_wanted_or_not(expected: Expected, look: Look | None, wrong: list[str]) -> None:
    """What nobody could measure is not as wanted."""
    assert wrongs(expected, picture(), look) == wrong


def test_likeness_is_counted_in_bits() -> None:
    """Up to so many bits of 64 a picture is a copy; the nearest counts, and with nobody to compare with all is well."""
    near = PHOTO.dhash ^ 0b111
    compared = Compared([0, near], [PHOTO.dhash])
    assert wrongs(Expected(unlike_siblings=3), picture(), PHOTO, compared) == [
        "looks like a sibling: 3 of 64 bits differ, more than 3 wanted"
    ]
    assert wrongs(Expected(unlike_siblings=2), picture(), PHOTO, compared) == []
    assert wrongs(Expected(unlike_source=0), picture(), PHOTO, compared) == [
        "looks like the picture it was made from: 0 of 64 bits differ, more than 0 wanted"
    ]
    assert wrongs(Expected(unlike_siblings=64, unlike_source=64), picture()) == []


def test_a_video_has_no_look() -> None:
    """What only pictures have is not asked of a video; its size and weight are."""
    expected = Expected(width=1, blank="forbidden", alpha="required", modes=("rgb",), unlike_siblings=9, formats=("mp4",))
    assert wrongs(expected, picture(kind="video/mp4"), None) == ["width is 300, 1 wanted"]
