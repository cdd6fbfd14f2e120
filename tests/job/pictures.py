"""Drawn pictures, good ones and such as have one thing wrong, measured as a run measures them."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from runner.edge.media import Media, inspect
from runner.records import Artifact


def draw(number: int, size: tuple[int, int] = (120, 100), mode: str = "RGB") -> Image.Image:
    """A picture like no other: a ground and a dozen shapes."""
    dice = random.Random(number)
    picture = Image.new("RGB", size, (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    pencil = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = dice.randrange(size[0]), dice.randrange(size[1])
        box = (left, top, left + dice.randrange(10, 60), top + dice.randrange(10, 60))
        shape: Callable[..., None] = dice.choice([pencil.rectangle, pencil.ellipse])
        shape(box, fill=(dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    return picture if mode == "RGB" else picture.convert(mode)


def noise(size: tuple[int, int], low: int = 0, high: int = 256) -> Image.Image:
    """Grain that no compressor makes small."""
    dice = random.Random(1)
    return Image.frombytes("RGB", size, bytes(dice.choices(range(low, high), k=size[0] * size[1] * 3)))


def saved(picture: Image.Image, format: str = "PNG", **how: Any) -> bytes:
    """The picture as a file."""
    file = BytesIO()
    picture.save(file, format, **how)
    return file.getvalue()


def measured(data: bytes, folder: Path) -> Artifact:
    """The file as the engine saves it."""
    path = folder / "picture"
    path.write_bytes(data)
    media = inspect(path)
    assert isinstance(media, Media), media
    return Artifact(
        "file",
        sha256="0" * 64,
        size=len(data),
        media_type=media.media_type,
        width=media.width,
        height=media.height,
        look=str(media.look),
    )
