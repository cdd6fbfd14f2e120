"""fal: any model of its gallery, queued; where the job stands is asked at one address and its result at another.

Documented by the vendor (fal.ai/docs: inference API, queue, request errors, reliability, concurrency limits): the key as
`Authorization: Key …`; a submit per model whose body is the model's own input; `status_url` and `response_url`, to be used as
given because they drop the model's subpath; 202 while a job waits or runs and 200 once it is COMPLETED. That is the only last
word: a failure is told by `error` and `error_type` beside it, or by a result that answers with an error of the request (a flat
`detail` with `error_type`, or the header) or of the model (a list under `detail`).

So a ticket is both addresses, and COMPLETED moves on to the second (`runner.providers.addresses`). An id alone (from the vendor's
dashboard) is asked for below the model's first two names. Media are found as the vendor's files are written: objects with a `url`.

Assumed: 403 speaks of the account (locked, out of balance), not of the request; ten submits and polls a second, which only an
older FAQ of the vendor says. An account runs 2 to 40 jobs at once and queues any number; we let no more than 40 stand there, so
that a deadline measures a job and not the queue before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.fields import Field, Operation, Polling
from runner.providers.addresses import NEXT_STAGE, address_of, pack, ticket_at, unpack
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    clip,
    dig,
    doubt,
    message_of,
    no_defaults,
    read_json,
    read_status,
    segment,
    still_running,
    ticket_of,
)
from runner.providers.pictures import DATA_URI, item_of, with_assets
from runner.records import Answer, Call, JsonBody, Limits, Request, SecretHeader, Step, Window
from runner.verdicts import Barred, Broken, Done, Item, Lost, Queued, Refused, Verdict

NAME = "fal"
BASE_URL = "https://queue.fal.run"
HOSTS = ("queue.fal.run", "queue.falrun.com")
DOC = "https://fal.ai/docs/model-apis/model-endpoints/queue"
KEYS: Mapping[str, str] = {"key": "FAL_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {
    "priority": Field("text", nullable=True, choices=("normal", "low"), doc="sent as X-Fal-Queue-Priority"),
    "no_retry": Field("boolean", default=False, doc="tells the vendor not to try a failed job again by itself (x-fal-no-retry)"),
    "start_within": Field("integer", nullable=True, low=1, doc="seconds in which a job has to start (X-Fal-Request-Timeout)"),
}

_PICTURE: Final = Field("image", takes=("url", "base64"), doc="a picture: a URL, a path of the project, or an earlier step's file")
_PICTURES: Final = Field("list", item=_PICTURE, doc="pictures: URLs, paths of the project, or earlier steps' files")
OPERATIONS: Mapping[str, Operation] = {
    "run": Operation(
        "run",
        "files",
        {
            "model": Field(
                "text",
                required=True,
                pattern=r"[\w-][\w.-]*(?:/[\w-][\w.-]*)+",
                doc="the model's id with its subpath, such as fal-ai/flux/dev",
            ),
            "input": Field(
                "map",
                required=True,
                fields={
                    **dict.fromkeys(("image_url", "mask_url", "control_image_url", "reference_image_url"), _PICTURE),
                    **dict.fromkeys(("image_urls", "reference_image_urls"), _PICTURES),
                },
                open_fields=True,
                doc="the model's own input; its page lists the fields",
            ),
        },
        "whatever a model makes of its input",
        DOC,
        polling=Polling(2.0, 1.5, 15.0),
        deadline=3600.0,
    ),
}
RUNNING_WORDS: Final = frozenset({"IN_QUEUE", "IN_PROGRESS"})
COMPLETED: Final = "COMPLETED"
GONE: Final = (
    "the vendor does not know the request any more, or it is another account's: the job was accepted and is paid for; with the key "
    "that asked for it, `adbatch resolve --as billed` has it asked for once more, `--as again` buys it again"
)
STATUSES: Final[Table] = {403: Barred}
OF_THE_CALL: Final = frozenset({401, 402, 403, 404, 408, 409, 425, 429})
"""Statuses that speak of the poll whatever stands beside them; so does every 5xx, for a job's own is told beside COMPLETED."""
_SECRETS: Final = (SecretHeader("Authorization", form="Key {}"),)

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """The one operation; no option changes it."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """Ten calls a second; forty jobs standing or running there, the most an account ever runs at once."""
    return Limits((Window(10, 1.0),), concurrent=10, queued=40)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/{model}` with the model's input as JSON; pictures of ours travel as data URIs."""
    return Call(
        "POST",
        f"{options['base_url']}/{_path(str(request.params['model']))}",
        "submit",
        headers=tuple(_headers(options)),
        secrets=_SECRETS,
        body=JsonBody(with_assets(request.params["input"], DATA_URI)),
    )


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET` the present address of the ticket; for a mere id, the status below the model's first two names."""
    url = address_of(unpack(ticket)[0], options, HOSTS)
    if url is None:
        app = _path("/".join(str(request.params["model"]).split("/")[:2]))
        url = f"{options['base_url']}/{app}/requests/{segment(ticket)}/status"
    return Call("GET", url, "poll", secrets=_SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The addresses of a submit; for a poll the state, by its word and else by the status, or the model's result."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return _error(step, answer, said)
    if step == "submit":
        ticket = _ticket(said, options)
        return Queued(ticket) if ticket else doubt(step, "a success without a status_url and without a request_id")
    return _job(answer, said, options)


def _job(answer: Answer, said: Any, options: Options) -> Verdict:
    state = dig(said, "status")
    word = state.strip().upper() if isinstance(state, str) else ""
    if word == COMPLETED:
        return _completed(said, options)
    if word in RUNNING_WORDS:
        return Queued(SAME_TICKET)
    items = tuple(_files(said)) if answer.status != 202 else ()
    if items:
        return Done(items)
    return still_running(state) if word or answer.status == 202 else Broken(f"a result that names no file: {clip(said, 120)}")


def _completed(said: Mapping[str, Any], options: Options) -> Verdict:
    """How a job ended: with an error beside the word, with its result in it, or with a result to be asked for elsewhere."""
    if said.get("error") or said.get("error_type"):
        return Refused(f"the job failed: {_reason(said) or 'no reason given'}")
    items = tuple(_files(said))
    response = ticket_at(said.get("response_url"), options, HOSTS)
    return Done(items) if items else Queued(NEXT_STAGE if response is None else response, 0.0)


def _path(model: str) -> str:
    return "/".join(map(segment, model.split("/")))


def _headers(options: Options) -> Iterator[tuple[str, str]]:
    if options.get("priority"):
        yield "X-Fal-Queue-Priority", str(options["priority"])
    if options.get("no_retry"):
        yield "x-fal-no-retry", "1"
    if options.get("start_within"):
        yield "X-Fal-Request-Timeout", str(options["start_within"])


def _ticket(said: Any, options: Options) -> str | None:
    """Both addresses; where the second is missing or elsewhere the first, where that is too the id."""
    stages = [ticket_at(dig(said, name), options, HOSTS) for name in ("status_url", "response_url")]
    if stages[0] is None:
        return ticket_of(dig(said, "request_id"))
    packed = pack(*(stage for stage in stages if stage is not None))
    return packed or stages[0]


def _error(step: Step, answer: Answer, said: Any) -> Verdict:
    """For a poll, a 4xx of the request or the model, as the vendor documents them, is how the job ended."""
    typed = dig(said, "error_type") or answer.headers.get("x-fal-error-type")
    if step == "poll" and answer.status == 404 and typed == "not_found":
        return Lost(GONE, final=True)
    of_the_job = bool(typed) or isinstance(dig(said, "detail"), list)
    if step == "poll" and 400 <= answer.status < 500 and answer.status not in OF_THE_CALL and of_the_job:
        told = said if isinstance(said, dict) else {}
        return Refused(f"the job failed with {answer.status}: {_reason({'error_type': typed, **told}) or 'no reason given'}")
    return read_status(answer, step, _reason(said) if isinstance(said, dict) else "", STATUSES)


def _reason(said: Mapping[str, Any]) -> str:
    """The message, wherever it stands, and the vendor's word for it."""
    details = said.get("detail")
    told = [message_of(part) or clip(part, 120) for part in details] if isinstance(details, list) else []
    message = clip("; ".join(told)) or message_of(said)
    kind = said.get("error_type")
    return f"{message} ({clip(kind, 60)})" if message and kind else message or clip(kind or "", 60)


def _files(said: Any, depth: int = 8) -> Iterator[Item]:
    """Files as the vendor writes them, objects with a `url`, at any depth and in its order."""
    if isinstance(said, dict):
        item = item_of(said.get("url"))
        if item:
            yield item
    if depth and isinstance(said, dict | list):
        for inner in said.values() if isinstance(said, dict) else said:
            yield from _files(inner, depth - 1)
