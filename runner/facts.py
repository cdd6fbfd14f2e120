"""The six facts: the journal's only content, each with its moment.

What the program knows about a request is the fold of its facts (`runner.core.lifecycle`), so resuming is replaying. Moments are
seconds since the epoch as a float (UTC); within a run they never go back. `to_json` and `from_json` are exact inverses for every
fact the engine journals; an unknown kind is refused, never guessed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from runner.records import Artifact, Blob, Json, Request, Step
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Inline, Item, Link, Lost, Queued, Refused, Text, Verdict


@dataclass(frozen=True, slots=True)
class Planned:
    """The run takes this request up. `fresh` orders a new purchase: whatever was bought before no longer counts.

    `step` is the step of the job that asked first; its budget, if it has one, pays.
    """

    at: float
    request: Request
    fresh: bool = False
    step: str = ""

    @property
    def id(self) -> str:
        """The request's id."""
        return self.request.id


@dataclass(frozen=True, slots=True)
class Sent:
    """A step is about to leave. For a submit this is durable before the first byte does."""

    at: float
    id: str
    step: Step
    attempt: int = 1
    part: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the reply to a step meant. `raw` is the blob of a paid answer that may have to be read again."""

    at: float
    id: str
    step: Step
    verdict: Verdict
    part: int = 0
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything the request yielded is verified and in the blob store."""

    at: float
    id: str
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The request goes no further on its own.

    `failed`: tries used up, nothing was bought. `spoiled`: bought, but what came is not usable (`why` names it). `overdue`: its
    deadline passed with a ticket still open; the next run polls on.
    """

    at: float
    id: str
    how: Literal["failed", "spoiled", "overdue"]
    why: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Somebody settled what nobody could tell: whether an uncertain request was billed.

    `billed` with a `ticket` goes on polling, with `artifacts` is saved, with neither is bought and lost. `not_billed` and `again`
    let the next run ask again; `again` accepts that it may be paid twice. `who` and `why` are for the record.
    """

    at: float
    id: str
    how: Literal["billed", "not_billed", "again"]
    who: str
    why: str = ""
    ticket: str | None = None
    artifacts: tuple[Artifact, ...] = ()


Fact: TypeAlias = Planned | Sent | Answered | Saved | Stopped | Resolved

FACTS: Final[Mapping[str, type[Any]]] = {
    kind.__name__.lower(): kind for kind in (Planned, Sent, Answered, Saved, Stopped, Resolved)
}
VERDICTS: Final[Mapping[str, type[Any]]] = {
    kind.__name__.lower(): kind for kind in (Done, Queued, Busy, Broken, Lost, Refused, Barred)
}
ITEMS: Final[Mapping[str, type[Any]]] = {kind.__name__.lower(): kind for kind in (Text, Data, Link, Held)}
DEFAULTS: Final[Mapping[type[Any], tuple[tuple[str, Any], ...]]] = {
    kind: tuple((spec.name, spec.default) for spec in dataclasses.fields(kind))
    for kind in (*FACTS.values(), *VERDICTS.values(), *ITEMS.values(), Artifact, Blob)
}


def kind_of(fact: Fact) -> str:
    """The fact's word in the journal: `planned`, `sent`, `answered`, `saved`, `stopped`, `resolved`."""
    return type(fact).__name__.lower()


def to_json(fact: Fact) -> dict[str, Json]:
    """The fact's body without its kind, moment and id. Raises `ValueError` for inline bytes: those are stored first."""
    body = _plain(fact)
    for name in ("at", "id", "request"):
        body.pop(name, None)
    if isinstance(fact, Planned):
        body |= {"provider": fact.request.provider, "operation": fact.request.operation}
        body |= {"params": fact.request.params, "again": fact.request.again}
    elif isinstance(fact, Answered):
        body["verdict"] = _verdict_to_json(fact.verdict)
    elif isinstance(fact, Saved | Resolved) and fact.artifacts:
        body["artifacts"] = [_plain(artifact) for artifact in fact.artifacts]
    return body


def from_json(kind: str, at: float, id: str, body: Mapping[str, Any]) -> Fact:
    """The fact again. Raises `ValueError` for a kind or a word this version does not know."""
    if kind not in FACTS:
        raise ValueError(f"unknown fact {kind!r}: the journal was written by a newer version")
    fields: dict[str, Any] = dict(body)
    if kind == "planned":
        again, params = fields.pop("again", 1), fields.pop("params")
        request = Request(id, fields.pop("provider"), fields.pop("operation"), params, again)
        return Planned(at, request, **fields)
    if kind == "answered":
        fields["verdict"] = _verdict_from_json(fields["verdict"])
    elif "artifacts" in fields:
        fields["artifacts"] = tuple(Artifact(**artifact) for artifact in fields["artifacts"])
    fact: Fact = FACTS[kind](at=at, id=id, **fields)
    return fact


def _plain(record: Any) -> dict[str, Any]:
    """The record's fields that differ from their defaults."""
    return {name: value for name, default in DEFAULTS[type(record)] if (value := getattr(record, name)) != default}


def _verdict_to_json(verdict: Verdict) -> dict[str, Json]:
    body = _plain(verdict)
    if isinstance(verdict, Done):
        body["items"] = [_item_to_json(item) for item in verdict.items]
    return {"is": type(verdict).__name__.lower(), **body}


def _verdict_from_json(body: Mapping[str, Any]) -> Verdict:
    fields = dict(body)
    word = fields.pop("is")
    if word not in VERDICTS:
        raise ValueError(f"unknown verdict {word!r}: the journal was written by a newer version")
    if word == "done":
        fields["items"] = tuple(_item_from_json(item) for item in fields["items"])
    verdict: Verdict = VERDICTS[word](**fields)
    return verdict


def _item_to_json(item: Item) -> dict[str, Json]:
    if isinstance(item, Inline):
        raise ValueError("inline bytes are stored as a blob before they are journaled")
    body = _plain(item)
    if isinstance(item, Held):
        body["blob"] = _plain(item.blob)
    return {"is": type(item).__name__.lower(), **body}


def _item_from_json(body: Mapping[str, Any]) -> Item:
    fields = dict(body)
    word = fields.pop("is")
    if word not in ITEMS:
        raise ValueError(f"unknown item {word!r}: the journal was written by a newer version")
    if word == "held":
        fields["blob"] = Blob(**fields["blob"])
    item: Item = ITEMS[word](**fields)
    return item
