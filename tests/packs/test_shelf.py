"""Packs are data that `expect:` understands, with a date and a page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runner.job.expect_form import Expect
from runner.packs.shelf import FOLDER, PACKS, load_pack, role_of


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_says_where_and_when_its_limits_are_from(name: str) -> None:
    """A title, a day that has been, and pages of the platform."""
    pack = load_pack(name)
    assert pack.title
    assert date.fromisoformat(pack.dated) <= date.today()
    assert pack.sources
    assert all(source.startswith("https://") for source in pack.sources)


@pytest.mark.parametrize("name", PACKS)
def test_every_limit_is_one_of_expect(name: str) -> None:
    """Whatever a pack says a job could have written itself."""
    for role in load_pack(name).roles.values():
        assert Expect.model_validate(dict(role.limits)).model_dump(exclude_none=True).keys() == role.limits.keys()


def test_the_shelf_holds_what_it_lists() -> None:
    """One file for each pack."""
    assert sorted(path.stem for path in Path(FOLDER).glob("*.yaml")) == sorted(PACKS)


def test_the_limits_are_those_of_the_platforms() -> None:
    """Spot checks against the pages."""
    assert load_pack("google-display").roles["banner"].limits["max_kb"] == 150
    assert load_pack("iab-2017").roles["banner"].limits["sizes"]["970x250"] == 250  # type: ignore[index,call-overload]
    assert load_pack("google-responsive").roles["landscape"].limits["min_height"] == 314
    assert load_pack("merchant").roles["title"].limits["max_chars"] == 150


@pytest.mark.parametrize(
    ("pack", "asked", "step", "gives", "role"),
    [
        ("google-responsive", None, "headline", "text", "headline"),
        ("google-responsive", None, "long-headline", "text", "long_headline"),
        ("google-responsive", "logo", "headline", "picture", "logo"),
        ("meta-feed", None, "scene", "picture", "picture"),
        ("google-display", None, "ad", None, "banner"),
    ],
)
def test_a_role_is_found(pack: str, asked: str | None, step: str, gives: str | None, role: str) -> None:
    """By name, by the step's name, or because there is no other."""
    assert role_of(load_pack(pack), asked, step, gives).name == role  # type: ignore[arg-type]
