"""What Vyro's Imagine API can be asked for: the fields of its operations, by its documents or, where those are silent, by callers.

Apart from `vyro`, which speaks HTTP, because this half is only data. Fields marked `assumed` and operations marked `open` are known
from third-party callers only; an `open` operation passes on fields it does not list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling

DOC: Final = "https://reference.imagine.art"
RATIOS: Final = ("1:1", "3:2", "4:3", "3:4", "16:9", "9:16")
_PROMPT: Final = Field("text", required=True, least=1, doc="describes what to make")
_SEED: Final = Field("integer", low=1, doc="the same seed makes the same picture")
_RATIO: Final = Field("text", choices=RATIOS, default="1:1", doc="aspect ratio")
_IMAGE: Final = Field("image", required=True, takes=("part",), doc="the picture, sent as a file")
_MASK: Final = Field(
    "image", required=True, takes=("part",), doc="same size as the picture; callers say white is filled, black kept"
)
_STYLES: Final = ("realistic", "anime", "flux-schnell", "flux-dev", "flux-dev-fast", "sdxl-1.0", "imagine-turbo")
_VIDEO_STYLES: Final = ("fast-svd", "kling-1.0-pro", "kling-v1.6-standard-image-to-video", "luma-dream-machine-ray-2")
_VIDEO_STYLE: Final = Field("text", required=True, least=1, choices=_VIDEO_STYLES, open_choices=True, doc="the video model")
_VIDEO: Final[dict[str, Any]] = {"polling": Polling(5.0, 1.5, 30.0), "deadline": 2700.0}


def _guess(field: Field) -> Field:
    """The field as third-party callers use it, where the vendor's page was not seen."""
    return Field(field.kind, doc=field.doc, takes=field.takes, assumed=True)


OPERATIONS: Final[Mapping[str, Operation]] = {
    "text-to-image": Operation(
        "text-to-image",
        "file",
        {
            "prompt": _PROMPT,
            "style": Field("text", required=True, choices=_STYLES, default="imagine-turbo", doc="the image model"),
            "aspect_ratio": _RATIO,
            "seed": _SEED,
        },
        "a picture from a prompt",
        f"{DOC}/api-10672910",
    ),
    "text-to-png": Operation(
        "text-to-png",
        "file",
        {"prompt": _PROMPT, "aspect_ratio": _RATIO, "seed": _SEED, "style": _guess(_PROMPT)},
        "a transparent picture from a prompt",
        f"{DOC}/api-11959030",
    ),
    "remove-background": Operation(
        "remove-background", "file", {"image": _IMAGE}, "removes the background of a picture", DOC, open=True
    ),
    "upscale": Operation("upscale", "file", {"image": _IMAGE}, "enlarges a picture", DOC, open=True),
    "generative-fill": Operation(
        "generative-fill",
        "file",
        {"prompt": _PROMPT, "image": _IMAGE, "mask": _MASK},
        "paints the masked part of a picture anew",
        f"{DOC}/api-10696501",
    ),
    "resize": Operation(
        "resize",
        "file",
        {"prompt": _guess(_PROMPT), "image": _IMAGE, "mask": _guess(_MASK)},
        "extends a picture beyond its edges",
        DOC,
        open=True,
    ),
    "retouch": Operation(
        "retouch", "file", {"image": _IMAGE, "mask": _guess(_MASK)}, "removes the masked part of a picture", DOC, open=True
    ),
    "ai-background": Operation(
        "ai-background",
        "file",
        {
            "prompt": _PROMPT,
            "image": _IMAGE,
            "style": Field("text", choices=("product-shoot",), default="product-shoot", doc="style of the background"),
            "seed": _SEED,
        },
        "puts a transparent picture before a generated background",
        DOC,
    ),
    "text-to-video": Operation(
        "text-to-video",
        "file",
        {
            "prompt": _PROMPT,
            "style": _VIDEO_STYLE,
            "aspect_ratio": Field("text", choices=("1:1", "16:9", "9:16"), doc="aspect ratio"),
        },
        "a video from a prompt",
        "https://platform.imagine.art/api/models/fast-svd-text-to-video/docs",
        **_VIDEO,
    ),
    "image-to-video": Operation(
        "image-to-video",
        "file",
        {"prompt": _PROMPT, "style": _VIDEO_STYLE, "file": _IMAGE},
        "a video from a picture",
        DOC,
        **_VIDEO,
    ),
}
