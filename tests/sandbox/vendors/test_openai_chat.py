from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from runner.sandbox.behaviour import Fault
from runner.sandbox.intake import Ask, Pictures, Wrong
from runner.sandbox.vendor import Job, Linked
from runner.sandbox.vendors.openai_chat import answer_chat, answer_filtered, count_reserved, make_chat, read_chat
from tests.sandbox.conftest import Sandbox, Start

BODY: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "A headline for our steel mug"}]}


def picture() -> str:
    """A small picture as a data URL."""
    file = io.BytesIO()
    Image.new("RGB", (20, 16), "navy").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def read(**more: Any) -> dict[str, Any]:
    """The params of a chat that differs so from the usual one."""
    body = json.dumps({**BODY, **more}).encode()
    return read_chat(Ask("POST", {}, {}, {}, "application/json", body), Pictures(lambda _url: None))


def answer(**more: Any) -> dict[str, Any]:
    """The completion of that chat."""
    params = {name: value for name, value in read(**more).items() if value is not None}
    linked = [Linked("", made) for made in make_chat(params, {})]
    reply = answer_chat(Job("", "d" * 64, params, 5.0), linked)
    assert reply.status == 200
    return dict(json.loads(reply.body))


async def test_a_chat_is_answered(sandbox: Sandbox):
    """One choice that stopped by itself, about what was asked, and the tokens of both sides."""
    status, body = await sandbox.post("/openai/v1/chat/completions", BODY)
    choice = body["choices"][0]
    assert (status, body["object"], choice["finish_reason"], choice["message"]["role"]) == (
        200,
        "chat.completion",
        "stop",
        "assistant",
    )
    assert "mug" in choice["message"]["content"].lower()
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


async def test_a_filter_ends_a_chat(start: Start):
    """200 and billed, but `content_filter` and nothing to use."""
    sandbox = await start(faults=(Fault("filtered"),))
    status, body = await sandbox.post("/openai/v1/chat/completions", {**BODY, "n": 2})
    assert (status, [each["finish_reason"] for each in body["choices"]]) == (200, ["content_filter"] * 2)
    assert len(await sandbox.ledger()) == 1


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_long_answer_is_cut(name: str):
    """With few tokens allowed it ends in the middle, with `length`, and used as many."""
    body = answer(**{name: 2})
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 2)
    assert len(body["choices"][0]["message"]["content"]) == 8


def test_as_many_choices_as_asked_for():
    """`n` choices, numbered, not all alike; a seed makes another answer."""
    texts = [each["message"]["content"] for each in answer(n=6)["choices"]]
    assert len(texts) == 6
    assert len(set(texts)) > 1
    assert len({answer(seed=seed)["choices"][0]["message"]["content"] for seed in range(8)}) > 1


def test_a_stop_ends_the_text():
    """The text ends before the word that stops it."""
    whole = answer()["choices"][0]["message"]["content"]
    stop = whole.split()[1]
    assert answer(stop=[stop])["choices"][0]["message"]["content"] == whole[: whole.index(stop)]


def test_json_is_answered_where_it_is_wanted():
    """An object, or one that satisfies the schema."""
    free = json.loads(answer(response_format={"type": "json_object"})["choices"][0]["message"]["content"])
    assert set(free) == {"headline", "text"}
    schema = {"type": "object", "properties": {"stars": {"type": "integer", "minimum": 1, "maximum": 5}}, "required": ["stars"]}
    form = {"type": "json_schema", "json_schema": {"name": "review", "schema": schema, "strict": True}}
    assert 1 <= json.loads(answer(response_format=form)["choices"][0]["message"]["content"])["stars"] <= 5


def test_pictures_in_a_message_are_what_they_show():
    """A picture is known by its content; it counts in tokens."""
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture()}}]
    params = read(messages=[{"role": "user", "content": parts}])
    assert params["messages"][0]["images"][0].startswith("sha256:")
    assert count_reserved(params) > count_reserved(read(messages=[{"role": "user", "content": "What is this?"}])) + 80


def test_fields_of_other_servers_decide_the_result():
    """`top_k` is no field of the document and part of the order; who asks is not."""
    assert read(top_k=3)["more"] == {"top_k": 3}
    assert read(user="u") == read()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0].role"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "song"}]}]}, "messages[0].content.type"),
        ({"temperature": 3}, "temperature"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": 5}, "stop"),
        ({"stream": True}, "stream"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_chat_has_rules(change: dict[str, Any], name: str):
    """The parameter that is wrong is named."""
    with pytest.raises(Wrong) as caught:
        read(**change)
    assert caught.value.name == name


def test_a_filtered_chat_used_what_was_sent():
    """The tokens of the question are used though nothing came of it."""
    params = {name: value for name, value in read().items() if value is not None}
    usage = json.loads(answer_filtered(Job("", "d" * 64, params, 5.0), []).body)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] > 0
