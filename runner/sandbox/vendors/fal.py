"""fal's queue, as fal.ai/docs and its own client have it.

Everything is taken in; what a model thinks of its input shows when its result is asked for. Whether a request is done is told by
the HTTP status (202, then 200) and by `COMPLETED`, which says no more than that: an `error` may stand beside it, and the result
may be refused. Addresses drop the endpoint's subpath, so that only those in the answer lead to the result.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.sandbox.dice import chance
from runner.sandbox.hosted import make_hosted, read_input
from runner.sandbox.intake import Ask, Made, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.vendor import Cancel, Job, Linked, Poll, State, Submit, Trouble, Vendor

PREFIX: Final = "/fal"
REQUEST: Final = "{owner:[A-Za-z0-9_-]+}/{app:[A-Za-z0-9._-]+}/requests/{id:[0-9a-f-]{36}}"
"""A request's address has the first two steps of its endpoint and no more."""
KNOWN: Final[frozenset[State]] = frozenset({"filtered", "expired", "canceled"})
WEEK: Final = 7 * 86400.0
FILTERED: Final = "The content could not be processed because it contained material flagged by a content checker."
Params = Mapping[str, Any]


def _say(status: int, detail: object, kind: str) -> Reply:
    """A request error: flat, with its type in a header too."""
    return write_json(status, {"detail": detail, "error_type": kind}, (("X-Fal-Error-Type", kind),))


def _reject(name: str, message: str, kind: str = "value_error") -> Reply:
    """A model error: 422 with a list, and a header that says whether to try again."""
    body = {"detail": [{"loc": ["body", name], "msg": message, "type": kind}]}
    return write_json(422, body, (("X-Fal-Retryable", "false"),))


def admit(ask: Ask, key: str) -> None:
    """`Authorization: Key …`."""
    if not hmac.compare_digest(ask.headers.get("authorization", "").encode(), f"Key {key}".encode()):
        raise Refusal(_say(401, "Authentication is required to access this application.", "unauthorized"))


def wrong(name: str, message: str) -> Reply:
    """What cannot be taken in at all."""
    return _reject(name, message)


def trouble(kind: Trouble, status: int) -> Reply:
    """Too many requests, an empty balance, and a runner that cannot be reached."""
    if kind in {"busy", "queue_full"}:
        return _say(429, "Too many requests", "concurrent_requests_limit")
    if kind == "no_credits":
        return _say(402, "Insufficient credit: top up your balance", "insufficient_balance")
    if kind == "no_credit":
        return _say(403, "User is locked. Reason: Exhausted balance (no credit). Top up your balance.", "exhausted_balance")
    if kind == "broken":
        return _say(status, "The runner cannot be reached", "request_timeout" if status == 504 else "runner_connection_error")
    return _say(status, "The request was refused", "bad_request")


def read_request(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """An object, which is the model's input. What the model will refuse is taken in all the same and remembered."""
    values, endpoint = ask.json(), ask.path["endpoint"]
    if endpoint.count("/") < 1 or "requests" in endpoint.split("/"):
        raise Refusal(MISSING)
    try:
        return {"endpoint": endpoint, **read_input(endpoint, values, pictures)}
    except Wrong as wrong:
        return {"endpoint": endpoint, "values": values, "rejected": [wrong.name, wrong.message]}


def make(params: Params, inputs: Mapping[str, bytes]) -> list[Made]:
    """The model's work; nothing where it refuses its input."""
    return [] if "rejected" in params else make_hosted(params, inputs)


def _addresses(job: Job) -> dict[str, str]:
    app = "/".join(job.params["endpoint"].split("/")[:2])
    address = f"{job.origin}{PREFIX}/{app}/requests/{job.ticket}"
    return {"response_url": address, "status_url": f"{address}/status", "cancel_url": f"{address}/cancel"}


def accept(job: Job) -> Reply:
    """IN_QUEUE, with the addresses to go on with."""
    return write_json(200, {"status": "IN_QUEUE", "request_id": job.ticket, **_addresses(job), "queue_position": 0})


def show_status(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """202 while it waits or runs; 200 and COMPLETED at the end, however it ended."""
    body: dict[str, Any] = {"request_id": job.ticket, **_addresses(job)}
    if state == "pending":
        return write_json(202, {"status": "IN_QUEUE", **body, "queue_position": job.waits // 1000})
    if state in {"processing", "unknown"}:
        return write_json(202, {"status": "IN_PROGRESS" if state == "processing" else "ARCHIVING", **body, "logs": None})
    body |= {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": round(job.ended_at - job.accepted_at, 3)}}
    if state == "failed":
        body |= {"error": "The runner failed before the model was done", "error_type": "runner_server_error"}
    if state == "filtered" and chance(job.digest, "flagged") < 0.5:
        body |= {"error": FILTERED, "error_type": "content_policy_violation"}
    return write_json(200, body)


def show_result(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """The model's own answer, or why there is none. It stays when the links in it have expired."""
    if state in {"pending", "processing", "unknown"}:
        return _say(400, "Request is still in progress", "bad_request")
    if "rejected" in job.params:
        return _reject(*job.params["rejected"])
    if state == "failed":
        return _say(500, "The runner failed before the model was done", "runner_server_error")
    if state == "filtered":
        return _reject("prompt", FILTERED, "content_policy_violation")
    if state == "canceled":
        return MISSING
    return write_json(200, _output(job.params, results))


def _output(params: Params, results: Sequence[Linked]) -> dict[str, Any]:
    """A text in `output`; a picture in `image` where there can be only one, else pictures in `images`."""
    if params["task"] == "text":
        return {"output": results[0].made.data.decode()}
    files = [
        {"url": result.url, "content_type": result.made.media_type, "width": result.made.width, "height": result.made.height}
        for result in results
    ]
    if params["task"] in {"cutout", "upscale", "erase"}:
        return {"image": files[0]}
    return {"images": files, "seed": params.get("seed", 0), "prompt": params["prompt"], "has_nsfw_concepts": [False] * len(files)}


def cancelled(job: Job, in_time: bool) -> Reply:
    """Before it is done only."""
    return write_json(202 if in_time else 400, {"status": "CANCELLATION_REQUESTED" if in_time else "ALREADY_COMPLETED"})


def _find(ask: Ask) -> str:
    return ask.path["id"]


def _uuid(_number: int, secret: str) -> str:
    return "-".join((secret[:8], secret[8:12], secret[12:16], secret[16:20], secret[20:32]))


MISSING: Final = _say(404, "Request not found", "not_found")
VENDOR: Final = Vendor(
    name="fal",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=MISSING,
    trouble=trouble,
    ticket=_uuid,
    options=lambda _base: {},
    submits=(Submit("queue", "{endpoint:.+}", read_request, make, accept=accept),),
    polls=(
        Poll("requests/{id}/status", f"{REQUEST}/status", _find, show_status, KNOWN),
        Poll("requests/{id}", REQUEST, _find, show_result, KNOWN),
    ),
    cancels=(Cancel("requests/{id}/cancel", "PUT", f"{REQUEST}/cancel", _find, cancelled),),
    keeps=WEEK,
)
