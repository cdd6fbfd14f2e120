"""What must never be read: known secrets, masked in whatever is about to be printed or stored.

A key comes back in many dresses: a vendor quotes it in an error page, a library in its exception, a proxy in a redirect. So the
redactor knows not only the values but the spellings they take on the way: base64 at any offset, hex, URL, HTML, JSON and Python.

`redact` masks every secret this process has ever held (`runner.edge.secrets` tells them by `learn`). That they are kept here, for
the whole process, is on purpose: the door through which a traceback leaves cannot know which verb was running, and a verb that
forgot to hand its secrets on would be the one that leaks.
"""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeVar

MASK: Final = "***"
SHORTEST: Final = 8
"""A shorter one guards nothing, and masking it would eat ordinary words (`test`, `none`)."""

Text = TypeVar("Text", str, bytes)

_HELD: Final[set[str]] = set()


def learn(values: Iterable[str]) -> None:
    """Add secrets to those that `redact` masks, for as long as the process lives."""
    _HELD.update(values)


def redact(text: str) -> str:
    """The text without any secret this process holds."""
    return _redactor(frozenset(_HELD)).redact(text)


@lru_cache(maxsize=1)
def _redactor(values: frozenset[str]) -> Redactor:
    return Redactor(values)


class Redactor:
    """Replaces known secrets in text or bytes by `***`, in each spelling they may have taken on the way.

    `longest` is the length in bytes of the longest spelling: a piece of a stream that ends with fewer may end inside a secret.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        spellings = {spelling for value in values if len(value) >= SHORTEST for spelling in _spellings(value)}
        coded = {data for spelling in spellings for data in (spelling.encode("latin-1", "replace"), spelling.encode())}
        self._spellings, self._coded = _longest_first(spellings), _longest_first(coded)
        self._pattern = re.compile("|".join(map(re.escape, self._spellings)))
        self._coded_pattern = re.compile(b"|".join(map(re.escape, self._coded)))
        self.longest = len(self._coded[0]) if self._coded else 0

    def redact(self, text: str) -> str:
        """The text without secrets."""
        for spelling in self._spellings:  # many times as fast as the pattern
            if spelling in text:
                return self._pattern.sub(MASK, text)
        return text

    def redact_bytes(self, data: bytes) -> bytes:
        """The bytes without secrets, be they UTF-8 or Latin-1."""
        for spelling in self._coded:
            if spelling in data:
                return self._coded_pattern.sub(MASK.encode(), data)
        return data

    def redact_piece(self, data: bytes) -> tuple[bytes, bytes]:
        """The beginning of `data` without secrets, and the rest, which is to be put before the next piece of the stream."""
        edge = max(0, len(data) - max(0, self.longest - 1))
        for match in self._coded_pattern.finditer(data) if self._coded else ():
            if match.start() < edge < match.end():
                edge = match.end()
        return self.redact_bytes(data[:edge]), data[edge:]


def _longest_first(spellings: Iterable[Text]) -> tuple[Text, ...]:
    """So that a secret which begins like another is masked whole."""
    return tuple(sorted(spellings, key=len, reverse=True))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value).replace("&#x27;", "&#39;")
    yield from _in_json(value)
    for data in {value.encode("latin-1", "replace"), value.encode()}:
        yield from (data.hex(), data.hex().upper(), repr(data)[2:-1])
        yield from _in_url(data)
        yield from _in_base64(data)


def _in_url(data: bytes) -> Iterator[str]:
    for quoted in (urllib.parse.quote(data), urllib.parse.quote(data, safe=""), urllib.parse.quote_plus(data)):
        yield quoted
        yield re.sub("%..", lambda code: code[0].lower(), quoted)


def _in_json(value: str) -> Iterator[str]:
    """As Python and JavaScript write it, with the slash escaped as PHP does, and with `<`, `>` and `&` escaped as Go does."""
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("/", "\\/")
        yield text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _in_base64(data: bytes) -> Iterator[str]:
    """The part of the base64 text that the value alone decides, for each of the three places it may begin at."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        if last - first >= SHORTEST:
            yield encoded[first:last]
            yield encoded[first:last].replace("+", "-").replace("/", "_")
