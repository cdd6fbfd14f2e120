"""Honest JSON: the quick reading says nothing that the strict one would not, and what both could doubt is nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.providers.honest import SHORT, STRICT, read_honest

DOUBTFUL = (
    b'{"a":1,"a":2}',
    b'{"a" :1,"a":2,"b":"\\":"}',  # as many `":` as names
    b'{"a"\n:1,"a":2}',
    b'{"a":1,"\\u0061":2}',
    b'[{"x":{"a":1,"a":1}}]',
    b"18446744073709551616",
    b'{"n":-9223372036854775809}',
    b"[1e999]",
    b"[NaN]",
    b'{"a":1}{',
    b'{"a":-0.0,"a":-0.0}',
    b"\xff",
    b"[" * 101 + b"]" * 101,
)
PLAIN = (
    b"{}",
    b"[]",
    b'{"a":[1,2.5,{"b":null}]}',
    b'{"a" : 1}',
    b'{"a":"b\\":c"}',
    b"1e300",
    b'{"a":[1e20,-0.0,18446744073709551615]}',
    b"[" * 100 + b"]" * 100,
    b"9007199254740993",
    b" [1] ",
    b"1.5",
)


@pytest.mark.parametrize("body", DOUBTFUL)
def test_what_two_parsers_read_in_two_ways_is_nothing(body: bytes) -> None:
    """A name twice, however it is written or spaced; numbers past what machines hold; what is no JSON."""
    assert read_honest(body) is None


@pytest.mark.parametrize("body", PLAIN)
def test_what_is_plain_is_read(body: bytes) -> None:
    """As `json` reads it, to the type of each number, short or long."""
    read, long = read_honest(body), read_honest(body + b" " * SHORT)
    assert (read, type(read), long) == (json.loads(body), type(json.loads(body)), read)


@settings(max_examples=60)
@given(st.text('{}[]":,a1 \\\n', max_size=14))
def test_both_readings_agree(text: str) -> None:
    """Whatever stands in a body, the quick reading gives what the strict one gives."""
    try:
        strict = STRICT.decode(text)
    except ValueError:
        strict = None
    assert read_honest(text.encode()) == strict
