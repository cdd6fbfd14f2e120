"""One JSON document with the rows in an array: `[{…}, {…}]`, or an object around it: `{"count": 2, "products": [{…}, {…}]}`.

The array may be larger than memory, so a window moves over the text and elements are decoded one by one where they stand. That
keeps what an event parser such as ijson does not tell (the line of each row and the place of a mistake) at the same speed. In an
object around the rows, the array of objects is the feed; other members are passed over; two such arrays are an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TextIO

import orjson

from runner.feed.files import load_text
from runner.feed.json_lines import name_type
from runner.feed.source import ROW_CAP, Blame, Member, Record

WINDOW: Final = 1 << 16
SPACE: Final = re.compile(r"[ \t\n\r]*")
ESCAPES: Final = "\\u"


def read_json(member: Member, blame: Blame) -> Iterator[Record]:
    """The rows of a JSON document. An element that is no object is blamed and left out; broken JSON raises Invalid."""
    with load_text(member, in_lines=False) as file:
        window = Window(member, file)
        if window.peek() == "[":
            yield from _read_array(window, blame)
        elif window.peek() == "{":
            yield from _read_object(window, blame)
        else:
            window.fail("is empty" if not window.peek() else "must be an array of objects")
        if window.peek() == "{":
            window.fail("a second document begins here; if every line is one, write `format: jsonl`")
        if window.peek():
            window.fail("the document has ended before this")


def _read_array(window: Window, blame: Blame) -> Iterator[Record]:
    window.expect("[")
    if window.peek() == "]":
        window.expect("]")
        return
    while True:
        window.peek()
        line = window.line()
        value = window.decode()
        if type(value) is dict:
            yield line, value
        else:
            blame(window.member.complaint(line, f"is {name_type(value)}; every element must be an object"))
        if window.expect(",]") == "]":
            return


def _read_object(window: Window, blame: Blame) -> Iterator[Record]:
    """The rows of the one member that is an array of objects."""
    window.expect("{")
    rows_in: str | None = None
    while window.peek() not in ("}", ""):
        name = window.decode()
        window.expect(":")
        if window.at_rows():
            if rows_in is not None:
                window.fail(f"holds rows under {rows_in!r} and under {name!r}; keep one array of objects in the file")
            rows_in = name
            yield from _read_array(window, blame)
        else:
            window.decode()
        if window.peek() != "}":
            window.expect(",")
    window.expect("}")


class Window:
    """A stretch of a JSON text that moves forward: `text[at:]` is what is still to be read. Knows the line it stands on."""

    def __init__(self, member: Member, file: TextIO) -> None:
        self.member = member
        self._file = file
        self._text = ""
        self._at = 0
        self._counted = 0
        self._line = 1
        self._whole = False
        self._decode = json.JSONDecoder(parse_constant=_refuse).raw_decode

    def line(self) -> int:
        """The 1-based line of the next character."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is no space, without taking it; empty at the end."""
        while True:
            match = SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def expect(self, characters: str) -> str:
        """Take the next character, which must be one of these."""
        found = self.peek()
        if not found or found not in characters:
            wanted = " or ".join(f"'{character}'" for character in characters)
            self.fail(f"needs {wanted} here, found {repr(found) if found else 'the end of the file (is it cut off?)'}")
        self._at += 1
        return found

    def at_rows(self) -> bool:
        """Whether an array comes next whose first element is an object."""
        if self.peek() != "[":
            return False
        while True:
            after = SPACE.match(self._text, self._at + 1)
            assert after is not None
            if after.end() < len(self._text):
                return self._text[after.end()] == "{"
            if not self._grow():
                return False

    def decode(self) -> Any:
        """Take the next value. Raises Invalid where it is broken, or larger than a row may be."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at < ROW_CAP and self._grow():
                    continue
                self._fail_at(error.pos, f"is not JSON: {error.msg}")
            except (ValueError, RecursionError) as error:
                self.fail(f"is no JSON a feed may hold: {error}")
            if end == len(self._text) and self._grow():
                continue  # a number may go on in what was not yet read
            if self._text.find(ESCAPES, self._at, end) >= 0:
                self._check_escapes(end)
            self._at = end
            return value

    def fail(self, message: str) -> NoReturn:
        """Raise Invalid at the next character."""
        self._fail_at(self._at, message)

    def _fail_at(self, position: int, message: str) -> NoReturn:
        line = self.line() + self._text.count("\n", self._at, position)
        start = self._text.rfind("\n", 0, position) + 1
        text = self._text[start:].split("\n", 1)[0]
        raise self.member.invalid(line, message, position - start + 1, text)

    def _check_escapes(self, end: int) -> None:
        r"""Refuse half of a surrogate pair (`\ud83d` alone), which Python lets pass and nothing can be sent with."""
        try:
            orjson.loads(self._text[self._at : end])
        except orjson.JSONDecodeError as error:
            self._fail_at(self._at + error.pos, f"is not JSON: {error.msg}")

    def _grow(self) -> bool:
        """Read on, dropping what is behind; a value that does not fit doubles the window. False at the end of the file."""
        if self._whole:
            return False
        self.line()
        ahead = len(self._text) - self._at
        more = self._file.read(max(WINDOW, ahead))
        self._whole = not more
        if more:
            self._text = self._text[self._at :] + more
            self._at = self._counted = 0
        return bool(more)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number JSON knows")
