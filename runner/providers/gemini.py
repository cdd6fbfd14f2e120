"""Google Gemini: pictures from a prompt and pictures, answered at once in base64.

Documented by the vendor (ai.google.dev; the types of its SDK googleapis/python-genai): `models/{model}:generateContent`, the header
`x-goog-api-key`, parts of text and `inlineData`, `imageConfig` with its ratios and sizes, the reasons why there is no picture, and
errors as Google's APIs have them (`error.status`, `error.details[]`).

A 200 without a picture is no success: the prompt was blocked (`promptFeedback.blockReason`), or the candidate ended for a reason
such as SAFETY or NO_IMAGE, or the model answered in words. All of these are final and told with the vendor's words; whether they
are charged for is not documented, so none is counted as bought. Pictures that belong to the model's thoughts are left out.

429 names its wait in no header but in `google.rpc.RetryInfo` (`45.8s`). A `google.rpc.QuotaFailure` of a quota per day does not end
in a minute, so it bars the lane. A key that Google does not know is a 400, with API_KEY_INVALID among the details.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.fields import Field, Operation
from runner.providers.contract import (
    SUCCESSES,
    Options,
    Table,
    clip,
    dig,
    doubt,
    message_of,
    never_polled,
    read_json,
    read_status,
    seconds_of,
    segment,
)
from runner.providers.pictures import BASE64, inline_of
from runner.records import Answer, Asset, Call, Json, JsonBody, Limits, Request, SecretHeader, Step
from runner.verdicts import Barred, Busy, Done, Refused, Verdict

NAME = "gemini"
BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
DOC = "https://ai.google.dev/gemini-api/docs/image-generation"
KEYS: Mapping[str, str] = {"key": "GEMINI_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
MODELS: Final = ("gemini-2.5-flash-image", "gemini-3-pro-image-preview")
_MODEL: Final = r"[\w-][\w.-]*"
OPTIONS: Mapping[str, Field] = {
    "model": Field("text", nullable=True, pattern=_MODEL, doc="the model where the job names none"),
}
RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_PICTURE: Final = Field("image", takes=("base64",), doc="a picture, sent in base64")

OPERATIONS: Mapping[str, Operation] = {
    "image": Operation(
        "image",
        "files",
        {
            "model": Field(
                "text", required=True, pattern=_MODEL, choices=MODELS, open_choices=True, doc="a model that makes pictures"
            ),
            "prompt": Field("text", required=True, least=1, doc="describes the picture, or the edit"),
            "images": Field("list", item=_PICTURE, least=1, doc="pictures to edit or to refer to, in the prompt's order"),
            "aspectRatio": Field(
                "text", choices=RATIOS, open_choices=True, doc="the vendor chooses by the pictures where nothing is said"
            ),
            "imageSize": Field("text", choices=("1K", "2K", "4K"), default="1K", doc="the longer side; not every model makes all"),
            "generationConfig": Field("map", open_fields=True, doc="more of it, such as temperature or seed, passed on as it is"),
            "safetySettings": Field("list", item=Field("map", open_fields=True), doc="thresholds by category, passed on"),
        },
        "pictures from a prompt, or edits of pictures",
        DOC,
    ),
}
DAILY: Final = re.compile(r"per[\W_]?day", re.IGNORECASE)
"""How a quota of a day is named: `GenerateRequestsPerDayPerProjectPerModel`, `…_per_day`."""
STATUSES: Final[Table] = {401: Barred, 403: Barred}
_SECRETS: Final = (SecretHeader("x-goog-api-key"),)

poll = never_polled


def operations(options: Options) -> Mapping[str, Operation]:
    """The one operation; no option changes it."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """They differ by model and tier and come in no header: eight calls at once."""
    return Limits(concurrent=8)


def defaults(operation: str, options: Options) -> Mapping[str, Json]:
    """The account's model."""
    return {"model": options["model"]} if options.get("model") else {}


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/models/{model}:generateContent`: the prompt, then the pictures, as one content."""
    params = request.params
    parts: list[object] = [{"text": params["prompt"]}, *_pictures(params.get("images"))]
    image = {name: params[name] for name in ("aspectRatio", "imageSize") if params.get(name) is not None}
    more = params.get("generationConfig")
    config: dict[str, object] = {"responseModalities": ["TEXT", "IMAGE"], **(more if isinstance(more, Mapping) else {})}
    if image:
        given = config.get("imageConfig")
        config["imageConfig"] = {**(given if isinstance(given, Mapping) else {}), **image}
    body: dict[str, object] = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
    if params.get("safetySettings"):
        body["safetySettings"] = params["safetySettings"]
    url = f"{options['base_url']}/models/{segment(params['model'])}:generateContent"
    return Call("POST", url, "submit", secrets=_SECRETS, body=JsonBody(body))


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The pictures of the candidates, or why there is none; errors by status, details and quota."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return _error(step, answer, said)
    items = tuple(item for part in _parts(said) if (item := _picture(part)))
    if items:
        return Done(items)
    why = _why_not(said)
    return Refused(why) if why else doubt(step, "a success without a picture and without a reason")


def _pictures(images: Json) -> Iterator[object]:
    for image in images if isinstance(images, list | tuple) else ():
        yield {"inlineData": {"mimeType": Asset(str(image), "{type}"), "data": Asset(str(image), BASE64)}}


def _candidates(said: Any) -> list[Any]:
    found = dig(said, "candidates")
    return found if isinstance(found, list) else []


def _parts(said: Any) -> Iterator[Any]:
    for candidate in _candidates(said):
        parts = dig(candidate, "content", "parts")
        yield from (part for part in (parts if isinstance(parts, list) else ()) if dig(part, "thought") is not True)


def _picture(part: Any) -> Any:
    return inline_of(dig(part, "inlineData", "data") or dig(part, "inline_data", "data"))


def _why_not(said: Any) -> str:
    """Why there is no picture, in the vendor's words; empty where it says nothing."""
    blocked = dig(said, "promptFeedback", "blockReason")
    if isinstance(blocked, str):
        return f"the prompt was blocked: {_told(blocked, dig(said, 'promptFeedback', 'blockReasonMessage'))}"
    for candidate in _candidates(said):
        reason = dig(candidate, "finishReason")
        if isinstance(reason, str) and reason:
            words = " ".join(text for part in _parts(said) if isinstance(text := dig(part, "text"), str))
            return f"no picture: {_told(reason, dig(candidate, 'finishMessage') or words)}"
    return ""


def _told(word: str, message: Any) -> str:
    return clip(f"{word} ({message})" if isinstance(message, str) and message.strip() else word)


def _error(step: Step, answer: Answer, said: Any) -> Verdict:
    """What Google's error details tell apart: the day's quota from the minute's, a wrong key from a wrong request."""
    message = message_of(said)
    details = dig(said, "error", "details")
    listed = [detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, dict)]
    if answer.status == 400 and any(detail.get("reason") == "API_KEY_INVALID" for detail in listed):
        return Barred(f"400: {message}")
    verdict = read_status(answer, step, message, STATUSES)
    if not isinstance(verdict, Busy):
        return verdict
    if any(_is_daily(violation) for detail in listed for violation in _violations(detail)):
        return Barred(f"{verdict.why} (a quota of the day)")
    waits = [after for detail in listed if (after := _delay(detail)) is not None]
    return Busy(max(waits), verdict.why) if waits else verdict


def _violations(detail: Mapping[str, Any]) -> list[Any]:
    found = detail.get("violations")
    return found if isinstance(found, list) else []


def _is_daily(violation: Any) -> bool:
    named = (dig(violation, name) for name in ("quotaId", "quotaMetric", "description", "subject"))
    return any(isinstance(text, str) and DAILY.search(text) for text in named)


def _delay(detail: Mapping[str, Any]) -> float | None:
    delay = detail.get("retryDelay")
    return seconds_of(delay.removesuffix("s")) if isinstance(delay, str) and delay.endswith("s") else None
