"""Local: what is carried out on this machine, without a vendor, a key or a price. `compose` lays out banners.

A request of it is what it asks for, like any other: the template's rendered SVG, the bytes of pictures and fonts, size and format.
So it is journaled, resumed, planned and reused like what is bought; only the hands are others (`runner.compose`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from runner.fields import Field, Operation, Rule
from runner.providers.contract import Options
from runner.records import Answer, Call, Json, Limits, Money, Request, Step
from runner.verdicts import Verdict

NAME = "local"
BASE_URL = "local:"
DOC = "templates/*.svg.j2 in this project; SVG as resvg draws it: https://github.com/linebender/resvg"
KEYS: Mapping[str, str] = {}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {
    "fonts": Field("list", default=(), item=Field("text"), doc="the fonts of the project; written under fonts: in adbatch.yaml"),
}
AT_ONCE: Final = 4


def _needs_fonts(params: Mapping[str, Json]) -> str | None:
    svg = str(params.get("svg", ""))
    if ("<fit" in svg or "<text" in svg) and not params.get("fonts"):
        return "has text, but no fonts are declared; write fonts: [templates/fonts/NAME.ttf] in adbatch.yaml"
    return None


OPERATIONS: Final[Mapping[str, Operation]] = {
    "compose": Operation(
        "compose",
        "file",
        {
            "svg": Field("text", required=True, least=1, doc="the drawing, as {template: NAME.svg.j2}, whose values are escaped"),
            "width": Field("integer", required=True, low=1, high=10_000, doc="width of the picture in pixels"),
            "height": Field("integer", required=True, low=1, high=10_000, doc="height of the picture in pixels"),
            "pictures": Field(
                "map",
                item=Field("image", takes=("base64",)),
                open_fields=True,
                doc="pictures by the name that <image href> gives them: paths, or files of earlier steps",
            ),
            "format": Field("text", choices=("png", "jpeg"), default="png", doc="the picture's format"),
            "quality": Field("integer", low=1, high=100, default=90, doc="quality of a JPEG"),
            "fonts": Field("list", item=Field("text"), doc="the project's fonts; filled in"),
        },
        "a picture laid out from an SVG template, with text made to fit",
        DOC,
        rules=(Rule(("svg", "fonts"), _needs_fonts),),
        price=Money(Decimal(0), "credits"),
        local=True,
    )
}


def operations(options: Options) -> Mapping[str, Operation]:
    """Composing; no option changes it."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """As many at once as keep two or four processors busy."""
    return Limits(concurrent=AT_ONCE)


def defaults(operation: str, options: Options) -> Mapping[str, Json]:
    """The project's fonts: with other fonts it is another picture."""
    fonts: Any = options.get("fonts") or ()
    return {"fonts": list(fonts)} if fonts else {}


def _elsewhere(request: Request) -> NoReturn:
    raise ValueError(f"{request.use} is carried out on this machine; nothing is sent for it")


def submit(request: Request, options: Options) -> Call:
    """Raises `ValueError`: nothing is sent."""
    _elsewhere(request)


def poll(request: Request, ticket: str, options: Options) -> Call:
    """Raises `ValueError`: nothing is sent."""
    _elsewhere(request)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """Raises `ValueError`: nothing answers."""
    _elsewhere(request)
