"""Settling what nobody could tell: was an uncertain request billed?

A machine cannot know; a person with the vendor's dashboard can. What they say becomes a fact with who, when and why, and the next
run goes on from it: a billed job is polled by its ticket, a billed result is taken in, what was not billed (or is asked again on
purpose) is bought anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

import orjson

from runner.core.lifecycle import Life, recall
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock
from runner.edge.journal import Journal
from runner.edge.media import Bad, inspect
from runner.errors import Usage
from runner.facts import Answered, Fact, Resolved, Saved, Sent
from runner.frozen import frozen
from runner.providers.registry import Catalog
from runner.records import Artifact, Money
from runner.verdicts import Lost, Queued

How: TypeAlias = Literal["billed", "not_billed", "again"]


@frozen
class Doubt:
    """An uncertain request.

    `sent_at` is when its last submit left (seconds since the epoch), `times` how many of its submits may have been billed, `price`
    that of one, None where nobody told us. `raw` is the blob (sha256) of an answer that could not be understood.
    """

    life: Life
    sent_at: float
    times: int = 1
    price: Money | None = None
    raw: str | None = None

    @property
    def id(self) -> str:
        """The request's id."""
        return self.life.request.id


def read_doubts(journal: Journal, catalog: Catalog) -> Iterator[Doubt]:
    """Every uncertain request of the journal, in the order they were first planned."""
    for _, facts in journal.uncertain():
        life = recall(facts)
        if life is not None and life.state == "uncertain":
            yield doubt_of(life, facts, catalog)


def doubt_of(life: Life, facts: Sequence[Fact], catalog: Catalog) -> Doubt:
    """The doubt about an uncertain request, whose facts these are."""
    offer = catalog.offers.get(life.request.use)
    sent_at = max((fact.at for fact in facts if isinstance(fact, Sent) and fact.step == "submit"), default=life.at)
    return Doubt(life, sent_at, _times(facts), offer.operation.price if offer else None, _raw(facts))


def most_cost(doubts: Iterable[Doubt]) -> str:
    """The most that these can have cost, for a person."""
    sums: Counter[str] = Counter()
    unknown = 0
    for doubt in doubts:
        if doubt.price is None:
            unknown += doubt.times
        else:
            sums[doubt.price.currency] += doubt.price.amount * doubt.times  # type: ignore[assignment]
    known = [str(Money(Decimal(amount), currency)) for currency, amount in sorted(sums.items())]
    unpriced = [f"{unknown} submit{'s' if unknown > 1 else ''} of unknown price"] if unknown else []
    return " + ".join(known + unpriced) or "nothing"


def find_doubt(doubts: Sequence[Doubt], start: str) -> Doubt:
    """The doubt whose id begins with `start`. Raises `Usage` where none does, or several."""
    found = [doubt for doubt in doubts if doubt.id.startswith(start)]
    if len(found) != 1:
        known = ", ".join(doubt.id[:12] for doubt in doubts[:5]) or "none"
        what = "no uncertain request begins" if not found else f"{len(found)} uncertain requests begin"
        raise Usage(f"{what} with {start!r}; uncertain are: {known}{', …' if len(doubts) > 5 else ''}")
    return found[0]


@frozen
class Word:
    """What somebody says of a request, for the record with who and why.

    `ticket` (the vendor's id of the job) or `file` (its result) go with one that was billed.
    """

    how: How
    who: str
    why: str = ""
    ticket: str | None = None
    file: Path | None = None


class Clerk:
    """Takes down what somebody says, after seeing that the next run can go on from it."""

    def __init__(self, journal: Journal, blobs: Blobs, catalog: Catalog, clock: Clock) -> None:
        self._journal, self._blobs, self._catalog, self._clock = journal, blobs, catalog, clock

    def settle(self, doubts: Sequence[Doubt], word: Word) -> None:
        """Journal the word about each of the doubts, all or none. Raises `Usage` where it cannot be meant."""
        self._journal.commit([self._resolved(doubt, word) for doubt in doubts])

    def takes_ticket(self, doubt: Doubt) -> str:
        """Why a run could not ask the vendor for this request by a ticket; empty if it can."""
        request = doubt.life.request
        lane = self._catalog.lanes.get(request.provider)
        if lane is None or request.use not in self._catalog.offers:
            return f"the project has no {request.use} any more"
        if self._catalog.offers[request.use].operation.gives == "task":
            return f"{request.use} gives nothing but its ticket; give it as the result, with --file"
        try:
            lane.provider.poll(request, "ticket", lane.options)
        except ValueError:
            return f"{request.use} answers at once and gives no ticket; give the result with --file"
        return ""

    def _resolved(self, doubt: Doubt, word: Word) -> Resolved:
        if word.how != "billed" and (word.ticket is not None or word.file is not None):
            raise Usage("a ticket or a file proves that it was billed; give them with --as billed")
        if word.ticket is not None and word.file is not None:
            raise Usage("give --ticket, and the next run asks the vendor, or --file, and that is the result; not both")
        if word.ticket is not None:
            objection = self.takes_ticket(doubt) if word.ticket.strip() else "the ticket is empty"
            if objection:
                raise Usage(objection)
        artifacts = () if word.file is None else (self._take(doubt, word.file),)
        return Resolved(self._clock.now(), doubt.id, word.how, word.who, word.why, word.ticket, artifacts)

    def _take(self, doubt: Doubt, path: Path) -> Artifact:
        offer = self._catalog.offers.get(doubt.life.request.use)
        gives = offer.operation.gives if offer else "file"
        if gives == "text":
            return read_text(path)
        return read_data(path) if gives in ("json", "task") else take_media(path, self._blobs)


def take_media(path: Path, blobs: Blobs) -> Artifact:
    """The vendor's picture or video, verified and taken into the store. Raises `Usage` for what is none."""
    data = _read(path)
    media = inspect(path)
    if isinstance(media, Bad):
        raise Usage(f"{path}: {media.why}")
    blob = blobs.put(data)
    return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height)


def read_text(path: Path) -> Artifact:
    """The copy the vendor wrote, without the line end an editor adds. Raises `Usage` for what is no text, or empty."""
    try:
        text = _read(path).decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Usage(f"{path}: not a text in UTF-8 ({error.reason}); the request gives a text") from error
    if not text.strip():
        raise Usage(f"{path}: is empty; the request gives a text")
    return Artifact("text", text=text)


def read_data(path: Path) -> Artifact:
    """The vendor's answer as JSON. Raises `Usage` for what is none."""
    try:
        return Artifact("json", data=orjson.loads(_read(path)))
    except orjson.JSONDecodeError as error:
        raise Usage(f"{path}: not JSON ({error}); the request gives a JSON value") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Usage(f"{path}: cannot be read ({error.strerror})") from error


def _times(facts: Sequence[Fact]) -> int:
    """How many submits may have been billed since the last word that settled any.

    An answer that tells no more than the ticket it left with is none: whether there is such a job was still to be found out.
    """
    times, left_with = 0, None
    for fact in facts:
        if isinstance(fact, Saved | Resolved):
            times = 0
        elif isinstance(fact, Sent) and fact.step == "submit":
            times, left_with = times + 1, fact.ticket
        elif isinstance(fact, Answered) and fact.step == "submit" and not isinstance(fact.verdict, Lost):
            times -= not (isinstance(fact.verdict, Queued) and fact.verdict.ticket == left_with)
    return max(times, 1)


def _raw(facts: Sequence[Fact]) -> str | None:
    """The last answer to a submit that could not be understood."""
    return next((fact.raw for fact in reversed(facts) if isinstance(fact, Answered) and fact.step == "submit"), None)
