"""Settling what nobody could tell: was an uncertain request billed?

A machine cannot know; a person with the vendor's dashboard can. What they say becomes a fact with who, when and why, and the next run
goes on from it: a billed job is polled by its ticket, a billed file is taken in, what was not billed (or is asked again on purpose)
is bought anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from runner.core.lifecycle import Life, recall
from runner.edge.blobs import Blobs
from runner.edge.journal import Journal
from runner.edge.media import Bad, inspect
from runner.errors import Usage
from runner.facts import Fact, Resolved, Sent
from runner.fields import Offer
from runner.records import Artifact, Money

How: TypeAlias = Literal["billed", "not_billed", "again"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """An uncertain request: its life, when its last submit left (seconds since the epoch), and the most it can have cost."""

    life: Life
    sent_at: float
    price: Money | None

    @property
    def id(self) -> str:
        """The request's id."""
        return self.life.request.id

    @property
    def cost(self) -> str:
        """The most it can have cost, for a person."""
        return str(self.price) if self.price is not None else "an unknown price"


def read_doubts(journal: Journal, offers: Mapping[str, Offer]) -> Iterator[Doubt]:
    """Every uncertain request of the journal, in the order they were planned."""
    for _, facts in journal.uncertain():
        life = recall(facts)
        if life is not None and life.state == "uncertain":
            offer = offers.get(life.request.use)
            yield Doubt(life, _sent_at(facts), offer.operation.price if offer else None)


def find_doubt(doubts: list[Doubt], start: str) -> Doubt:
    """The doubt whose id begins with `start`. Raises `Usage` where none does, or several."""
    found = [doubt for doubt in doubts if doubt.id.startswith(start)]
    if len(found) != 1:
        known = ", ".join(doubt.id[:12] for doubt in doubts[:5]) or "none"
        what = "no uncertain request begins" if not found else f"{len(found)} uncertain requests begin"
        raise Usage(f"{what} with {start!r}; uncertain are: {known}")
    return found[0]


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says of uncertain requests, for the record with who and why; `ticket` or `file` prove that one was billed."""

    how: How
    who: str
    why: str = ""
    ticket: str | None = None
    file: Artifact | None = None


def settle(doubt: Doubt, word: Word, at: float) -> Resolved:
    """The fact that settles `doubt`. Raises `Usage` where ticket or file go with something that was not billed."""
    if word.how != "billed" and (word.ticket or word.file):
        raise Usage("a ticket or a file proves that it was billed; give them with --as billed")
    artifacts = (word.file,) if word.file else ()
    return Resolved(at, doubt.id, word.how, word.who, word.why, word.ticket or None, artifacts)


def take_file(path: Path, blobs: Blobs) -> Artifact:
    """The vendor's file, verified and taken into the store. Raises `Usage` for what is no picture or video."""
    if not path.is_file():
        raise Usage(f"{path}: no such file")
    media = inspect(path)
    if isinstance(media, Bad):
        raise Usage(f"{path}: {media.why}")
    blob = blobs.put(path.read_bytes())
    return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height)


def _sent_at(facts: list[Fact]) -> float:
    return max((fact.at for fact in facts if isinstance(fact, Sent) and fact.step == "submit"), default=0.0)
