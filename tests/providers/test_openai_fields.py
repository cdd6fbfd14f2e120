"""The fields of chat and pictures as data: families, rules, and what a job may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.fields import PENDING, check_params
from runner.job.steps import bring_pictures, pictured
from runner.providers.openai_fields import CHAT, EDIT, FAMILIES, FREE, IMAGE, SIZES, family_of


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dated_model_is_of_its_family(family: str) -> None:
    """The date at its end names a snapshot."""
    assert family_of(family) == family_of(f"{family}-2026-04-21") == family
    assert family_of(f"{family}-large") is None


def test_every_family_has_sizes_that_pass() -> None:
    """Each listed size of each family is right, and those of another are told of."""
    for family, sizes in SIZES.items():
        for size in sizes:
            assert check_params(IMAGE, "openai/image", {"model": family, "prompt": "x", "size": size}) == []
        assert check_params(IMAGE, "openai/image", {"model": family, "prompt": "x", "size": "7x7"})


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_free_size_is_right_exactly_within_its_bounds(width: int, height: int) -> None:
    """Divisible by 16, no narrower than 1:3, no larger than 3840x2160."""
    params = {"model": FREE, "prompt": "x", "size": f"{width}x{height}"}
    long, short = max(width, height), min(width, height)
    right = width % 16 == height % 16 == 0 and long <= 3 * short and long <= 3840 and width * height <= 3840 * 2160
    assert (check_params(IMAGE, "openai/image", params) == []) is (right and width > 9 and height > 9)


def test_what_an_earlier_step_will_tell_passes() -> None:
    """A prompt that is not known yet breaks no rule."""
    assert check_params(IMAGE, "openai/image", {"model": "dall-e-2", "prompt": PENDING, "size": PENDING}) == []
    assert check_params(CHAT, "openai/chat", {"model": "m", "prompt": PENDING}) == []


def test_pictures_are_found_wherever_a_chat_may_have_them() -> None:
    """In `images`, and in the parts of a message; a text that looks like a path is none."""
    seen: list[str] = []

    def bring(text: str, path: tuple[str | int, ...]) -> str:
        seen.append(text)
        return "blob:x"

    parts = [{"type": "text", "text": "a.png"}, {"type": "image_url", "image_url": {"url": "b.png", "detail": "low"}}]
    messages = [{"role": "system", "content": "c.png"}, {"role": "user", "content": parts}]
    told = bring_pictures(
        pictured(CHAT), {"model": "m", "messages": messages, "images": ["d.png", "https://e.example/e.png"]}, bring
    )
    assert sorted(seen) == ["b.png", "d.png"]
    assert told["messages"][1]["content"][1]["image_url"] == {"url": "blob:x", "detail": "low"}
    assert told["messages"][0] == messages[0]
    assert told["images"] == ["blob:x", "https://e.example/e.png"]
    assert {"image", "images", "mask"} == set(pictured(EDIT))
