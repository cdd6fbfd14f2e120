"""What a job expects of an answer, checked on what came.

An expectation is no part of what is asked, so changing one buys nothing: the same stored result is judged again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.records import Artifact


@dataclass(frozen=True, slots=True)
class Expected:
    """A rendered `expect:`. Characters of a text, pixels and kB (1000 bytes) of a file, formats as `jpeg`, `png`, …; None: any."""

    max_chars: int | None = None
    min_chars: int | None = None
    width: int | None = None
    height: int | None = None
    max_kb: float | None = None
    formats: tuple[str, ...] = ()


def unmet(expected: Expected, artifacts: Sequence[Artifact]) -> str | None:
    """What is not as expected, in one line; None if all is. Among several artifacts each is called by its number, from 1."""
    names = [""] if len(artifacts) == 1 else [f"{artifact.kind} {number}: " for number, artifact in enumerate(artifacts, 1)]
    wrongs = (name + wrong for name, artifact in zip(names, artifacts, strict=True) for wrong in _complaints(expected, artifact))
    return "; ".join(wrongs) or None


def _complaints(expected: Expected, artifact: Artifact) -> Iterator[str]:
    if artifact.kind == "text":
        yield from _of_text(expected, artifact.text or "")
    elif artifact.kind == "file":
        yield from _of_file(expected, artifact)


def _of_text(expected: Expected, text: str) -> Iterator[str]:
    if expected.max_chars is not None and len(text) > expected.max_chars:
        yield f"{len(text)} characters, at most {expected.max_chars} wanted"
    if expected.min_chars is not None and len(text) < expected.min_chars:
        yield f"{len(text)} characters, at least {expected.min_chars} wanted"


def _of_file(expected: Expected, artifact: Artifact) -> Iterator[str]:
    for name, wanted, measured in (("width", expected.width, artifact.width), ("height", expected.height, artifact.height)):
        if wanted is not None and measured != wanted:
            yield f"{name} is {measured if measured is not None else 'unknown'}, {wanted} wanted"
    if expected.max_kb is not None and (artifact.size or 0) > expected.max_kb * 1000:
        yield f"{(artifact.size or 0) / 1000:.15g} kB, at most {expected.max_kb:.15g} wanted"
    short = (artifact.media_type or "").rpartition("/")[2]
    if expected.formats and short not in expected.formats:
        yield f"format is {short or 'unknown'}, {' or '.join(expected.formats)} wanted"
