"""The fields of Sivi's operations and the rules between them."""

from __future__ import annotations

from typing import Any

import pytest

from runner.fields import PENDING, Problem, check_params
from runner.providers.sivi_fields import OPERATIONS, assets_given
from tests.providers.test_sivi import FACTS

URL = "https://example.com/a.png"


def problems(operation: str, **changes: Any) -> list[Problem]:
    """What is wrong with the right params of `operation` after `changes` (None leaves a field out)."""
    params = {**FACTS.params[operation], **changes}
    return check_params(
        OPERATIONS[operation], f"sivi/{operation}", {name: value for name, value in params.items() if value is not None}
    )


@pytest.mark.parametrize(
    ("assets", "sivi_assets", "count"),
    [
        (None, None, 0),
        ({}, [], 0),
        ({"images": [1, 2], "logos": [3]}, None, 3),
        ({"photo": [1]}, [2, 3], 3),
        ({"images": "x"}, "y", 0),
        ("x", None, 0),
    ],
)
def test_assets_are_counted_over_both_fields(assets: Any, sivi_assets: Any, count: int) -> None:
    """Every list of `assets` and `siviAssets` counts."""
    assert assets_given({"assets": assets, "siviAssets": sivi_assets}) == count


@pytest.mark.parametrize("operation", ["media", "design", "design-from-content"])
def test_four_assets_in_total(operation: str) -> None:
    """Four pass, a fifth is one problem that counts them."""
    role = "photo" if operation == "media" else "images"
    four = {"assets": {role: [{"url": URL}] * 2}, "siviAssets": [{"mId": "w"}] * 2}
    assert problems(operation, **four) == []
    five = problems(operation, **{**four, "siviAssets": [{"mId": "w"}] * 3})
    assert [(problem.path, problem.message) for problem in five] == [
        (("assets",), "5 assets over assets and siviAssets; at most 4 are allowed in total")
    ]


@pytest.mark.parametrize("model", ["flux-schnell", "flux-klein-4b", "flux-dev", "twinflow-z-image-turbo", "z-image-turbo"])
def test_models_that_cannot_enhance_take_no_assets(model: str) -> None:
    """Given pictures turn generation into enhancement, which not every model can."""
    found = problems("media", model=model)
    assert [problem.path for problem in found] == [("model",)]
    assert f"model {model} cannot enhance given assets; models that can: auto, flux-klein-9b, nano-banana:1k" in found[0].message
    assert problems("media", model=model, assets=None, siviAssets=None) == []
    assert problems("media", model=model, assets={}, siviAssets=[]) == []


@pytest.mark.parametrize(
    "model", ["auto", "flux-klein-9b", "nano-banana:1k", "nano-banana-2:1k", "nano-banana-pro:1k", "brand-new:4k"]
)
def test_models_that_can_enhance_or_are_unknown_pass(model: str) -> None:
    """The list of models moves, so what is not in it is the vendor's to judge."""
    assert problems("media", model=model) == []


@pytest.mark.parametrize(
    ("model", "size", "right"),
    [
        ("nano-banana:1k", (1264, 848), True),
        ("nano-banana:1k", (1344, 768), False),
        ("flux-klein-9b", (1344, 768), True),
        ("flux-klein-9b", (1264, 848), False),
        ("auto", (1264, 848), True),
        ("auto", (1, 1), False),
        ("brand-new:4k", (3, 5), True),
    ],
)
def test_each_model_makes_its_own_sizes(model: str, size: tuple[int, int], right: bool) -> None:
    """A known model is held to its documented sizes, which the message lists."""
    found = problems("media", model=model, dimensions={"width": size[0], "height": size[1]})
    assert (found == []) is right
    assert right or (found[0].path == ("dimensions",) and "1024x1024" in found[0].message)


@pytest.mark.parametrize(
    ("design_type", "subtype", "said"),
    [
        ("displayAds", "displayAds-leaderbord", "did you mean displayAds-leaderboard?"),
        ("reddit", "square", "it has reddit-ad, reddit-ad-square, reddit-ad-small"),
        ("linkedin", "linkedin-ad", "did you mean linkedIn-ad?"),
        ("custom", "square", "subtype square does not belong to type custom; it has custom"),
        ("email", "custom", "does not belong to type email"),
    ],
)
@pytest.mark.parametrize("operation", ["design", "design-from-content", "content"])
def test_a_subtype_belongs_to_its_type(operation: str, design_type: str, subtype: str, said: str) -> None:
    """Spelled as the vendor spells it, with a suggestion where one is near."""
    found = problems(operation, type=design_type, subtype=subtype, dimension={"width": 300, "height": 300})
    assert [problem.path for problem in found] == [("subtype",)]
    assert said in found[0].message


def test_an_unknown_type_is_one_problem() -> None:
    """`socialMedia` stands in a sample, but not in the vendor's list; its subtype is not blamed as well."""
    assert [problem.path for problem in problems("design", type="socialMedia", subtype="x")] == [("type",)]


@pytest.mark.parametrize(
    ("dimension", "said"),
    [
        (None, "type custom needs dimension"),
        ({"width": 149, "height": 150}, "dimension 149x150 is outside 150x150 to 2000x2000"),
        ({"width": 2000, "height": 2001}, "is outside"),
        ({"width": 0, "height": 200}, "the least allowed is 1"),
        ({"width": 200}, "height is required"),
    ],
)
def test_a_custom_design_needs_its_size(dimension: Any, said: str) -> None:
    """150 to 2000 pixels a side."""
    found = problems("design-from-content", dimension=dimension)
    assert len(found) == 1
    assert said in found[0].message


@pytest.mark.parametrize("size", [(150, 2000), (2000, 150), (640, 480)])
def test_a_custom_design_within_bounds(size: tuple[int, int]) -> None:
    """The bounds themselves are allowed."""
    assert problems("design-from-content", dimension={"width": size[0], "height": size[1]}) == []


def test_a_size_is_only_needed_for_custom() -> None:
    """Other designs take theirs from the subtype."""
    assert problems("design", dimension=None) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"numOfVariants": 0}, ("numOfVariants",)),
        ({"numOfVariants": 5}, ("numOfVariants",)),
        ({"numOfVariants": "2"}, ("numOfVariants",)),
        ({"outputFormat": ["gif"]}, ("outputFormat", 0)),
        ({"language": "English"}, ("language",)),
        ({"colors": ["#5662EC", "red"]}, ("colors", 1)),
        ({"colors": ["#1234"]}, ("colors", 0)),
        ({"assets": {"pictures": []}}, ("assets", "pictures")),
        ({"assets": {"images": [{"uri": URL}]}}, ("assets", "images", 0, "uri")),
        ({"assets": {"images": [{"url": "blob:" + "0" * 64}]}}, ("assets", "images", 0, "url")),
        (
            {"assets": {"images": [{"url": URL, "imagePreference": {"crop": "yes"}}]}},
            ("assets", "images", 0, "imagePreference", "crop"),
        ),
        ({"assets": {"logos": [{"url": URL, "logoStyles": ["bold"]}]}}, ("assets", "logos", 0, "logoStyles", 0)),
        ({"settings": {"mode": "manual"}}, ("settings", "mode")),
        ({"settings": {"fontGroups": ["a", "b"]}}, ("settings", "fontGroups")),
        ({"settings": {"imageStyle": ["covered"]}}, ("settings", "imageStyle", 0)),
        ({"designInstructions": [1]}, ("designInstructions",)),
    ],
)
def test_values_the_documents_do_not_allow(changes: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """A mistake is found where it stands, however deep."""
    assert path in [problem.path for problem in problems("design", **changes)]


@pytest.mark.parametrize("given", ["calm", ["calm", "blue"], []])
def test_design_instructions_are_a_text_or_texts(given: Any) -> None:
    """One page shows a string, another an array of strings."""
    assert problems("design", designInstructions=given) == []


def test_a_value_still_to_come_passes_every_rule() -> None:
    """What an earlier step will tell is not judged before it has."""
    assert problems("media", model=PENDING) == []
    assert problems("design", subtype=PENDING) == []


def test_a_brand_is_required_of_media() -> None:
    """The account's option fills it in before this is checked."""
    assert [problem.message for problem in problems("media", bId=None)] == ["bId is required by sivi/media"]
