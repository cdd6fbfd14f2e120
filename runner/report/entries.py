"""What there is to see of each variant: a line of results.jsonl, with what the journal knows of its requests.

A step is told in *parts*: a picture, a video, a text or a JSON value, each with the digest that decisions are keyed by. What failed
its check, or is not published, is in no line's files; it is in the store, and is shown all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import islice
from typing import Any, Final

from runner.facts import Fact
from runner.frozen import frozen
from runner.report.asked import Asked, Histories, Prices, read_asked
from runner.report.parts import KINDS, Part, parts_of

BATCH: Final = 500
"""Lines whose requests are looked up together."""
REMEMBERED: Final = 5_000
"""Requests that are kept between batches: one cut-out may be wanted by many variants in a row."""


@frozen
class Step:
    """One step of a variant. `flagged` says that a check found something wrong, whatever came of that."""

    status: str
    request: str = ""
    use: str = ""
    why: str = ""
    parts: tuple[Part, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    flagged: bool = False
    number: int = 1


@frozen
class Entry:
    """One variant: its line, and what was asked for it, by request id."""

    key: str
    row: str
    cell: Mapping[str, Any]
    number: int
    status: str
    steps: Mapping[str, Step]
    asked: Mapping[str, Asked] = field(default_factory=dict)


def read_entries(lines: Iterable[Mapping[str, Any]], histories: Histories, price: Prices) -> Iterator[Entry]:
    """Each line with what the journal knows of it, in the order of the lines."""
    known: dict[str, Asked] = {}
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        wanted = dict.fromkeys(name for line in batch for name in _requests(line) if name not in known)
        for name, facts in histories(list(wanted)).items() if wanted else ():
            known[name] = _fold(facts, price)
        yield from (_entry(line, known) for line in batch)
        for name in list(known)[: max(0, len(known) - REMEMBERED)]:
            del known[name]


def _fold(facts: Iterable[Fact], price: Prices) -> Asked:
    return read_asked(list(facts), price)


def _requests(line: Mapping[str, Any]) -> Iterator[str]:
    return (step["request"] for step in line["steps"].values() if "request" in step)


def _entry(line: Mapping[str, Any], known: Mapping[str, Asked]) -> Entry:
    steps = {name: _step(step, known.get(step.get("request", ""))) for name, step in line["steps"].items()}
    asked = {name: known[name] for name in _requests(line) if name in known}
    key, cell = str(line["key"]), dict(line.get("matrix") or {})
    return Entry(key, str(line.get("row", key)), cell, int(line.get("variant", 1)), str(line["status"]), steps, asked)


def _step(step: Mapping[str, Any], asked: Asked | None) -> Step:
    parts, checks = parts_of(step), tuple(step.get("checks", ()))
    if asked is not None and step["status"] in ("done", "failed") and not any(part.kind in KINDS.values() for part in parts):
        parts += tuple(_stored(asked))
    wrong = bool(step.get("flagged")) or (step["status"] == "failed" and bool(parts))
    wrong = wrong or any(not check.get("ok", True) for check in checks)
    use = f"{step['provider']}/{step['operation']}" if "provider" in step else ""
    return Step(step["status"], step.get("request", ""), use, step.get("why", ""), parts, checks, wrong, int(step.get("try", 1)))


def _stored(asked: Asked) -> Iterator[Part]:
    """What was bought and is published nowhere."""
    for artifact in asked.saved:
        if artifact.kind == "file" and artifact.sha256:
            media_type = artifact.media_type or ""
            kind = KINDS.get(media_type.partition("/")[0], "file")
            yield Part(kind, artifact.sha256, None, None, media_type, artifact.size or 0, artifact.width, artifact.height)
