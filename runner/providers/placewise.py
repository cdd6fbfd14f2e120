"""Placewise ML API: pictures and copy as tasks, whose results the documents do not say how to ask for.

Documented by the vendor (docs.mpc.placewise.com): the three POST endpoints with their fields, the headers of context and
authorization, the table of statuses. A submit answers `{"image_generation_task": {"id": 1}}` and that is all: so a task id is a
valid end, and the operations give `task`. Where the account knows an address to poll, `poll_url` names it and they give a file or a
text instead; `state_path`, `result_path` and the words are then ours to guess, and options for that reason.

Also assumed: multipart bodies (the endpoints' pages show them, the global rules say JSON: `body`); lists in forms as repeated
`name[]` parts (`list_form`); the product name, where the account gives none. 503 is "maintenance" but is not said to mean "not
accepted", so a submit is Lost there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from runner.fields import Field, Gives, Operation, Rule
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    clip,
    dig,
    doubt,
    form_text,
    link_of,
    message_of,
    no_defaults,
    read_json,
    read_status,
    segment,
    still_running,
    ticket_of,
)
from runner.records import Answer, Call, FormBody, Json, JsonBody, Limits, Part, Request, SecretHeader, Step
from runner.verdicts import Barred, Broken, Data, Done, Link, Queued, Refused, Text, Verdict

NAME = "placewise"
BASE_URL = "https://api.mpc.placewise.com/v1"
DOC = "https://docs.mpc.placewise.com"
KEYS: Mapping[str, str] = {"key": "PLACEWISE_TOKEN", "user_key": "PLACEWISE_USER_TOKEN"}
OPTIONAL_KEYS: frozenset[str] = frozenset({"user_key"})

DONE_WORDS: Final = ("completed", "complete", "done", "finished", "succeeded", "success")
FAILED_WORDS: Final = ("failed", "failure", "error", "cancelled", "canceled", "rejected")
RUNNING_WORDS: Final = frozenset({"pending", "queued", "created", "started", "running", "processing", "in_progress"})
_HEADER: Final = r"[!-~](?:[ -~]*[!-~])?"
_WORD: Final = Field("text", least=1)
OPTIONS: Mapping[str, Field] = {
    "club": Field("text", required=True, pattern=_HEADER, doc="the Loyalty Club's slug, sent as X-Loyalty-Club-Slug"),
    "user_agent": Field("text", default="adbatch", pattern=_HEADER, doc="free name of the client, sent as X-User-Agent"),
    "product": Field("text", default="adbatch", pattern=_HEADER, assumed=True, doc="sent as X-Product-Name"),
    "customer": Field("text", nullable=True, pattern=_HEADER, doc="sent as X-Customer"),
    "locale": Field("text", nullable=True, pattern=_HEADER, doc="sent as X-Locale"),
    "body": Field("text", default="multipart", choices=("multipart", "json"), assumed=True, doc="how params are sent"),
    "list_form": Field(
        "text",
        default="brackets",
        choices=("brackets", "repeat", "json"),
        assumed=True,
        doc="a list in a form: name[]=a, name=a or JSON",
    ),
    "poll_url": Field(
        "text",
        nullable=True,
        pattern=r"(?:https?://[^\s{}/]+|/)[^\s{}]*\{id\}[^\s{}]*",
        assumed=True,
        doc="where to ask for a task, with {id}; absolute, or from / on under base_url. The account's key goes along",
    ),
    "state_path": Field(
        "text", default="{task}.status", least=1, most=200, assumed=True, doc="dotted way to the state; {task} is the answer's task"
    ),
    "result_path": Field(
        "text", default="{task}.result", least=1, most=200, assumed=True, doc="dotted way to the text, URL or list of URLs"
    ),
    "done_words": Field("list", default=DONE_WORDS, item=_WORD, assumed=True, doc="states that mean done"),
    "failed_words": Field("list", default=FAILED_WORDS, item=_WORD, assumed=True, doc="states that mean failed"),
}

_PROMPT: Final = Field("text", required=True, least=1, doc="generation prompt")
RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "16:9", "9:16")


def _small_sizes(params: Mapping[str, Json]) -> str | None:
    if params.get("model_type", "small") != "small" or params.get("image_size", "thumbnail") in ("thumbnail", "medium"):
        return None
    return f"model_type small makes only image_size thumbnail or medium, not {params['image_size']}; a larger model_type makes all"


OPERATIONS: Mapping[str, Operation] = {
    "image": Operation(
        "image",
        "task",
        {
            "prompt": _PROMPT,
            "model_type": Field(
                "text", choices=("small", "medium", "large"), default="small", doc="larger: better, slower, dearer"
            ),
            "aspect_ratio": Field("text", choices=RATIOS, default="1:1", doc="aspect ratio"),
            "image_size": Field(
                "text",
                choices=("thumbnail", "small", "medium", "large"),
                default="thumbnail",
                doc="256, 512, 1024 or 1440 px",
            ),
            "creativity": Field("integer", default=2, doc="variability; only used by medium and large models"),
            "photorealistic": Field("boolean", default=False, doc="only used by the large model"),
            "random_seed": Field("integer", nullable=True, doc="makes the generation deterministic"),
        },
        "a picture from a prompt",
        f"{DOC}/api-3511410",
        rules=(Rule(("image_size", "model_type"), _small_sizes),),
    ),
    "text": Operation(
        "text",
        "task",
        {
            "prompt": _PROMPT,
            "temperature": Field("number", low=0, high=1, nullable=True, doc="variability"),
            "max_tokens": Field("integer", low=1, nullable=True, doc="the most tokens to write"),
        },
        "copy from a prompt",
        f"{DOC}/api-3739179",
    ),
    "sending-text": Operation(
        "sending-text",
        "task",
        {
            "about": Field("text", required=True, least=1, doc="what the sending is about"),
            "include_keywords": Field("list", required=True, item=Field("text"), doc="words to include"),
            "word_limit": Field("integer", required=True, low=1, doc="the most words"),
            "tone": Field("text", required=True, doc="tone of the text"),
            "occasion": Field("text", required=True, doc="occasion of the sending"),
            "variation": Field("text", required=True, choices=("none", "medium", "high"), doc="variability"),
            "target_language": Field("text", required=True, least=2, doc="ISO code of the language to write in"),
        },
        "copy for a newsletter or text message",
        f"{DOC}/api-3511404",
    ),
}
PATHS: Final[Mapping[str, str]] = {
    "image": "/ml/general/generate_image",
    "text": "/ml/general/generate_text",
    "sending-text": "/ml/sending/generate_text",
}
POLLED: Final[Mapping[str, Gives]] = {"image": "file", "text": "text", "sending-text": "text"}
TASK: Final = re.compile(r"[a-z_]*task", re.ASCII)

STATUSES: Final[Table] = {**dict.fromkeys((401, 402, 403, 460, 470, 471), Barred), 444: Refused}
"""Statuses about the account (token, feature not enabled for the club, permit, user token, headers) bar the lane; 444 is the
firewall, which one prompt can set off (docs.mpc.placewise.com/doc-341636)."""

defaults = no_defaults


def operations(options: Options) -> Mapping[str, Operation]:
    """The three operations: they give a task id, or what the task yields where the account has a `poll_url`."""
    if not options.get("poll_url"):
        return OPERATIONS
    return {name: replace(operation, gives=POLLED[name]) for name, operation in OPERATIONS.items()}


def limits(options: Options) -> Limits:
    """A token bucket of unknown size is documented (docs.mpc.placewise.com/doc-344019); eight calls at once is our own courtesy."""
    return Limits(concurrent=8)


def submit(request: Request, options: Options) -> Call:
    """`POST {base_url}/ml/…` with the params as multipart parts (booleans as text) or as JSON."""
    return Call(
        "POST",
        f"{options['base_url']}{PATHS[request.operation]}",
        "submit",
        headers=_headers(options),
        secrets=_secrets(options),
        body=JsonBody(dict(request.params)) if options["body"] == "json" else FormBody(tuple(_parts(request, options))),
    )


def poll(request: Request, ticket: str, options: Options) -> Call:
    """`GET` the account's `poll_url`."""
    url = str(options["poll_url"]).replace("{id}", segment(ticket))
    url = f"{options['base_url']}{url}" if url.startswith("/") else url
    return Call("GET", url, "poll", headers=_headers(options), secrets=_secrets(options))


def read(step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
    """The task id of a submit (0 is one), the state and result of a poll; errors by the documented table."""
    said = read_json(answer)
    if answer.status not in SUCCESSES:
        return read_status(answer, step, message_of(said), STATUSES)
    if step == "poll":
        return _polled(said, request, options)
    task = _task(said)
    number = dig(said, task, "id")
    ticket = ticket_of(number)
    if ticket is None:
        return doubt(step, "a success without a task id")
    return Queued(ticket) if options.get("poll_url") else Done((Data({task: {"id": number}}),))


def _task(said: Any) -> str:
    """The name of the answer's task: `image_generation_task` and its kin (that of sending-text is cut off in the documents)."""
    names = [name for name in said if TASK.fullmatch(name)] if isinstance(said, dict) else []
    return names[0] if len(names) == 1 else ""


def _headers(options: Options) -> tuple[tuple[str, str], ...]:
    named = {
        "X-User-Agent": options["user_agent"],
        "X-Product-Name": options["product"],
        "X-Loyalty-Club-Slug": options["club"],
        "X-Customer": options.get("customer"),
        "X-Locale": options.get("locale"),
        "Accept": "application/json",
    }
    return tuple((name, str(value)) for name, value in named.items() if value)


def _secrets(options: Options) -> tuple[SecretHeader, ...]:
    keys = options.get("keys")
    user = (SecretHeader("Authorization", "user_key", "Bearer {}"),) if isinstance(keys, tuple) and "user_key" in keys else ()
    return (SecretHeader("X-Client-Authorization"), *user)


def _parts(request: Request, options: Options) -> Iterator[Part]:
    for name in OPERATIONS[request.operation].fields:
        value = request.params.get(name)
        if isinstance(value, list | tuple) and options["list_form"] != "json":
            suffix = "[]" if options["list_form"] == "brackets" else ""
            yield from (Part(f"{name}{suffix}", form_text(item)) for item in value)
        elif value is not None:
            yield Part(name, form_text(value))


def _polled(said: Any, request: Request, options: Options) -> Verdict:
    if not isinstance(said, dict):
        return Broken("a status that is no JSON object")
    state = _along(said, options["state_path"])
    word = state.strip().lower() if isinstance(state, str) else ""
    if word in _words(options["failed_words"]):
        return Refused(f"the task {clip(word, 60)}: {message_of(dig(said, _task(said))) or message_of(said) or 'no reason given'}")
    if word and word not in _words(options["done_words"]):
        return Queued(SAME_TICKET) if word in RUNNING_WORDS else still_running(word)
    done = _result(_along(said, options["result_path"]), request.operation)
    if done or not word:
        return done or still_running(state)
    return Broken(f"the task is {clip(word, 60)}, but there is no {POLLED[request.operation]} at {options['result_path']}")


def _along(said: Mapping[str, Any], path: Json) -> Any:
    names = str(path).replace("{task}", _task(said)).split(".")
    return dig(said, *(int(name) if name.isdecimal() and name.isascii() else name for name in names if name))


def _words(words: Json) -> frozenset[str]:
    return frozenset(str(word).strip().lower() for word in words) if isinstance(words, list | tuple) else frozenset()


def _result(found: Any, operation: str) -> Done | None:
    if POLLED[operation] == "text":
        return Done((Text(found),)) if isinstance(found, str) and found.strip() else None
    links = [link for link in map(link_of, found if isinstance(found, list) else [found]) if link]
    return Done(tuple(map(Link, links))) if links else None
