"""Facts of Jivox: its documented samples, and what they must become."""

from __future__ import annotations

import pytest

from runner.fields import check_params
from runner.providers import jivox
from runner.providers.registry import Account, open_catalog
from runner.records import Asset, Call, Json, JsonBody, SecretHeader, make_request
from runner.verdicts import Barred, Done, Link, Lost, Refused, Text
from tests.providers.questions import Facts, HardQuestions, answer

CDN = "https://cdn.example.com/generated"
FACTS = Facts(
    jivox,
    params={
        "image": {"prompt": "A modern product banner", "width": 728, "height": 90},
        "text": {"prompt": "Write a catchy headline for a summer sale"},
        "outpaint": {"image": "https://cdn.example.com/o.jpg", "width": 300, "height": 250, "prompt": "a blurred outdoor scene"},
        "remove-background": {"image": "https://cdn.example.com/product.jpg"},
        "trim": {"image": "https://cdn.example.com/product-padded.jpg"},
    },
    successes={
        "image": answer(200, {"imageUrl": f"{CDN}/img-001.png"}),
        "text": answer(200, {"text": "Beat the Heat — Summer Sale Up to 50% Off!"}),
        "outpaint": answer(200, {"imageUrl": f"{CDN}/outpaint-001.png"}),
        "remove-background": answer(200, {"imageUrl": f"{CDN}/no-bg-001.png"}),
        "trim": answer(200, {"imageUrl": f"{CDN}/trimmed-001.png"}),
    },
    options={"account": "1042"},
)


class TestHardQuestions(HardQuestions):
    """Jivox under the questions every provider is asked."""

    facts = FACTS


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("image", "imageGen"),
        ("text", "textGen"),
        ("outpaint", "outpaint"),
        ("remove-background", "removeBg"),
        ("trim", "trimRemoveBg"),
    ],
)
def test_the_exact_call_of_each_operation(operation: str, path: str) -> None:
    """The documented endpoint with the params as JSON and the key's header by name."""
    assert jivox.submit(FACTS.request(operation), FACTS.lane.options) == Call(
        "POST",
        f"https://jivoxapis.api.jivox.com/v2/accounts/1042/{path}",
        "submit",
        headers=(("Accept", "application/json"),),
        secrets=(SecretHeader("jvx_apikey", "key", "{}"),),
        body=JsonBody(FACTS.params[operation], ""),
    )


def test_an_account_is_one_segment_of_the_path() -> None:
    """An account with odd characters cannot lead the call elsewhere."""
    lane = open_catalog({"jivox": Account(options={"account": "a/../b?c"})}).lanes["jivox"]
    assert jivox.submit(FACTS.request("text"), lane.options).url.endswith("/accounts/a%2F..%2Fb%3Fc/textGen")


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_picture_of_ours_travels_as_base64_with_the_prefix_asked_for(prefix: str) -> None:
    """Whether base64 takes a `data:` prefix is not documented, so it is an option."""
    lane = open_catalog({"jivox": Account(options={"account": "1", "image_prefix": prefix})}).lanes["jivox"]
    blob = f"blob:{'0' * 64}"
    call = jivox.submit(make_request("jivox", "trim", {"image": blob}), lane.options)
    assert call.body == JsonBody({"image": Asset(blob)}, prefix)


def test_a_prompt_is_never_taken_for_a_picture() -> None:
    """Only the image field can name bytes of ours."""
    call = jivox.submit(make_request("jivox", "text", {"prompt": "blob:x"}), FACTS.lane.options)
    assert isinstance(call.body, JsonBody)
    assert call.body.value == {"prompt": "blob:x"}


@pytest.mark.parametrize("operation", ["image", "outpaint", "remove-background", "trim"])
def test_a_picture_is_a_link(operation: str) -> None:
    """`imageUrl` is what to download."""
    verdict = FACTS.read("submit", FACTS.successes[operation], operation)
    assert isinstance(verdict, Done)
    assert [type(item) for item in verdict.items] == [Link]


def test_copy_is_kept_as_written() -> None:
    """`text` is the result, dashes and all."""
    expected = Done((Text("Beat the Heat — Summer Sale Up to 50% Off!"),))
    assert FACTS.read("submit", FACTS.successes["text"], "text") == expected


@pytest.mark.parametrize(
    "url", ["img-001.png", "/generated/img.png", "ftp://x/y", "https://", "http:// x", 7, None, [], "javascript:1"]
)
def test_a_picture_without_an_absolute_url_is_in_doubt(url: Json) -> None:
    """What cannot be downloaded is no result, though it may have been paid for."""
    assert isinstance(FACTS.read("submit", answer(200, {"imageUrl": url}), "image"), Lost)


@pytest.mark.parametrize("text", ["", "  \n", None, 5, ["a"], {"a": "b"}])
def test_copy_that_is_no_text_is_in_doubt(text: Json) -> None:
    """An empty success is not a success."""
    assert isinstance(FACTS.read("submit", answer(200, {"text": text}), "text"), Lost)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, {"msg": "bad key"}, Barred("401: bad key")),
        (402, {}, Barred("status 402")),
        (403, {"message": "not yours"}, Refused("403: not yours")),
        (400, {"error": {"message": "width\nmissing"}}, Refused("400: width missing")),
        (500, {"error": "boom"}, Lost("500: boom")),
    ],
)
def test_errors_have_their_ordinary_meaning_and_message(status: int, body: Json, verdict: object) -> None:
    """Without a documented table, HTTP's own meaning holds and the vendor's words are kept."""
    assert FACTS.read("submit", answer(status, body), "image") == verdict


@pytest.mark.parametrize(("field", "value"), [("width", 0), ("width", "728"), ("height", 1.5), ("prompt", ""), ("prompt", 7)])
def test_wrong_values_are_found_before_sending(field: str, value: Json) -> None:
    """Sizes are whole and positive, prompts are text."""
    problems = check_params(jivox.OPERATIONS["image"], "jivox/image", {**FACTS.params["image"], field: value})
    assert [problem.path for problem in problems] == [(field,)]


def test_nothing_is_ever_polled() -> None:
    """Jivox answers at once; to ask it again is a mistake of ours."""
    with pytest.raises(ValueError, match="acme/image is never queued"):
        jivox.poll(FACTS.request("image"), "t", FACTS.lane.options)
