"""Sivi's lists, counted against the vendor's pages."""

from __future__ import annotations

import pytest

from runner.providers.sivi_catalog import (
    BANANA_SIZES,
    CUSTOM,
    CUSTOM_LEAST,
    CUSTOM_MOST,
    DESIGN_MODELS,
    LANGUAGES,
    MODELS,
    STANDARD_SIZES,
    TYPES,
)


def test_every_subtype_is_there() -> None:
    """94 subtypes in 15 types, and `custom`, which has none."""
    assert len(TYPES) == 16
    assert sum(map(len, TYPES.values())) == 94
    assert TYPES[CUSTOM] == {}


@pytest.mark.parametrize(
    ("design_type", "subtype", "size"),
    [
        ("displayAds", "displayAds-inline-rectangle", (300, 250)),
        ("displayAds", "displayAds-leaderboard", (728, 90)),
        ("linkedin", "linkedIn-ad", (1080, 1080)),
        ("linkedin", "linkedin-ad-small", (800, 800)),
        ("amazon", "amazon-fullscreen-HD", (1920, 1080)),
        ("email", "email-signature", (600, 150)),
        ("twitch", "twitch-banner", (1200, 480)),
    ],
)
def test_sizes_are_as_documented(design_type: str, subtype: str, size: tuple[int, int]) -> None:
    """Names keep the vendor's case."""
    assert TYPES[design_type][subtype] == size


def test_subtypes_are_named_after_their_type() -> None:
    """Except those of email, and however the case is mixed; so a line put under the wrong type shows."""
    for design_type, subtypes in TYPES.items():
        if design_type != "email":
            assert all(name.lower().startswith(design_type.lower()) for name in subtypes)


def test_sizes_are_pixels() -> None:
    """Every size is one a display could have."""
    assert all(40 <= side <= CUSTOM_MOST for subtypes in TYPES.values() for size in subtypes.values() for side in size)
    assert CUSTOM_LEAST < CUSTOM_MOST


def test_models_have_their_sizes_and_their_powers() -> None:
    """Ten models, five of them able to enhance; the two families share only the square."""
    assert len(MODELS) == 10
    able = ["auto", "flux-klein-9b", "nano-banana:1k", "nano-banana-2:1k", "nano-banana-pro:1k"]
    assert [name for name, (enhances, _) in MODELS.items() if enhances] == able
    assert (len(STANDARD_SIZES), len(BANANA_SIZES)) == (5, 10)
    assert (STANDARD_SIZES & BANANA_SIZES) - {(1024, 1024)} == set()


def test_lists_name_nothing_twice() -> None:
    """90 languages, 13 design models."""
    assert (len(LANGUAGES), len(set(LANGUAGES))) == (90, 90)
    assert (len(DESIGN_MODELS), len(set(DESIGN_MODELS))) == (13, 13)
    assert "scottish gaelic" in LANGUAGES
