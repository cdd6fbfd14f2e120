"""The small notations of a vendor's description: queries, places in a text, statuses, types.

A query is JMESPath (jmespath.org), read when the file is read and bounded in length, so that what a stranger's answer is asked
costs no more than its size. A text with places in it (`/accounts/{options.account}/image`) is filled in, never rendered: what is
filled in cannot bring further places along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import PlainValidator, WithJsonSchema

from runner.frozen import frozen
from runner.job.speech import clip, say

LONGEST_QUERY: Final = 1000
DEEPEST_QUERY: Final = 60
TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "image", "any")
NULL: Final = "null"
PLACE: Final = re.compile(r"\{(\+?)(?:(options|params)\.([A-Za-z_][\w-]*)|(ticket))\}")
BRACES: Final = re.compile(r"\{[^{}\s]*\}")
STATUS: Final = re.compile(r"[1-5][0-9][0-9]|[2345]xx")

Whose: TypeAlias = Literal["options", "params", "ticket"]


@frozen
class Slot:
    """A place in a text: an option of the account, a param of the request, or the job's ticket. `raw`: not encoded (`{+…}`)."""

    whose: Whose
    name: str = ""
    raw: bool = False

    def __str__(self) -> str:
        return f"{self.whose}.{self.name}" if self.name else self.whose


@lru_cache(maxsize=4096)
def pieces_of(text: str) -> tuple[str | Slot, ...]:
    """The text as what stands there and what is to be filled in, in order."""
    pieces: list[str | Slot] = []
    end = 0
    for match in PLACE.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        plus, whose, name, ticket = match.groups()
        pieces.append(Slot("ticket") if ticket else Slot("params" if whose == "params" else "options", name, bool(plus)))
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def slots_of(value: Any) -> Iterator[Slot]:
    """Every place inside a text, or inside the texts of a list or map."""
    if isinstance(value, str):
        yield from (piece for piece in pieces_of(value) if isinstance(piece, Slot))
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from slots_of(inner)


def stray_braces(value: Any) -> Iterator[str]:
    """What looks like a place and is none: `{key}`, `{options}`."""
    if isinstance(value, str):
        yield from (found for found in BRACES.findall(value) if not PLACE.fullmatch(found))
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from stray_braces(inner)


@lru_cache(maxsize=4096)
def compile_query(text: str) -> Any:
    """The query, ready to search. Raises `ValueError` where it is none."""
    if len(text) > LONGEST_QUERY:
        raise ValueError(f"is a query of {len(text)} characters; at most {LONGEST_QUERY} are read")
    try:
        query = jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0].rstrip(": ")
        raise ValueError(f"is no JMESPath query: {clip(text)} ({why}); see jmespath.org") from error
    if _is_deep(query.parsed):
        raise ValueError(f"is a query nested too deeply: {clip(text)}; say it in fewer steps")
    return query


def _is_deep(node: Any) -> bool:
    """Whether asking the query could exhaust the stack."""
    level = [node]
    for _ in range(DEEPEST_QUERY):
        level = [child for each in level for child in each["children"] if isinstance(child, dict)]
    return bool(level)


def _negates_a_start(node: Any) -> bool:
    """Whether somewhere `!a.b` stands, which JMESPath reads as `(!a).b`, and which therefore never is true."""
    children = [child for child in node["children"] if isinstance(child, dict)]
    starts = node["type"] == "subexpression" and children[0]["type"] == "not_expression"
    return starts or any(_negates_a_start(child) for child in children)


def names_in(text: str) -> tuple[str, ...]:
    """The names a query begins its ways with, in the order they stand there: which fields it looks at."""
    return tuple(dict.fromkeys(_names(compile_query(text).parsed)))


ONWARD: Final = ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "pipe")
"""Parts of a query of which only the first child is asked of the whole."""


def _names(node: Any) -> Iterator[str]:
    if node["type"] == "field":
        yield str(node["value"])
        return
    children = [child for child in node["children"] if isinstance(child, dict)]
    for child in children[:1] if node["type"] in ONWARD else children:
        yield from _names(child)


def read_query(value: object) -> str:
    """A JMESPath query, as text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"needs a JMESPath query, such as result.images[].url; got {say(value)}")
    if _negates_a_start(compile_query(value).parsed):
        raise ValueError(f"negates the start of a way only: {clip(value)}; ! binds before the dot, so write !(a.b)")
    return value


def read_status(value: object) -> str:
    """An HTTP status or a hundred of them, as text: `429`, `4xx`."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or STATUS.fullmatch(text) is None:
        raise ValueError(f"needs an HTTP status such as 429, or 4xx; got {say(value)}")
    return text


def read_types(value: object) -> list[str]:
    """A type of JSON Schema, or one and `null`; `image` and `any` beside them."""
    words = value if isinstance(value, list) else [value]
    named = [word for word in words if word != NULL]
    if len(named) != 1 or len(words) > 2 or named[0] not in TYPES:
        raise ValueError(f'needs one of {", ".join(TYPES)}, or such a one with null: [string, "null"]; got {say(value)}')
    return [str(word) for word in words]


def read_page(value: object) -> str:
    """An https address for people to read."""
    if not isinstance(value, str) or re.fullmatch(r"https://[^\s]+", value) is None:
        raise ValueError(f"needs the https address of a page; got {say(value)}")
    return value


def read_host(value: object) -> str:
    """The name of a host: no scheme, no port, no path."""
    if not isinstance(value, str) or re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", value) is None:
        raise ValueError(f"needs the name of a host, such as api.example.com; got {say(value)}")
    return value


def read_header_name(value: object) -> str:
    """The name of a header (a token of RFC 9110 §5.6.2)."""
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value) is None:
        raise ValueError(f"needs the name of a header, such as x-api-key; got {say(value)}")
    return value


def read_secret_form(value: object) -> str:
    """A text with the secret's place, `{}`, once."""
    if not isinstance(value, str) or value.count("{}") != 1:
        raise ValueError(f'needs the secret\'s place, {{}}, once, such as "Bearer {{}}"; got {say(value)}')
    return value


def read_query_value(value: object) -> Any:
    """A text with places, a number or truth value, or `{json: …}`."""
    if isinstance(value, dict) and list(value) != ["json"]:
        raise ValueError("needs a text, or {json: …} for a value that is written as JSON")
    if value is None or isinstance(value, list):
        raise ValueError(f"needs a text, or {{json: …}} for a value that is written as JSON; got {say(value)}")
    return value


Query: TypeAlias = Annotated[
    str,
    PlainValidator(read_query),
    WithJsonSchema({"type": "string", "minLength": 1, "description": "A JMESPath query.", "examples": ["result.images[].url"]}),
]
Status: TypeAlias = Annotated[
    str,
    PlainValidator(read_status),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[2345]xx$"}]}),
]
Types: TypeAlias = Annotated[
    list[str],
    PlainValidator(read_types),
    WithJsonSchema({"anyOf": [{"enum": list(TYPES)}, {"type": "array", "items": {"enum": [*TYPES, NULL]}, "maxItems": 2}]}),
]
Page: TypeAlias = Annotated[str, PlainValidator(read_page), WithJsonSchema({"type": "string", "pattern": "^https://"})]
Host: TypeAlias = Annotated[
    str, PlainValidator(read_host), WithJsonSchema({"type": "string", "pattern": r"^([a-z0-9-]+\.)+[a-z]{2,}$"})
]
HeaderName: TypeAlias = Annotated[
    str, PlainValidator(read_header_name), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"})
]
SecretForm: TypeAlias = Annotated[
    str, PlainValidator(read_secret_form), WithJsonSchema({"type": "string", "pattern": r"\{\}", "examples": ["Bearer {}"]})
]
QueryValue: TypeAlias = Annotated[
    Any,
    PlainValidator(read_query_value),
    WithJsonSchema({"description": "A text with places, or {json: …}: a value that is written as JSON and URL-encoded."}),
]
