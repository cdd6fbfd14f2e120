"""Jivox's image and text generation, as its API documentation v1.0 has it (apidocs.jivox.com, GenAI & Template Generation).

Everything is answered at once, with a link or a text. The documentation gives no error bodies, so those are assumed: ordinary HTTP
statuses and the `msg` that the Create Account call answers with.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.copywriter import write_copy
from runner.sandbox.cutout import remove_background, trim
from runner.sandbox.intake import Ask, Fields, Made, Pictures, Refusal, Reply, write_json
from runner.sandbox.pictures import as_png, draw_picture, open_picture, outpaint
from runner.sandbox.vendor import Job, Linked, Submit, Trouble, Vendor

BASE: Final = "accounts/{account:[A-Za-z0-9_-]+}"
Inputs = Mapping[str, bytes]
Params = Mapping[str, Any]


def admit(ask: Ask, key: str) -> None:
    """Every request carries `jvx_apikey`."""
    if not hmac.compare_digest(ask.headers.get("jvx_apikey", "").encode(), key.encode()):
        raise Refusal(write_json(401, {"msg": "Authentication failed: jvx_apikey is missing or wrong"}))


def wrong(name: str, message: str) -> Reply:
    """Bad input (assumed: 400)."""
    return write_json(400, {"msg": message})


def trouble(kind: Trouble, status: int) -> Reply:
    """Anything that is not the request's fault (assumed: ordinary HTTP statuses)."""
    codes = {"busy": 429, "queue_full": 429, "no_credits": 402, "no_credit": 402}
    busy, broken = "Too many requests", "GenAI service is not available"
    words = {"busy": busy, "queue_full": busy, "broken": broken, "refused": "The request was refused"}
    return write_json(codes.get(kind, status), {"msg": words.get(kind, "Not enough credits")})


def read_image(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """imageGen: prompt, width and height."""
    fields = Fields(ask.json())
    params = {"prompt": fields.needed("prompt"), "width": fields.size("width"), "height": fields.size("height")}
    fields.close()
    return params


def read_text(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """textGen: a prompt."""
    fields = Fields(ask.json())
    params = {"prompt": fields.needed("prompt")}
    fields.close()
    return params


def read_outpaint(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Outpaint: an image (URL or base64), the target size, and maybe a hint."""
    fields = Fields(ask.json())
    params = {
        "image": pictures.take("image", fields.raw("image", required=True)),
        "width": fields.size("width"),
        "height": fields.size("height"),
        "prompt": fields.text("prompt"),
    }
    fields.close()
    return params


def read_picture(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """The bodies of removeBg and trimRemoveBg: an image (URL or base64)."""
    fields = Fields(ask.json())
    params = {"image": pictures.take("image", fields.raw("image", required=True))}
    fields.close()
    return params


def make_image(params: Params, inputs: Inputs) -> list[Made]:
    """A scene after the prompt."""
    size = (params["width"], params["height"])
    return [as_png("image", draw_picture(params["prompt"], size))]


def make_text(params: Params, inputs: Inputs) -> list[Made]:
    """A line of copy."""
    return [Made("text.txt", "text/plain", write_copy(params["prompt"]).encode())]


def make_outpaint(params: Params, inputs: Inputs) -> list[Made]:
    """The picture, extended to the size."""
    image = open_picture(params["image"], inputs)
    return [as_png("outpaint", outpaint(image, (params["width"], params["height"])))]


def make_cutout(params: Params, inputs: Inputs) -> list[Made]:
    """The picture without its background."""
    return [as_png("no-bg", remove_background(open_picture(params["image"], inputs)))]


def make_trimmed(params: Params, inputs: Inputs) -> list[Made]:
    """The picture without its background and its empty margins."""
    return [as_png("trimmed", trim(remove_background(open_picture(params["image"], inputs))))]


def answer_link(_job: Job, results: Sequence[Linked]) -> Reply:
    """`{"imageUrl": …}`."""
    return write_json(200, {"imageUrl": results[0].url})


def answer_text(_job: Job, results: Sequence[Linked]) -> Reply:
    """`{"text": …}`."""
    return write_json(200, {"text": results[0].made.data.decode()})


VENDOR: Final = Vendor(
    name="jivox",
    prefix="/jivox/v2",
    admit=admit,
    wrong=wrong,
    missing=write_json(404, {"msg": "Not found"}),
    trouble=trouble,
    ticket=lambda _number, secret: secret[:12],
    options=lambda _base: {"account": "1042"},
    submits=(
        Submit("imageGen", f"{BASE}/imageGen", read_image, make_image, answer_link),
        Submit("textGen", f"{BASE}/textGen", read_text, make_text, answer_text, linked=False),
        Submit("outpaint", f"{BASE}/outpaint", read_outpaint, make_outpaint, answer_link),
        Submit("removeBg", f"{BASE}/removeBg", read_picture, make_cutout, answer_link),
        Submit("trimRemoveBg", f"{BASE}/trimRemoveBg", read_picture, make_trimmed, answer_link),
    ),
)
