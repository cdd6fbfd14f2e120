from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.hosted import make_hosted, read_input
from runner.sandbox.intake import Pictures, Wrong


def picture() -> str:
    """A small picture as a data URL."""
    file = io.BytesIO()
    Image.new("RGB", (20, 16), "navy").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def read(model: str, **values: Any) -> dict[str, Any]:
    """The params for this model and input."""
    return read_input(model, values, Pictures(lambda _url: None))


@pytest.mark.parametrize(
    ("model", "values", "task"),
    [
        ("black-forest-labs/flux-schnell", {"prompt": "mug"}, "draw"),
        ("cjwbw/rembg", {"image": picture()}, "cutout"),
        ("fal-ai/birefnet/v2", {"image_url": "https://shop.example/mug.png"}, "cutout"),
        ("nightmareai/real-esrgan", {"image": picture()}, "upscale"),
        ("meta/meta-llama-3-8b-instruct", {"prompt": "a headline"}, "text"),
        ("bria/eraser", {"image": picture(), "mask": picture()}, "erase"),
    ],
)
def test_a_models_name_tells_its_task(model: str, values: dict[str, Any], task: str):
    """What a model does is read from its name."""
    assert read(model, **values)["task"] == task


def test_pictures_are_found_by_name_and_look():
    """Links and data URLs under a name for pictures are pictures, lists of them too; a mask is one apart; other links are not."""
    params = read(
        "x/y", prompt="p", image=picture(), reference_images=[picture(), "https://a.example/b.png"], mask=picture(), url="u"
    )
    assert [reference.partition(":")[0] for reference in params["images"]] == ["sha256", "sha256", "url"]
    assert params["mask"].startswith("sha256:")
    assert params["more"] == {"url": "u"}


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({}, None),
        ({"width": 64, "height": 32}, (64, 32)),
        ({"aspect_ratio": "16:9"}, (1024, 576)),
        ({"image_size": "square"}, (512, 512)),
        ({"image_size": {"width": 40, "height": 20}}, (40, 20)),
        ({"image_size": "huge"}, None),
    ],
)
def test_sizes_come_in_many_ways(values: dict[str, Any], size: tuple[int, int] | None):
    """Pixels, a ratio, a name, or an object."""
    assert read("x/y", prompt="p", **values)["size"] == size


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        ("x/y", {}, "prompt is required"),
        ("x/y", {"prompt": " "}, "prompt is required"),
        ("x/rembg", {}, "image is required"),
        ("x/y", {"prompt": "p", "num_outputs": 9}, "num_outputs must be at most 4"),
        ("x/y", {"prompt": "p", "image": "data:image/png;base64,AAAA"}, "not a readable image"),
    ],
)
def test_what_no_model_could_use_is_refused(model: str, values: dict[str, Any], message: str):
    """The message names the input."""
    with pytest.raises(Wrong, match=message):
        read(model, **values)


def test_every_input_decides_the_result():
    """An input that nobody here understands is part of the order all the same."""
    assert read("x/y", prompt="p", guidance=3) != read("x/y", prompt="p", guidance=4)


def test_texts_and_pictures_are_made():
    """A model that writes yields a text, one that draws as many pictures as asked for."""
    text = make_hosted(read("meta/llama", prompt="a headline for mugs"), {})
    assert [each.media_type for each in text] == ["text/plain"]
    assert len(make_hosted(read("x/y", prompt="mug", width=32, height=32, num_images=2), {})) == 2
