"""A JSON value that satisfies a JSON Schema: what a model answers that was given one.

Knows what schemas for models are made of (objects, arrays, enums, bounds, `anyOf`, `$ref` into the schema itself); texts are copy
about the prompt, cut to the length allowed. A keyword that is not known is not obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import write_copy
from runner.sandbox.dice import Dice

DEEPEST: Final = 12
"""How deep a schema that refers to itself is followed where it need not be."""
NAMED: Final = re.compile(r"\b(?:keys?|fields?|properties)\b\W+((?:[\"'`]?\w+[\"'`]?(?:\s*,\s*|\s+and\s+)?){1,8})", re.IGNORECASE)
FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:00:00Z",
    "email": "hello@shop.example",
    "uri": "https://shop.example/",
}


def write_object(prompt: str, seed: object = None) -> dict[str, Any]:
    """An object with the keys the prompt names ("with keys headline and text"), else with `headline` and `text`."""
    found = NAMED.search(prompt)
    names = [name for name in re.findall(r"\w+", found[1]) if name.lower() != "and"] if found else ["headline", "text"]
    return {name: write_copy(f"{prompt} {name}", _warmth(seed, name)) for name in names}


def write_instance(schema: Mapping[str, Any], prompt: str, seed: object = None) -> Any:
    """A value that satisfies `schema`."""
    return _Writer(schema, prompt, seed).value(schema, ())


def _warmth(*parts: object) -> float:
    return Dice("instance", *parts).unit()


class _Writer:
    """Walks one schema. A place in it is a path of names, which is also what a value's dice are thrown for."""

    def __init__(self, root: Mapping[str, Any], prompt: str, seed: object) -> None:
        self._root = root
        self._prompt = prompt
        self._seed = seed

    def value(self, schema: Any, path: tuple[object, ...]) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        dice = Dice("instance", self._prompt, self._seed, *path)
        if schema.get("enum"):
            return dice.pick(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                return self.value(self._fitting(schema[word], path), path)
        return self._of_kind(_kind(schema), schema, path, dice)

    def _of_kind(self, kind: str, schema: Mapping[str, Any], path: tuple[object, ...], dice: Dice) -> Any:
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            most = schema.get("maxItems", 3)
            count = min(most, max(schema.get("minItems", 1), 2 if len(path) < DEEPEST else 0))
            return [self.value(schema.get("items", {}), (*path, place)) for place in range(count)]
        if kind in {"integer", "number"}:
            return _number(schema, dice, whole=kind == "integer")
        if kind == "boolean":
            return dice.unit() < 0.5
        return None if kind == "null" else self._text(schema, path)

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        for _ in range(DEEPEST):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            found: Any = self._root
            for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                found = found.get(step, {}) if step else found
            schema = found
        return schema if isinstance(schema, dict) else {}

    def _fitting(self, choices: Sequence[Any], path: tuple[object, ...]) -> Any:
        """The first choice; deep inside, one that ends."""
        ends = [each for each in choices if _kind(self._resolved(each)) not in {"object", "array"}]
        return ends[0] if ends and len(path) >= DEEPEST else choices[0]

    def _object(self, schema: Mapping[str, Any], path: tuple[object, ...]) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        names = [name for name in properties if len(path) < DEEPEST or name in required]
        return {name: self.value(properties[name], (*path, name)) for name in names}

    def _text(self, schema: Mapping[str, Any], path: tuple[object, ...]) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        text = write_copy(self._prompt, _warmth(self._seed, *path))
        while len(text) < schema.get("minLength", 0):
            text += f" {text}"
        most = schema.get("maxLength", len(text))
        return text if len(text) <= most else text[:most].rstrip() or text[:most]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
    return str(kind[0]) if isinstance(kind, list) else str(kind)


def _number(schema: Mapping[str, Any], dice: Dice, *, whole: bool) -> float:
    step = schema.get("multipleOf", 1 if whole else 0.01)
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
    if low is None:
        low = 0 if high is None or high >= 0 else high - 100
    value = low + (min(high, low + 100) - low if high is not None else 100) * dice.unit()
    value = -(-low // step) * step + (value - low) // step * step
    return int(value) if whole else round(value, 6)
