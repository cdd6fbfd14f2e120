"""What is right of a job file that is wrong: so that all its mistakes are told at once, and not one layer after the other.

A wrong value is cut out (its default stands in), a step that cannot be understood is cut out with the steps that read it, and what
every job must have gets a stand-in. The rest is a job whose templates, fields and rows can be checked. It is never run: whoever has
mistakes to tell tells them and sends nothing.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from runner.errors import Invalid
from runner.frozen import frozen
from runner.job.document import Document, Path
from runner.job.model import Job
from runner.job.wording import ways_of

STAND_INS: Final[Mapping[str, Any]] = {"version": 1, "name": "unnamed", "output": {"dir": "out"}}
ROUNDS: Final = 20
"""Cutting one mistake out can show another; more layers than this are not worth finding."""


@frozen
class Mended:
    """A job made of what is right, and the top-level keys something was cut out of."""

    job: Job
    cut: frozenset[str]


def mend_job(document: Document) -> Mended | None:
    """The job without its mistakes; None where not enough is left to be one."""
    data, cut = copy.deepcopy(document.data), set[str]()
    if not isinstance(data, dict):
        return None
    for _ in range(ROUNDS):
        try:
            return Mended(Job.model_validate(data), frozenset(cut))
        except ValidationError as error:
            ways = ways_of(error, document)
        except Invalid:
            return None
        cut |= {str(way[0]) for way in ways if way}
        if not _cut_all(data, ways):
            return None
    return None


def _cut_all(data: dict[str, Any], ways: Iterable[Path]) -> bool:
    """Cut out everything the ways lead to; False where that leaves no job. Lists from their ends, so that indices stay true."""
    for way in sorted(ways, key=lambda way: [(str(part) if isinstance(part, str) else f"{part:09}") for part in way], reverse=True):
        if not _cut(data, way):
            return False
    return bool(data.get("steps"))


def _cut(data: dict[str, Any], way: Path) -> bool:
    if not way or (way[0] in ("feed", "steps") and len(way) == 1):
        return False
    if len(way) == 1 and way[0] in STAND_INS:
        data[str(way[0])] = copy.deepcopy(STAND_INS[str(way[0])])
        return True
    holder: Any = data
    for part in way[:-1]:
        if not _holds(holder, part):
            return True  # it went with something above it
        holder = holder[part]
    if not _holds(holder, way[-1]):
        return _cut(data, way[:-1])  # what is missing makes its holder wrong
    del holder[way[-1]]
    if way[0] == "steps" and len(way) == 2:
        _cut_readers(data["steps"], str(way[1]))
    return True


def _holds(holder: Any, part: str | int) -> bool:
    if isinstance(holder, list):
        return isinstance(part, int) and part < len(holder)
    return isinstance(holder, dict) and part in holder


def _cut_readers(steps: dict[str, Any], gone: str) -> None:
    """Without the steps that read it, nobody complains that it is not there."""
    reads = re.compile(rf"steps\s*(?:\.\s*{re.escape(gone)}\b|\[\s*\\?[\"']{re.escape(gone)})")
    for name in [name for name, step in steps.items() if reads.search(json.dumps(step, default=str))]:
        if steps.pop(name, None) is not None:
            _cut_readers(steps, name)
