"""Exchanges as text: what was asked and answered, readable, repeatable, and without a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.exchanges import Place, call_to_json, digest_of, read_name, read_reply, reply_to_json, shorten, step_of, write_text
from runner.edge.redaction import learn
from runner.records import Answer, Asset, Blob, Call, FormBody, JsonBody, NoAnswer, Part, SecretHeader, Send, make_request

BASE = "http://127.0.0.1:4711/vendor/v2"
PICTURE = "blob:" + "ab" * 32
JSON = Call(
    "POST",
    f"{BASE}/make",
    "submit",
    (("Accept", "application/json"),),
    (SecretHeader("Authorization", form="Bearer {}"),),
    JsonBody({"prompt": "Mug", "images": [Asset(PICTURE)], "n": 2}, "data:image/png;base64,"),
)
FORM = Call("POST", f"{BASE}/edit", "submit", body=FormBody((Part("prompt", "Mug"), Part("image", Asset(PICTURE)))))
BODY = Blob("cd" * 32, 3)


def test_a_call_is_told_as_it_went_out() -> None:
    """Method, address, headers and body stand there; a secret stands there by its name and bytes of ours by their digest."""
    assert call_to_json(JSON, BASE) == {
        "method": "POST",
        "url": "{base_url}/make",
        "headers": {"Accept": "application/json"},
        "secrets": {"Authorization": "Bearer <key>"},
        "json": {"prompt": "Mug", "images": [{"asset": PICTURE}], "n": 2},
    }
    assert call_to_json(FORM, BASE) == {
        "method": "POST",
        "url": "{base_url}/edit",
        "form": [["prompt", "Mug"], ["image", {"asset": PICTURE}]],
    }


def test_how_an_asset_stands_in_json_is_part_of_what_is_asked() -> None:
    """Its media type and its bytes are two things."""
    told = call_to_json(Call("POST", f"{BASE}/make", "submit", body=JsonBody([Asset(PICTURE, "{type}"), Asset(PICTURE)])), BASE)
    assert told["json"] == [{"asset": PICTURE, "as": "{type}"}, {"asset": PICTURE}]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"{BASE}/make", "{base_url}/make"),
        (f"{BASE}?a=1", "{base_url}?a=1"),
        (BASE, "{base_url}"),
        ("http://127.0.0.1:4711/files/1.png", "{origin}/files/1.png"),
        (f"{BASE}0/make", "{origin}/vendor/v20/make"),
        ("http://127.0.0.1:47110/files/1.png", "http://127.0.0.1:47110/files/1.png"),
        ("https://cdn.example/1.png", "https://cdn.example/1.png"),
    ],
)
def test_an_address_of_the_account_is_told_without_its_port(url: str, told: str) -> None:
    """What lies below the base URL, or at least on its host, is told from there on; any other address is told whole."""
    assert shorten(url, BASE) == told


def test_the_digest_is_of_what_is_asked() -> None:
    """Another address, method or body is another digest; headers and the names of secrets are not asked for."""
    digest = digest_of(call_to_json(JSON, BASE))
    elsewhere = Call("POST", "http://127.0.0.1:9/v2/make", "submit", body=JSON.body)
    assert digest_of(call_to_json(elsewhere, "http://127.0.0.1:9/v2")) == digest
    others = [
        Call("GET", JSON.url, "submit", body=JSON.body),
        Call("POST", f"{BASE}/other", "submit", body=JSON.body),
        Call("POST", JSON.url, "submit", body=JsonBody({"prompt": "Hat"})),
        FORM,
    ]
    assert len({digest, *(digest_of(call_to_json(other, BASE)) for other in others)}) == 5


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (Answer(200, {"content-type": "text/plain"}, b"abc"), BODY),
        (Answer(200, {"content-type": "image/png"}, b"abc", BODY), BODY),
        (Answer(429, {"retry-after": "Sat, 21 Nov 2026 12:00:10 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}), None),
        (NoAnswer(False, "refused"), None),
        (NoAnswer(True, "reset"), None),
    ],
)
def test_a_reply_is_read_again(reply: Answer | NoAnswer, body: Blob | None) -> None:
    """What is told of a reply, as JSON and with its body beside it, is that reply."""
    told = json.loads(write_text(reply_to_json(reply, body)))
    given_body = reply.body if isinstance(reply, Answer) else b""
    assert read_reply(told, given_body, reply.blob if isinstance(reply, Answer) else None) == reply


def test_what_no_reader_needs_is_left_out() -> None:
    """Cookies are a secret of the vendor's making, and a date without a wait only says when."""
    headers = {"set-cookie": "session=1", "date": "Sat, 21 Nov 2026 12:00:00 GMT", "content-type": "text/plain"}
    assert reply_to_json(Answer(200, headers), None) == {"status": 200, "headers": {"content-type": "text/plain"}}


def test_no_secret_of_this_process_is_told() -> None:
    """A key that stands where none should (an address, a body, a header, a reason) is masked."""
    key = "test-key-in-an-exchange"
    learn([key])
    call = Call("POST", f"{BASE}/make?k={key}", "submit", (("X-Echo", key),), body=JsonBody({"deep": [{"in": f"a {key}"}]}))
    replies = [reply_to_json(NoAnswer(True, f"no {key}"), None), reply_to_json(Answer(400, {"x-echo": key}), None)]
    assert key not in json.dumps([call_to_json(call, BASE), *replies])
    assert key not in json.dumps(call_to_json(Call("GET", f"{BASE}/{key}", "fetch"), BASE))


@given(st.sampled_from(["submit", "poll", "fetch"]), st.integers(0, 99), st.integers(1, 9999))
def test_a_place_is_known_by_its_name(step: Any, part: int, number: int) -> None:
    """The name of an exchange's file says which one it is."""
    place = Place("ab" * 32, step, part if step == "fetch" else 0, number)
    assert read_name(place.id, place.name) == place


@pytest.mark.parametrize("name", ["", "submit", "fetch-1", "poll-x", "buy-1", "submit-1-2", "fetch-1-2-3", "poll-²"])
def test_other_names_are_nobodys(name: str) -> None:
    """A file that nobody here named is no exchange."""
    assert read_name("ab" * 32, name) is None


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)))
def test_text_says_the_same_in_the_same_bytes(value: dict[str, Any]) -> None:
    """The order in which a value was put together does not show, and it can be read again."""
    text = write_text(value)
    assert text == write_text(dict(reversed(value.items())))
    assert json.loads(text) == value
    assert text.endswith(b"\n")


def test_half_a_surrogate_pair_can_be_told() -> None:
    """What UTF-8 cannot say is escaped."""
    assert json.loads(write_text({"a": "\ud83d"})) == {"a": "\ud83d"}


def test_a_duty_in_words() -> None:
    """A person reads which download of a request it is, counted from one."""
    request = make_request("jivox", "text", {"prompt": "Mug"})
    assert [step_of(Send(request, "submit")), step_of(Send(request, "fetch", part=1))] == ["submit", "download 2"]
