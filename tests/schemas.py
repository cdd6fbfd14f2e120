"""A strict reader of our JSON Schemas: what they do not describe is wrong, and a word it does not know is a `KeyError`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfits(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, way: str = "$") -> Iterator[str]:
    """Every part of `value` that the schema does not allow or does not know, as its way and the word that says so."""
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    yield from (f"{way}: {word}" for word in schema if not WORDS[word](value, schema[word]))
    if isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            yield from [f"{way}.{name}: unknown"] if known is None else misfits(inner, known, root, f"{way}.{name}")
    if isinstance(value, list) and (schema.keys() - {"description"}):  # a schema that says nothing allows everything
        for index, inner in enumerate(value):
            yield from misfits(inner, schema["items"], root, f"{way}[{index}]")


def _is_of(value: Any, kinds: str | list[str]) -> bool:
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return "boolean" in kinds if isinstance(value, bool) else any(isinstance(value, KINDS[kind]) for kind in kinds)


def _says_nothing(value: Any, told: Any) -> bool:
    return True


WORDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(
        ("$schema", "$id", "$defs", "title", "description", "properties", "additionalProperties", "items"), _says_nothing
    ),
    "format": lambda value, told: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None,
    "type": _is_of,
    "const": lambda value, told: value == told,
    "enum": lambda value, told: value in told,
    "pattern": lambda value, told: re.search(told, value) is not None,
    "minimum": lambda value, told: value is None or value >= told,
    "required": lambda value, told: set(told) <= value.keys(),
}
