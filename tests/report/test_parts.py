"""What a step gave, in parts."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from runner.report.parts import digest_of_text, parts_of
from tests.report.runs import file_fields

PNG = file_fields(b"png", "mug/scene.png")
TXT = {"path": "mug/copy.txt", "sha256": "a" * 64, "bytes": 4, "media_type": "text/plain"}


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({}, []),
        ({"files": [PNG]}, [("picture", PNG["sha256"], "mug/scene.png", None)]),
        ({"held": [PNG]}, [("picture", PNG["sha256"], None, None)]),
        ({"text": "hi"}, [("text", digest_of_text("hi"), None, "hi")]),
        ({"text": "hi", "files": [TXT]}, [("text", "a" * 64, "mug/copy.txt", "hi")]),
        (
            {"text": "hi", "files": [PNG]},
            [("text", digest_of_text("hi"), None, "hi"), ("picture", PNG["sha256"], "mug/scene.png", None)],
        ),
        ({"json": {"a": 1}}, [("json", digest_of_text('{\n  "a": 1\n}'), None, '{\n  "a": 1\n}')]),
        ({"files": [{**PNG, "media_type": "video/mp4"}]}, [("video", PNG["sha256"], "mug/scene.png", None)]),
        (
            {"files": [PNG, {**PNG, "sha256": "b" * 64}]},
            [("picture", PNG["sha256"], "mug/scene.png", None), ("picture", "b" * 64, "mug/scene.png", None)],
        ),
    ],
)
def test_a_step_is_told_in_parts(given: dict[str, Any], parts: list[tuple[Any, ...]]) -> None:
    """Pictures, videos and texts, each with the digest that a decision names: of its file, else of its text."""
    assert [(part.kind, part.digest, part.path, part.text) for part in parts_of(given)] == parts


def test_a_text_with_half_a_surrogate_pair_has_a_digest() -> None:
    """What UTF-8 cannot say is replaced before it is hashed."""
    assert digest_of_text("a\ud800") == hashlib.sha256(b"a?").hexdigest()


def test_a_file_is_told_with_its_origin() -> None:
    """What it was made from, what kind of source it states, and what became of a seal."""
    part = parts_of({"files": [{**PNG, "source": "c" * 64, "source_type": "composite", "c2pa": "lost"}]})[0]
    assert (part.made_from, part.source_type, part.seal) == ("c" * 64, "composite", "lost")
