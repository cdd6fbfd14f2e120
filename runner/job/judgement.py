"""All checks of an answer, in a fixed order: the same answer and the same expectation give the same list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from runner.job.expect import Check, Expected
from runner.job.picture_checks import Compared, file_checks
from runner.records import Artifact, Look, read_look

LookAt: TypeAlias = Callable[[str], Look | None]
"""The look of the picture with this sha256, None where nobody knows."""


def look_at_nothing(_sha256: str) -> Look | None:
    """Nobody knows any picture."""
    return None


def judge(
    expected: Expected, artifacts: Sequence[Artifact], look_at: LookAt = look_at_nothing, compared: Compared | None = None
) -> tuple[Check, ...]:
    """Every check that is asked for, of every artifact; where a step gave several, each is named, and a sibling of those before."""
    compared = compared or Compared()
    checks: list[Check] = []
    for number, artifact in enumerate(artifacts, 1):
        look = look_of(artifact, look_at) if artifact.kind == "file" and needs_look(expected) else None
        name = "" if len(artifacts) == 1 else f"{artifact.kind} {number}"
        checks += (replace(check, of=name) for check in _checks(expected, artifact, look, compared))
        if look is not None:
            compared = replace(compared, siblings=[*compared.siblings, look.dhash])
    return tuple(checks)


def look_of(artifact: Artifact, look_at: LookAt) -> Look | None:
    """The look of a picture, as it was measured when it came, or else as it is now."""
    if artifact.look is not None:
        return read_look(artifact.look)
    sha256 = artifact.made.source if artifact.made is not None and artifact.made.marked else artifact.sha256
    return None if sha256 is None else look_at(sha256)


def needs_look(expected: Expected) -> bool:
    """Whether pictures must be looked at to tell."""
    musts = {expected.alpha, expected.animation, expected.blank} != {"allowed"}
    return musts or bool(expected.modes) or expected.unlike_siblings is not None or expected.unlike_source is not None


def _checks(expected: Expected, artifact: Artifact, look: Look | None, compared: Compared) -> Iterator[Check]:
    if artifact.kind == "text":
        from runner.job.copy_checks import text_checks  # noqa: PLC0415 - words and figures are for jobs that expect something of them

        yield from text_checks(expected, artifact.text or "")
    elif artifact.kind == "file":
        yield from file_checks(expected, artifact, look, compared)
