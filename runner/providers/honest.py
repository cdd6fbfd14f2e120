"""Reading JSON that strangers sent: all of it or nothing, and nothing that is read in two ways.

Parsers differ in what they make of a name that comes twice, of NaN, or of an integer that no machine word holds. Whoever pays for
what stands there may not guess, so such a body is none. Nearly every body is plainly honest, and is read by orjson in a quarter
of the time; only what is not goes through the strict reading.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 100
SHORT: Final = 64 * 1024
"""Bytes of a body that is worth reading twice."""
INEXACT: Final = 2.0**53
"""From here on a float may have been an integer."""
SPACED: Final = re.compile(rb'"[ \t\r\n]+:')
SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def read_honest(body: bytes) -> Any:
    """The body as JSON (UTF-8, RFC 8259), or None if it is not, or is JSON that no honest server sends.

    Not honest: NaN, Infinity, integers past 64 bits, numbers past a float, a name twice in one object, more than 100 levels. Lone
    surrogates become `?`, so that everything read here can be written again.
    """
    if len(body) <= SHORT and (value := _read_plain(body)) is not None:
        return value
    try:
        text = body.decode("utf-8-sig")
        value = STRICT.decode(text)
        if SURROGATE.search(text):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return None if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _too_deep(value) else value


def _read_plain(body: bytes) -> Any:
    """The body as JSON where it is plainly honest; None where that takes a closer look.

    orjson refuses all that is no JSON, but of two like names takes the last, and makes a float of an integer past 64 bits. What it
    writes again byte by byte has neither. Of what is spaced or escaped otherwise, the names that came out are counted against those
    that went in: each is followed by `":`, and whatever else is makes too many.
    """
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH and orjson.dumps(value) == body:
        return value
    names, level = 0, [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            kind = type(each)
            if kind is dict:
                names += len(each)
                below += each.values()
            elif kind is list:
                below += each
            elif kind is float and not -INEXACT < each < INEXACT:
                return None
        if not below:
            return value if names == body.count(b'":') and SPACED.search(body) is None else None
        level = below
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name comes twice")
    return value


def _integer(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise ValueError("an integer past 64 bits")
    return number


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number past a float")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_refuse_constant
)


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value
