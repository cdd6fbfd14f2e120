"""What Sivi's calls take, read as strictly as developer.sivi.ai describes it. `sivi` makes and answers what is read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.sandbox.intake import FOREIGN, Ask, Fields, Pictures, Wrong, read_object
from runner.sandbox.palette import read_colour
from runner.sandbox.vendors.sivi_tables import DESIGN_MODELS, LANGUAGES, MODELS, SIZES

MEDIA_TYPES: Final = ("photo", "logo", "illustration", "screenshot", "backdrop", "icon", "inspiration")
ASSET_TYPES: Final = ("images", "logos", "icons", "inspiration")
LOGO_STYLES: Final = ("direct", "neutral", "colorful", "outline")
EDGES: Final = ("left", "right", "top", "bottom", "center")
SETTINGS: Final = ("colors", "theme", "frameStyle", "backdropStyle", "focus", "imageStyle", "fontGroups")
MOST_ASSETS: Final = 4
Params = Mapping[str, Any]


def _fields(ask: Ask) -> Fields:
    """The parameters: a JSON body, or (GET) the JSON object in `queryParams`."""
    if ask.method == "GET":
        if set(ask.query) != {"queryParams"}:
            raise Wrong("queryParams", "queryParams is required")
        return Fields(read_object(ask.query["queryParams"]))
    return Fields(ask.json())


def read_media(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """media/generate: a model's own dimensions, at most four assets, and only models that enhance if there are any."""
    fields = _fields(ask)
    if not isinstance(prompt := fields.raw("prompt"), str) or not prompt.strip():
        fields.refuse("prompt", "Prompt is required and must be a string.")
    model = fields.needed("model")
    if model not in MODELS:
        fields.refuse("model", f"Model '{model}' is not supported.")
    size = fields.mapping("dimensions", required=True) or Fields({})
    width, height = size.size("width", high=100_000), size.size("height", high=100_000)
    size.close()
    assets = [*_library_assets(fields), *_media_assets(fields, pictures)]
    params = {"prompt": prompt, "model": model, "width": width, "height": height, "bId": fields.needed("bId"), "assets": assets}
    params["negativePrompt"] = fields.text("negativePrompt")
    fields.close()
    _check_media(params)
    return params


def _check_media(params: Params) -> None:
    _, enhances, sizes = MODELS[params["model"]]
    if len(params["assets"]) > MOST_ASSETS:
        raise Wrong("assets", "Maximum of 4 image assets allowed")
    if params["assets"] and not enhances:
        raise Wrong("model", f"Model '{params['model']}' does not support enhancement.")
    if (params["width"], params["height"]) not in sizes:
        raise Wrong(
            "dimensions", f"Dimensions {params['width']}x{params['height']} are not supported by model '{params['model']}'."
        )


def _library_assets(fields: Fields) -> list[str]:
    """Assets that are in Sivi already. We have none of them: each is a stand-in named by its id."""
    found = []
    for entry in fields.listing("siviAssets"):
        if not isinstance(entry, dict) or set(entry) != {"mId"} or not isinstance(entry["mId"], str) or not entry["mId"]:
            fields.refuse("siviAssets", "siviAssets must be an array of {mId}")
        found.append(f"{FOREIGN}sivi:{entry['mId']}")
    return found


def _media_assets(fields: Fields, pictures: Pictures) -> list[str]:
    groups = fields.mapping("assets")
    found = []
    for kind in groups.names() if groups else ():
        assert groups is not None
        if kind not in MEDIA_TYPES:
            groups.refuse(kind, f"assets.{kind} is not a media type")
        for entry in groups.listing(kind):
            if not isinstance(entry, dict) or set(entry) != {"url"}:
                groups.refuse(kind, f"assets.{kind} must be an array of {{url}}")
            found.append(pictures.take_url(f"assets.{kind}.url", entry["url"]))
    return found


def read_design(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """designs-from-prompt."""
    fields = _fields(ask)
    prompt = fields.needed("prompt")
    return {"prompt": prompt, **_read_layout(fields, pictures)}


def read_content_design(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """designs-from-content: the words come as an object."""
    fields = _fields(ask)
    content = fields.mapping("content", required=True)
    words = {name: value for name in content.names() if isinstance(value := content.raw(name), str)} if content else {}
    name = fields.text("name")
    return {"content": words, "name": name, **_read_layout(fields, pictures)}


def _read_layout(fields: Fields, pictures: Pictures) -> dict[str, Any]:
    """Everything the two design calls share."""
    width, height = _read_size(fields)
    colours = fields.listing("colors")
    if not all(isinstance(colour, str) and read_colour(colour) for colour in colours):
        fields.refuse("colors", "colors must be an array of hex codes")
    formats = fields.listing("outputFormat")
    if not set(map(str, formats)) <= {"jpg", "png"}:
        fields.refuse("outputFormat", 'outputFormat only supports ["jpg"]')
    instructions = fields.raw("designInstructions")
    if instructions is not None and not isinstance(instructions, str | list):
        fields.refuse("designInstructions", "designInstructions must be an array of strings")
    params = {
        "type": fields.needed("type"),
        "subtype": fields.needed("subtype"),
        "width": width,
        "height": height,
        "numOfVariants": fields.whole("numOfVariants", low=1, high=4, required=True),
        "language": _read_language(fields),
        "colors": colours,
        "fonts": fields.listing("fonts"),
        "format": "png" if "jpg" not in formats and "png" in formats else "jpg",
        "assets": _design_assets(fields, pictures),
        "settings": _read_settings(fields),
        "instructions": instructions,
        "user": fields.text("abstractUserId"),
    }
    fields.close()
    return params


def _read_size(fields: Fields) -> tuple[int, int]:
    """The subtype's size; for `custom` the dimension, 150 to 2000 pixels each way."""
    kind, name = fields.needed("type"), fields.needed("subtype")
    dimension = fields.mapping("dimension", required=kind == "custom")
    if (kind, name) != ("custom", "custom") and (kind, name) not in SIZES:
        fields.refuse("subtype", f"Invalid input: type '{kind}' has no subtype '{name}'")
    given = (0, 0)
    if dimension is not None:
        least, most = (150, 2000) if kind == "custom" else (1, 100_000)
        given = (dimension.size("width", low=least, high=most), dimension.size("height", low=least, high=most))
        dimension.close()
    return SIZES.get((kind, name), given)


def _read_language(fields: Fields) -> str:
    language = fields.text("language", default="english") or ""
    if language.lower() not in LANGUAGES:
        fields.refuse("language", f"Language '{language}' is not supported")
    return language.lower()


def _read_settings(fields: Fields) -> dict[str, Any]:
    """The newer `settings` object (Settings page)."""
    settings = fields.mapping("settings")
    if settings is None:
        return {}
    read: dict[str, Any] = {
        "mode": settings.choice("mode", ("auto", "brand", "custom")),
        "currentbId": settings.text("currentbId"),
        "designModel": settings.choice("designModel", tuple(DESIGN_MODELS)),
        **{name: settings.listing(name) for name in SETTINGS},
    }
    settings.close()
    if read["mode"] == "brand" and not read["currentbId"]:
        settings.refuse("currentbId", "settings.currentbId is required for mode brand")
    if read["fontGroups"] and len(read["fontGroups"]) != 3:
        settings.refuse("fontGroups", "settings.fontGroups must have exactly 3 entries")
    return {name: value for name, value in read.items() if value}


def _design_assets(fields: Fields, pictures: Pictures) -> dict[str, list[dict[str, Any]]]:
    """Images, logos, icons and inspiration: at most four, each with a public URL and the options of its kind."""
    groups = fields.mapping("assets")
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in groups.names() if groups else ():
        assert groups is not None
        if kind not in ASSET_TYPES:
            groups.refuse(kind, f"assets.{kind} is not a supported asset type")
        entries = groups.listing(kind)
        found[kind] = [_design_asset(kind, f"assets.{kind}[{number}].", entry, pictures) for number, entry in enumerate(entries)]
    library = [{"image": name} for name in _library_assets(fields)]
    if library:
        found["images"] = [*found.get("images", ()), *library]
    if sum(map(len, found.values())) > MOST_ASSETS:
        fields.refuse("assets", "Maximum of 4 assets allowed")
    return found


def _design_asset(kind: str, path: str, entry: Any, pictures: Pictures) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise Wrong(path, f"{path} must be an object")
    fields = Fields(entry, path=path)
    asset: dict[str, Any] = {"image": pictures.take_url(f"{path}url", fields.raw("url", required=True))}
    touch = fields.mapping("touchPosition")
    if touch is not None:
        asset["touch"] = {edge: touch.boolean(edge) for edge in EDGES}
        touch.close()
    if kind == "images" and (preference := fields.mapping("imagePreference")) is not None:
        asset |= {"crop": preference.boolean("crop"), "removeBg": preference.boolean("removeBg")}
        preference.close()
    if kind == "logos":
        asset["styles"] = fields.listing("logoStyles")
        if not set(map(str, asset["styles"])) <= set(LOGO_STYLES):
            fields.refuse("logoStyles", f"{path}logoStyles must be of: {', '.join(LOGO_STYLES)}")
    fields.close()
    return asset


def read_content(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """content-from-prompt."""
    fields = _fields(ask)
    width, height = _read_size(fields)
    params = {"prompt": fields.needed("prompt"), "width": width, "height": height, "language": _read_language(fields)}
    fields.close()
    return params


def find_request(ask: Ask) -> str:
    """`requestId` in the JSON object `queryParams`."""
    fields = _fields(ask)
    ticket = fields.needed("requestId")
    fields.text("abstractUserId")
    fields.close()
    return ticket
