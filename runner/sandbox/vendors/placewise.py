"""Placewise's generative calls, as the MPC API documentation has them.

Pages api-3511410, api-3739179 and api-3511404 of docs.mpc.placewise.com.

They answer with a task's id and nothing else. How a task's result is obtained is not in any public page, so the documented API ends
there. `GET …/ml/tasks/{id}` is the sandbox's own invention, for clients that can be given a poll URL; its shape is
`{"image_generation_task": {"id": 1, "status": "pending|processing|completed|failed", "result": URL or text}}`.

The documents disagree on the body: the global page wants JSON, the pages of these calls show multipart/form-data. Both are taken.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import write_copy, write_sending
from runner.sandbox.intake import Ask, Fields, Made, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.pictures import as_png, draw_picture, fit_ratio
from runner.sandbox.vendor import Job, Linked, Poll, State, Submit, Trouble, Vendor

MODELS: Final = ("small", "medium", "large")
RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "16:9", "9:16")
SIZES: Final = {"thumbnail": 256, "small": 512, "medium": 1024, "large": 1440}
SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
LOCALE: Final = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?")
TASKS: Final = {
    "ml/general/generate_image": "image_generation_task",
    "ml/general/generate_text": "text_generation_task",
    "ml/sending/generate_text": "text_generation_task",
}
WORDS: Final[Mapping[State, str]] = {"done": "completed", "unknown": "archiving"}
Inputs = Mapping[str, bytes]
Params = Mapping[str, Any]


def admit(ask: Ask, key: str) -> None:
    """Client name, product name, a context and a token: 470 if one is missing, 471 if wrong, 401 and 460 for tokens."""
    for name in ("X-User-Agent", "X-Product-Name"):
        if not ask.headers.get(name.lower(), "").strip():
            raise Refusal(write_json(470, {"error": f"{name} header is missing"}))
    club, customer = ask.headers.get("x-loyalty-club-slug"), ask.headers.get("x-customer")
    if not club and not customer:
        raise Refusal(write_json(470, {"error": "X-Loyalty-Club-Slug header is missing"}))
    if club and not SLUG.fullmatch(club):
        raise Refusal(write_json(471, {"error": "X-Loyalty-Club-Slug header is wrong"}))
    client, user = ask.headers.get("x-client-authorization"), ask.headers.get("authorization")
    if client and not hmac.compare_digest(client.encode(), key.encode()):
        raise Refusal(write_json(401, {"error": "Client token is invalid"}))
    if user and not hmac.compare_digest(user.encode(), f"Bearer {key}".encode()):
        raise Refusal(write_json(460, {"error": "OAuth token is invalid"}))
    if not client and not user:
        raise Refusal(write_json(401, {"error": "Client token is missing"}))


def wrong(name: str, message: str) -> Reply:
    """422 for a parameter, 400 (with an empty body, as the docs have it) for a body that cannot be parsed."""
    return write_json(422, {"error": message}) if name else Reply(400, b"")


def trouble(kind: Trouble, status: int) -> Reply:
    """Pace 429, account 402, maintenance and the like."""
    if kind in {"busy", "queue_full"}:
        return write_json(429, {"error": "Rate limit exceeded"})
    if kind in {"no_credits", "no_credit"}:
        return write_json(402, {"error": "Feature is not enabled for this loyalty club"})
    return write_json(status, {"error": "Service unavailable" if kind == "broken" else "The request was refused"})


def _fields(ask: Ask) -> Fields:
    if ask.media_type == "multipart/form-data":
        return Fields(ask.form, textual=True)
    return Fields(ask.json())


def read_image(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """generate_image, with its rule that the small model makes only thumbnail and medium pictures."""
    fields = _fields(ask)
    params = {
        "prompt": fields.needed("prompt"),
        "model_type": fields.choice("model_type", MODELS, default="small"),
        "aspect_ratio": fields.choice("aspect_ratio", RATIOS, default="1:1"),
        "image_size": fields.choice("image_size", tuple(SIZES), default="thumbnail"),
        "creativity": fields.whole("creativity"),
        "photorealistic": fields.boolean("photorealistic"),
        "random_seed": fields.whole("random_seed"),
    }
    fields.close()
    if params["model_type"] == "small" and params["image_size"] not in {"thumbnail", "medium"}:
        raise Wrong("image_size", 'image_size must be "thumbnail" or "medium" for model_type "small"')
    return params


def read_text(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """generate_text: temperature 0 to 1, max_tokens a whole number; both may be null."""
    fields = _fields(ask)
    params = {
        "prompt": fields.needed("prompt"),
        "temperature": fields.number("temperature", low=0, high=1),
        "max_tokens": fields.whole("max_tokens", low=1),
    }
    fields.close()
    return params


def read_sending(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Sending text: every field is required; target_language is an ISO code."""
    fields = _fields(ask)
    keywords = fields.listing("include_keywords", required=True)
    if not all(isinstance(word, str) for word in keywords):
        fields.refuse("include_keywords", "include_keywords must be an array of strings")
    params = {
        "about": fields.needed("about"),
        "include_keywords": keywords,
        "word_limit": fields.whole("word_limit", low=1, required=True),
        "tone": fields.needed("tone"),
        "occasion": fields.needed("occasion"),
        "variation": fields.choice("variation", ("none", "medium", "high"), required=True),
        "target_language": fields.needed("target_language"),
    }
    fields.close()
    if not LOCALE.fullmatch(str(params["target_language"])):
        fields.refuse("target_language", "target_language must be an ISO code")
    return params


def make_image(params: Params, inputs: Inputs) -> list[Made]:
    """A scene after the prompt; the longer side is as long as image_size says."""
    size = fit_ratio(params["aspect_ratio"], SIZES[params["image_size"]])
    seed = (params["model_type"], params.get("random_seed"), params.get("creativity"))
    return [as_png("image", draw_picture(params["prompt"], size, seed))]


def make_text(params: Params, inputs: Inputs) -> list[Made]:
    """A line of copy, cut to max_tokens words."""
    copy = write_copy(params["prompt"], params.get("temperature"))
    most = params.get("max_tokens")
    return [Made("text.txt", "text/plain", " ".join(copy.split()[:most]).encode())]


def make_sending(params: Params, inputs: Inputs) -> list[Made]:
    """The text of a message."""
    return [Made("text.txt", "text/plain", write_sending(params).encode())]


def find_task(ask: Ask) -> str:
    """The id in the path."""
    return ask.path["id"]


def show_task(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """How a task stands (the sandbox's own invention)."""
    task: dict[str, Any] = {"id": int(job.ticket), "status": WORDS.get(state, state)}
    for result in results:
        task["result"] = result.made.data.decode() if result.made.media_type == "text/plain" else result.url
    if state == "failed":
        task["error"] = "Generation failed"
    return write_json(200, {"image_generation_task" if "aspect_ratio" in job.params else "text_generation_task": task})


def _accepting(operation: str) -> Any:
    return lambda job: write_json(200, {TASKS[operation]: {"id": int(job.ticket)}})


def _submit(operation: str, read: Any, make: Any) -> Submit:
    return Submit(operation, operation, read, make, accept=_accepting(operation))


VENDOR: Final = Vendor(
    name="placewise",
    prefix="/placewise/v1",
    admit=admit,
    wrong=wrong,
    missing=write_json(404, {"error": "Not found"}),
    trouble=trouble,
    ticket=lambda number, _secret: str(1000 + number),
    options=lambda base: {"club": "sandbox-mall", "poll_url": f"{base}/ml/tasks/{{id}}"},
    submits=(
        _submit("ml/general/generate_image", read_image, make_image),
        _submit("ml/general/generate_text", read_text, make_text),
        _submit("ml/sending/generate_text", read_sending, make_sending),
    ),
    polls=(Poll("ml/tasks", "ml/tasks/{id:\\d+}", find_task, show_task),),
)
