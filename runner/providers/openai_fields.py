"""What can be asked of an OpenAI-compatible server: fields of chat and pictures, and the rules between them.

Documented by the vendor's API reference ("Create chat completion", "Create image", "Create image edit"). Every operation is open:
other servers take fields of their own (`top_k`), and those are passed on. `prompt`, `system` and `images` of a chat are our short
forms of one message; which sizes a picture may have depends on the model's family, and only families that are known have rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from runner.fields import Field, Operation, Rule
from runner.records import Json

CHAT_DOC: Final = "https://platform.openai.com/docs/api-reference/chat/create"
IMAGE_DOC: Final = "https://platform.openai.com/docs/api-reference/images/create"
EDIT_DOC: Final = "https://platform.openai.com/docs/api-reference/images/createEdit"

MOST_PICTURES: Final = 16
GPT_SIZES: Final = ("auto", "1024x1024", "1536x1024", "1024x1536")
SIZES: Final[Mapping[str, tuple[str, ...]]] = {
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
    "gpt-image-1": GPT_SIZES,
    "gpt-image-1-mini": GPT_SIZES,
    "gpt-image-1.5": GPT_SIZES,
    "chatgpt-image-latest": GPT_SIZES,
}
"""The sizes of the families that have a list."""
FREE: Final = "gpt-image-2"
"""The family that makes any size within bounds."""
STEP: Final = 16
LONGEST_SIDE, MOST_PIXELS, MOST_RATIO = 3840, 3840 * 2160, 3
FAMILIES: Final = tuple(sorted((*SIZES, FREE), key=len, reverse=True))
PROMPT_MOST: Final[Mapping[str, int]] = {"dall-e-2": 1000, "dall-e-3": 4000}
MODELS: Final[tuple[Json, ...]] = ("gpt-image-2", "gpt-image-1.5", "gpt-image-1", "gpt-image-1-mini", "dall-e-3", "dall-e-2")


def family_of(model: Json) -> str | None:
    """The family of a picture model: its name without the date at its end; None for one we do not know."""
    name = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", str(model))
    return name if name in FAMILIES else None


def _broken_question(params: Mapping[str, Json]) -> str | None:
    if ("messages" in params) == ("prompt" in params):
        return "needs either messages or prompt, not both" if "prompt" in params else "messages or prompt is required"
    if "messages" in params and (extra := [name for name in ("system", "images") if name in params]):
        return f"{' and '.join(extra)} go with prompt; with messages, put them into messages"
    return None


def _broken_size(params: Mapping[str, Json]) -> str | None:
    family, size = family_of(params.get("model")), params.get("size")
    if family is None or not isinstance(size, str):
        return None
    if family != FREE:
        return None if size in SIZES[family] else f"{family} has no size {size}; it takes {', '.join(SIZES[family])}"
    return None if size == "auto" else _broken_free_size(size)


def _broken_free_size(size: str) -> str | None:
    sides = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", size)
    if sides is None:
        return f"{size} is no size; write WIDTHxHEIGHT, such as 1024x1536, or auto"
    width, height = int(sides[1]), int(sides[2])
    if width % STEP or height % STEP:
        return f"{size}: both sides must be divisible by {STEP}"
    if max(width, height) > MOST_RATIO * min(width, height):
        return f"{size} is narrower than 1:{MOST_RATIO}"
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        return f"{size} is larger than 3840x2160"
    return None


def _broken_prompt(params: Mapping[str, Json]) -> str | None:
    most = PROMPT_MOST.get(family_of(params.get("model")) or "", 32_000)
    prompt = params.get("prompt")
    too_long = isinstance(prompt, str) and len(prompt) > most
    return f"has {len(str(prompt))} characters; {params.get('model')} takes {most}" if too_long else None


def _broken_count(params: Mapping[str, Json]) -> str | None:
    many = params.get("n", 1) != 1 and family_of(params.get("model")) == "dall-e-3"
    return "dall-e-3 makes one picture at a time; leave n out" if many else None


def _broken_form(params: Mapping[str, Json]) -> str | None:
    family = family_of(params.get("model")) or ""
    if "response_format" in params and not family.startswith("dall-e") and family:
        return f"{family} always answers with the picture itself; leave response_format out, output_format names the kind"
    return None


def _broken_pictures(params: Mapping[str, Json]) -> str | None:
    more = params.get("images")
    count = 1 + (len(more) if isinstance(more, list | tuple) else 0)
    return f"{count} pictures in all; at most {MOST_PICTURES} are allowed" if count > MOST_PICTURES else None


_MODEL: Final = Field("text", required=True, least=1, doc="the model's name; the account's model where the job gives none")
_URL: Final = Field("image", takes=("url", "base64"), doc="image URL, or a picture of ours as a data URL")
_CONTENT: Final = Field(
    "any",
    doc="text, or a list of parts; {type: image_url, image_url: {url: …}} takes a picture of ours, too",
    item=Field("map", fields={"image_url": Field("map", fields={"url": _URL}, open_fields=True)}, open_fields=True),
)
_ROLE: Final = Field(
    "text",
    required=True,
    choices=("system", "developer", "user", "assistant", "tool"),
    open_choices=True,
    doc="who speaks",
)

CHAT: Final = Operation(
    "chat",
    "text",
    {
        "model": _MODEL,
        "messages": Field(
            "list",
            least=1,
            doc="the conversation so far",
            item=Field("map", fields={"role": _ROLE, "content": _CONTENT}, open_fields=True),
        ),
        "prompt": Field("text", least=1, assumed=True, doc="short for one message of the user"),
        "system": Field("text", least=1, assumed=True, doc="short for a system message before the prompt"),
        "images": Field(
            "list", least=1, assumed=True, doc="pictures put beside the prompt", item=Field("image", takes=("url", "base64"))
        ),
        "temperature": Field("number", low=0, high=2, doc="sampling temperature"),
        "top_p": Field("number", low=0, high=1, doc="nucleus sampling"),
        "max_tokens": Field("integer", low=1, doc="most tokens of the answer; older name of max_completion_tokens"),
        "max_completion_tokens": Field("integer", low=1, doc="most tokens of the answer, reasoning included"),
        "response_format": Field(
            "map",
            open_fields=True,
            doc="{type: json_object} or {type: json_schema, json_schema: …}; the answer must then be JSON, read as .json",
            fields={
                "type": Field(
                    "text",
                    required=True,
                    choices=("text", "json_object", "json_schema"),
                    open_choices=True,
                    doc="the form of the answer",
                )
            },
        ),
        "seed": Field("integer", doc="for answers that repeat as far as the server can"),
        "stop": Field("any", doc="a text, or up to four, before which the answer ends"),
        "frequency_penalty": Field("number", low=-2, high=2, doc="against repeating what was said often"),
        "presence_penalty": Field("number", low=-2, high=2, doc="against repeating what was said at all"),
        "reasoning_effort": Field("text", doc="how long a reasoning model thinks"),
        "n": Field("integer", low=1, high=1, doc="one answer a request; a job's variants make more"),
        "stream": Field("boolean", choices=(False,), doc="never: an answer is taken as a whole"),
    },
    "an answer to a conversation, as text or JSON",
    CHAT_DOC,
    rules=(Rule(("messages", "prompt", "system", "images"), _broken_question),),
    open=True,
)

_PICTURE: Final[Mapping[str, Field]] = {
    "model": Field(
        "text", required=True, choices=MODELS, open_choices=True, doc="the model; the account's image_model if not given"
    ),
    "prompt": Field("text", required=True, least=1, doc="what the picture shows"),
    "n": Field("integer", low=1, high=10, doc="how many pictures; more than one is `files`"),
    "size": Field("text", choices=GPT_SIZES, open_choices=True, doc="WIDTHxHEIGHT or auto, as the model's family allows"),
    "quality": Field("text", choices=("auto", "low", "medium", "high", "standard", "hd"), open_choices=True, doc="quality"),
    "background": Field("text", choices=("auto", "transparent", "opaque"), open_choices=True, doc="of GPT image models"),
    "output_format": Field("text", choices=("png", "jpeg", "webp"), open_choices=True, doc="of GPT image models"),
    "output_compression": Field("integer", low=0, high=100, doc="of GPT image models, for jpeg and webp"),
    "response_format": Field("text", choices=("url", "b64_json"), open_choices=True, doc="of dall-e models"),
    "user": Field("text", doc="your user, for the vendor's own monitoring"),
}
_RULES: Final = (
    Rule(("size", "model"), _broken_size),
    Rule(("prompt", "model"), _broken_prompt),
    Rule(("n", "model"), _broken_count),
    Rule(("response_format", "model"), _broken_form),
)
IMAGE: Final = Operation(
    "image",
    "files",
    {
        **_PICTURE,
        "style": Field("text", choices=("vivid", "natural"), open_choices=True, doc="of dall-e-3"),
        "moderation": Field("text", choices=("auto", "low"), open_choices=True, doc="of GPT image models"),
    },
    "pictures from a prompt",
    IMAGE_DOC,
    rules=_RULES,
    open=True,
)
EDIT: Final = Operation(
    "image-edit",
    "files",
    {
        "image": Field("image", required=True, takes=("part",), doc="the picture to edit: png, webp or jpg below 50 MB"),
        "images": Field(
            "list",
            most=MOST_PICTURES - 1,
            assumed=True,
            doc="further pictures, sent beside the first as image[]",
            item=Field("image", takes=("part",)),
        ),
        "mask": Field("image", takes=("part",), doc="png below 4 MB; what is transparent in it is edited"),
        **_PICTURE,
        "input_fidelity": Field("text", choices=("low", "high"), open_choices=True, doc="how closely faces and marks are kept"),
    },
    "pictures made from others and a prompt",
    EDIT_DOC,
    rules=(*_RULES, Rule(("images",), _broken_pictures)),
    open=True,
)
