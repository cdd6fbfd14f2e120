"""What Sivi can be asked for: the fields of its operations and the rules between them, as its documents give them.

Apart from `sivi`, which speaks HTTP, because this half is only data and predicates. Field names are the vendor's own, so its pages
(developer.sivi.ai/docs/sivi-api) document our jobs too.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling, Rule
from runner.providers.sivi_catalog import CUSTOM, CUSTOM_LEAST, CUSTOM_MOST, DESIGN_MODELS, LANGUAGES, MODELS, TYPES
from runner.records import Json

DOC: Final = "https://developer.sivi.ai/docs/sivi-api"
MAX_ASSETS: Final = 4
_COLOR: Final = Field("text", pattern=r"#(?:[0-9A-Fa-f]{3}){1,2}")
_PUBLIC: Final = Field("image", required=True, takes=("url",), doc="a public URL")
_TOUCH: Final = Field(
    "map", fields=dict.fromkeys(("left", "right", "top", "bottom", "center"), Field("boolean")), doc="edges to touch"
)


def _map(fields: Mapping[str, Field], doc: str = "", **rest: Any) -> Field:
    return Field("map", fields=fields, doc=doc, **rest)


def _some(item: Field, doc: str = "", **rest: Any) -> Field:
    return Field("list", item=item, doc=doc, **rest)


def _choice(*choices: str) -> Field:
    return _some(Field("text", choices=choices))


def assets_given(params: Mapping[str, Json]) -> int:
    """How many pictures the params bring along, over `assets` and `siviAssets`."""
    groups = params.get("assets") or {}
    lists = [*groups.values()] if isinstance(groups, Mapping) else []
    return sum(len(listed) for listed in (*lists, params.get("siviAssets")) if isinstance(listed, list | tuple))


def _too_many_assets(params: Mapping[str, Json]) -> str | None:
    given = assets_given(params)
    return f"{given} assets over assets and siviAssets; at most {MAX_ASSETS} are allowed in total" if given > MAX_ASSETS else None


def _model_cannot_enhance(params: Mapping[str, Json]) -> str | None:
    known = MODELS.get(str(params.get("model")))
    if known is None or known[0] or not assets_given(params):
        return None
    able = ", ".join(name for name, (enhances, _) in MODELS.items() if enhances)
    return f"model {params['model']} cannot enhance given assets; models that can: {able}"


def _model_cannot_size(params: Mapping[str, Json]) -> str | None:
    known, size = MODELS.get(str(params.get("model"))), _size(params.get("dimensions"))
    if known is None or size is None or size in known[1]:
        return None
    sizes = ", ".join(f"{width}x{height}" for width, height in sorted(known[1]))
    return f"dimensions {size[0]}x{size[1]} are not made by model {params['model']}; it makes {sizes}"


def _subtype_elsewhere(params: Mapping[str, Json]) -> str | None:
    design_type, subtype = str(params.get("type")), str(params.get("subtype"))
    subtypes = [*TYPES.get(design_type, ())] if design_type != CUSTOM else [CUSTOM]
    if not subtypes or subtype in subtypes:
        return None
    near = difflib.get_close_matches(subtype, subtypes, n=1, cutoff=0.6)
    cure = f"did you mean {near[0]}?" if near else f"it has {', '.join(subtypes)}"
    return f"subtype {subtype} does not belong to type {design_type}; {cure}"


def _custom_without_size(params: Mapping[str, Json]) -> str | None:
    if params.get("type") != CUSTOM:
        return None
    size = _size(params.get("dimension"))
    if size is None:
        return f"type {CUSTOM} needs dimension with width and height"
    if all(CUSTOM_LEAST <= side <= CUSTOM_MOST for side in size):
        return None
    return f"dimension {size[0]}x{size[1]} is outside {CUSTOM_LEAST}x{CUSTOM_LEAST} to {CUSTOM_MOST}x{CUSTOM_MOST}"


def _instructions_wrong(params: Mapping[str, Json]) -> str | None:
    given = params.get("designInstructions")
    texts = given if isinstance(given, list | tuple) else [given]
    return (
        None
        if given is None or all(isinstance(text, str) for text in texts)
        else "designInstructions takes a text or a list of texts"
    )


def _size(value: Json) -> tuple[int, int] | None:
    if not isinstance(value, Mapping):
        return None
    width, height = value.get("width"), value.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _sides(doc: str, **rest: Any) -> Field:
    side = Field("integer", required=True, low=1, doc="pixels")
    return _map({"width": side, "height": side}, doc, **rest)


_ASSETS: Final = _map(
    {
        "images": _some(
            _map(
                {
                    "url": _PUBLIC,
                    "imagePreference": _map(
                        {"crop": Field("boolean", nullable=True), "removeBg": Field("boolean", nullable=True)},
                        "what may be done to it",
                    ),
                    "touchPosition": _TOUCH,
                }
            ),
            "pictures to lay out",
        ),
        "logos": _some(
            _map({"url": _PUBLIC, "logoStyles": _choice("direct", "neutral", "colorful", "outline"), "touchPosition": _TOUCH}),
            "logos to lay out",
        ),
        "icons": _some(_map({"url": _PUBLIC}, open_fields=True), "icons to lay out"),
        "inspiration": _some(_map({"url": _PUBLIC}, open_fields=True), "designs to take after"),
    },
    f"pictures by their role; at most {MAX_ASSETS} over assets and siviAssets",
)
_SIVI_ASSETS: Final = _some(_map({"mId": Field("text", required=True, least=1)}), "media already at Sivi, by mId")
_SETTINGS: Final = _map(
    {
        "mode": Field("text", choices=("auto", "brand", "custom"), doc="where the look comes from"),
        "currentbId": Field("text", doc="the brand, for mode brand"),
        "colors": _some(_COLOR, "hex codes"),
        "theme": _choice("light", "dark", "colorful"),
        "frameStyle": _choice("plain", "box", "bar-accent"),
        "backdropStyle": _choice("minimalist", "imagery", "artistic"),
        "focus": _choice("text", "image", "neutral"),
        "imageStyle": _choice(
            "cover",
            "cover-with-linear-gradient",
            "cover-with-overlay",
            "container",
            "section",
            "section-with-container",
            "mask",
            "cutout",
            "cutout-with-vectors",
            "content-free-form",
        ),
        "fontGroups": _some(Field("any"), "exactly three: heading, subHeading, body", least=3, most=3),
        "designModel": Field("text", choices=DESIGN_MODELS, open_choices=True, doc="the design model"),
    },
    "how the design should look",
)
_KIND: Final[Mapping[str, Field]] = {
    "type": Field("text", required=True, choices=tuple(TYPES), doc="design type, such as displayAds"),
    "subtype": Field("text", required=True, least=1, doc="format within the type, such as displayAds-half-page-ad"),
    "dimension": _sides(f"size in pixels, {CUSTOM_LEAST} to {CUSTOM_MOST} a side; needed for type custom only"),
}
_LANGUAGE: Final = Field("text", choices=LANGUAGES, default="english", doc="language of the text")
_DESIGN: Final[Mapping[str, Field]] = {
    **_KIND,
    "numOfVariants": Field("integer", required=True, low=1, high=4, doc="how many variations to make"),
    "assets": _ASSETS,
    "siviAssets": _SIVI_ASSETS,
    "language": _LANGUAGE,
    "settings": _SETTINGS,
    "designInstructions": Field("any", doc="a text or a list of texts"),
    "outputFormat": _some(Field("text", choices=("jpg", "png")), "documented as jpg only; samples also show png"),
    "abstractUserId": Field("text", least=1, doc="the user to design for (plans super and enterprise)"),
}
_PROMPT: Final = Field("text", required=True, least=1, doc="describes what to make")
_KIND_RULES: Final = (Rule(("subtype", "type"), _subtype_elsewhere), Rule(("dimension", "type"), _custom_without_size))
_ASSET_RULE: Final = Rule(("assets", "siviAssets"), _too_many_assets)
_DESIGN_RULES: Final = (*_KIND_RULES, _ASSET_RULE, Rule(("designInstructions",), _instructions_wrong))
_POLLING: Final = Polling(3.0, 1.5, 15.0)

OPERATIONS: Final[Mapping[str, Operation]] = {
    "media": Operation(
        "media",
        "file",
        {
            "prompt": _PROMPT,
            "dimensions": _sides("size in pixels; each model makes its own", required=True),
            "bId": Field("text", required=True, least=1, doc="brand id; the account's `brand` where the job gives none"),
            "model": Field("text", required=True, least=1, choices=tuple(MODELS), open_choices=True, doc="image model"),
            "siviAssets": _SIVI_ASSETS,
            "assets": _map(
                dict.fromkeys(
                    ("photo", "logo", "illustration", "screenshot", "backdrop", "icon", "inspiration"),
                    _some(_map({"url": _PUBLIC})),
                ),
                f"pictures to enhance by media type; at most {MAX_ASSETS} over assets and siviAssets",
                open_fields=True,
                assumed=True,
            ),
            "negativePrompt": Field("text", doc="what to avoid"),
        },
        "a picture from a prompt, or given pictures enhanced",
        f"{DOC}/core-api/media/generate-media",
        (
            _ASSET_RULE,
            Rule(("model", "assets", "siviAssets"), _model_cannot_enhance),
            Rule(("dimensions", "model"), _model_cannot_size),
        ),
        _POLLING,
        900.0,
    ),
    "design": Operation(
        "design",
        "files",
        {
            "prompt": _PROMPT,
            **_DESIGN,
            "colors": _some(_COLOR, "preferred hex codes"),
            "fonts": _some(Field("any"), "announced by the vendor as coming"),
        },
        "one to four designs in an ad's size from a prompt",
        f"{DOC}/core-api/designs-from-prompt",
        _DESIGN_RULES,
        _POLLING,
        900.0,
    ),
    "design-from-content": Operation(
        "design-from-content",
        "files",
        {
            "name": Field("text", doc="a name for the design"),
            "content": Field("map", required=True, open_fields=True, doc="the texts to lay out"),
            **_DESIGN,
        },
        "one to four designs in an ad's size from given texts",
        f"{DOC}/core-api/designs-from-content",
        _DESIGN_RULES,
        _POLLING,
        900.0,
    ),
    "content": Operation(
        "content",
        "json",
        {"prompt": _PROMPT, **_KIND, "language": _LANGUAGE},
        "suggestions of texts and assets for a design, answered at once",
        f"{DOC}/core-api/content-from-prompt",
        _KIND_RULES,
    ),
}
