"""Chat completions, as OpenAI's own Python client and its API description have them.

Any model is taken, and any field: a compatible server has its own (`top_k`), and what is sent decides the result. Text is a line
of copy about what the messages ask for; with a `response_format` it is JSON. It is cut at the number of tokens allowed, as a
model's is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from runner.sandbox.copywriter import count_tokens, write_copy
from runner.sandbox.dice import Dice
from runner.sandbox.instances import write_instance, write_object
from runner.sandbox.intake import Ask, Fields, Made, Pictures, Reply, write_json
from runner.sandbox.vendor import Job, Linked

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
FORMATS: Final = ("text", "json_object", "json_schema")
IMAGE_TOKENS: Final = 85
"""What a picture in a message counts (the least that OpenAI's vision guide names)."""
ROOM: Final = 256
"""Tokens that are set aside for an answer of which nothing is said; for the limit in tokens only."""
CHARACTERS: Final = 4
Params = Mapping[str, Any]


def read_chat(ask: Ask, pictures: Pictures) -> dict[str, Any]:
    """POST /chat/completions. What is not a field of the document goes into the params as it came."""
    values = ask.json()
    fields = Fields(values)
    if fields.boolean("stream"):
        fields.refuse("stream", "stream is not played by this sandbox; leave it out")
    messages = fields.listing("messages", required=True)
    if not messages:
        fields.refuse("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1.")
    limits = [fields.whole(name, low=1) for name in ("max_completion_tokens", "max_tokens")]
    params: dict[str, Any] = {
        "model": fields.needed("model"),
        "messages": [_message(place, message, pictures) for place, message in enumerate(messages)],
        "n": fields.whole("n", low=1, high=128) or 1,
        "most": next((most for most in limits if most is not None), None),
        "temperature": fields.number("temperature", low=0, high=2),
        "seed": fields.whole("seed"),
        "stop": _stops(fields),
        "format": _format(fields),
    }
    fields.number("top_p", low=0, high=1)
    known = {*params, "max_completion_tokens", "max_tokens", "response_format", "stream", "stream_options", "user"}
    return {**params, "more": {name: value for name, value in values.items() if name not in known}}


def _message(place: int, message: Any, pictures: Pictures) -> dict[str, Any]:
    """A message as it decides the result: who says it, its words, and what its pictures are."""
    fields = Fields(message if isinstance(message, dict) else {}, path=f"messages[{place}].")
    role = fields.choice("role", ROLES, required=True)
    content = fields.raw("content")
    if content is None and role != "assistant":
        fields.refuse("content", f"messages[{place}].content is required")
    if content is None or isinstance(content, str):
        return {"role": role, "text": content or "", "images": []}
    if not isinstance(content, list):
        fields.refuse("content", f"messages[{place}].content must be a string or an array")
    words, images = [], []
    for part in content:
        inside = Fields(part if isinstance(part, dict) else {}, path=f"messages[{place}].content.")
        if inside.choice("type", ("text", "image_url"), required=True) == "text":
            words.append(inside.text("text", required=True) or "")
        else:
            picture = inside.mapping("image_url", required=True)
            images.append(pictures.take("image_url", picture.needed("url") if picture else None))
    return {"role": role, "text": "\n".join(words), "images": images}


def _stops(fields: Fields) -> list[str]:
    stop = fields.raw("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(each, str) for each in stops):
        fields.refuse("stop", "stop must be a string or an array of at most 4 strings")
    return [each for each in stops if each]


def _format(fields: Fields) -> dict[str, Any] | None:
    form = fields.mapping("response_format")
    if form is None:
        return None
    kind = form.choice("type", FORMATS, required=True)
    if kind != "json_schema":
        return {"type": kind}
    described = form.mapping("json_schema", required=True) or Fields({})
    described.needed("name")
    return {"type": kind, "schema": described.raw("schema") or {}}


def _prompt(params: Params) -> str:
    """What is asked for: the system's words and the last thing the user said."""
    said = [message for message in params["messages"] if message["text"]]
    users = [message["text"] for message in said if message["role"] == "user"]
    system = [message["text"] for message in said if message["role"] in {"system", "developer"}]
    return "\n".join([*users[-1:], *system])


def count_asked(params: Params) -> int:
    """The tokens of what was sent."""
    texts = sum(count_tokens(message["text"]) for message in params["messages"])
    return texts + IMAGE_TOKENS * sum(len(message["images"]) for message in params["messages"])


def count_reserved(params: Params) -> int:
    """The tokens that a request counts against a limit before anybody knows what it takes."""
    return count_asked(params) + int(params["n"] * (params.get("most") or ROOM))


def make_chat(params: Params, inputs: Mapping[str, bytes]) -> list[Made]:
    """The choices, as many as asked for."""
    return [Made(f"choice-{n}.txt", "text/plain", _write(params, n).encode()) for n in range(params["n"])]


def _write(params: Params, number: int) -> str:
    prompt, form = _prompt(params), params.get("format") or {"type": "text"}
    seed = Dice("chat", params["model"], params.get("seed"), params.get("temperature"), number).unit()
    if form["type"] == "json_schema":
        return orjson.dumps(write_instance(form["schema"], prompt, seed)).decode()
    if form["type"] == "json_object":
        return orjson.dumps(write_object(prompt, seed)).decode()
    text = write_copy(prompt, seed)
    ends = [place for stop in params["stop"] if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def answer_chat(job: Job, results: Sequence[Linked]) -> Reply:
    """The completion; a choice that is longer than allowed is cut, and says so."""
    most, tokens = job.params.get("most"), 0
    choices: list[dict[str, Any]] = []
    for result in results:
        text = result.made.data.decode()
        is_cut = most is not None and count_tokens(text) > most
        text = text.encode()[: CHARACTERS * most].decode(errors="ignore") if is_cut and most else text
        tokens += count_tokens(text)
        choices.append(_choice(len(choices), text, "length" if is_cut else "stop"))
    return _completion(job, choices, tokens)


def answer_filtered(job: Job, results: Sequence[Linked]) -> Reply:
    """A success that the content filter ended: nothing, or the beginning of a sentence."""
    return _completion(job, [_choice(n, "", "content_filter") for n in range(job.params["n"])], 0)


def _choice(place: int, text: str, reason: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {"index": place, "message": message, "logprobs": None, "finish_reason": reason}


def _completion(job: Job, choices: Sequence[Mapping[str, Any]], tokens: int) -> Reply:
    asked = count_asked(job.params)
    body = {
        "id": f"chatcmpl-{job.digest[:29]}",
        "object": "chat.completion",
        "created": int(job.accepted_at),
        "model": job.params["model"],
        "choices": choices,
        "usage": {"prompt_tokens": asked, "completion_tokens": tokens, "total_tokens": asked + tokens},
    }
    return write_json(200, body, (("x-request-id", f"req_{job.digest[:32]}"), ("openai-processing-ms", "12")))
