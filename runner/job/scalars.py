"""Plain scalars as YAML 1.2's core schema reads them (https://yaml.org/spec/1.2.2/#103-core-schema).

`no`, `12:30` and `2026-01-01` stay text and `010` is ten, as an editor shows them; YAML 1.1 has other ideas. A number that JSON
cannot say exactly is refused instead of rounded: it would be an article number.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from runner.job.speech import clip

MOST_INTEGER: Final = 2**53 - 1
CONSTANTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema. Raises `ValueError` for a number that JSON cannot say exactly."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a number JSON can say; put quotes around it if it is text")
    if DECIMAL.fullmatch(text) or BASED.fullmatch(text):
        return _integer(text)
    if FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{clip(text)} is too large for a number; put quotes around it if it is text")
        return number
    return text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    number = int(text, base) if len(text) <= 1000 else MOST_INTEGER + 1
    if abs(number) > MOST_INTEGER:
        raise ValueError(f"{clip(text)} is too large for a number (it would be rounded); put quotes around it")
    return number
