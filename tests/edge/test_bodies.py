"""Bodies: assets become bytes at the last step, and the same request is the same bytes."""

from __future__ import annotations

import base64
import email
import email.policy
import json
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.edge.bodies import find_assets, write_body, write_plain
from runner.records import Asset, FormBody, JsonBody, Part

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ONE, TWO = Asset("blob:1"), Asset("https://shop.test/2.jpg")
STORE = {ONE: PNG, TWO: b"\xff\xd8\xff rest"}


def parts_of(data: bytes, content_type: str) -> list[tuple[object, ...]]:
    """Name, file name, media type and bytes of each part, as the standard library reads them."""
    whole = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + data, policy=email.policy.HTTP)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in whole.iter_parts()
    ]


def test_assets_in_json_become_base64_with_their_prefix() -> None:
    """However deep an asset stands, its bytes take its place; everything else stays as it was."""
    value = {"a": [1, {"image": ONE}], "b": (TWO, None), "c": "blob:1", "ü": MappingProxyType({"d": 1.5})}
    data, content_type = write_body(JsonBody(value, "data:image/png;base64,"), STORE.__getitem__)
    coded = {asset: "data:image/png;base64," + base64.b64encode(STORE[asset]).decode() for asset in STORE}
    assert json.loads(data) == {"a": [1, {"image": coded[ONE]}], "b": [coded[TWO], None], "c": "blob:1", "ü": {"d": 1.5}}
    assert content_type == "application/json"


def test_an_asset_may_say_how_it_stands_in_json() -> None:
    """Its media type by its content and its base64 go where its form says; the body's prefix is for those without one."""
    value = [Asset("blob:1", "data:{type};base64,{data}"), Asset("blob:1", "{type}"), Asset("blob:1", "{data}"), ONE]
    data, _ = write_body(JsonBody(value, "prefix,"), lambda _: PNG)
    coded = base64.b64encode(PNG).decode()
    assert json.loads(data) == [f"data:image/png;base64,{coded}", "image/png", coded, f"prefix,{coded}"]
    assert json.loads(write_body(JsonBody(value[1]), lambda _: b"plain")[0]) == "application/octet-stream"


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_without_assets_is_itself(value: object) -> None:
    """Any JSON value goes out as it is and asks for no bytes."""
    assert find_assets(JsonBody(value)) == []
    assert json.loads(write_body(JsonBody(value), STORE.__getitem__)[0]) == value


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": object()}, "\ud800", {1j: 2}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    """A value that is no JSON is an error, not a guess."""
    with pytest.raises(ValueError, match="the body cannot be written as JSON"):
        write_body(JsonBody(value), STORE.__getitem__)


def test_a_form_is_read_as_it_was_written() -> None:
    """Texts and files arrive under their names; a file's media type and extension come from its bytes."""
    body = FormBody((Part("prompt", "größe\r\nzwei"), Part("image", ONE), Part("mask", TWO), Part("empty", "")))
    data, content_type = write_body(body, STORE.__getitem__)
    assert parts_of(data, content_type) == [
        ("prompt", None, "text/plain", "größe\r\nzwei".encode()),
        ("image", "image.png", "image/png", PNG),
        ("mask", "mask.jpg", "image/jpeg", b"\xff\xd8\xff rest"),
        ("empty", None, "text/plain", b""),
    ]


def test_a_file_of_unknown_kind_is_only_bytes() -> None:
    """Nothing is claimed of bytes that no magic number explains."""
    data, content_type = write_body(FormBody((Part("x", ONE),)), lambda asset: b"plain")
    assert parts_of(data, content_type) == [("x", "x.bin", "application/octet-stream", b"plain")]


def test_the_same_form_is_the_same_bytes() -> None:
    """The boundary comes from the content, so a second try cannot differ, and other content has another boundary."""
    one, again, other = (write_body(FormBody((Part("a", text),)), STORE.__getitem__) for text in ("x", "x", "y"))
    assert one == again
    assert one[1] != other[1]


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_form_cannot_be_broken_out_of(name: str, text: str) -> None:
    """Whatever a name or a text holds, there is one part and no header of somebody else's making."""
    data, content_type = write_body(FormBody((Part(name, text.encode("utf-8", "replace").decode()),)), STORE.__getitem__)
    boundary = content_type.partition("boundary=")[2].encode()
    assert data.count(b"--" + boundary) == 2
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line.split(b":")[0] for line in head[1:]] == [b"Content-Disposition"]
    assert head[1].count(b'"') == 2


def test_assets_are_found_in_order() -> None:
    """Every place that needs bytes is found, in forms and in JSON, as often as it stands there."""
    assert find_assets(FormBody((Part("a", ONE), Part("b", "text"), Part("c", TWO)))) == [ONE, TWO]
    assert find_assets(JsonBody({"a": [TWO, {"b": ONE}], "c": ONE})) == [TWO, ONE, ONE]
    assert find_assets(None) == []


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (JsonBody({"a": [1, "x"]}), b'{"a":[1,"x"]}'),
        (JsonBody(MappingProxyType({"a": (1, None)})), b'{"a":[1,null]}'),
        (JsonBody({"a": Asset("blob:" + "ab" * 32)}), None),
        (JsonBody({"a": object()}), None),
        (FormBody((Part("a", "b"),)), None),
        (None, None),
    ],
)
def test_a_body_without_assets_is_written_in_one_go(body: JsonBody | FormBody | None, written: bytes | None) -> None:
    """JSON that needs nothing brought is written at once; anything else takes the longer way, which says what is wrong."""
    assert write_plain(body) == written
