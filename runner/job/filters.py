"""The filters and tests a template may use: a vetted choice of Jinja's own, and ours.

Left out of Jinja's are those that can build giants from small arguments (`center`, `format`, `indent`, `batch`, …), reach into
objects (`attr`), are random, or make HTML. Where a filter can grow its input, the size of the result is computed first.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from jinja2 import Environment, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.tests import TESTS as JINJA_TESTS

from runner.fields import suggest
from runner.job.display import columns
from runner.job.money import money

LONGEST_VALUE: Final = 1 << 20
"""Characters of a text, or items of a list, that an expression may make on its way."""
TAG: Final = re.compile(r"</?[A-Za-z!][^<>]*>")
SPACES: Final = re.compile(r"\s+")
NOT_IN_SLUG: Final = re.compile(r"[\W_]+")


class Growth(SecurityError):
    """A value would become too large, or a template does too much work."""


class Echo(str):
    """Stands for what an earlier step will answer: plausible text, and whatever is read from it is an Echo again."""

    __slots__ = ()


def bounded(size: int) -> None:
    """Raises `Growth` if a value of `size` characters or items is too large to be made."""
    if size > LONGEST_VALUE:
        raise Growth(f"would make a value of {size:,} characters; at most {LONGEST_VALUE:,} are allowed")


def fromjson(text: str) -> Any:
    """The value a JSON text says. What an earlier step will answer stays as it is."""
    if isinstance(text, Echo):
        return text
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"fromjson: not JSON ({wrong})") from None


def omit(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The map without `names`."""
    return {name: value for name, value in _map_of(values, "omit").items() if name not in names}


def pick(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Only `names` of the map, in that order; each must be there."""
    known = _map_of(values, "pick")
    for name in names:
        if name not in known:
            raise ValueError(f"pick: there is no {name}{suggest(name, known)}")
    return {name: known[name] for name in names}


def slug(text: object) -> str:
    """Lower-case letters and digits of any script with `-` between; accents of Latin letters are dropped."""
    return NOT_IN_SLUG.sub("-", "".join(map(_unaccented, unicodedata.normalize("NFC", str(text)).lower()))).strip("-")


def striptags(text: object) -> str:
    """The text without HTML tags and comments, entities resolved, runs of white space made one space."""
    kept = "".join(part.partition("-->")[2] if at else part for at, part in enumerate(str(text).split("<!--")))
    return SPACES.sub(" ", html.unescape(TAG.sub(" ", kept))).strip()


def width(text: object, most: int) -> str:
    """The text cut to at most `most` columns: wide and full-width characters take two, combining ones none (Unicode UAX #11)."""
    used = 0
    given = str(text)
    for at, char in enumerate(given):
        used += columns(char)
        if used > most:
            return given[:at].rstrip()
    return given


def tojson(value: Any) -> str:
    """The value as compact JSON, keys sorted, letters as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def join(values: Iterable[Any], between: str = "", attribute: Any = None) -> str:
    """The values as text, `between` them."""
    if attribute is not None:
        raise ValueError("join: use map(attribute=…) first")
    texts = [str(value) for value in values]
    bounded(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def replace(text: object, old: str, new: str, most: int = -1) -> str:
    """The text with `old` replaced by `new`, at most `most` times."""
    given, old, new = str(text), str(old), str(new)
    times = given.count(old)
    bounded(len(given) + max(len(new) - len(old), 0) * (times if most is None or most < 0 else min(times, most)))
    return given.replace(old, new, -1 if most is None else most)


def rounded(value: float, precision: int = 0, method: str = "common") -> Any:
    """The number rounded to `precision` places (0 to 12): `common`, `ceil` or `floor`."""
    if not 0 <= precision <= 12:
        raise ValueError(f"round: precision is {precision}; it takes 0 to 12")
    return JINJA_FILTERS["round"](value, precision, method)


@pass_environment
def total(environment: Environment, values: Iterable[Any], attribute: str | int | None = None, start: float | Decimal = 0) -> Any:
    """The sum of numbers; lists are not numbers, and adding them up would grow without end."""
    if not isinstance(start, int | float | Decimal):
        raise TypeError(f"sum: starts from a number, got {type(start).__name__}")
    return sum(values if attribute is None else map(make_attrgetter(environment, attribute), values), start)


@pass_environment
def truncate(environment: Environment, text: str, length: int = 255, *more: Any, **named: Any) -> Any:
    """As Jinja's; the length must leave room for the dots."""
    try:
        return JINJA_FILTERS["truncate"](environment, text, length, *more, **named)
    except AssertionError as wrong:
        raise ValueError(f"truncate: {wrong}") from None


def _map_of(values: object, name: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise TypeError(f"{name}: needs a map, got {type(values).__name__}")
    return values


def _unaccented(char: str) -> str:
    first = unicodedata.normalize("NFKD", char)[:1]
    return first if first.isascii() and first.isalnum() else char


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"fromjson: {name} is not JSON")


_KEPT_FILTERS: Final = (
    "abs capitalize count d default dictsort first float int items last length list lower map max min reject rejectattr reverse "
    "select selectattr sort string title trim unique upper urlencode wordcount"
)
_KEPT_TESTS: Final = (
    "boolean defined divisibleby eq even false filter float ge gt in integer iterable le lower lt mapping ne none number odd "
    "sameas sequence string test true undefined upper == != < <= > >= equalto greaterthan lessthan"
)
_JINJA_FILTERS: Final[Mapping[str, Any]] = JINJA_FILTERS
_JINJA_TESTS: Final[Mapping[str, Any]] = JINJA_TESTS
FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: _JINJA_FILTERS[name] for name in _KEPT_FILTERS.split()},
    "fromjson": fromjson,
    "join": join,
    "money": money,
    "omit": omit,
    "pick": pick,
    "replace": replace,
    "round": rounded,
    "slug": slug,
    "striptags": striptags,
    "sum": total,
    "tojson": tojson,
    "truncate": truncate,
    "width": width,
}
TESTS: Final[Mapping[str, Callable[..., Any]]] = {name: _JINJA_TESTS[name] for name in _KEPT_TESTS.split()}
_COMPARING: Final = "eq equalto == ne != lt lessthan < le <= gt greaterthan > ge >= in lower upper even odd divisibleby"
COMPARING: Final = frozenset(_COMPARING.split())
"""Tests that look all the way into what they are given."""
