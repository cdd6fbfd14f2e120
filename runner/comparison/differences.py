"""What changed in a variant: its two lines of results.jsonl compared, step by step and part by part.

Pure: two lines in, a record out. A picture is known by its sha256, a text by its words; that a file moved is no change of what it
is, and is told as a move. What is named here is complete: lines that differ in anything give at least one word of what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from itertools import zip_longest
from typing import Any, Final, Literal, TypeAlias

from runner.comparison.causes import Cause
from runner.comparison.measuring import Distance
from runner.comparison.wording import Piece, compare_words
from runner.frozen import frozen
from runner.report.parts import Part, parts_of

How: TypeAlias = Literal["added", "removed", "changed"]
NOTHING: Final[Mapping[str, Any]] = {}
ASIDE: Final = frozenset({"status", "request", "text", "json", "files", "held", "why", "checks", "flagged"})
"""Fields of a step that are compared under a name of their own."""


@frozen
class PartPair:
    """One thing a step gave, then and now; None on the side that has none. `words` compares texts, `distance` pictures.

    `distance` is None where it is no picture, or `unseen` says why it was not measured.
    """

    then: Part | None
    now: Part | None
    words: tuple[Piece, ...] = ()
    distance: Distance | None = None
    unseen: str = ""

    @property
    def kind(self) -> str:
        """`picture`, `video`, `text` or `json`."""
        return (self.now or self.then).kind  # type: ignore[union-attr]

    @property
    def is_same(self) -> bool:
        """Whether both are the same bytes or words."""
        if self.then is None or self.now is None:
            return False
        if self.then.text is not None and self.now.text is not None:
            return self.then.text == self.now.text
        return self.then.digest == self.now.digest

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        told: dict[str, Any] = {"kind": self.kind, "then": part_told(self.then), "now": part_told(self.now)}
        if self.words:
            told["words"] = [list(piece) for piece in self.words]
        if self.distance is not None:
            told["distance"] = self.distance.as_json()
        return {**told, "unseen": self.unseen} if self.unseen else told


@frozen
class StepDifference:
    """A step that is not as it was: `what` says what changed, `causes` why; `then` and `now` are its fields of the lines."""

    name: str
    what: tuple[str, ...]
    then: Mapping[str, Any]
    now: Mapping[str, Any]
    parts: tuple[PartPair, ...]
    causes: tuple[Cause, ...] = ()

    @property
    def shared(self) -> tuple[object, ...]:
        """Equal for variants that share the step's requests, and see the same become of them."""
        return self.name, self.what, self.then.get("request"), self.now.get("request")

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "changed": list(self.what),
            "status": [self.then.get("status"), self.now.get("status")],
            "request": [self.then.get("request"), self.now.get("request")],
            "parts": [part.as_json() for part in self.parts],
            "why": [cause.as_json() for cause in self.causes],
        }


@frozen
class Difference:
    """A variant that was added, removed or changed; its status then and now, and its steps that differ."""

    key: str
    how: How
    status: tuple[str | None, str | None]
    steps: tuple[StepDifference, ...]
    row: str = ""
    matrix: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        steps = {step.name: step.as_json() for step in self.steps}
        known = {"key": self.key, "row": self.row, "matrix": dict(self.matrix), "change": self.how}
        return {**known, "status": list(self.status), "steps": steps}


def compare_lines(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Difference:
    """What became of a variant; one of its lines may be None."""
    how: How = "added" if then is None else "removed" if now is None else "changed"
    one, other = then or NOTHING, now or NOTHING
    before, after = one.get("steps", NOTHING), other.get("steps", NOTHING)
    names = dict.fromkeys((*after, *before))
    steps = (compare_steps(name, before.get(name, NOTHING), after.get(name, NOTHING)) for name in names)
    any_line = now or then or NOTHING
    cell = any_line.get("matrix")
    matrix = cell if isinstance(cell, Mapping) else {}
    status = (one.get("status"), other.get("status"))
    return Difference(str(any_line.get("key")), how, status, tuple(filter(None, steps)), str(any_line.get("row", "")), matrix)


def compare_steps(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> StepDifference | None:
    """What became of a step; None where it is as it was."""
    if then == now:
        return None
    parts = tuple(_pairs(parts_of(then), parts_of(now)))
    return StepDifference(name, tuple(_words(then, now, parts)), then, now, parts)


def _pairs(then: tuple[Part, ...], now: tuple[Part, ...]) -> list[PartPair]:
    """The parts that differ, each with that in its place among its kind."""
    found: list[PartPair] = []
    for kind in dict.fromkeys(part.kind for part in (*now, *then)):
        of_kind = ([part for part in parts if part.kind == kind] for parts in (then, now))
        found += [PartPair(one, other) for one, other in zip_longest(*of_kind)]
    pairs = [pair for pair in found if not pair.is_same or pair.then != pair.now]
    return [_worded(pair) if pair.kind in ("text", "json") and not pair.is_same else pair for pair in pairs]


def _worded(pair: PartPair) -> PartPair:
    then, now = (part.text if part is not None and part.text is not None else "" for part in (pair.then, pair.now))
    return replace(pair, words=compare_words(then, now))


def _words(then: Mapping[str, Any], now: Mapping[str, Any], parts: tuple[PartPair, ...]) -> list[str]:
    """What changed, in words: that of the answer first, then what stands around it."""
    words = [pair.kind for pair in parts if not pair.is_same]
    if then.get("status") != now.get("status"):
        words.append("status")
    if _paths(then) != _paths(now) and any(pair.is_same for pair in parts):
        words.append("path")
    words += [name for name in ("request", "why", "checks", "flagged") if then.get(name) != now.get(name)]
    words += [name for name in dict.fromkeys((*then, *now)) if name not in ASIDE and then.get(name) != now.get(name)]
    if (then.get("held") or []) != (now.get("held") or []) and bool(then.get("held")) != bool(now.get("held")):
        words.append("published")
    return list(dict.fromkeys(words)) or ["made"]


def _paths(step: Mapping[str, Any]) -> list[Any]:
    return [file.get("path") for file in step.get("files", ())]


def part_told(part: Part | None) -> dict[str, Any] | None:
    """A part for machines; what is not known of it is left out."""
    if part is None:
        return None
    told = {"sha256": part.digest, "path": part.path, "media_type": part.media_type, "bytes": part.size, "text": part.text}
    told |= {"width": part.width, "height": part.height, "source_type": part.source_type, "source": part.made_from}
    return {name: value for name, value in told.items() if value not in (None, "", 0)}
