"""Black Forest Labs' FLUX models, as docs.bfl.ai and the vendor's own agent skills have them.

A submit is answered with an id and a `polling_url` on another host (played here beside the prefix), which is the only safe way to
the result. States are words with spaces. The link in `result.sample` is signed and lives ten minutes; afterwards the task is not
found. What a model does not know in its body is ignored.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.dice import chance
from runner.sandbox.easel import order, paint
from runner.sandbox.intake import Ask, Fields, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.pictures import fit_ratio
from runner.sandbox.vendor import Job, Linked, Meter, Page, Poll, State, Submit, Trouble, Vendor

PREFIX: Final = "/bfl/v1"
REGION: Final = "/bfl-eu1/v1"
"""Where tasks are asked for: another host at the vendor, another path here."""
PRICES: Final[Mapping[str, float]] = {
    "flux-2-pro": 3,
    "flux-2-max": 7,
    "flux-2-flex": 6,
    "flux-2-klein-4b": 1.4,
    "flux-2-klein-9b": 1.5,
    "flux-kontext-pro": 4,
    "flux-kontext-max": 8,
    "flux-pro-1.1": 4,
    "flux-pro-1.1-ultra": 6,
    "flux-pro-1.0-fill": 5,
    "flux-pro-1.0-expand": 5,
    "flux-dev": 2.5,
}
"""The models and what a picture costs (credits; assumed where no page says it)."""
IMAGES: Final = ("input_image", *(f"input_image_{n}" for n in range(2, 9)), "image", "image_prompt")
KNOWN: Final[frozenset[State]] = frozenset({"filtered", "expired"})
Params = Mapping[str, Any]


def _say(status: int, detail: object, **more: Any) -> Reply:
    return write_json(status, {"detail": detail, **more})


def admit(ask: Ask, key: str) -> None:
    """Every request carries `x-key`; 403 without the right one."""
    if not hmac.compare_digest(ask.headers.get("x-key", "").encode(), key.encode()):
        raise Refusal(_say(403, "Not authenticated"))


def wrong(name: str, message: str) -> Reply:
    """422 with a list of what is wrong where."""
    return _say(422, [{"loc": ["body", name] if name else ["body"], "msg": message, "type": "value_error"}])


def trouble(kind: Trouble, status: int) -> Reply:
    """429 for pace and for more than 24 unfinished tasks, 402 for credits."""
    if kind in {"busy", "queue_full"}:
        return _say(429, "Too many active tasks" if kind == "queue_full" else "Rate limit exceeded")
    if kind in {"no_credits", "no_credit"}:
        return _say(402, "Insufficient credits. Please add credits to your account.")
    return _say(status, "Service unavailable" if kind == "broken" else "The request was refused")


def meter(calls: Meter, _tokens: Meter | None) -> tuple[tuple[str, str], ...]:
    """X-RateLimit-Limit, -Remaining and -Reset."""
    figures = {"Limit": calls.limit, "Remaining": calls.left, "Reset": round(calls.reset)}
    return tuple((f"X-RateLimit-{name}", str(value)) for name, value in figures.items())


def _read(model: str, ask: Ask, pictures: Pictures) -> dict[str, Any]:
    fields = Fields(ask.json())
    images = [pictures.take(name, value) for name in IMAGES if (value := fields.raw(name)) is not None]
    is_edit = model in {"flux-pro-1.0-fill", "flux-pro-1.0-expand"}
    if is_edit and not images:
        fields.refuse("image", "Field required")
    mask = fields.raw("mask")
    ratio = fields.text("aspect_ratio")
    width, height = (fields.whole(name, low=64, high=4096) for name in ("width", "height"))
    for name in ("prompt_upsampling", "raw"):
        fields.boolean(name)
    return order(
        "draw",
        fields.text("prompt", required=not is_edit),
        model=model,
        images=images,
        mask=None if mask is None else pictures.take("mask", mask),
        size=_size(width, height, ratio, bool(images)),
        seed=fields.whole("seed"),
        format=fields.choice("output_format", ("jpeg", "png", "webp"), default="jpeg"),
        tolerance=fields.whole("safety_tolerance", low=0, high=6),
        steps=fields.whole("steps", low=1, high=50),
        guidance=fields.number("guidance", low=1.5, high=100),
    )


def _size(width: int | None, height: int | None, ratio: str | None, has_image: bool) -> tuple[int, int] | None:
    across, colon, down = (ratio or "4:3").partition(":")
    if not (colon and across.isdecimal() and down.isdecimal() and int(across) and int(down)):
        raise Wrong("aspect_ratio", "aspect_ratio must be like 16:9")
    if width or height:
        return width or 1024, height or 1024
    return None if has_image and ratio is None else fit_ratio(ratio or "4:3", 1024)


def accept(job: Job) -> Reply:
    """The id, and where to ask."""
    address = f"{job.origin}{REGION}/get_result?id={job.ticket}"
    return write_json(200, {"id": job.ticket, "polling_url": address, "cost": PRICES[job.params["model"]]})


def show(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """Pending, Ready, or one of four failures; `result` is null but for Ready."""
    moderated = "Content Moderated" if chance(job.digest, "moderated") < 0.5 else "Request Moderated"
    words: Mapping[State, str] = {
        "done": "Ready",
        "failed": "Error",
        "filtered": moderated,
        "expired": "Task not found",
        "unknown": "Archiving Result",
    }
    body: dict[str, Any] = {"id": job.ticket, "status": words.get(state, "Pending"), "result": None, "progress": None}
    if state == "processing":
        body["progress"] = job.progress / 100
    if state == "done":
        body["result"] = {"sample": results[0].url, "prompt": job.params["prompt"], "seed": job.params.get("seed", 0)}
    if state == "filtered":
        body["details"] = {"Moderation Reasons": ["Derivative Works Filter"]}
    return write_json(200, body)


def _find(ask: Ask) -> str:
    ticket = ask.query.get("id", "")
    if not ticket:
        raise Wrong("id", "Field required")
    return ticket


def _credits(left: float | None) -> Reply:
    return write_json(200, {"credits": 1_000_000 if left is None else left})


def _submit(model: str) -> Submit:
    charge = PRICES[model]
    return Submit(
        model, model, lambda ask, pictures: _read(model, ask, pictures), paint, accept=accept, charge=lambda _params: charge
    )


VENDOR: Final = Vendor(
    name="bfl",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=write_json(404, {"id": "", "status": "Task not found", "result": None}),
    trouble=trouble,
    ticket=lambda _number, secret: "-".join((secret[:8], secret[8:12], secret[12:16], secret[16:20], secret[20:32])),
    options=lambda _base: {},
    submits=tuple(_submit(model) for model in PRICES),
    polls=(
        Poll("polling_url", f"{REGION}/get_result", _find, show, KNOWN),
        Poll("get_result", "get_result", _find, show, KNOWN),
    ),
    pages=(Page("credits", "credits", _credits),),
    meter=meter,
    keeps=600.0,
)
