from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runner.sandbox.intake import Ask, Pictures, Wrong
from runner.sandbox.vendors.sivi_asks import find_request, read_content, read_content_design, read_design, read_media

URL = "https://shop.example/a.png"
MEDIA = {"prompt": "hat", "dimensions": {"width": 1024, "height": 1024}, "bId": "b_1", "model": "nano-banana:1k"}
DESIGN = {"prompt": "hat", "type": "displayAds", "subtype": "displayAds-leaderboard", "numOfVariants": 4}
CUSTOM = {"prompt": "hat", "type": "custom", "subtype": "custom", "numOfVariants": 1}
Read = Callable[[Ask, Pictures], dict[str, Any]]


def read(how: Read, body: dict[str, Any]) -> dict[str, Any]:
    """The params of a JSON body."""
    ask = Ask("POST", {}, {}, {}, "application/json", json.dumps(body).encode())
    return how(ask, Pictures(lambda url: None))


def media(**fields: Any) -> dict[str, Any]:
    """An image request with some fields changed."""
    return {**MEDIA, **fields}


def layout(**fields: Any) -> dict[str, Any]:
    """A design request with some fields changed."""
    return {**DESIGN, **fields}


@pytest.mark.parametrize(
    ("how", "good", "bad", "message"),
    [
        (read_media, media(), media(prompt=5), "Prompt is required and must be a string."),
        (read_media, media(), media(prompt=""), "Prompt is required and must be a string."),
        (read_media, media(), media(model="invalid-model"), "Model 'invalid-model' is not supported."),
        (read_media, media(), media(dimensions={"width": 1024}), "dimensions.height is required"),
        (read_media, media(), media(dimensions={"width": -1, "height": 1}), "at least 1"),
        (
            read_media,
            media(dimensions={"width": 1264, "height": 848}),
            media(dimensions={"width": 300, "height": 250}),
            "not supported by model",
        ),
        (read_media, media(), {key: value for key, value in MEDIA.items() if key != "bId"}, "bId is required"),
        (read_media, media(negativePrompt="x"), media(negative="x"), "not a known parameter"),
        (read_media, media(siviAssets=[{"mId": "m"}]), media(siviAssets=["m"]), "siviAssets"),
        (read_media, media(assets={"photo": [{"url": URL}]}), media(assets={"photos": [{"url": URL}]}), "not a media type"),
        (read_media, media(assets={"logo": [{"url": URL}]}), media(assets={"logo": [URL]}), "array of"),
        (read_media, media(assets={"photo": [{"url": URL}] * 4}), media(assets={"photo": [{"url": URL}] * 5}), "Maximum of 4"),
        (read_media, media(), media(siviAssets=[{"mId": "m"}] * 3, assets={"photo": [{"url": URL}] * 2}), "Maximum of 4"),
        (read_media, media(), media(model="z-image-turbo", siviAssets=[{"mId": "m"}]), "does not support enhancement"),
        (read_design, layout(), layout(numOfVariants=5), "at most 4"),
        (read_design, layout(), layout(numOfVariants=0), "at least 1"),
        (read_design, layout(), layout(type="socialMedia"), "has no subtype"),
        (read_design, layout(), layout(subtype="displayAds-billboard"), "has no subtype"),
        (read_design, layout(dimension={"width": 728, "height": 90}), layout(dimension=[728, 90]), "must be an object"),
        (read_design, {**CUSTOM, "dimension": {"width": 150, "height": 2000}}, CUSTOM, "dimension is required"),
        (
            read_design,
            {**CUSTOM, "dimension": {"width": 2000, "height": 150}},
            {**CUSTOM, "dimension": {"width": 149, "height": 200}},
            "at least 150",
        ),
        (
            read_design,
            {**CUSTOM, "dimension": {"width": 200, "height": 200}},
            {**CUSTOM, "dimension": {"width": 200, "height": 2001}},
            "at most 2000",
        ),
        (read_design, layout(language="german"), layout(language="klingon"), "not supported"),
        (read_design, layout(language="scottish gaelic"), layout(language=7), "must be a string"),
        (read_design, layout(colors=["#5662EC"]), layout(colors=["blue"]), "hex codes"),
        (read_design, layout(outputFormat=["jpg", "png"]), layout(outputFormat=["gif"]), "outputFormat"),
        (read_design, layout(fonts=[]), layout(fonts="Arial"), "must be an array"),
        (read_design, layout(designInstructions=["big"]), layout(designInstructions=4), "designInstructions"),
        (read_design, layout(abstractUserId="u"), layout(userId="u"), "not a known parameter"),
        (read_design, layout(settings={"mode": "auto"}), layout(settings={"mode": "fast"}), "settings.mode must be one of"),
        (
            read_design,
            layout(settings={"mode": "brand", "currentbId": "b"}),
            layout(settings={"mode": "brand"}),
            "currentbId is required",
        ),
        (read_design, layout(settings={"fontGroups": ["a", "b", "c"]}), layout(settings={"fontGroups": ["a"]}), "exactly 3"),
        (read_design, layout(settings={"designModel": "sivi-gen-27"}), layout(settings={"designModel": "gpt"}), "designModel"),
        (read_design, layout(settings={"theme": ["dark"]}), layout(settings={"themes": ["dark"]}), "not a known parameter"),
        (
            read_design,
            layout(assets={"icons": [{"url": URL}]}),
            layout(assets={"photo": [{"url": URL}]}),
            "not a supported asset type",
        ),
        (read_design, layout(assets={"images": [{"url": URL}] * 4}), layout(assets={"images": [{"url": URL}] * 5}), "Maximum of 4"),
        (
            read_design,
            layout(assets={"images": [{"url": URL}]}),
            layout(assets={"images": [{"url": "picture.png"}]}),
            "must be an http",
        ),
        (
            read_design,
            layout(assets={"images": [{"url": URL, "imagePreference": {"crop": True, "removeBg": None}}]}),
            layout(assets={"images": [{"url": URL, "imagePreference": {"crop": "yes"}}]}),
            "must be a boolean",
        ),
        (
            read_design,
            layout(assets={"logos": [{"url": URL, "logoStyles": ["direct", "outline"]}]}),
            layout(assets={"logos": [{"url": URL, "logoStyles": ["neon"]}]}),
            "logoStyles",
        ),
        (
            read_design,
            layout(assets={"logos": [{"url": URL, "touchPosition": {"left": True}}]}),
            layout(assets={"logos": [{"url": URL, "touchPosition": {"middle": True}}]}),
            "not a known parameter",
        ),
        (read_content, {key: DESIGN[key] for key in ("prompt", "type", "subtype")}, {"prompt": "x"}, "type is required"),
        (
            read_content_design,
            {**{key: DESIGN[key] for key in ("type", "subtype", "numOfVariants")}, "content": {"title": "x"}},
            {key: DESIGN[key] for key in ("type", "subtype", "numOfVariants")},
            "content is required",
        ),
    ],
)
def test_each_documented_rule_accepts_and_refuses(how: Read, good: dict[str, Any], bad: dict[str, Any], message: str):
    """Every rule of the pages has a body that keeps it and one that breaks it, with a message that says which."""
    assert read(how, good)
    with pytest.raises(Wrong) as caught:
        read(how, bad)
    assert message in caught.value.message


def test_the_subtype_gives_the_size():
    """A design's size is its subtype's; a custom one's is its dimension."""
    assert (read(read_design, DESIGN)["width"], read(read_design, DESIGN)["height"]) == (728, 90)
    custom = read(read_design, {**CUSTOM, "dimension": {"width": 400, "height": 500}})
    assert (custom["width"], custom["height"]) == (400, 500)


def test_library_assets_count_and_stand_in():
    """Sivi's own assets are images named by their id."""
    params = read(read_design, layout(siviAssets=[{"mId": "w_1"}]))
    assert params["assets"]["images"] == [{"image": "url:sivi:w_1"}]


def test_the_ticket_is_in_query_params():
    """The status request's only parameter is a JSON object with requestId and maybe abstractUserId."""
    query = {"queryParams": '{"requestId": "sb1", "abstractUserId": "u"}'}
    assert find_request(Ask("GET", {}, query, {})) == "sb1"
    with pytest.raises(Wrong):
        find_request(Ask("GET", {}, {**query, "more": "1"}, {}))
