from __future__ import annotations

import pytest

from runner.sandbox.vendors.sivi_tables import DESIGN_MODELS, LANGUAGES, MODELS, SIZES, SUBTYPES


def test_the_lists_are_whole():
    """94 subtypes of 15 types, 90 languages, 10 image models, 13 design models."""
    assert (len(SIZES), len(SUBTYPES), len(LANGUAGES), len(MODELS), len(DESIGN_MODELS)) == (94, 15, 90, 10, 13)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (("displayAds", "displayAds-leaderboard"), (728, 90)),
        (("displayAds", "displayAds-half-page-ad"), (300, 600)),
        (("linkedin", "linkedIn-post"), (1200, 628)),
        (("email", "square"), (600, 600)),
        (("website", "website-hello-bar"), (1280, 100)),
    ],
)
def test_sizes_are_as_printed(name: tuple[str, str], size: tuple[int, int]):
    """Names keep their mixed case, and sizes are width by height."""
    assert SIZES[name] == size


def test_languages_are_names():
    """Languages are lower-case names, `scottish gaelic` among them."""
    assert {"english", "german", "scottish gaelic", "kabuverdianu"} <= LANGUAGES
    assert all(name == name.strip().lower() and name for name in LANGUAGES)
