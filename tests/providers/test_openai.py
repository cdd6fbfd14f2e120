"""Facts of OpenAI and of servers that speak its API: documented samples, and what they must become."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.fields import check_params
from runner.providers import openai
from runner.providers.registry import Account, open_catalog
from runner.providers.tokens import ANSWER_TOKENS
from runner.records import Asset, Call, FormBody, Json, JsonBody, Part, SecretHeader, make_request
from runner.verdicts import Barred, Busy, Done, Inline, Link, Lost, Refused, Text, Verdict
from tests.providers.questions import PNG, Facts, HardQuestions, answer, assert_journalable

CODED = base64.b64encode(PNG).decode()
BLOB = f"blob:{'0' * 64}"
OTHER = f"blob:{'1' * 64}"
USAGE = {"prompt_tokens": 24, "completion_tokens": 8, "total_tokens": 32}


def chat(content: Any = "2 + 2 equals 4.", reason: Any = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion as the vendor's samples have it."""
    said = {"role": "assistant", "content": content, "refusal": None, **message}
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "finish_reason": reason, "message": said}], "usage": USAGE}


FACTS = Facts(
    openai,
    params={
        "chat": {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "2 + 2?"}], "temperature": 0.2},
        "image": {"model": "gpt-image-1", "prompt": "a mug", "size": "1024x1024"},
        "image-edit": {"model": "gpt-image-1", "prompt": "on a beach", "image": "https://cdn.example.com/mug.png"},
    },
    successes={
        "chat": answer(200, chat()),
        "image": answer(200, {"created": 1, "data": [{"b64_json": CODED}], "usage": {"total_tokens": 100}}),
        "image-edit": answer(200, {"created": 1, "data": [{"url": "https://cdn.example.com/edited.png"}]}),
    },
)


class TestHardQuestions(HardQuestions):
    """OpenAI under the questions every provider is asked."""

    facts = FACTS


def submit(operation: str, params: dict[str, Json], **options: Json) -> Call:
    """The call of a request at an account with these options."""
    lane = open_catalog({"openai": Account(options=options)}).lanes["openai"]
    return openai.submit(make_request("openai", operation, params), lane.options)


def body(call: Call) -> Any:
    """The JSON of the call."""
    assert isinstance(call.body, JsonBody)
    return call.body.value


def read(said: object, operation: str = "chat", **params: Json) -> Verdict:
    """What a 200 with this body means."""
    request = make_request("acme", operation, {**FACTS.params[operation], **params})
    return openai.read("submit", answer(200, said), request, FACTS.lane.options)


def test_the_exact_call_of_a_chat() -> None:
    """The documented endpoint, the params as JSON, the bearer's key by name; organization and project are headers."""
    assert submit("chat", dict(FACTS.params["chat"]), organization="org-1", project="proj-1") == Call(
        "POST",
        "https://api.openai.com/v1/chat/completions",
        "submit",
        headers=(("Accept", "application/json"), ("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1")),
        secrets=(SecretHeader("Authorization", "key", "Bearer {}"),),
        body=JsonBody(FACTS.params["chat"]),
    )


def test_fields_of_other_servers_are_passed_on() -> None:
    """What we do not know stands at the top of the body, as vLLM and others want it."""
    told = body(submit("chat", {"model": "llama-3", "prompt": "hi", "top_k": 20, "chat_template_kwargs": {"a": 1}}))
    assert (told["top_k"], told["chat_template_kwargs"]) == (20, {"a": 1})


def test_the_short_form_is_a_conversation() -> None:
    """`system`, `prompt` and `images` become messages, pictures as data URLs or addresses."""
    told = body(
        submit("chat", {"model": "m", "system": "be brief", "prompt": "what?", "images": [BLOB, "https://e.example/a.png"]})
    )
    assert told == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what?"},
                    {"type": "image_url", "image_url": {"url": Asset(BLOB, "data:{type};base64,{data}")}},
                    {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}},
                ],
            },
        ],
    }
    assert body(submit("chat", {"model": "m", "prompt": "hi"}))["messages"] == [{"role": "user", "content": "hi"}]


def test_pictures_within_messages_are_brought() -> None:
    """A picture of ours in a message is an asset; everything around it stays as the job wrote it."""
    shown: Json = {"type": "image_url", "image_url": {"url": BLOB, "detail": "low"}}
    messages: list[Json] = [{"role": "system", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "y"}, shown]}]
    params: dict[str, Json] = {"model": "m", "messages": messages}
    assert check_params(openai.OPERATIONS["chat"], "openai/chat", params) == []
    told = body(submit("chat", params))["messages"]
    assert told[0] == messages[0]
    assert told[1]["content"][1]["image_url"] == {"url": Asset(BLOB, "data:{type};base64,{data}"), "detail": "low"}


def test_an_edit_is_multipart() -> None:
    """One picture is `image`, several are `image[]`; the mask and the other fields follow."""
    base: dict[str, Json] = {"model": "gpt-image-1", "prompt": "p", "n": 2}
    one = submit("image-edit", {**base, "image": BLOB, "mask": OTHER}).body
    assert one == FormBody(
        (
            Part("image", Asset(BLOB)),
            Part("mask", Asset(OTHER)),
            Part("model", "gpt-image-1"),
            Part("n", "2"),
            Part("prompt", "p"),
        )
    )
    two = submit("image-edit", {**base, "image": BLOB, "images": [OTHER]}).body
    assert isinstance(two, FormBody)
    assert two.parts[:2] == (Part("image[]", Asset(BLOB)), Part("image[]", Asset(OTHER)))


def test_the_accounts_model_is_part_of_what_is_asked() -> None:
    """Chats and pictures have a default each."""
    offers = open_catalog({"openai": Account(options={"model": "gpt-4.1", "image_model": "gpt-image-2"})}).offers
    assert offers["openai/chat"].defaults == {"model": "gpt-4.1"}
    assert offers["openai/image"].defaults == offers["openai/image-edit"].defaults == {"model": "gpt-image-2"}


def test_an_answer_is_kept_with_what_it_used() -> None:
    """The text of the first choice, and the tokens of both ways."""
    assert read(chat()) == Done((Text("2 + 2 equals 4."),), used=32)
    assert read({"choices": [{"message": {"content": "hi"}}]}) == Done((Text("hi"),))
    pieces = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "hi"}]
    assert read(chat(pieces)) == Done((Text("hi"),), used=32)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (chat("Once upon", "length"), "the answer was cut at its most tokens"),
        (chat(None, "length"), "the answer was cut at its most tokens"),
        (chat("", "content_filter"), "content filter"),
        (chat(None, "tool_calls", tool_calls=[{}]), "calls a tool"),
        (chat(None, "function_call"), "calls a function"),
        (chat(None, "stop", refusal="I cannot help with that."), "the model refuses: I cannot help with that."),
        (chat("", "stop"), "an empty answer (finish_reason stop)"),
        (chat(None, "stop"), "an empty answer"),
    ],
)
def test_a_200_that_is_no_success_is_paid_for_and_of_no_use(said: object, why: str) -> None:
    """Cut, filtered, refused, empty or a tool's call: bought, said so, and never a result."""
    verdict = read(said)
    assert isinstance(verdict, Refused)
    assert verdict.billed
    assert why in verdict.why


def test_json_mode_gives_json_or_nothing() -> None:
    """What is not JSON although JSON was asked for is of no use."""
    form: Json = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert isinstance(read(chat('{"a": 1}'), response_format=form), Done)
    wrong = read(chat('Sure! {"a": 1}'), response_format=form)
    assert isinstance(wrong, Refused)
    assert wrong.billed
    assert isinstance(read(chat("Sure!"), response_format={"type": "text"}), Done)


def test_pictures_come_inside_or_as_links() -> None:
    """Each entry as it is; fewer than asked for are told of, none is in doubt."""
    said = {"data": [{"b64_json": CODED}, {"url": "https://cdn.example.com/2.png"}, {"b64_json": "%"}]}
    assert read(said, "image", n=3) == Done((Inline(PNG), Link("https://cdn.example.com/2.png")), "2 of 3 pictures")
    empty: list[Json] = [[], [{"url": "x.png"}], None]
    assert [type(read({"data": data}, "image")) for data in empty] == [Lost] * 3


def error(status: int, code: str | None, kind: str | None = None, **more: str) -> Verdict:
    """The verdict of an error with this code and type."""
    told = answer(status, {"error": {"message": "no", "type": kind, "param": None, "code": code}}, **more)
    return FACTS.read("submit", told, "chat")


@pytest.mark.parametrize(
    ("status", "code", "kind", "word"),
    [
        (429, "insufficient_quota", "insufficient_quota", Barred),
        (429, "credit_balance_exhausted", "insufficient_quota", Barred),
        (429, "project_spend_limit_exceeded", None, Barred),
        (401, "invalid_api_key", "invalid_request_error", Barred),
        (400, "billing_hard_limit_reached", None, Barred),
        (429, "rate_limit_exceeded", "requests", Busy),
        (429, None, None, Busy),
        (503, "slow_down", "server_error", Busy),
        (503, None, "server_error", Lost),
        (500, None, "server_error", Lost),
        (500, "insufficient_quota", None, Lost),
        (400, "context_length_exceeded", "invalid_request_error", Refused),
        (400, "content_policy_violation", None, Refused),
        (404, "model_not_found", None, Refused),
    ],
)
def test_errors_go_by_code_and_type(status: int, code: str | None, kind: str | None, word: type[Verdict]) -> None:
    """Money and key close the lane, pace holds it, a wrong request is refused; a silent 5xx is in doubt."""
    verdict = error(status, code, kind)
    assert isinstance(verdict, word)
    assert not isinstance(verdict, Refused) or not verdict.billed


def test_a_wait_is_taken_from_where_it_stands() -> None:
    """The vendor's own header in milliseconds comes first."""
    verdict = error(429, "rate_limit_exceeded", retry_after_ms="1500", retry_after="7")
    assert verdict == Busy(1.5, "429: no (rate_limit_exceeded)")


@pytest.mark.parametrize(
    ("operation", "params", "said"),
    [
        ("chat", {"model": "m"}, "messages or prompt is required"),
        ("chat", {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "y"}, "either messages or prompt"),
        ("chat", {"model": "m", "messages": [{"role": "user", "content": "x"}], "system": "y"}, "system go with prompt"),
        ("chat", {"model": "m", "prompt": "x", "stream": True}, "True is not one of False"),
        ("chat", {"model": "m", "prompt": "x", "n": 2}, "the most allowed is 1"),
        ("image", {"model": "gpt-image-1", "prompt": "x", "size": "512x512"}, "gpt-image-1 has no size 512x512"),
        ("image", {"model": "gpt-image-2-2026-04-01", "prompt": "x", "size": "1000x1000"}, "divisible by 16"),
        ("image", {"model": "gpt-image-2", "prompt": "x", "size": "1600x400"}, "narrower than 1:3"),
        ("image", {"model": "gpt-image-2", "prompt": "x", "size": "3840x3840"}, "larger than 3840x2160"),
        ("image", {"model": "gpt-image-2", "prompt": "x", "size": "big"}, "is no size"),
        ("image", {"model": "dall-e-3", "prompt": "x", "n": 2}, "one picture at a time"),
        ("image", {"model": "dall-e-2", "prompt": "x" * 1001}, "dall-e-2 takes 1000"),
        ("image", {"model": "gpt-image-1", "prompt": "x", "response_format": "url"}, "leave response_format out"),
        ("image-edit", {"model": "m", "prompt": "x", "image": BLOB, "images": [BLOB] * 16}, "at most 15 are allowed"),
    ],
)
def test_wrong_values_are_found_before_sending(operation: str, params: dict[str, Json], said: str) -> None:
    """The rules of the model's family, and between fields."""
    assert said in " ".join(
        problem.message for problem in check_params(openai.OPERATIONS[operation], f"openai/{operation}", params)
    )


@pytest.mark.parametrize(
    "params",
    [
        {"model": "gpt-image-2", "size": "3840x2160"},
        {"model": "gpt-image-2", "size": "auto"},
        {"model": "gpt-image-1.5", "size": "1536x1024"},
        {"model": "dall-e-3", "size": "1792x1024", "response_format": "url"},
        {"model": "flux", "size": "123x77", "steps": 4, "response_format": "b64_json"},
    ],
)
def test_right_values_pass_and_unknown_models_have_no_rules(params: dict[str, Json]) -> None:
    """A server of one's own knows best what its models take."""
    assert check_params(openai.OPERATIONS["image"], "openai/image", {"prompt": "x", **params}) == []


def test_a_request_weighs_what_its_words_and_its_answer_may_use() -> None:
    """A quarter of the letters, and the most tokens of the answer; pictures have no letters."""
    request = make_request("openai", "chat", {"model": "abcd", "prompt": "x" * 396, "images": [BLOB], "max_tokens": 50})
    assert openai.weigh(request, {}) == 150
    open_end = make_request("openai", "chat", {"model": "abcd", "messages": [{"role": "user", "content": "x" * 392}]})
    assert openai.weigh(open_end, {}) == 100 + ANSWER_TOKENS


def test_a_ticket_is_that_of_a_batch() -> None:
    """An answer comes at once; only a batch is asked about, and as a whole. What goes by none is never polled."""
    call = openai.poll(FACTS.request("chat"), "batch/1", FACTS.lane.options)
    assert (call.method, call.url, call.purpose) == ("GET", "https://api.openai.com/v1/batches/batch%2F1", "poll")
    with pytest.raises(ValueError, match="is never queued"):
        openai.poll(FACTS.request("image-edit"), "t", FACTS.lane.options)


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "stop", "length", "text", CODED, "https://e.example/a.png"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "finish_reason",
                    "refusal",
                    "data",
                    "b64_json",
                    "url",
                    "usage",
                    "total_tokens",
                    "type",
                    "text",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FACTS.params)), PIECES, PIECES, PIECES)
def test_reading_never_goes_wrong(operation: str, choices: Json, data: Json, usage: Json) -> None:
    """Whatever a server makes of the documented names, the verdict can be journaled."""
    assert_journalable(read({"choices": choices, "data": data, "usage": usage}, operation))
    assert_journalable(read({"choices": [{"message": {"content": choices}, "finish_reason": data}]}, operation))
