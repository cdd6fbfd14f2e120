"""Replicate's predictions, as its OpenAPI description and replicate.com/docs have them.

A prediction is the same object everywhere: when it is created (201, or 202 where `Prefer: wait` was not patient enough), when it
is asked for, when it is cancelled. `output` is a text, a link, a list of links or a list of pieces of text, as the model's author
chose. An hour after the end input, output and logs are gone: `output` is null, `data_removed` true, and the status is still
`succeeded`.
"""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from runner.sandbox.hosted import make_hosted, read_input
from runner.sandbox.intake import Ask, Fields, Pictures, Refusal, Reply, Wrong, write_json
from runner.sandbox.vendor import Cancel, Job, Linked, Poll, State, Submit, Trouble, Vendor, Wait

PREFIX: Final = "/replicate/v1"
PREFER: Final = re.compile(r"wait(?:=([1-9]|[1-5][0-9]|60))?")
PATIENCE: Final = 60.0
"""Seconds that `Prefer: wait` waits where it names none."""
WORDS: Final[Mapping[State, str]] = {
    "pending": "starting",
    "done": "succeeded",
    "expired": "succeeded",
    "filtered": "failed",
    "unknown": "archiving",
}
ERRORS: Final[Mapping[State, str]] = {
    "failed": "Prediction failed: the model raised an error",
    "filtered": "NSFW content detected. Try running it again, or try a different prompt.",
}
TITLES: Final = {401: "Unauthenticated", 402: "Insufficient credit", 404: "Not found", 422: "Input validation failed"}


def _say(status: int, detail: str, **more: Any) -> Reply:
    title = {"title": TITLES[status]} if status in TITLES else {}
    return write_json(status, {**title, "detail": detail, "status": status, **more})


def admit(ask: Ask, key: str) -> None:
    """A bearer token."""
    if not hmac.compare_digest(ask.headers.get("authorization", "").encode(), f"Bearer {key}".encode()):
        raise Refusal(_say(401, "You did not pass a valid authentication token"))


def wrong(name: str, message: str) -> Reply:
    """422 with the fields that are not as the model wants them."""
    return _say(422, f"- {message}", invalid_fields=[{"type": "", "field": name, "description": message}] if name else [])


def trouble(kind: Trouble, status: int) -> Reply:
    """Pace with the wait in words, an empty account, and what is broken."""
    if kind in {"busy", "queue_full"}:
        return _say(429, "Request was throttled. Your rate limit resets in ~30s.")
    if kind in {"no_credits", "no_credit"}:
        return _say(402, "You have insufficient credit to run this model. Go to the billing page to purchase credit.")
    return _say(status, "Service unavailable" if kind == "broken" else "The request was refused")


def pause(reply: Reply, seconds: float) -> Reply:
    """The wait stands in the body's words; no document promises a header."""
    return _say(reply.status, f"Request was throttled. Your rate limit resets in ~{math.ceil(seconds)}s.")


def read_version(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Predictions: a version and its input."""
    fields = Fields(ask.json())
    return _read(fields, fields.needed("version"), pictures)


def read_model(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """Predictions of an official model or of a deployment, which are named by the path."""
    return _read(Fields(ask.json()), f"{ask.path['owner']}/{ask.path['name']}", pictures)


def _read(fields: Fields, model: str, pictures: Pictures) -> dict[str, Any]:
    values = fields.raw("input", required=True)
    if not isinstance(values, dict):
        fields.refuse("input", "input must be an object")
    fields.raw("stream")
    fields.text("webhook")
    fields.listing("webhook_events_filter")
    fields.close()
    return read_input(model, values, pictures)


def read_patience(ask: Ask) -> float:
    """`Prefer: wait` or `wait=n`; 0 where it is not sent."""
    prefer = ask.headers.get("prefer")
    if prefer is None:
        return 0.0
    found = PREFER.fullmatch(prefer)
    if found is None:
        raise Wrong("Prefer", "Prefer must be wait or wait=n, n from 1 to 60")
    return float(found[1] or PATIENCE)


def accept(job: Job) -> Reply:
    """201: created, and starting."""
    return write_json(201, _prediction(job, "pending", ()))


def answer_waited(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """201 with the output, or 202 if it was not done in time: then it is `starting`, as the document says."""
    is_done = state == "done"
    return write_json(201 if is_done else 202, _prediction(job, "done" if is_done else "pending", results))


def show(job: Job, state: State, results: Sequence[Linked]) -> Reply:
    """The prediction as it stands."""
    return write_json(200, _prediction(job, state, results))


def _prediction(job: Job, state: State, results: Sequence[Linked]) -> dict[str, Any]:
    address = f"{job.origin}{PREFIX}/predictions/{job.ticket}"
    has_ended = state not in {"pending", "processing", "unknown"}
    is_gone = state == "expired"
    return {
        "id": job.ticket,
        "model": job.params["model"],
        "version": "hidden",
        "input": {} if is_gone else {"prompt": job.params["prompt"]},
        "output": _output(job, results) if results and state == "done" else None,
        "error": ERRORS.get(state),
        "logs": None if is_gone else "",
        "metrics": {"predict_time": round(job.ended_at - job.accepted_at, 3)} if has_ended else {},
        "status": WORDS.get(state, state),
        "data_removed": is_gone,
        "created_at": _moment(job.accepted_at),
        "started_at": None if state == "pending" else _moment(job.accepted_at),
        "completed_at": _moment(job.ended_at) if has_ended else None,
        "urls": {"get": address, "cancel": f"{address}/cancel"},
    }


def _output(job: Job, results: Sequence[Linked]) -> str | list[str]:
    """Text in pieces; one link alone, several (or where a number was asked for) in a list."""
    if job.params["task"] == "text":
        return re.findall(r"\S+\s*", results[0].made.data.decode())
    links = [result.url for result in results]
    return links if job.params["listed"] or len(links) > 1 else links[0]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _find(ask: Ask) -> str:
    return ask.path["id"]


def cancelled(job: Job, in_time: bool) -> Reply:
    """The prediction, cancelled or as it ended."""
    return write_json(200, _prediction(job, "canceled" if in_time else "done", ()))


def _submit(path: str, *, by_version: bool = False) -> Submit:
    wait = Wait(read_patience, answer_waited)
    return Submit(path, path, read_version if by_version else read_model, make_hosted, accept=accept, wait=wait)


VENDOR: Final = Vendor(
    name="replicate",
    prefix=PREFIX,
    admit=admit,
    wrong=wrong,
    missing=_say(404, "The requested resource could not be found."),
    trouble=trouble,
    ticket=lambda _number, secret: secret[:26],
    options=lambda _base: {},
    submits=(
        _submit("predictions", by_version=True),
        _submit("models/{owner}/{name}/predictions"),
        _submit("deployments/{owner}/{name}/predictions"),
    ),
    polls=(Poll("predictions/{id}", "predictions/{id}", _find, show, frozenset({"filtered", "expired", "canceled"})),),
    cancels=(Cancel("predictions/{id}/cancel", "POST", "predictions/{id}/cancel", _find, cancelled),),
    pause=pause,
    keeps=3600.0,
)
