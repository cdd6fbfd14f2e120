"""A call's body as bytes: assets become base64 or file parts here, at the last step before the wire.

Until now an image was a name (`blob:<sha256>`); whoever kept its bytes around would hold a feed's pictures in memory. The bytes are
read, encoded and forgotten within one call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import orjson
import pybase64

from runner.edge.media import HEAD_BYTES, sniff
from runner.records import Asset, FileBody, FormBody, JsonBody, Part

Load: TypeAlias = Callable[[Asset], bytes]
"""The bytes of an asset."""

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How a browser writes these in a part's header (WHATWG HTML, multipart/form-data)."""


def find_assets(body: JsonBody | FormBody | FileBody | None) -> list[Asset]:
    """The assets a body needs, in order, each as often as it appears."""
    if isinstance(body, FormBody):
        return [part.value for part in body.parts if isinstance(part.value, Asset)]
    return list(_walk(body.value)) if isinstance(body, JsonBody) else []


def _walk(value: object) -> Iterator[Asset]:
    if isinstance(value, Asset):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _walk(inner)


def write_plain(body: JsonBody | FormBody | FileBody | None) -> bytes | None:
    """The bytes of a JSON body that needs no assets, written in one go; None for any other, and for what JSON cannot say."""
    if not isinstance(body, JsonBody):
        return None
    try:
        return orjson.dumps(body.value, _unfold, orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError:
        return None


def _unfold(value: object) -> object:
    """A mapping or a sequence of a kind that orjson does not know, as one that it does. Raises `TypeError` for an asset."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)


def write_body(body: JsonBody | FormBody, load: Load) -> tuple[bytes, str]:
    """The body's bytes and its Content-Type. Raises `ValueError` for what JSON or a part's header cannot say."""
    return _write_json(body, load) if isinstance(body, JsonBody) else _write_form(body, load)


def _write_json(body: JsonBody, load: Load) -> tuple[bytes, str]:
    coded = {asset: _write_asset(asset, load(asset), body.asset_prefix) for asset in find_assets(body)}

    def write_other(value: object) -> object:
        return coded[value] if isinstance(value, Asset) else _unfold(value)

    try:
        return orjson.dumps(body.value, write_other, orjson.OPT_PASSTHROUGH_DATACLASS), "application/json"
    except TypeError as error:
        raise ValueError(f"the body cannot be written as JSON: {error}") from error


def _write_asset(asset: Asset, data: bytes, prefix: str) -> str:
    if not asset.form:
        return prefix + pybase64.b64encode_as_string(data)
    text = asset.form.replace("{type}", _kind_of(data)[0])
    return text.replace("{data}", pybase64.b64encode_as_string(data)) if "{data}" in text else text


def _kind_of(data: bytes) -> tuple[str, str]:
    """The media type and extension of bytes, as they begin."""
    kind = sniff(data[:HEAD_BYTES])
    return (kind.media_type, kind.ext) if kind else ("application/octet-stream", "bin")


def _write_form(body: FormBody, load: Load) -> tuple[bytes, str]:
    """RFC 7578. The boundary is derived from the content, so the same request is the same bytes on every try."""
    parts = [_write_part(part, load) for part in body.parts]
    boundary = "adbatch-" + hashlib.sha256(b"\0".join(parts)).hexdigest()[:40]
    line = f"--{boundary}\r\n".encode()
    whole = b"".join(piece for part in parts for piece in (line, part, b"\r\n")) + f"--{boundary}--\r\n".encode()
    return whole, f"multipart/form-data; boundary={boundary}"


def _write_part(part: Part, load: Load) -> bytes:
    name = part.name.translate(_ESCAPES)
    if isinstance(part.value, str):
        return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{part.value}'.encode()
    data = load(part.value)
    media_type, ext = _kind_of(data)
    head = f'Content-Disposition: form-data; name="{name}"; filename="{name}.{ext}"\r\nContent-Type: {media_type}\r\n\r\n'
    return head.encode() + data
