"""What arrives and what is answered, without HTTP: an Ask in, an Order to carry out, a Reply out.

The vendors' files are tables of pure functions over these. They read an Ask with `Fields`, which is as strict as the vendors'
documents: a wrong type, an unknown choice, a number out of range or a field the document does not have raises `Wrong`, and the
vendor turns that into its own error body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, TypeAlias

import orjson
from PIL import Image

from runner.frozen import frozen

MOST_PIXELS: Final = 40_000_000
PICTURE_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
Field: TypeAlias = "str | bytes | list[str] | list[bytes]"
"""A form field: text, a file's bytes, or several of either under one name."""

FOREIGN: Final = "url:"
HELD: Final = "sha256:"


class Wrong(Exception):
    """A field is not as the vendor's document says; `name` is the field, empty where it is the body as a whole."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


Manner: TypeAlias = Literal["whole", "cut", "drip", "flood"]
"""How a body is sent: as it should be, broken off before its end, byte by byte, or followed by far more than anybody wants."""


@frozen
class Reply:
    """An HTTP answer described without sending it. `part` is the share of the body that is sent where it is `cut`.

    The body of a long one stands in the file `source`.
    """

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = "whole"
    part: float = 1.0
    source: Path | None = None


def write_json(status: int, value: object, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A Reply that holds `value` as JSON."""
    return Reply(status, orjson.dumps(value), "application/json", headers)


class Refusal(Exception):
    """The vendor says no; `reply` is how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"refused with {reply.status}")
        self.reply = reply


@frozen
class Ask:
    """One HTTP request, read: `path` and `query` as given, `headers` in lower case, and the body as JSON or as form fields.

    A form's files are bytes, its other fields text. `own` gives the bytes behind one of our result links, None for any other URL.
    """

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    media_type: str = ""
    body: bytes = b""
    form: Mapping[str, Field] = field(default_factory=dict)
    own: Callable[[str], bytes | None] = lambda _url: None

    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object. Raises `Wrong` if it is anything else."""
        if self.media_type != "application/json":
            raise Wrong("", "Content-Type must be application/json")
        return read_object(self.body)

    def multipart(self) -> Mapping[str, Field]:
        """The body's form fields. Raises `Wrong` unless it is multipart/form-data."""
        if self.media_type != "multipart/form-data":
            raise Wrong("", "Content-Type must be multipart/form-data")
        return self.form


def read_object(text: bytes | str) -> Mapping[str, Any]:
    """A JSON object, strictly (no NaN). Raises `Wrong` if it is anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Wrong("", "the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise Wrong("", "the body must be a JSON object")
    return value


@frozen
class Order:
    """What is to be made. `params` decide the result and nothing else does; pictures appear in them as `sha256:…` or `url:…`."""

    vendor: str
    operation: str
    params: Mapping[str, Any]
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The sha256 (hex) of the request's content: the same ask has the same digest, whoever asks, whenever."""
        content = {"vendor": self.vendor, "operation": self.operation, "params": self.params}
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@frozen
class Made:
    """One thing an order yielded; `width` and `height` are 0 where it is not a picture."""

    name: str
    media_type: str
    data: bytes
    width: int = 0
    height: int = 0


class Pictures:
    """Collects the pictures of an ask, so that its params hold only what they are."""

    def __init__(self, own: Callable[[str], bytes | None]) -> None:
        self._own = own
        self.held: dict[str, bytes] = {}

    def take(self, name: str, value: object) -> str:
        """A reference for a picture given as bytes, base64 text, a data: URL or a URL. Raises `Wrong` if it is no picture."""
        if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
            return self.take_url(name, value)
        if isinstance(value, bytes):
            return self._hold(name, value)
        if not isinstance(value, str) or not value:
            raise Wrong(name, f"{name} must be an image")
        text = value.split(",", 1)[1] if value.startswith("data:image/") and "," in value else value
        try:
            return self._hold(name, base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise Wrong(name, f"{name} is neither an image URL nor base64-encoded image data") from error

    def take_url(self, name: str, value: object) -> str:
        """A reference for a picture given as a URL: our own results by content, foreign ones by name (they are not fetched)."""
        if not isinstance(value, str) or not value.lower().startswith(("http://", "https://")) or len(value) > 8000:
            raise Wrong(name, f"{name} must be an http(s) URL")
        ours = self._own(value)
        return FOREIGN + value if ours is None else self._hold(name, ours)

    def _hold(self, name: str, data: bytes) -> str:
        try:
            with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS) as image:
                pixels = image.width * image.height
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Wrong(name, f"{name} is not a readable image") from error
        if pixels > MOST_PIXELS:
            raise Wrong(name, f"{name} is too large")
        reference = HELD + hashlib.sha256(data).hexdigest()
        self.held[reference] = data
        return reference


class Fields:
    """A body's fields, asked for one by one; `close` then refuses those nobody asked for.

    `textual` bodies are forms, where a number or boolean arrives as text.
    """

    def __init__(self, values: Mapping[str, Any], *, textual: bool = False, path: str = "") -> None:
        self._values = values
        self._textual = textual
        self._path = path
        self._asked: set[str] = set()

    def raw(self, name: str, *, required: bool = False) -> Any:
        """The value as it came; None if it is absent and not required. JSON's null counts as absent."""
        self._asked.add(name)
        value = self._values.get(name)
        if value is None and required:
            self.refuse(name, f"{self._path}{name} is required")
        return value

    def text(self, name: str, *, required: bool = False, default: str | None = None) -> str | None:
        """A text; a required one must not be blank."""
        value = self.raw(name, required=required)
        if value is None:
            return default
        if not isinstance(value, str):
            self.refuse(name, f"{self._path}{name} must be a string")
        if required and not value.strip():
            self.refuse(name, f"{self._path}{name} is required")
        return str(value)

    def needed(self, name: str) -> str:
        """A required text."""
        return self.text(name, required=True) or ""

    def choice(self, name: str, choices: Sequence[str], *, required: bool = False, default: str | None = None) -> str | None:
        """A text out of `choices`."""
        value = self.text(name, required=required, default=default)
        if value is not None and value not in choices:
            self.refuse(name, f"{self._path}{name} must be one of: {', '.join(choices)}")
        return value

    def whole(self, name: str, *, low: int | None = None, high: int | None = None, required: bool = False) -> int | None:
        """A whole number from `low` to `high`, both included; None if absent."""
        value = self.raw(name, required=required)
        if value is None:
            return None
        if self._textual and isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(name, f"{self._path}{name} must be an integer")
        return int(self._within(name, value, low, high))

    def size(self, name: str, *, low: int = 1, high: int = 4096) -> int:
        """A required number of pixels."""
        return self.whole(name, low=low, high=high, required=True) or low

    def number(self, name: str, *, low: float | None = None, high: float | None = None) -> float | None:
        """A number from `low` to `high`, both included; None if absent."""
        value = self.raw(name)
        if value is None:
            return None
        if self._textual and isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self.refuse(name, f"{self._path}{name} must be a number")
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, f"{self._path}{name} must be a number")
        return self._within(name, float(value), low, high)

    def boolean(self, name: str) -> bool | None:
        """True or false (in a form: the words `true` and `false`); None if absent."""
        value = self.raw(name)
        if self._textual and isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            self.refuse(name, f"{self._path}{name} must be a boolean")
        return value

    def listing(self, name: str, *, required: bool = False) -> list[Any]:
        """A list; empty if absent. In a form: several fields of one name, or one that holds a JSON array."""
        value = self.raw(name, required=required)
        if self._textual and isinstance(value, str):
            try:
                value = orjson.loads(value) if value.lstrip().startswith("[") else [value]
            except orjson.JSONDecodeError:
                self.refuse(name, f"{self._path}{name} must be an array")
        if value is not None and not isinstance(value, list):
            self.refuse(name, f"{self._path}{name} must be an array")
        return value or []

    def mapping(self, name: str, *, required: bool = False) -> Fields | None:
        """The fields of an object inside; None if absent."""
        value = self.raw(name, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse(name, f"{self._path}{name} must be an object")
        return Fields(value, textual=self._textual, path=f"{self._path}{name}.")

    def names(self) -> list[str]:
        """The names given, in order."""
        return list(self._values)

    def close(self) -> None:
        """Refuse a field that was never asked for."""
        for name in self._values:
            if name not in self._asked:
                self.refuse(name, f"{self._path}{name} is not a known parameter")

    def refuse(self, name: str, message: str) -> NoReturn:
        """Raise `Wrong` for a field."""
        raise Wrong(self._path + name, message)

    def _within(self, name: str, value: float, low: float | None, high: float | None) -> float:
        if low is not None and not value >= low:
            self.refuse(name, f"{self._path}{name} must be at least {low:g}")
        if high is not None and not value <= high:
            self.refuse(name, f"{self._path}{name} must be at most {high:g}")
        return value
