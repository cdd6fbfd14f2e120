"""A request's history as one canonical line, and back without trust.

State travels between machines as such lines. A line that comes in is believed only as far as it can be checked: every field of
every fact has its type, digests are digests, moments are moments, the facts fold to a life, and the id is the hash of what is
asked. That a result is really the vendor's cannot be checked by anybody: import what your own machines exported.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import orjson

from runner.core.lifecycle import recall
from runner.edge.media import AVIF, GIF, JPEG, MP4, PNG, WEBP
from runner.edge.recovery import UNKNOWN
from runner.facts import DEFAULTS, Answered, Fact, Planned, Resolved, Saved, from_json, kind_of, to_json
from runner.records import Artifact, Blob, Request, request_id

MEDIA_TYPES: Final = frozenset(kind.media_type for kind in (JPEG, PNG, GIF, WEBP, AVIF, MP4))
SHA256: Final = re.compile(r"[0-9a-f]{64}")
RECORDS: Final = frozenset(DEFAULTS) | {Request}
LAST_MOMENT: Final = 253_402_300_800.0
"""The end of the year 9999: no date can be written after it."""
Check: TypeAlias = Callable[[Any], bool]
PLACES: Final = {"Json": Any, "Mapping": Mapping, "Sequence": Sequence}
"""What annotations name: JSON may be anything, for it has just been read as JSON."""


def history_line(name: str, facts: Sequence[Fact]) -> bytes:
    """The history of the request of this id: the same facts are the same bytes everywhere."""
    return canonical_line({"id": name, "facts": [[float(fact.at), kind_of(fact), to_json(fact)] for fact in facts]})


def read_history(line: bytes) -> tuple[str, list[Fact]]:
    """Id and facts, oldest first. Raises `ValueError` for anything that no journal of ours would say."""
    told = _parse(line)
    try:
        name, facts = told["id"], [_read_fact(told["id"], *fact) for fact in told["facts"]]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a history ({error})") from error
    try:
        life = recall(facts)
    except (LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"its facts do not follow from one another ({error})") from error
    if life is None:
        raise ValueError("a history without facts")
    return name, facts


def is_sha256(value: object) -> bool:
    """Whether it is a digest in lower-case hex."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def is_moment(value: object) -> bool:
    """Whether it is seconds since the epoch, within the years that have a date."""
    return _is_number(value) and 0 <= value < LAST_MOMENT  # type: ignore[operator]


def name_of(line: bytes) -> str:
    """The id of the request whose history the line is, without a look at the facts. Raises `ValueError` where there is none."""
    name = line.rstrip(b"}\n").rpartition(b'"id":')[2].strip(b'" ').decode("ascii", "replace")
    if not is_sha256(name):
        raise ValueError("a line without the id of a request at its end")
    return name


def _parse(line: bytes) -> Any:
    """The JSON of a line; half a surrogate pair, which is escaped, is read only by the slower parser."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        if b"\\ud" not in line:
            raise
    try:
        return json.loads(line, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no value in JSON")


def canonical_line(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and a newline; half a surrogate pair, which UTF-8 cannot say, is escaped."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _read_fact(name: str, at: float, kind: str, body: Mapping[str, Any]) -> Fact:
    if not is_sha256(name) or not is_moment(at):
        raise ValueError("no request has this id, or no fact this moment")
    if not isinstance(kind, str):
        raise ValueError("a fact has a kind")
    fact = from_json(kind, float(at), name, body)
    if not _fits(fact):
        raise ValueError(f"a {kind} fact with a value that none has")
    if isinstance(fact, Planned):
        _check_request(fact.request)
    elif isinstance(fact, Saved | Resolved):
        any(map(_check_artifact, fact.artifacts))
    elif isinstance(fact, Answered) and fact.raw is not None and not is_sha256(fact.raw):
        raise ValueError("raw names no blob")
    return fact


def _check_request(request: Request) -> None:
    lost = request.provider == request.operation == UNKNOWN and not request.params
    if not lost and request_id(request.provider, request.operation, request.params, request.again) != request.id:
        raise ValueError("its id is not the hash of what it asks")


def _check_artifact(artifact: Artifact) -> None:
    """Raises `ValueError` unless it is one that a run publishes."""
    if artifact.kind == "file" and (not is_sha256(artifact.sha256) or artifact.media_type not in MEDIA_TYPES):
        raise ValueError("a file without a digest, or of a kind that is not published")
    if artifact.kind == "text" and artifact.text is None:
        raise ValueError("a text without text")


def _fits(value: Any) -> bool:
    """Whether what the record holds is of the annotated types, all the way down."""
    kind: Any = type(value)
    for name, default, check in _checks(kind):
        held = getattr(value, name)
        if held is not default and not check(held):
            return False
    return not isinstance(value, Blob) or is_sha256(value.sha256)


@cache
def _checks(kind: Any) -> tuple[tuple[str, Any, Check], ...]:
    """Of each field its name, its default, and what its value must pass."""
    hints = typing.get_type_hints(kind, localns=PLACES)
    return tuple((field.name, field.default, _check_of(hints[field.name])) for field in dataclasses.fields(kind))


def _check_of(hint: Any) -> Check:
    """What a value must pass to be of the annotated type."""
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if origin in RECORDS:
        return partial(_is_record, kinds=frozenset((origin,)))
    if origin in (Union, types.UnionType):
        if RECORDS.issuperset(inner):
            return partial(_is_record, kinds=frozenset(inner))
        return partial(_is_any_of, checks=tuple(map(_check_of, inner)))
    if origin is Literal:
        return partial(_is_word, words=frozenset(inner))
    if origin is tuple:
        return partial(_is_row, check=_check_of(inner[0]))
    return CHECKS.get(origin) or partial(_is_instance, kind=origin)


def _is_record(value: object, kinds: frozenset[type[Any]]) -> bool:
    return type(value) in kinds and _fits(value)


def _is_any_of(value: object, checks: tuple[Check, ...]) -> bool:
    return any(check(value) for check in checks)


def _is_word(value: object, words: frozenset[str]) -> bool:
    return isinstance(value, str) and value in words


def _is_row(value: object, check: Check) -> bool:
    return isinstance(value, tuple) and all(map(check, value))


def _is_instance(value: object, kind: type[Any]) -> bool:
    return isinstance(value, kind)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


CHECKS: Final[Mapping[Any, Check]] = {Any: lambda _: True, float: _is_number, int: _is_count}
"""How a value of these annotations is known; of any other it is an instance."""
