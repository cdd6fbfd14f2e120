"""The six facts: the journal's only content, each with its moment.

What the program knows about a request is the fold of its facts (`runner.core.lifecycle`), so resuming is replaying. Moments are
seconds since the epoch as a float (UTC); within a run they never go back. `to_json` and `from_json` are exact inverses for every
fact the engine journals; an unknown kind is refused, never guessed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias

from runner.frozen import frozen
from runner.records import Artifact, Blob, Json, Request, Step
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Inline, Item, Link, Lost, Queued, Refused, Text, Verdict


@frozen
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


@frozen
class Sent:
    """A step is about to leave. For a submit this is durable before the first byte does.

    `ticket`, of a submit: what it can be asked for by, should its answer never come.
    """

    at: float
    id: str
    step: Step
    attempt: int = 1
    part: int = 0
    ticket: str | None = None


@frozen
class Answered:
    """What the reply to a step meant. `raw` is the blob of a paid answer that may have to be read again; a short one is `said`."""

    at: float
    id: str
    step: Step
    verdict: Verdict
    part: int = 0
    raw: str | None = None
    said: str | None = None


@frozen
class Saved:
    """Everything the request yielded is verified and in the blob store."""

    at: float
    id: str
    artifacts: tuple[Artifact, ...]


@frozen
class Stopped:
    """The request goes no further on its own.

    `failed`: tries used up, nothing was bought. `spoiled`: bought, but what came is not usable (`why` names it). `overdue`: its
    deadline passed with a ticket still open; the next run polls on.
    """

    at: float
    id: str
    how: Literal["failed", "spoiled", "overdue"]
    why: str


@frozen
class Resolved:
    """Somebody settled what nobody could tell: whether an uncertain request was billed, or brought what was bought elsewhere.

    `billed` with a `ticket` goes on polling, with `artifacts` is saved; with neither it is asked for by the ticket it left with, if
    it had one, and is bought and lost if not. `not_billed` and `again`
    let the next run ask again; `again` accepts that it may be paid twice. `adopted` says that the `Saved` after it is of a
    purchase another journal made: it was never sent here, and need not be. `who` and `why` are for the record.
    """

    at: float
    id: str
    how: Literal["billed", "not_billed", "again", "adopted"]
    who: str
    why: str = ""
    ticket: str | None = None
    artifacts: tuple[Artifact, ...] = ()


Fact: TypeAlias = Planned | Sent | Answered | Saved | Stopped | Resolved


def _only(name: str, record: Any) -> tuple[Any]:
    return (getattr(record, name),)


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


WORDS: Final[Mapping[type[Any], str]] = {kind: word for words in (FACTS, VERDICTS, ITEMS) for word, kind in words.items()}
"""What each is called in the journal."""
OUTSIDE: Final = frozenset({"at", "id", "request"})
"""What stands beside a fact's body, or is written there in another way."""
INSIDE: Final[Mapping[type[Any], tuple[tuple[str, ...], tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]]] = {
    kind: (
        names := tuple(name for name, _ in specs if name not in OUTSIDE),
        tuple(default for name, default in specs if name not in OUTSIDE),
        attrgetter(*names) if len(names) > 1 else partial(_only, names[0]),
    )
    for kind, specs in DEFAULTS.items()
}
"""Of each kind of record the names of its fields, their defaults, and what reads them all at once."""


def kind_of(fact: Fact) -> str:
    """The fact's word in the journal: `planned`, `sent`, `answered`, `saved`, `stopped`, `resolved`."""
    return WORDS[type(fact)]


def to_json(fact: Fact) -> dict[str, Json]:
    """The fact's body without its kind, moment and id. Raises `ValueError` for inline bytes: those are stored first."""
    if isinstance(fact, Sent) and fact.attempt == 1 and not (fact.part or fact.ticket):  # nearly always
        return {"step": fact.step}
    if isinstance(fact, Answered):
        return _answered_to_json(fact)
    if isinstance(fact, Saved) and fact.artifacts:
        return {"artifacts": [_artifact_to_json(artifact) for artifact in fact.artifacts]}
    if isinstance(fact, Planned):
        asked = fact.request
        body: dict[str, Json] = {"fresh": True} if fact.fresh else {}
        if fact.step:
            body["step"] = fact.step
        body.update(provider=asked.provider, operation=asked.operation, params=asked.params, again=asked.again)
        return body
    body = _plain(fact)
    if isinstance(fact, Resolved) and fact.artifacts:
        body["artifacts"] = [_artifact_to_json(artifact) for artifact in fact.artifacts]
    return body


def _answered_to_json(fact: Answered) -> dict[str, Json]:
    """As `_plain`, name by name: no other fact is so often written with so much in it."""
    body: dict[str, Json] = {"step": fact.step, "verdict": _verdict_to_json(fact.verdict)}
    if fact.part:
        body["part"] = fact.part
    if fact.raw is not None:
        body["raw"] = fact.raw
    if fact.said is not None:
        body["said"] = fact.said
    return body


OF_A_FILE: Final = attrgetter(*(name for name, _ in DEFAULTS[Artifact] if name not in {"kind", "text"}))
NOTHING: Final = (None,) * (len(DEFAULTS[Artifact]) - 2)


def _artifact_to_json(artifact: Artifact) -> dict[str, Json]:
    if artifact.kind == "text" and artifact.text is not None and OF_A_FILE(artifact) == NOTHING:
        return {"kind": "text", "text": artifact.text}
    return _plain(artifact)


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
    names, defaults, read = INSIDE[type(record)]
    told = zip(names, read(record), defaults, strict=True)
    return {name: value for name, value, default in told if value is not default and value != default}


def _verdict_to_json(verdict: Verdict) -> dict[str, Json]:
    if not isinstance(verdict, Done):
        return {"is": WORDS[type(verdict)], **_plain(verdict)}
    body: dict[str, Json] = {"is": "done", "items": [_item_to_json(item) for item in verdict.items]}
    if verdict.note:
        body["note"] = verdict.note
    if verdict.used:
        body["used"] = verdict.used
    return body


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
    if isinstance(item, Text):
        return {"is": "text", "text": item.text}
    if isinstance(item, Inline):
        raise ValueError("inline bytes are stored as a blob before they are journaled")
    body = _plain(item)
    if isinstance(item, Held):
        body["blob"] = _plain(item.blob)
    return {"is": WORDS[type(item)], **body}


def _item_from_json(body: Mapping[str, Any]) -> Item:
    fields = dict(body)
    word = fields.pop("is")
    if word not in ITEMS:
        raise ValueError(f"unknown item {word!r}: the journal was written by a newer version")
    if word == "held":
        fields["blob"] = Blob(**fields["blob"])
    item: Item = ITEMS[word](**fields)
    return item
