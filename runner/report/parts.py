"""What a step of results.jsonl gave: pictures, videos, texts and JSON values, each with the digest that decisions name.

Apart from the rest of the gallery, because a run asks it too: whether what it has is what was approved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from runner.frozen import frozen

KINDS: Final[Mapping[str, str]] = {"image": "picture", "video": "video"}
"""What is shown as a picture or a video, by the first word of its media type."""


@frozen
class Part:
    """One thing a step gave. `path` is where it is published below the output folder, None where it is not.

    `digest` is the sha256 (hex) that a decision about it names: of the file, or of the text where there is no file.
    """

    kind: str
    digest: str
    text: str | None = None
    path: str | None = None
    media_type: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None
    source_type: str = ""
    made_from: str = ""
    seal: str = ""


def digest_of_text(text: str) -> str:
    """The sha256 (hex) of a text that is in no file, as decisions name it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def parts_of(step: Mapping[str, Any]) -> tuple[Part, ...]:
    """What a step of a line of results.jsonl gave."""
    files = [_file(file, published=True) for file in step.get("files", ())]
    files += [_file(file, published=False) for file in step.get("held", ())]
    said = _said(step)
    if said is None:
        return tuple(files)
    kind, text = said
    own = files[0] if files and files[0].kind == kind else None
    written = Part(kind, own.digest if own else digest_of_text(text), text, own.path if own else None)
    return (written, *(file for file in files if file.kind in KINDS.values()))


def _said(step: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and text of an answer that is no file."""
    if isinstance(step.get("text"), str):
        return "text", step["text"]
    return ("json", json.dumps(step["json"], ensure_ascii=False, indent=2)) if step.get("json") is not None else None


def _file(file: Mapping[str, Any], published: bool) -> Part:
    media_type = str(file.get("media_type", ""))
    kind = KINDS.get(media_type.partition("/")[0]) or ("json" if media_type == "application/json" else "text")
    path = str(file["path"]) if published else None
    size = int(file.get("bytes") or 0)
    origin = (str(file.get(name, "")) for name in ("source_type", "source", "c2pa"))
    return Part(kind, str(file["sha256"]), None, path, media_type, size, file.get("width"), file.get("height"), *origin)
