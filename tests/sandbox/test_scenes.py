from __future__ import annotations

import pytest

from runner.sandbox.prompts import SEASONS, SETTINGS
from runner.sandbox.scenes import SCENES, draw_scene


@pytest.mark.parametrize("setting", SCENES)
@pytest.mark.parametrize("size", [(160, 120), (364, 45), (60, 220)])
def test_scenes_fill_any_size(setting: str, size: tuple[int, int]):
    """Every setting fills strips and towers alike, with more than a plain colour."""
    image = draw_scene(setting, size, "seed")
    assert image.size == size
    assert image.mode == "RGB"
    colours = image.getcolors(size[0] * size[1])
    assert colours is None or len(colours) > 50


def test_scenes_vary_with_the_seed_only():
    """The same seed gives the same pixels, another seed others."""
    first = draw_scene("beach", (80, 60), 1).tobytes()
    assert first == draw_scene("beach", (80, 60), 1).tobytes()
    assert first != draw_scene("beach", (80, 60), 2).tobytes()


def test_every_setting_a_prompt_can_ask_for_exists():
    """The settings read from prompts and the scenes that can be drawn are the same."""
    assert {name for name, _ in SETTINGS} == set(SCENES)
    assert {name for _, name in SEASONS} <= set(SCENES)


def test_an_unknown_setting_is_a_studio():
    """A prompt that names no place is set in the studio."""
    assert draw_scene("", (60, 60), 1, ((1, 2, 3), (4, 5, 6))).getpixel((30, 2)) is not None
