"""The fields of Vyro's operations, as its documents bound them."""

from __future__ import annotations

import pytest

from runner.fields import check_params
from runner.providers.vyro_fields import OPERATIONS
from runner.records import Json
from tests.providers.test_vyro import FACTS


@pytest.mark.parametrize(
    ("operation", "field", "value", "said"),
    [
        ("ai-background", "seed", 0, "is 0; the least allowed is 1"),
        ("ai-background", "style", "product-shot", "did you mean product-shoot?"),
        ("ai-background", "image", "mug.png", "needs an image"),
        ("text-to-png", "seed", 0, "the least allowed is 1"),
        ("text-to-image", "style", "realistc", "did you mean realistic?"),
        ("text-to-image", "aspect_ratio", "2:1", "is not one of 1:1, 3:2, 4:3, 3:4, 16:9, 9:16"),
        ("text-to-image", "seed", "5", "write {{ … | int }}"),
        ("text-to-video", "aspect_ratio", "3:2", "is not one of 1:1, 16:9, 9:16"),
        ("generative-fill", "mask", 3, "needs an image"),
    ],
)
def test_values_the_documents_do_not_allow(operation: str, field: str, value: Json, said: str) -> None:
    """Each is one problem that names the field and the cure."""
    problems = check_params(OPERATIONS[operation], f"vyro/{operation}", {**FACTS.params[operation], field: value})
    assert [problem.path for problem in problems] == [(field,)]
    assert said in problems[0].message


def test_a_video_style_we_do_not_know_passes() -> None:
    """The list of video models moves, so it is open; that of image models is documented and closed."""
    assert check_params(OPERATIONS["text-to-video"], "vyro", {"prompt": "p", "style": "brand-new-2"}) == []


def test_only_undocumented_operations_are_open() -> None:
    """Where the vendor's page was not seen, other fields pass; elsewhere a slip is found."""
    assert {name for name, operation in OPERATIONS.items() if operation.open} == {
        "remove-background",
        "upscale",
        "resize",
        "retouch",
    }


def test_videos_wait_at_least_half_an_hour() -> None:
    """Generation takes some ten to fifteen minutes."""
    assert all(OPERATIONS[name].deadline >= 1800 for name in ("text-to-video", "image-to-video"))
