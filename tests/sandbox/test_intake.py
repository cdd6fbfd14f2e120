from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.intake import Ask, Fields, Order, Pictures, Wrong, read_object, write_json


def picture(colour: str = "red") -> bytes:
    """A small PNG."""
    body = io.BytesIO()
    Image.new("RGB", (4, 3), colour).save(body, "PNG")
    return body.getvalue()


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"a": NaN}', b"\xff"])
def test_only_json_objects_are_bodies(body: bytes):
    """Anything but a strict JSON object is refused."""
    with pytest.raises(Wrong):
        read_object(body)


def test_a_body_has_the_media_type_it_says():
    """JSON is not read from a form nor a form from JSON."""
    ask = Ask("POST", {}, {}, {}, "text/plain", b"{}")
    with pytest.raises(Wrong, match="application/json"):
        ask.json()
    with pytest.raises(Wrong, match="multipart"):
        ask.multipart()


@pytest.mark.parametrize(
    ("method", "options", "value", "message"),
    [
        ("text", {}, 3, "must be a string"),
        ("text", {"required": True}, None, "is required"),
        ("text", {"required": True}, "  ", "is required"),
        ("choice", {"choices": ("a", "b")}, "c", "one of: a, b"),
        ("whole", {}, 1.5, "must be an integer"),
        ("whole", {}, True, "must be an integer"),
        ("whole", {}, "3", "must be an integer"),
        ("whole", {"low": 1}, 0, "at least 1"),
        ("whole", {"high": 4}, 5, "at most 4"),
        ("number", {}, "0.5", "must be a number"),
        ("number", {"high": 1}, 1.5, "at most 1"),
        ("boolean", {}, "true", "must be a boolean"),
        ("boolean", {}, 1, "must be a boolean"),
        ("listing", {}, {}, "must be an array"),
        ("mapping", {}, [], "must be an object"),
        ("size", {}, 0, "at least 1"),
        ("size", {}, 99_999, "at most 4096"),
    ],
)
def test_json_fields_are_strict(method: str, options: dict[str, Any], value: object, message: str):
    """Each type refuses everything else, and the message says what it wants."""
    with pytest.raises(Wrong, match=message):
        getattr(Fields({"x": value}), method)("x", **options)


@pytest.mark.parametrize(
    ("method", "text", "value"),
    [
        ("whole", "12", 12),
        ("whole", "-3", -3),
        ("number", "0.5", 0.5),
        ("boolean", "false", False),
        ("boolean", "TRUE", True),
        ("listing", "[1, 2]", [1, 2]),
        ("listing", "one", ["one"]),
        ("text", "x", "x"),
    ],
)
def test_form_fields_are_text(method: str, text: str, value: object):
    """In a form, numbers, booleans and lists arrive as text."""
    assert getattr(Fields({"x": text}, textual=True), method)("x") == value


@pytest.mark.parametrize(
    ("method", "text"), [("whole", "1.5"), ("number", "much"), ("number", "nan"), ("boolean", "yes"), ("listing", "[1")]
)
def test_form_fields_are_strict_too(method: str, text: str):
    """Text that is not of the type is refused in a form as well."""
    limits = {"low": 0} if method == "number" else {}
    with pytest.raises(Wrong):
        getattr(Fields({"x": text}, textual=True), method)("x", **limits)


def test_absent_fields_have_defaults():
    """An absent or null field is None, empty, or its default."""
    fields = Fields({"n": None})
    assert fields.whole("n") is None
    assert fields.listing("l") == []
    assert fields.mapping("m") is None
    assert fields.choice("c", ("a",), default="a") == "a"
    assert fields.boolean("b") is None


def test_unasked_fields_are_refused_by_name():
    """`close` names the first field that nobody asked for, with its path."""
    outer = Fields({"size": {"width": 1, "depth": 2}})
    inner = outer.mapping("size")
    assert inner is not None
    inner.size("width")
    outer.close()
    with pytest.raises(Wrong, match=r"size\.depth is not a known parameter") as caught:
        inner.close()
    assert caught.value.name == "size.depth"


def test_pictures_come_in_four_ways():
    """Bytes, base64, a data: URL and a link of ours are one and the same picture; a foreign URL is only named."""
    data = picture()
    taken = Pictures(lambda url: data if url == "http://127.0.0.1:1/files/a/b" else None)
    text = base64.b64encode(data).decode()
    ways: list[object] = [data, text, f"data:image/png;base64,{text}", "http://127.0.0.1:1/files/a/b"]
    references = {taken.take("image", way) for way in ways}
    assert len(references) == 1
    assert taken.held == {references.pop(): data}
    assert taken.take("image", "https://shop.example/a.png") == "url:https://shop.example/a.png"


@pytest.mark.parametrize("value", [b"not a picture", "%%%", "", None, 7, picture()[:20], base64.b64encode(b"<svg/>").decode()])
def test_what_is_no_picture_is_refused(value: object):
    """Anything that cannot be opened as a picture is refused by the field's name."""
    with pytest.raises(Wrong, match="image"):
        Pictures(lambda url: None).take("image", value)


@pytest.mark.parametrize("url", ["ftp://x/y", "blob:abc", "", 5, "https://x/" + "a" * 9000])
def test_asset_urls_are_http(url: object):
    """An asset's URL is http or https and of sane length."""
    with pytest.raises(Wrong, match="URL"):
        Pictures(lambda url: None).take_url("url", url)


def test_the_digest_is_the_content():
    """Order of params does not change a digest; a param, operation or vendor does, and so does nothing else."""
    first = Order("jivox", "imageGen", {"a": 1, "b": 2})
    assert first.digest == Order("jivox", "imageGen", {"b": 2, "a": 1}, {"sha256:0": b"x"}).digest
    assert (
        len({first.digest, Order("sivi", "imageGen", {"a": 1, "b": 2}).digest, Order("jivox", "x", {"a": 1, "b": 2}).digest}) == 3
    )


def test_replies_are_json():
    """A reply is written as JSON with its headers."""
    reply = write_json(429, {"a": 1}, (("Retry-After", "1"),))
    assert (reply.status, reply.body, reply.headers) == (429, b'{"a":1}', (("Retry-After", "1"),))
