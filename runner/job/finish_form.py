"""`finish:` as a job writes it: what a picture is made into before it is published."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from runner.job.forms import Size, Whole
from runner.job.spec import Spec

LEAST_QUALITY: Final = 20


def read_colour(value: str) -> str:
    """A colour as CSS has it: `#ffffff`, `white`, `rgb(255, 255, 255)`."""
    from PIL import ImageColor  # noqa: PLC0415 - Pillow is for jobs that have pictures

    try:
        ImageColor.getrgb(value)
    except ValueError:
        raise ValueError(f'needs a colour, such as "#ffffff" or white; got {value[:40]!r}') from None
    return value


class Finish(Spec):
    """What a picture is made into before it is judged and published. It is no part of what is asked: changing it buys nothing."""

    NOUN: ClassVar[str] = "finish"
    width: Whole | None = Field(None, description="Exactly this many pixels wide.", examples=["{{ matrix.size.width }}"])
    height: Whole | None = Field(None, description="Exactly this many pixels high.", examples=["{{ matrix.size.height }}"])
    fit: Literal["crop", "pad", "stretch"] = Field(
        "crop", description="crop: fill the size from the middle; pad: show all of it on the background; stretch: as it comes."
    )
    background: Annotated[str, AfterValidator(read_colour)] = Field(
        "#ffffff", description="The colour of padding, and below what is transparent where the format has no alpha."
    )
    format: Literal["jpeg", "png", "webp", "avif"] | None = Field(
        None, description="The format; that of the answer where not given."
    )
    max_kb: Size | None = Field(
        None, description="The best quality that weighs at most this many kilobytes (1 kB = 1000 bytes).", examples=[150]
    )
    quality: int = Field(90, ge=LEAST_QUALITY, le=100, description="The most quality a lossy format is given.")
    metadata: Literal["keep", "drop"] = Field(
        "keep", description="keep: XMP and Exif stay, but no place; drop: nothing stays but how the picture was made."
    )
