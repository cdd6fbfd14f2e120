"""Why things are missing, grouped as a person would: one line for thirty-seven refusals that say the same.

Vendors put numbers, names and ids into their messages, so two that mean the same seldom read the same. Grouped is by what is left
without them; told is the first of each group as it came, how many there are, the place in the job it is about, and what to do next.
Pure: a run notes outcomes here while it goes on, and the results are counted with it in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from runner.errors import Place
from runner.frozen import frozen
from runner.job.document import Document
from runner.loom import Outcome, Status
from runner.outcomes import GONE
from runner.records import Json

Part: TypeAlias = Literal["with", "expect", "finish"]
"""What of a step a cause is about."""

TROUBLED: Final = frozenset({"failed", "refused", "uncertain"})
UNFINISHED: Final = "cannot be finished"
"""How `runner.loom` begins the reason of a picture that came and could not be finished."""

TOLD: Final = 5
"""Causes that are told by name."""
KINDS: Final = 1_000
"""Groups that are kept: what is left of a message may still differ every time. The rest are counted as one."""
OTHER: Final = "other reasons"

_WORD: Final = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s\"']+")
"""A quotation, or a word; each character is looked at once, for a message may be long."""
_CODE: Final = re.compile(r"[1-5][0-9]{2}(?=:)")


@frozen
class Cause:
    """Why `count` variants miss this step: the first reason of the group as it was told, and at whose account.

    `provider` is empty where nothing was sent. `flagged` says that what came is kept though it is not as expected.
    """

    step: str
    status: Status
    why: str
    provider: str = ""
    part: Part = "with"
    flagged: bool = False
    count: int = 1

    def __str__(self) -> str:
        whose = f" {'by' if self.status == 'refused' else 'at'} {self.provider}" if self.provider else ""
        return f"{self.count} {'kept' if self.flagged else self.status}{whose} ({self.step}): {self.why}"

    def told(self) -> dict[str, Json]:
        """The cause as JSON; `cause_of` reads it again."""
        return {name: getattr(self, name) for name in self.__match_args__}


@frozen
class Advice:
    """A cause with where in the job it is (`file:line`) and what to do next, for a person."""

    cause: Cause
    place: str
    remedy: str


def cause_of(told: Mapping[str, Json]) -> Cause:
    """The cause that was told so."""
    return Cause(**told)  # type: ignore[arg-type]


class Causes:
    """Counts causes by group; `worst` tells the largest groups, among equals those that came first."""

    def __init__(self) -> None:
        self._groups: dict[tuple[object, ...], Cause] = {}
        self._counts: dict[tuple[object, ...], int] = {}

    def note(self, outcomes: Mapping[str, Outcome]) -> None:
        """Count what went wrong with the steps of one variant."""
        for cause in causes_in(outcomes):
            key: tuple[object, ...] = (cause.step, cause.status, cause.provider, cause.part, cause.flagged, gist(cause.why))
            if key not in self._groups:
                full = len(self._groups) >= KINDS
                key = (cause.step, cause.status) if full else key
                self._groups.setdefault(key, replace(cause, why=OTHER) if full else cause)
            self._counts[key] = self._counts.get(key, 0) + 1

    def worst(self, most: int = TOLD) -> tuple[Cause, ...]:
        """The largest groups."""
        groups = list(self._groups.items())  # at once: another thread may note meanwhile
        ranked = sorted(groups, key=lambda group: -self._counts.get(group[0], 1))
        return tuple(replace(cause, count=self._counts.get(key, 1)) for key, cause in ranked[:most])


def causes_in(outcomes: Mapping[str, Outcome]) -> Iterator[Cause]:
    """What went wrong with these steps, each once."""
    for step, outcome in outcomes.items():
        if outcome.status in TROUBLED or outcome.flagged:
            provider = outcome.request.provider if outcome.request is not None else ""
            yield Cause(step, outcome.status, outcome.why, provider, _part_of(outcome), outcome.flagged)


def gist(why: str) -> str:
    """What a reason says without what varies: quoted words, and words with figures, but for a status code in front."""
    code = _CODE.match(why)
    front = code.group() if code else ""
    return front + _WORD.sub(lambda word: "#" if _varies(word[0]) else word[0], why[len(front) :])


def _varies(word: str) -> bool:
    return word[0] in "\"'" or any("0" <= char <= "9" for char in word)


def advise(causes: Iterable[Cause], document: Document, job: str) -> tuple[Advice, ...]:
    """Each cause with its place in the job, and what to do; `job` as in `remedy`."""
    places = [(cause, locate(cause, document)) for cause in causes]
    return tuple(Advice(cause, f"{place.file}:{place.line}", remedy(cause, job)) for cause, place in places)


def locate(cause: Cause, document: Document) -> Place:
    """Where in the job the cause is: at the field its reason names first, else at the part of the step, else at the step."""
    step = ("steps", cause.step)
    part = document.node((*step, cause.part))
    if part is None or cause.part != "with":
        return document.place(step if part is None else (*step, cause.part), "key")
    named = {field: re.search(rf"(?<!\w){re.escape(field)}(?!\w)", cause.why, re.IGNORECASE) for field in map(str, part.children)}
    found = min((match.start(), field) for field, match in named.items() if match) if any(named.values()) else None
    return document.place(step if found is None else (*step, "with", found[1]), "key")


def remedy(cause: Cause, job: str) -> str:
    """What a person does next about it; `job` is the job as the command takes it, with `--sandbox` where it belongs there."""
    if cause.part == "expect" or cause.flagged:
        return f"mend what is expected, or buy it again: adbatch run {job} --fresh {cause.step}"
    if cause.part == "finish":
        return "mend finish: there, then run again; nothing is bought"
    if not cause.provider:
        return "mend the job or the row, then run again"
    if cause.status == "uncertain":
        return f"it may be billed: adbatch resolve {job}"
    if cause.status == "refused":
        return "change what is asked there, then run again"
    return f"adbatch run {job} --fresh {cause.step}" if cause.why == GONE else f"ask again: adbatch retry {job}"


def _part_of(outcome: Outcome) -> Part:
    if outcome.flagged or (outcome.status == "failed" and any(not check.ok for check in outcome.checks)):
        return "expect"
    return "finish" if outcome.why.startswith(UNFINISHED) else "with"
