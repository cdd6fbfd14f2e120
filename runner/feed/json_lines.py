"""JSON Lines: one JSON object on each line (https://jsonlines.org). Values keep JSON's types.

orjson refuses what honest JSON does not hold (NaN, half surrogates). Where an object names a member twice the last one counts, as
in every JSON reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from runner.feed.files import load_text
from runner.feed.source import Blame, Member, Record

TYPE_NAMES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def read_json_lines(member: Member, blame: Blame) -> Iterator[Record]:
    """The rows of a JSONL file; blank lines are skipped. A line that is no JSON object is blamed and left out."""
    loads, broken = orjson.loads, orjson.JSONDecodeError
    with load_text(member) as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                values = loads(line)
            except broken as error:
                blame(member.complaint(number, f"is not JSON: {error.msg}", min(error.pos, len(line.rstrip())) + 1, line))
                continue
            if type(values) is dict:
                yield number, values
            else:
                blame(member.complaint(number, f"is {name_type(values)}; every line must be a JSON object", text=line))


def name_type(value: object) -> str:
    """What a JSON value is, for people."""
    return TYPE_NAMES.get(type(value), "null")
