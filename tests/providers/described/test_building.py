"""Calls made of a description."""

from __future__ import annotations

from typing import Any

import pytest

from runner.providers.described.building import Filling, address, placed_params
from runner.records import Asset, Call, FormBody, Json, JsonBody, Part, SecretHeader
from tests.providers.described.acme import BASE, acme, opened, request

BLOB = f"blob:{'a' * 64}"


def call(
    params: dict[str, Json], top: dict[str, Any] | None = None, account: dict[str, Json] | None = None, **operation: Any
) -> Call:
    """The submit of a vendor described like this."""
    provider, options = opened(acme(top, **operation), **(account or {}))
    return provider.submit(request(**params), options)


def test_the_plain_call() -> None:
    """A POST of the params as JSON, with the key's header by name."""
    assert call({"prompt": "a"}) == Call(
        "POST", f"{BASE}/images", "submit", secrets=(SecretHeader("x-api-key"),), body=JsonBody({"prompt": "a"})
    )


def test_params_travel_where_they_are_put() -> None:
    """In the path, the query or another place of the body; there and nowhere else, with their types."""
    made = call(
        {"model": "a/b ü", "prompt": "p", "n": 2, "style": "{ticket}"},
        path="/{params.model}/run",
        query={"n": "{params.n}", "v": 1, "gone": "{params.missing}"},
        send={"contents": [{"parts": [{"text": "{params.prompt}"}, {"more": "{params.missing}"}]}], "config": {"n": "{params.n}"}},
        fields={"model": {}, "prompt": {}, "n": {}, "style": {}, "missing": {}},
        required=["model"],
    )
    assert made.url == f"{BASE}/a%2Fb%20%C3%BC/run?n=2&v=1"
    assert made.body == JsonBody({"contents": [{"parts": [{"text": "p"}, {}]}], "config": {"n": 2}, "style": "{ticket}"})


def test_options_fill_paths_headers_and_bodies() -> None:
    """A header whose option is not set is left out; an option with a pattern may stand in a path as it is."""
    top = {
        "options": {
            "plan": {"enum": ["a", "b"], "default": "a"},
            "under": {"type": "string", "pattern": "(/[a-z]+)+"},
            "team": {"type": ["string", "null"]},
            "model": {"type": "string", "default": "m1"},
        },
        "headers": {"X-Plan": "plan {options.plan}", "X-Team": "{options.team}"},
    }
    said = {"path": "{+options.under}/{options.plan}", "send": {"model": "{options.model}", "team": "{options.team}"}}
    made = call({"prompt": "p"}, top, {"under": "/x/y"}, **said)
    assert (made.url, made.headers) == (f"{BASE}/x/y/a", (("X-Plan", "plan a"),))
    assert made.body == JsonBody({"model": "m1", "prompt": "p"})
    assert call({}, top, {"under": "/x", "team": "t"}, **said).headers[1] == ("X-Team", "t")


def test_a_query_can_hold_json() -> None:
    """Written compactly and URL-encoded."""
    query: dict[str, Any] = {"q": {"json": {"id": "{ticket}", "n": ["{params.n}"], "gone": "{params.x}"}}}
    assert (
        address("https://a.b", "/c", query, Filling({}, {"n": 1}, 'T"'))
        == "https://a.b/c?q=%7B%22id%22%3A%22T%5C%22%22%2C%22n%22%3A%5B1%5D%7D"
    )


def test_a_form_is_made_of_parts() -> None:
    """Constants first, then the fields in their order: booleans as words, lists as asked for, pictures as files, null left out."""
    fields = {"b": {"type": "boolean"}, "l": {"type": "array"}, "i": {"type": "image"}, "none": {"type": ["string", "null"]}}
    params: dict[str, Json] = {"none": None, "i": "https://x.y/a.png", "l": ["a", 1], "b": True, "extra": BLOB}
    for lists, parts in (
        ("json", [Part("l", '["a",1]')]),
        ("brackets", [Part("l[]", "a"), Part("l[]", "1")]),
        ("repeat", [Part("l", "a"), Part("l", "1")]),
    ):
        made = call(params, body="multipart", lists=lists, fields=fields, open=True, send={"mode": "fast"})
        assert made.body == FormBody(
            (Part("mode", "fast"), Part("b", "true"), *parts, Part("i", Asset("https://x.y/a.png")), Part("extra", Asset(BLOB)))
        )


@pytest.mark.parametrize(
    ("form", "asset"), [(None, Asset(BLOB)), ("data:{type};base64,{data}", Asset(BLOB, "data:{type};base64,{data}"))]
)
def test_pictures_of_ours_become_assets_wherever_a_field_has_one(form: str | None, asset: Asset) -> None:
    """In lists and maps too; URLs stay; a text that only looks like one is a text."""
    image: dict[str, Any] = {"type": "image"} | ({"form": form} if form else {})
    fields = {"one": image, "all": {"items": {"type": "object", "properties": {"image": image}}}, "prompt": {"type": "string"}}
    params: dict[str, Json] = {"one": "https://x.y/a.png", "all": [{"image": BLOB}], "prompt": BLOB}
    made = call(params, fields=fields)
    assert made.body == JsonBody({"one": "https://x.y/a.png", "all": [{"image": asset}], "prompt": BLOB})


def test_bytes_are_streamed() -> None:
    """An answer that is itself a file goes to the store."""
    assert call({}, answer={"bytes": True}).sink == "blob"
    assert placed_params(acme(send={"a": "{params.prompt}"}).operations["image"]) == {"prompt"}
