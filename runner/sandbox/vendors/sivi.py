"""Sivi's designs and media, as developer.sivi.ai has them: everything in an envelope, nearly everything queued.

Paths carry the plan the key belongs to (`general/`, `super/`, `enterprise/`); any of them is answered. HTTP status and the
envelope's `status` are the same. A finished job is `completed`, as the sample of Get Request Status has it, although its text says
`complete`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import suggest_content
from runner.sandbox.dice import Dice, fingerprint
from runner.sandbox.intake import Ask, Made, Refusal, Reply, write_json
from runner.sandbox.layout import Brief, design
from runner.sandbox.palette import read_colour
from runner.sandbox.pictures import as_jpeg, as_png, draw_picture, enhance, open_picture
from runner.sandbox.vendor import Job, Linked, Poll, State, Submit, Trouble, Vendor
from runner.sandbox.vendors.sivi_asks import find_request, read_content, read_content_design, read_design, read_media
from runner.sandbox.vendors.sivi_tables import DESIGN_MODELS, MODELS

PLAN: Final = "{plan:general|super|enterprise}"
SUBVARIANTS: Final = 0.2
WORDS: Final[Mapping[State, str]] = {"done": "completed", "unknown": "archiving"}
Inputs = Mapping[str, bytes]
Params = Mapping[str, Any]


def _say(status: int, body: Mapping[str, Any]) -> Reply:
    return write_json(status, {"status": status, "body": body})


def admit(ask: Ask, key: str) -> None:
    """Every request carries `sivi-api-key`."""
    if not hmac.compare_digest(ask.headers.get("sivi-api-key", "").encode(), key.encode()):
        raise Refusal(_say(401, {"message": "Failed to authenticate request. Please add sivi-api-key header in request"}))


def wrong(name: str, message: str) -> Reply:
    """422 with what is wrong; a body as a whole is `Invalid input`."""
    return _say(422, {"message": message if name else f"Invalid input: {message}"})


def trouble(kind: Trouble, status: int) -> Reply:
    """Two kinds of 429 that only the message tells apart (Quota and Limits), and 402 for an empty account."""
    if kind in {"busy", "queue_full"}:
        return _say(429, {"message": "Rate limit exceeded. Please try again later"})
    if kind == "no_credit":
        return _say(429, {"message": "Insufficient credit limit"})
    if kind == "no_credits":
        return _say(402, {"message": "Not enough credits to complete the transaction"})
    return _say(status, {"message": "Server internal error" if kind == "broken" else "The request was refused"})


def make_media(params: Params, inputs: Inputs) -> list[Made]:
    """A scene after the prompt; with assets, the first of them on it."""
    size = (params["width"], params["height"])
    seed = (params["model"], params["bId"])
    if params["assets"]:
        image = open_picture(params["assets"][0], inputs)
        return [as_png("media", enhance(image, params["prompt"], size, seed))]
    return [as_png("media", draw_picture(params["prompt"], size, seed))]


def make_designs(params: Params, inputs: Inputs) -> list[Made]:
    """The variations, some with a sub-variant, in the format asked for."""
    made = []
    for number in range(1, params["numOfVariants"] + 1):
        names = [f"variant-{number}"]
        if Dice("options", _words(params), params["width"], number).unit() < SUBVARIANTS:
            names.append(f"variant-{number}_1")
        for place, name in enumerate(names):
            image = design(_brief(params, inputs, 10 * (number - 1) + place))
            made.append(as_png(name, image) if params["format"] == "png" else as_jpeg(name, image))
    return made


def _words(params: Params) -> str:
    return str(params.get("prompt") or params.get("content"))


def _brief(params: Params, inputs: Inputs, variant: int) -> Brief:
    assets = params["assets"]
    opened = {
        kind: [open_picture(asset["image"], inputs, kind == "logos") for asset in assets.get(kind, ())]
        for kind in ("images", "logos")
    }
    cut = [asset.get("removeBg") is not False for asset in assets.get("images", ())]
    colours = [colour for text in (*params["colors"], *params["settings"].get("colors", ())) if (colour := read_colour(str(text)))]
    return Brief(
        size=(params["width"], params["height"]),
        prompt=params.get("prompt", ""),
        content=params.get("content", {}),
        language=params["language"],
        colours=tuple(colours),
        image=opened["images"][0] if opened["images"] else None,
        cut=bool(cut) and cut[0],
        logo=opened["logos"][0] if opened["logos"] else None,
        variant=variant,
    )


def make_content(params: Params, inputs: Inputs) -> list[Made]:
    """Suggested words."""
    return [Made("content.json", "application/json", suggest_content(params["prompt"], params["language"]))]


def accept_media(job: Job) -> Reply:
    """The media page's reply: a request id."""
    return _say(200, {"requestId": job.ticket})


def accept_design(job: Job) -> Reply:
    """The design page's reply: ids and links."""
    return _say(200, {"queueWaitTime": job.waits, "requestId": job.ticket, **_links(job)})


def _links(job: Job) -> dict[str, str]:
    digits = fingerprint(job.ticket, "design").hex()
    name = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
    app = "https://instant.sivi.ai/#"
    return {"designId": name, "link": f"{app}/design/{name}", "shareLink": f"{app}/results/{name}"}


def show_status(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """get-request-status: `progress` only while processing, `reason` only on failure, `result` null until done."""
    body: dict[str, Any] = {"queueWaitTime": job.waits, "status": WORDS.get(state, state), "requestId": job.ticket, "result": None}
    is_design = "numOfVariants" in job.params
    if is_design:
        body |= _links(job)
    if state == "processing":
        body["progress"] = job.progress
    if state == "failed":
        body["reason"] = "Generation failed"
    if results:
        body["result"] = {"variations": _variations(results)} if is_design else _media(results[0])
    return _say(200, body)


def _media(result: Linked) -> dict[str, Any]:
    return {"media": {"mId": f"w_{fingerprint(result.url).hex()[:10]}", "url": result.url, "type": "photo"}}


def _variations(results: Sequence[Linked]) -> list[dict[str, Any]]:
    """One object per variation; sub-variants nest in its `options`, told by the `_1` of their name."""
    variations: list[dict[str, Any]] = []
    for result in results:
        name = result.made.name.rpartition(".")[0]
        entry = {
            "variantId": name,
            "variantImageUrl": result.url,
            "variantEditLink": f"https://instant.sivi.ai/#/edit/{name}",
            "variantWidth": result.made.width,
            "variantHeight": result.made.height,
            "variantType": "GENERATED",
        }
        if "_" in name:
            variations[-1]["options"].append(entry)
        else:
            variations.append({**entry, "options": []})
    return variations


def answer_content(_job: Job, results: Sequence[Linked]) -> Reply:
    """The one reply that the docs show without the envelope."""
    return Reply(200, results[0].made.data)


def _media_charge(params: Params) -> float:
    return MODELS[params["model"]][0]


def _design_charge(params: Params) -> float:
    return DESIGN_MODELS[params["settings"].get("designModel", "auto")] * int(params["numOfVariants"])


BOTH: Final = ("POST", "GET")
VENDOR: Final = Vendor(
    name="sivi",
    prefix="/sivi/v2",
    admit=admit,
    wrong=wrong,
    missing=_say(404, {"message": "Not found"}),
    trouble=trouble,
    ticket=lambda _number, secret: f"sb{secret[:9]}",
    options=lambda _base: {"plan": "general"},
    submits=(
        Submit("media/generate", f"{PLAN}/media/generate", read_media, make_media, accept=accept_media, charge=_media_charge),
        Submit(
            "designs-from-prompt",
            f"{PLAN}/designs-from-prompt",
            read_design,
            make_designs,
            accept=accept_design,
            methods=BOTH,
            charge=_design_charge,
        ),
        Submit(
            "designs-from-content",
            f"{PLAN}/designs-from-content",
            read_content_design,
            make_designs,
            accept=accept_design,
            methods=BOTH,
            charge=_design_charge,
        ),
        Submit(
            "content-from-prompt",
            f"{PLAN}/content-from-prompt",
            read_content,
            make_content,
            answer_content,
            linked=False,
            methods=BOTH,
        ),
    ),
    polls=(Poll("get-request-status", f"{PLAN}/get-request-status", find_request, show_status),),
)
