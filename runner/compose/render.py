"""Pixels of a drawing: resvg draws, Pillow writes the file. The same request gives the same bytes on every run.

resvg is given fonts by file and no folder to look for anything in; system fonts are left aside. Fonts are laid down once a process.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from runner.compose.artist import STUDIO, NotDrawn
from runner.compose.drawing import Sheet, Undrawable, read_drawing
from runner.compose.typeface import NotAFont, read_typeface
from runner.edge.looks import Image
from runner.records import BLOB_SCHEME, Json

MOST_PIXELS: Final = 25_000_000
TYPES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def compose(params: Mapping[str, Json], load: Callable[[str], bytes]) -> bytes:
    """The picture a request asks for. `load` gives the bytes of a blob by its sha256. Raises `Undrawable`."""
    width, height = int(str(params["width"])), int(str(params["height"]))
    if width * height > MOST_PIXELS:
        raise Undrawable(f"{width}×{height} pixels; at most {MOST_PIXELS:,} are drawn")
    named: Any = params.get("pictures") or {}
    fonts: Any = params.get("fonts") or ()
    data = [load(str(font).removeprefix(BLOB_SCHEME)) for font in fonts]
    try:
        faces = [read_typeface(each) for each in data]
    except NotAFont as wrong:
        raise Undrawable(f"a font cannot be read: {wrong}") from None
    pictures = {str(name): partial(_inside, load(str(ref).removeprefix(BLOB_SCHEME))) for name, ref in named.items()}
    svg = read_drawing(str(params["svg"]), Sheet(width, height, pictures, faces))
    return _written(_drawn(svg, width, height, data), str(params.get("format", "png")), params.get("quality", 90))


def _drawn(svg: str, width: int, height: int, fonts: list[bytes]) -> Image.Image:
    files = [SHELF.path(each) for each in fonts]
    try:
        png = STUDIO.draw(svg, width, height, files)
    except NotDrawn as why:
        raise Undrawable(f"resvg cannot draw it: {why}") from None
    picture = Image.open(io.BytesIO(png))
    picture.load()
    return picture if picture.size == (width, height) else picture.crop((0, 0, width, height))


def _written(picture: Image.Image, form: str, quality: Any) -> bytes:
    target = io.BytesIO()
    if form == "png":
        opaque = picture.mode != "RGBA" or picture.getchannel("A").getextrema()[0] == 255
        (picture.convert("RGB") if opaque else picture).save(target, "PNG")
        return target.getvalue()
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    ground.save(target, "JPEG", quality=int(quality), optimize=True, progressive=True, subsampling=0)
    return target.getvalue()


def _inside(data: bytes, width: float, height: float) -> tuple[str, bytes]:
    """A picture as it goes into a place of so many pixels: one that resvg can read, no larger than covers the place."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            factor = max(width / picture.width, height / picture.height)
            if picture.format in TYPES and factor >= 1 and picture.mode in ("RGB", "RGBA", "L", "P"):
                return TYPES[picture.format], data
            has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
            plain = picture.convert("RGBA").convert("RGBa") if has_alpha else picture.convert("RGB")
            if factor < 1:
                size = (max(round(plain.width * factor), 1), max(round(plain.height * factor), 1))
                plain = plain.resize(size, Image.Resampling.LANCZOS)
            target = io.BytesIO()
            (plain.convert("RGBA") if has_alpha else plain).save(target, "PNG", compress_level=1)
            return "image/png", target.getvalue()
    except (OSError, ValueError, SyntaxError) as wrong:
        raise Undrawable(f"a picture cannot be read: {wrong}") from None


class _Shelf:
    """Fonts as files, in a folder that goes with this process: resvg takes them by path. One for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._paths: dict[str, str] = {}

    def path(self, font: bytes) -> str:
        """Where the font lies."""
        name = hashlib.sha256(font).hexdigest()
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="adbatch-fonts-")
            if name not in self._paths:
                path = Path(self._folder.name) / f"{name[:32]}.otf"
                path.write_bytes(font)
                self._paths[name] = str(path)
            return self._paths[name]


SHELF: Final = _Shelf()
