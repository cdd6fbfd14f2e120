"""Pictures inside JSON: bytes of ours are found, bytes of theirs are believed only if they begin as a picture."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.providers.pictures import BASE64, DATA_URI, inline_of, item_of, texts_in, with_assets
from runner.records import Asset
from runner.verdicts import Inline, Link
from tests.providers.questions import PNG

BLOB = f"blob:{'0a' * 32}"
CODED = base64.b64encode(PNG).decode()
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(20)


def test_bytes_of_ours_are_found_at_any_depth() -> None:
    """A text that is exactly a blob's name becomes an asset; URLs, prompts and what merely mentions one stay."""
    value: dict[str, Any] = {
        "a": [BLOB, {"b": BLOB}],
        "c": "https://cdn.example.com/a.png",
        "d": f"see {BLOB}",
        "e": "blob:x",
        "f": [1, None, True],
    }
    asset = Asset(BLOB, DATA_URI)
    assert with_assets(value, DATA_URI) == {**value, "a": [asset, {"b": asset}]}
    assert with_assets((BLOB,), BASE64) == [Asset(BLOB, BASE64)]


@pytest.mark.parametrize("data", [PNG, b"\xff\xd8\xff\xe0" + bytes(20), b"RIFF\x0a\x00\x00\x00WEBPVP8 " + bytes(9), MP4])
def test_base64_of_a_picture_or_video_is_one(data: bytes) -> None:
    """With a `data:` prefix or without."""
    coded = base64.b64encode(data).decode()
    assert inline_of(coded) == inline_of(f"data:image/png;base64,{coded}") == Inline(data)


@pytest.mark.parametrize(
    "odd", [None, 7, "", "AAAA", "bm90IGEgcGljdHVyZSBhdCBhbGw=", CODED[:-3], CODED + "!", "ä" * 20, ["x"], "x" * 100]
)
def test_anything_else_is_none(odd: object) -> None:
    """Cut, foreign and other texts are no result."""
    assert inline_of(odd) is None


def test_a_file_is_a_link_or_a_data_uri() -> None:
    """Bare base64 and bare names are not, where a vendor names files by URL."""
    assert item_of("https://cdn.example.com/a.png") == Link("https://cdn.example.com/a.png")
    assert item_of(f"data:image/png;base64,{CODED}") == Inline(PNG)
    assert [item_of(odd) for odd in (CODED, "a.png", None, 7, "data:text/plain,hello there, you")] == [None] * 5


def test_texts_come_in_the_vendors_order() -> None:
    """Lists and maps are walked as they stand, to a depth that an honest answer has."""
    assert list(texts_in({"b": ["x", {"a": "y"}], "a": "z", "n": 1})) == ["x", "y", "z"]
    assert list(texts_in([[[["deep"]]]], depth=3)) == []
