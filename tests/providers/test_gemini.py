"""Facts of Gemini: base64 among parts, a 200 that holds no picture, and waits in the error's details."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.fields import check_params
from runner.providers import gemini
from runner.providers.registry import Account, open_catalog
from runner.records import Asset, Call, Json, JsonBody, SecretHeader, make_request
from runner.verdicts import Barred, Busy, Done, Inline, Lost, Refused, Verdict
from tests.providers.questions import PNG, Facts, HardQuestions, answer

API = "https://generativelanguage.googleapis.com/v1beta"
JPEG = b"\xff\xd8\xff\xe0" + bytes(30)


def part(data: bytes = PNG, **more: object) -> dict[str, object]:
    """A part that holds a picture."""
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}, **more}


def content(*parts: object, reason: str | None = "STOP", **more: object) -> dict[str, object]:
    """An answer with one candidate."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 1300}, **more}


FACTS = Facts(
    gemini,
    params={
        "image": {"model": "gemini-2.5-flash-image", "prompt": "a mug", "aspectRatio": "16:9", "imageSize": "2K"},
    },
    successes={"image": answer(200, content({"text": "Here it is:"}, part()))},
)


class TestHardQuestions(HardQuestions):
    """Gemini under the questions every provider is asked."""

    facts = FACTS


def read(body: object, status: int = 200, **headers: str) -> Verdict:
    """What an answer means."""
    return FACTS.read("submit", answer(status, body, **headers), "image")


def failed(status: int, word: str, *details: object) -> dict[str, object]:
    """An error as Google's APIs have it."""
    return {"error": {"code": status, "message": "what happened", "status": word, "details": list(details)}}


def test_the_exact_call() -> None:
    """The model is in the path, the prompt a part, the picture's shape in `imageConfig`."""
    assert gemini.submit(FACTS.request("image"), FACTS.lane.options) == Call(
        "POST",
        f"{API}/models/gemini-2.5-flash-image:generateContent",
        "submit",
        secrets=(SecretHeader("x-goog-api-key", "key", "{}"),),
        body=JsonBody(
            {
                "contents": [{"role": "user", "parts": [{"text": "a mug"}]}],
                "generationConfig": {
                    "responseModalities": ["TEXT", "IMAGE"],
                    "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
                },
            }
        ),
    )


def test_pictures_follow_the_prompt_with_their_media_type() -> None:
    """Bytes of ours and URLs alike are brought by us, for the vendor takes base64 only."""
    blob, link = f"blob:{'5' * 64}", "https://cdn.example.com/mug.png"
    params: dict[str, Json] = {"model": "m", "prompt": "p", "images": [blob, link]}
    assert check_params(gemini.OPERATIONS["image"], "gemini/image", params) == []
    body = gemini.submit(make_request("gemini", "image", params), FACTS.lane.options).body
    assert isinstance(body, JsonBody)
    value: Any = body.value
    assert value["contents"][0]["parts"] == [
        {"text": "p"},
        *({"inlineData": {"mimeType": Asset(ref, "{type}"), "data": Asset(ref, "{data}")}} for ref in (blob, link)),
    ]


def test_more_configuration_is_passed_on() -> None:
    """Temperature, seed and thresholds; the named fields have the last word."""
    params: dict[str, Json] = {
        "model": "m",
        "prompt": "p",
        "aspectRatio": "1:1",
        "generationConfig": {"seed": 7, "imageConfig": {"aspectRatio": "4:3", "imageSize": "1K"}, "responseModalities": ["IMAGE"]},
        "safetySettings": [{"category": "c", "threshold": "BLOCK_NONE"}],
    }
    body = gemini.submit(make_request("gemini", "image", params), FACTS.lane.options).body
    assert isinstance(body, JsonBody)
    value: Any = body.value
    config = {"seed": 7, "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}, "responseModalities": ["IMAGE"]}
    assert (value["generationConfig"], value["safetySettings"]) == (config, params["safetySettings"])


def test_the_accounts_model_is_what_a_job_leaves_out() -> None:
    """It becomes part of what is asked."""
    catalog = open_catalog({"gemini": Account(options={"model": "gemini-3-pro-image-preview"})})
    assert catalog.offers["gemini/image"].defaults == {"model": "gemini-3-pro-image-preview"}
    assert gemini.defaults("image", FACTS.lane.options) == {}


@pytest.mark.parametrize("more", [{"model": "../x"}, {"model": "a:b"}, {"imageSize": "8K"}, {"prompt": ""}, {"images": []}])
def test_wrong_values_are_found_before_sending(more: dict[str, Json]) -> None:
    """A ratio that we do not know may be new; these cannot be."""
    good = {**FACTS.params["image"], "aspectRatio": "8:1"}
    assert check_params(gemini.OPERATIONS["image"], "gemini/image", good) == []
    assert check_params(gemini.OPERATIONS["image"], "gemini/image", {**good, **more})


def test_pictures_come_in_order_without_the_words_and_thoughts() -> None:
    """Text parts may stand before, between and after; a thought's picture is a draft."""
    body = content({"text": "Here:"}, part(JPEG, thought=True), part(), {"text": "and"}, part(JPEG), {"text": "."})
    assert read(body) == Done((Inline(PNG), Inline(JPEG)))
    old = {
        "candidates": [
            {"content": {"parts": [{"inline_data": {"mime_type": "image/png", "data": base64.b64encode(PNG).decode()}}]}}
        ]
    }
    assert read(old) == Done((Inline(PNG),))


@pytest.mark.parametrize(
    "reason",
    [
        *("SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT"),
        *("NO_IMAGE", "IMAGE_RECITATION", "IMAGE_OTHER", "MAX_TOKENS", "SOMETHING_NEW"),
    ],
)
def test_a_candidate_without_a_picture_says_why(reason: str) -> None:
    """200, paid perhaps, and no success: final, in the vendor's words."""
    assert read(content(reason=reason)) == Refused(f"no picture: {reason}")
    assert read({"candidates": [{"finishReason": reason, "finishMessage": "try another"}]}) == Refused(
        f"no picture: {reason} (try another)"
    )


def test_words_instead_of_a_picture_are_told() -> None:
    """The model ended well and only talked."""
    assert read(content({"text": "I cannot draw that."})) == Refused("no picture: STOP (I cannot draw that.)")


@pytest.mark.parametrize(
    ("feedback", "why"),
    [
        ({"blockReason": "SAFETY"}, "the prompt was blocked: SAFETY"),
        ({"blockReason": "OTHER", "blockReasonMessage": "no"}, "the prompt was blocked: OTHER (no)"),
    ],
)
def test_a_blocked_prompt_is_refused(feedback: Json, why: str) -> None:
    """There are no candidates then."""
    assert read({"promptFeedback": feedback}) == Refused(why)


@pytest.mark.parametrize(
    "body",
    [
        {"candidates": []},
        {"candidates": [{}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": "bm90IGEgcGljdHVyZQ=="}}]}}]},
        {"promptFeedback": {}},
        {"candidates": {"content": 7}},
    ],
)
def test_a_success_without_a_picture_and_a_reason_is_in_doubt(body: Json) -> None:
    """Nobody can tell what was bought."""
    assert isinstance(read(body), Lost)


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.837906927s"}
QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"


@pytest.mark.parametrize(
    ("details", "headers", "after"),
    [
        ((RETRY,), {}, 45.837906927),
        (({"retryDelay": "2s"}, RETRY), {}, 45.837906927),
        ((RETRY,), {"retry_after": "7"}, 45.837906927),
        ((), {"retry_after": "7"}, 7.0),
        (({"retryDelay": "soon"},), {}, None),
        (({"retryDelay": 45},), {}, None),
        (
            ("odd", {"@type": QUOTA, "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}, RETRY),
            {},
            45.837906927,
        ),
    ],
)
def test_a_429_names_its_wait_in_its_details(details: tuple[object, ...], headers: dict[str, str], after: float | None) -> None:
    """RESOURCE_EXHAUSTED by the minute is pace."""
    assert read(failed(429, "RESOURCE_EXHAUSTED", *details), 429, **headers) == Busy(after, "429: what happened")


@pytest.mark.parametrize(
    "violation",
    [
        {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
        {"quotaMetric": "generativelanguage.googleapis.com/requests_per_day"},
    ],
)
def test_a_quota_of_the_day_closes_the_lane(violation: Json) -> None:
    """It does not end in a minute, whatever the RetryInfo beside it says."""
    body = failed(429, "RESOURCE_EXHAUSTED", {"@type": QUOTA, "violations": [violation]}, RETRY)
    assert read(body, 429) == Barred("429: what happened (a quota of the day)")


@pytest.mark.parametrize(
    ("status", "word", "details", "verdict"),
    [
        (400, "INVALID_ARGUMENT", (), Refused),
        (400, "INVALID_ARGUMENT", ({"reason": "API_KEY_INVALID", "domain": "googleapis.com"},), Barred),
        (401, "UNAUTHENTICATED", (), Barred),
        (403, "PERMISSION_DENIED", (), Barred),
        (404, "NOT_FOUND", (), Refused),
        (500, "INTERNAL", (), Lost),
        (503, "UNAVAILABLE", (), Lost),
        (504, "DEADLINE_EXCEEDED", (), Lost),
    ],
)
def test_errors(status: int, word: str, details: tuple[object, ...], verdict: type[Verdict]) -> None:
    """Key and permission close the lane, a wrong request is refused, a 5xx is in doubt."""
    answered = read(failed(status, word, *details), status)
    assert isinstance(answered, verdict)
    assert answered.why == f"{status}: what happened"  # type: ignore[union-attr]
