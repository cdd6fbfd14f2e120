"""Sivi: ad designs and pictures, queued; every path below the prefix of the account's plan.

Documented by the vendor (developer.sivi.ai/docs/sivi-api): the header `sivi-api-key`, the endpoints with their fields (kept in
`sivi_fields`), the envelope `{"status": …, "body": …}`, `get-request-status`, limits per plan ("quota and limits"). Submits are
POST only, although the designs also take GET: a GET that creates could be repeated behind our back.

Documents disagree, or are silent, in places:
- The success word is `complete` in the specification and `completed` in samples; the vendor's own clients also stop on `suspended`
  and `error`. Any other word means still running.
- Nobody promises that HTTP and envelope carry the same status. The call counts as failed if either is not a success, and the worse
  of the two is believed: where one says success and the other not, a submit is Lost, unless `envelope: decides` says that the
  envelope alone tells whenever HTTP says 200.
- 429 stands for too many requests and for a spent credit limit; only the message tells them apart.
- A medium's URL can be a bare file name. A finished job without any absolute URL is asked again until its tries are used up.
- Enterprise limits are agreed per customer; until the project file sets them, those of Super hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from runner.fields import Field, Operation
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    dig,
    doubt,
    link_of,
    message_of,
    read_json,
    read_status,
    still_running,
    ticket_of,
)
from runner.providers.sivi_fields import DOC as FIELDS_DOC
from runner.providers.sivi_fields import OPERATIONS
from runner.records import Answer, Call, Json, JsonBody, Limits, Request, SecretHeader, Step, Window
from runner.verdicts import Barred, Broken, Busy, Data, Done, Link, Lost, Queued, Refused, Verdict

NAME = "sivi"
BASE_URL = "https://connect.sivi.ai/api/prod/v2"
DOC = FIELDS_DOC
KEYS: Mapping[str, str] = {"key": "SIVI_API_KEY"}
OPTIONAL_KEYS: frozenset[str] = frozenset()
OPTIONS: Mapping[str, Field] = {
    "plan": Field(
        "text", default="general", choices=("general", "super", "enterprise"), doc="the key's plan, the prefix of every path"
    ),
    "brand": Field("text", nullable=True, least=1, doc="brand id (bId) for media where the job gives none"),
    "user": Field("text", nullable=True, least=1, doc="abstractUserId for designs where the job gives none (super and enterprise)"),
    "envelope": Field(
        "text", default="worse", choices=("worse", "decides"), assumed=True, doc="whom to believe if HTTP and envelope disagree"
    ),
}
LIMITS: Final[Mapping[str, Limits]] = {
    "general": Limits((Window(50, 60.0),), concurrent=4, queued=10),
    "super": Limits((Window(100, 60.0),), concurrent=10, queued=15),
    "enterprise": Limits((Window(100, 60.0),), concurrent=10, queued=15),
}
PATHS: Final[Mapping[str, str]] = {
    "media": "media/generate",
    "design": "designs-from-prompt",
    "design-from-content": "designs-from-content",
    "content": "content-from-prompt",
}
DESIGNS: Final = frozenset({"design", "design-from-content"})
DONE_WORDS: Final = frozenset({"completed", "complete"})
FAILED_WORDS: Final = frozenset({"failed", "suspended", "error"})
RUNNING_WORDS: Final = frozenset({"pending", "processing"})
STATUSES: Final[Table] = {401: Barred, 402: Barred, 404: Refused, 422: Refused}
_SECRETS: Final = (SecretHeader("sivi-api-key"),)


def operations(options: Options) -> Mapping[str, Operation]:
    """The four operations; no option changes them."""
    return OPERATIONS


def limits(options: Options) -> Limits:
    """The plan's documented requests a minute, concurrency and queue length; polls are assumed to count."""
    return LIMITS[str(options["plan"])]


def defaults(operation: str, options: Options) -> Mapping[str, Json]:
    """The account's brand for media, its user for designs."""
    if operation == "media" and options.get("brand"):
        return {"bId": options["brand"]}
    return {"abstractUserId": options["user"]} if operation in DESIGNS and options.get("user") else {}


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/{plan}/{endpoint}` with the params as JSON."""
    url = f"{options['base_url']}/{options['plan']}/{PATHS[request.operation]}"
    return Call("POST", url, "submit", secrets=_SECRETS, body=JsonBody(dict(request.params)))


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET …/get-request-status?queryParams=` and the URL-encoded JSON of the request's id (and its user)."""
    asked = {"requestId": ticket}
    if request.params.get("abstractUserId"):
        asked["abstractUserId"] = str(request.params["abstractUserId"])
    query = quote(json.dumps(asked, ensure_ascii=False, separators=(",", ":")), safe="")
    return Call("GET", f"{options['base_url']}/{options['plan']}/get-request-status?queryParams={query}", "poll", secrets=_SECRETS)


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The ticket of a submit, the state and links of a poll, the suggestions of `content`; errors by envelope and status."""
    said = read_json(answer)
    if not isinstance(said, dict):
        return (
            doubt(step, "a success that is no JSON object")
            if answer.status in SUCCESSES
            else read_status(answer, step, "", STATUSES)
        )
    failure = _failure(step, answer, said, options)
    if failure is not None:
        return failure
    body = said["body"] if isinstance(said.get("body"), dict) else said
    if step == "poll":
        return _job(body, request)
    if request.operation == "content":
        return _suggestions(step, body)
    ticket = ticket_of(body.get("requestId"))
    return Queued(ticket) if ticket else doubt(step, "a success without a requestId")


def _failure(step: Step, answer: Answer, said: Mapping[str, Any], options: Options) -> Verdict | None:
    """What HTTP and envelope make of it together; None where both (or the only one there is) say success."""
    inner = said.get("status")
    inner = inner if isinstance(inner, int) and not isinstance(inner, bool) else answer.status
    statuses = [inner] if answer.status in SUCCESSES and options["envelope"] == "decides" else [answer.status, inner]
    failures = [_status(step, answer, status, message_of(said)) for status in statuses if status not in SUCCESSES]
    if failures and len(failures) < len(statuses) and step == "submit":
        return Lost(f"HTTP says {answer.status} and the envelope {inner}: {message_of(said)}".rstrip(": "))
    return max(failures, key=lambda verdict: WORSE.index(type(verdict)), default=None)


WORSE: Final[list[type]] = [Busy, Broken, Refused, Barred, Lost]
"""Verdicts of failure, from the mildest to the worst: what may have been bought comes last."""


def _status(step: Step, answer: Answer, status: int, message: str) -> Verdict:
    if status == 429 and "credit" in message.lower():
        return Barred(f"429: {message}")
    return read_status(answer, step, message, STATUSES, status)


def _job(body: Mapping[str, Any], request: Request) -> Verdict:
    state = body.get("status")
    word = state.strip().lower() if isinstance(state, str) else ""
    if word in FAILED_WORDS:
        return Refused(f"the job {word}: {message_of({'message': body.get('reason')}) or message_of(body) or 'no reason given'}")
    if word not in DONE_WORDS:
        return Queued(SAME_TICKET) if word in RUNNING_WORDS else still_running(state)
    links = _links(body.get("result"), request)
    if not links:
        return Broken(f"the job is {word} but names no absolute URL")
    return Done(tuple(map(Link, links)), _fewer(body.get("result"), request))


def _links(result: Any, request: Request) -> list[str]:
    if request.operation == "media":
        found = [dig(result, "media", "url"), dig(result, "url"), result]
        return [link for link in map(link_of, found) if link][:1]
    return list(dict.fromkeys(_pictures(dig(result, "variations"), 0)))


def _pictures(variations: Any, depth: int) -> Iterator[str]:
    """Each variation's picture, then those of its nested options, in the vendor's order."""
    for variation in variations if isinstance(variations, list) and depth < 4 else []:
        link = link_of(dig(variation, "variantImageUrl"))
        if link:
            yield link
        yield from _pictures(dig(variation, "options"), depth + 1)


def _fewer(result: Any, request: Request) -> str:
    asked, made = request.params.get("numOfVariants"), dig(result, "variations")
    if request.operation not in DESIGNS or not isinstance(asked, int) or not isinstance(made, list):
        return ""
    usable = sum(link_of(dig(variation, "variantImageUrl")) is not None for variation in made)
    return f"{usable} of {asked} variants asked for" if usable < asked else ""


def _suggestions(step: Step, body: Mapping[str, Any]) -> Verdict:
    found = body.get("contentSuggestions") or body.get("assetSuggestions")
    return Done((Data(dict(body)),)) if found else doubt(step, "a success without suggestions")
