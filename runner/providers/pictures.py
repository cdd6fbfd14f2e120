"""Pictures inside JSON: ours on their way to a vendor, theirs on the way back.

A vendor whose input is free-form names its picture fields as each model likes, so bytes of ours are found by how they are written
(`blob:` and a sha256), at any depth. What comes back in base64 is believed only if it begins as a picture.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.providers.contract import link_of
from runner.records import Asset, Json
from runner.verdicts import Inline, Item, Link

BLOB: Final = re.compile(r"blob:[0-9a-f]{64}")
DATA_URI: Final = "data:{type};base64,{data}"
"""The form of an asset as a data URI (RFC 2397)."""
BASE64: Final = "{data}"
PICTURE: Final = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|.{4}ftypavi[fs]", re.DOTALL)
MOVING: Final = re.compile(rb".{4}ftyp|\x1a\x45\xdf\xa3", re.DOTALL)
"""How an MP4 or a WebM begins."""


def with_assets(value: Json, form: str) -> Any:
    """The value with every text that names bytes of ours, at any depth, as an `Asset` of this form; URLs stay as they are."""
    if isinstance(value, str):
        return Asset(value, form) if BLOB.fullmatch(value) else value
    if isinstance(value, Mapping):
        return {name: with_assets(inner, form) for name, inner in value.items()}
    return [with_assets(inner, form) for inner in value] if isinstance(value, list | tuple) else value


def inline_of(value: Any) -> Inline | None:
    """The picture or video that a base64 text holds, with or without a `data:` prefix; None if it is none."""
    if not isinstance(value, str) or len(value) < 16:
        return None
    try:
        data = base64.b64decode(value.rpartition(";base64,")[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Inline(data) if PICTURE.match(data) or MOVING.match(data) else None


def item_of(value: Any) -> Item | None:
    """A file as a vendor names it: an absolute URL, or a data URI that holds a picture."""
    link = link_of(value)
    if link is not None:
        return Link(link)
    return inline_of(value) if isinstance(value, str) and value.startswith("data:") else None


def texts_in(value: Any, depth: int = 8) -> Iterator[str]:
    """Every text inside lists and maps, in the vendor's order."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner, depth - 1)
