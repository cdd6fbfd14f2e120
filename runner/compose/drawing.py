"""The template's SVG, read with suspicion and made ready to be drawn.

What comes out of a template may hold whatever a feed held, so it is read as data: only shapes, text, gradients, clips and a few
filters pass; nothing can load, link, animate, run, repeat itself or refer to anything but what stands in it. Pictures are named
and put in here, from bytes that were decoded before. `<fit>` is ours: text that is made to fit its box, and becomes plain `<text>`.

    <fit x="20" y="30" width="260" height="90" size-max="34" size-min="14" lines="3" font-family="Inter" fill="#fff">…</fit>
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from runner.compose.fitting import Box, Line, Unset, fit
from runner.compose.typeface import Typeface
from runner.frozen import frozen

SVG: Final = "http://www.w3.org/2000/svg"
XLINK: Final = "{http://www.w3.org/1999/xlink}href"
SHAPES: Final = frozenset({"rect", "circle", "ellipse", "line", "polyline", "polygon", "path", "image", "fit", "text", "tspan"})
GROUPS: Final = frozenset({"svg", "g", "defs", "clipPath", "linearGradient", "radialGradient", "stop", "filter", "title", "desc"})
FILTERS: Final = frozenset(
    {"feGaussianBlur", "feOffset", "feFlood", "feComposite", "feMerge", "feMergeNode", "feDropShadow", "feColorMatrix", "feBlend"}
)
ALLOWED: Final = SHAPES | GROUPS | FILTERS
MOST_ELEMENTS: Final = 2_000
MOST_FILTERED: Final = 50
"""Elements that may have a filter: each is drawn apart."""
LARGEST_BLUR: Final = 200.0
LARGEST_INSIDE: Final = 2.0
"""A picture whose place is not known is brought to at most so many times the sheet."""
NUMBER: Final = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,20})?")
ANCHORS: Final = {"start": 0.0, "middle": 0.5, "end": 1.0}
HEIGHTS: Final = {"top": 0.0, "middle": 0.5, "bottom": 1.0}
OUR_OWN: Final = frozenset(
    {"x", "y", "width", "height", "size-max", "size-min", "lines", "anchor", "valign", "line-height", "letter-spacing"}
    | {"font-family", "font-weight", "font-style"}
)
BOLD: Final = {"normal": 400, "bold": 700}

register_namespace("", SVG)


Picture: TypeAlias = Callable[[float, float], tuple[str, bytes]]


class Undrawable(ValueError):
    """Why a template's SVG cannot be drawn."""


@frozen
class Sheet:
    """What is drawn on: exact pixels. `faces` are the declared fonts, the first first.

    `pictures` by name give media type and bytes, for a place of that many pixels: renderers do not scale down well, and see no need
    to be given more.
    """

    width: int
    height: int
    pictures: Mapping[str, Picture]
    faces: Sequence[Typeface]


def read_drawing(svg: str, sheet: Sheet) -> str:
    """The SVG ready to be drawn: safe, its texts set, its pictures inside. Raises `Undrawable`."""
    try:
        root = fromstring(svg)
    except (ParseError, DefusedXmlException, ValueError) as wrong:
        raise Undrawable(f"the template does not give well-formed SVG: {wrong}; is a value printed outside of text?") from None
    if _local(root) != "svg":
        raise Undrawable(f"the template gives <{_local(root)}>, not <svg>")
    _check(root)
    root.set("width", str(sheet.width))
    root.set("height", str(sheet.height))
    root.attrib.setdefault("viewBox", f"0 0 {sheet.width} {sheet.height}")
    scale = _scale(root, sheet)
    for parent in list(root.iter()):
        for index, element in enumerate(list(parent)):
            if _local(element) == "fit":
                parent[index] = _set(element, sheet)
            elif _local(element) == "image":
                _put_in(element, sheet, scale)
            elif _local(element) == "text":
                _check_text(element, sheet.faces)
    return tostring(root, encoding="unicode")


def _local(element: Element) -> str:
    """The element's name, where it is one of SVG's, or has no namespace."""
    tag = str(element.tag)
    return tag.removeprefix(f"{{{SVG}}}")


def _check(root: Element) -> None:
    filtered = 0
    for number, element in enumerate(root.iter(), 1):
        name = _local(element)
        if number > MOST_ELEMENTS:
            raise Undrawable(f"the template gives more than {MOST_ELEMENTS:,} elements")
        if name not in ALLOWED:
            raise Undrawable(f"<{name[:40]}> is not drawn here; there are {', '.join(sorted(ALLOWED))}")
        element.tag = f"{{{SVG}}}{name}"
        filtered += "filter" in element.attrib or "filter:" in element.get("style", "")
        if filtered > MOST_FILTERED:
            raise Undrawable(f"the template gives more than {MOST_FILTERED} elements with a filter")
        for attribute, value in element.attrib.items():
            _check_attribute(name, attribute, value)


def _check_attribute(element: str, name: str, value: str) -> None:
    """References only to what stands in the same file; sizes of blurs that end."""
    if name.startswith("on") or (name.startswith("{") and name != XLINK):
        raise Undrawable(f"<{element}> has an attribute {name[:60]}, which is not drawn here")
    if name in ("href", XLINK) and element not in ("image", "linearGradient", "radialGradient"):
        raise Undrawable(f"<{element}> refers to something; only <image> does, by the name of a picture")
    if name in ("href", XLINK) and element != "image" and not value.startswith("#"):
        raise Undrawable(f"<{element}> refers to {value[:60]!r}; only a gradient of this file will do")
    for target in re.findall(r"url\s*\(\s*['\"]?\s*(.?)", value, re.IGNORECASE):
        if target != "#":
            raise Undrawable(f"<{element} {name}> refers to something outside; write url(#NAME)")
    if name == "stdDeviation":
        for number in re.split(r"[\s,]+", value.strip()):
            if NUMBER.fullmatch(number) is None or float(number) > LARGEST_BLUR:
                raise Undrawable(f"a blur of {value[:40]!r}; at most {LARGEST_BLUR:g} pixels are drawn")


def _scale(root: Element, sheet: Sheet) -> float | None:
    """Pixels of a unit, the larger of both ways; None where something is turned or scaled on the way."""
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    if len(box) != 4 or not all(map(NUMBER.fullmatch, box)) or any("transform" in element.attrib for element in root.iter()):
        return None
    width, height = float(box[2]), float(box[3])
    return max(sheet.width / width, sheet.height / height) if min(width, height) > 0 else None


def _put_in(element: Element, sheet: Sheet, scale: float | None) -> None:
    """The picture by its name, as bytes inside the file."""
    name = (element.attrib.pop(XLINK, "") or element.get("href") or "").removeprefix("#")
    if name not in sheet.pictures:
        known = ", ".join(sorted(sheet.pictures)) or "none"
        raise Undrawable(f"there is no picture {name[:60]!r}; pictures: has {known}")
    sides = [element.get("width", ""), element.get("height", "")]
    most = LARGEST_INSIDE * max(sheet.width, sheet.height)
    known_sides = scale is not None and all(map(NUMBER.fullmatch, sides))
    wide, high = (min(float(side) * (scale or 1), most) if known_sides else most for side in sides)
    media_type, data = sheet.pictures[name](wide, high)
    element.set("href", f"data:{media_type};base64,{base64.b64encode(data).decode()}")


def _check_text(element: Element, faces: Sequence[Typeface]) -> None:
    text = "".join(element.itertext())
    lacking = sorted({each for each in text if not each.isspace() and not any(face.has(each) for face in faces)})
    if lacking:
        raise Undrawable(
            f"no declared font has {lacking[0]} (U+{ord(lacking[0]):04X}); add one that has it to fonts: in adbatch.yaml"
        )


def _set(element: Element, sheet: Sheet) -> Element:
    """A `<fit>` as the `<text>` it becomes, in a group with the attributes that are not ours."""
    number = _reader(element)
    left, top, width, height = number("x", 0), number("y", 0), number("width"), number("height")
    largest = number("size-max")
    smallest = min(number("size-min", max(largest / 2, 8)), largest)
    if min(width, height, smallest) <= 0:
        raise Undrawable("a <fit> needs a width, a height and sizes above 0")
    spacing = number("letter-spacing", 0) / largest
    box = Box(width, height, largest, smallest, max(int(number("lines", 3)), 1), number("line-height", 1.15), spacing)
    try:
        faces = _faces(element, sheet.faces)
        fitted = fit("".join(element.itertext()), box, faces)
    except Unset as wrong:
        raise Undrawable(str(wrong)) from None
    group = Element(f"{{{SVG}}}g", {name: value for name, value in element.attrib.items() if name not in OUR_OWN})
    group.tail = element.tail
    anchor = _choice(element, "anchor", ANCHORS, "start")
    drop = (height - fitted.bottom - 0.5) * _choice(element, "valign", HEIGHTS, "top")
    for line, baseline in zip(fitted.lines, fitted.baselines, strict=True):
        _, before, _, after, _ = line.reach(fitted.size)
        free = max(width - 1 - before - after, 0)
        group.append(_text(line, left + 0.5 + before + free * anchor, top + drop + baseline, fitted.size))
    return group


def _reader(element: Element) -> Callable[..., float]:
    def number(name: str, default: float | None = None) -> float:
        text = element.get(name)
        if text is None and default is not None:
            return default
        if text is None or NUMBER.fullmatch(text.strip()) is None:
            raise Undrawable(f"<fit> needs {name}, a number of pixels; got {str(text)[:40]!r}")
        return float(text)

    return number


def _choice(element: Element, name: str, choices: Mapping[str, float], default: str) -> float:
    word = element.get(name, default)
    if word not in choices:
        raise Undrawable(f"<fit {name}> is {', '.join(choices)}; got {word[:40]!r}")
    return choices[word]


def _faces(element: Element, faces: Sequence[Typeface]) -> list[Typeface]:
    """The fonts for a text: that of the family and the nearest weight first, then all others, the nearest weight first."""
    if not faces:
        raise Undrawable("no fonts are declared; name some under fonts: in adbatch.yaml, such as templates/fonts/Inter-Medium.otf")
    family, weight = element.get("font-family", faces[0].family).strip("'\" "), element.get("font-weight", "400")
    wanted = BOLD.get(weight) or (int(weight) if weight.isdecimal() else 400)
    italic = element.get("font-style", "normal") != "normal"
    if not any(face.family == family for face in faces):
        known = ", ".join(sorted({face.family for face in faces}))
        raise Undrawable(f"no declared font is of the family {family[:60]!r}; fonts: in adbatch.yaml has {known}")
    return sorted(faces, key=lambda face: (face.family != family, face.italic != italic, abs(face.weight - wanted)))


def _text(line: Line, x: float, baseline: float, size: float) -> Element:
    """A line as `<text>`, with one `<tspan>` for each font."""
    text = Element(f"{{{SVG}}}text", {"x": _px(x), "y": _px(baseline), "font-size": _px(size)})
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    if line.spacing:
        text.set("letter-spacing", _px(line.spacing * size))
    for run in line.runs:
        span = SubElement(text, f"{{{SVG}}}tspan", {"font-family": run.face.family, "font-weight": str(run.face.weight)})
        if run.face.italic:
            span.set("font-style", "italic")
        span.text = run.text
    return text


def _px(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
