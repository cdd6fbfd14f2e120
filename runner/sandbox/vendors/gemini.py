"""Google's Gemini pictures: `models/{model}:generateContent`, as Google's own Python client has it.

Answered at once, with pictures as base64 in the parts of a candidate; text may stand before them. A success can hold no picture:
then `finishReason` or `promptFeedback.blockReason` says why. Being busy is 429 RESOURCE_EXHAUSTED, and only `RetryInfo` in the
body tells for how long; a quota of the day is said with the same status and told by its name alone.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import count_tokens, write_copy
from runner.sandbox.dice import Dice
from runner.sandbox.easel import order, paint
from runner.sandbox.intake import Ask, Fields, Made, Pictures, Refusal, Reply, write_json
from runner.sandbox.pictures import fit_ratio
from runner.sandbox.vendor import Job, Linked, Submit, Trouble, Vendor

PREFIX: Final = "/gemini/v1beta"
RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
SIZES: Final[Mapping[str, int]] = {"1K": 1024, "2K": 2048, "4K": 4096}
MODALITIES: Final = ("TEXT", "IMAGE")
STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS: Final = (
    "SAFETY",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "NO_IMAGE",
    "IMAGE_OTHER",
)
HUMP: Final = re.compile(r"_([a-z])")
TYPES: Final = "type.googleapis.com/google.rpc"
Params = Mapping[str, Any]


def _say(status: int, message: str, *details: Mapping[str, Any]) -> Reply:
    name = STATUSES.get(status, "UNKNOWN")
    body = {"code": status, "message": message, "status": name, **({"details": details} if details else {})}
    return write_json(status, {"error": body})


def _quota(quota: str, metric: str = "generate_content_requests") -> dict[str, Any]:
    violation = {"quotaMetric": f"generativelanguage.googleapis.com/{metric}", "quotaId": quota}
    return {"@type": f"{TYPES}.QuotaFailure", "violations": [violation]}


def _retry(seconds: float) -> dict[str, Any]:
    return {"@type": f"{TYPES}.RetryInfo", "retryDelay": f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"}


def admit(ask: Ask, key: str) -> None:
    """`x-goog-api-key`: 403 without one, 400 with a wrong one."""
    shown = ask.headers.get("x-goog-api-key", "")
    if not shown:
        raise Refusal(_say(403, "Method doesn't allow unregistered callers. Please use an API key."))
    if not hmac.compare_digest(shown.encode(), key.encode()):
        info = {"@type": f"{TYPES}.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        raise Refusal(_say(400, "API key not valid. Please pass a valid API key.", info))


def wrong(name: str, message: str) -> Reply:
    """400 INVALID_ARGUMENT."""
    return _say(400, message)


def trouble(kind: Trouble, status: int) -> Reply:
    """Pace and the day's quota share a status; neither has a Retry-After."""
    if kind in {"busy", "queue_full"}:
        return pause(_say(429, ""), 45.837906927)
    if kind in {"no_credits", "no_credit"}:
        message = "You exceeded your current quota, please check your plan and billing details (credit)."
        return _say(429, message, _quota("GenerateRequestsPerDayPerProjectPerModel"), _retry(31.5))
    if kind == "broken":
        return _say(status, "The model is overloaded. Please try again later.")
    return _say(status, "The request was refused")


def pause(reply: Reply, seconds: float) -> Reply:
    """How long to wait stands in the body."""
    message = "Resource has been exhausted (e.g. check quota)."
    return _say(reply.status, message, _quota("GenerateRequestsPerMinutePerProjectPerModel"), _retry(seconds))


def _humped(value: Any) -> Any:
    """Field names as JSON has them: `aspect_ratio` is taken for `aspectRatio`, as Google takes it."""
    if isinstance(value, dict):
        return {HUMP.sub(lambda found: found[1].upper(), name): _humped(inside) for name, inside in value.items()}
    return [_humped(each) for each in value] if isinstance(value, list) else value


def read_content(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """generateContent: `contents` with their parts, and what `generationConfig` says of the picture."""
    fields, model = Fields(_humped(ask.json())), ask.path["model"]
    words, images = _parts(fields.listing("contents", required=True), pictures)
    system = fields.mapping("systemInstruction")
    if system is not None:
        more, _ = _parts([system.raw("parts") and {"parts": system.raw("parts")}], pictures)
        words = [*more, *words]
    for name in ("safetySettings", "tools"):
        fields.listing(name)
    config = fields.mapping("generationConfig") or Fields({})
    fields.close()
    modalities = config.listing("responseModalities") or (list(MODALITIES) if "image" in model else ["TEXT"])
    if any(each not in MODALITIES for each in modalities):
        config.refuse("responseModalities", "Invalid value at 'generation_config.response_modalities'")
    if "IMAGE" in modalities and "image" not in model:
        config.refuse("responseModalities", f"Model {model} does not support the requested response modalities: image")
    shape = config.mapping("imageConfig") or Fields({})
    ratio, size = shape.choice("aspectRatio", RATIOS), shape.choice("imageSize", tuple(SIZES), default="1K") or "1K"
    shape.close()
    return order(
        "draw",
        "\n".join(words),
        model=model,
        images=images,
        size=None if images and ratio is None else fit_ratio(ratio or "1:1", SIZES[size]),
        seed=config.whole("seed"),
        modalities=sorted(modalities),
        temperature=config.number("temperature", low=0, high=2),
    )


def _parts(contents: Sequence[Any], pictures: Pictures) -> tuple[list[str], list[str]]:
    """The words and the pictures of all parts."""
    words: list[str] = []
    images: list[str] = []
    for place, content in enumerate(contents):
        if not isinstance(content, dict) or not isinstance(content.get("parts"), list) or not content["parts"]:
            Fields({}).refuse(f"contents[{place}]", f"contents[{place}].parts must not be empty")
        for part in content["parts"]:
            inside = Fields(part if isinstance(part, dict) else {}, path=f"contents[{place}].parts.")
            text, data, file = inside.text("text"), inside.mapping("inlineData"), inside.mapping("fileData")
            inside.close()
            if data is not None:
                data.needed("mimeType")
                images.append(pictures.take("inlineData", data.needed("data")))
            elif file is not None:
                images.append(pictures.take_url("fileData", file.needed("fileUri")))
            elif text is not None:
                words.append(text)
            else:
                inside.refuse("text", "contents.parts must have one initialized field")
    return words, images


def make(params: Params, inputs: Mapping[str, bytes]) -> list[Made]:
    """Words, a picture, or both, the words first."""
    made = []
    is_drawn = "IMAGE" in params["modalities"]
    if "TEXT" in params["modalities"] and not (is_drawn and Dice("talks", params["prompt"]).unit() < 0.5):
        made.append(Made("text.txt", "text/plain", write_copy(params["prompt"], params.get("temperature")).encode()))
    return [*made, *paint(params, inputs)] if is_drawn else made


def answer(job: Job, results: Sequence[Linked]) -> Reply:
    """One candidate, with its parts."""
    parts: list[dict[str, Any]] = []
    for result in results:
        if result.made.width:
            data = base64.b64encode(result.made.data).decode()
            parts.append({"inlineData": {"mimeType": result.made.media_type, "data": data}})
        else:
            parts.append({"text": result.made.data.decode()})
    return _reply(job, [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}], 1290)


def answer_filtered(job: Job, results: Sequence[Linked]) -> Reply:
    """A success without a picture: the prompt was blocked, or the candidate ended for a reason other than being done."""
    dice = Dice("filtered", job.digest)
    if dice.unit() < 0.25:
        return _reply(job, None, 0, promptFeedback={"blockReason": "PROHIBITED_CONTENT"})
    return _reply(job, [{"content": {}, "finishReason": dice.pick(REASONS), "index": 0}], 0)


def _reply(job: Job, candidates: Sequence[Mapping[str, Any]] | None, tokens: int, **more: Any) -> Reply:
    asked = count_tokens(job.params["prompt"])
    usage = {"promptTokenCount": asked, "candidatesTokenCount": tokens, "totalTokenCount": asked + tokens}
    body: dict[str, Any] = {} if candidates is None else {"candidates": candidates}
    body |= {**more, "usageMetadata": usage, "modelVersion": job.params["model"], "responseId": job.digest[:22]}
    return write_json(200, body)


VENDOR: Final = Vendor(
    name="gemini",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=_say(404, "Requested entity was not found."),
    trouble=trouble,
    ticket=lambda _number, secret: secret[:16],
    options=lambda _base: {},
    submits=(
        Submit(
            "generateContent",
            "models/{model:[A-Za-z0-9._-]+}:generateContent",
            read_content,
            make,
            answer,
            filtered=answer_filtered,
            linked=False,
        ),
    ),
    pause=pause,
)
