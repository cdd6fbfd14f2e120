"""Fonts and blobs for drawing: the project's two, and a subset of a Chinese, Japanese and Korean one (Noto Sans CJK, OFL)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from runner.compose.render import compose
from runner.compose.typeface import Typeface, read_typeface

ROOT: Final = Path(__file__).parents[2]
FILES: Final = (
    ROOT / "templates/fonts/InterDisplay-ExtraBold.otf",
    ROOT / "templates/fonts/Inter-Medium.otf",
    Path(__file__).parent / "fonts/NotoSansCJK-Bold-subset.otf",
)
FONTS: Final = tuple(path.read_bytes() for path in FILES)


def faces() -> list[Typeface]:
    """The three fonts, read."""
    return [read_typeface(data) for data in FONTS]


def draw(svg: str, width: int = 300, height: int = 250, pictures: dict[str, bytes] | None = None, **params: Any) -> bytes:
    """What a request for this drawing gives."""
    blobs = {hashlib.sha256(data).hexdigest(): data for data in (*FONTS, *(pictures or {}).values())}
    fonts = [f"blob:{hashlib.sha256(data).hexdigest()}" for data in FONTS]
    named = {name: f"blob:{hashlib.sha256(data).hexdigest()}" for name, data in (pictures or {}).items()}
    asked = {"svg": svg, "width": width, "height": height, "fonts": fonts, "pictures": named, **params}
    return compose(asked, blobs.__getitem__)
