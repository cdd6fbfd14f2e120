"""Mistakes on purpose: small subclasses and wrappers of the real parts, each wrong in exactly one way.

They are handed in where the real part would be; nothing is patched. What they break, the harnesses beside them must see.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from runner.core.conductor import Conductor
from runner.core.purse import Purse, Purses
from runner.edge.guard import Guard
from runner.edge.media import Bad, Media
from runner.edge.sessions import Dial, Progress
from runner.edge.wire import Arrival, Letter, Wire
from runner.engine import Engine
from runner.facts import Answered, Fact, Sent
from runner.feed import read_rows
from runner.hands import VendorHands
from runner.loom import Ask, Loom
from runner.providers.contract import Options, Provider
from runner.providers.registry import Lane
from runner.records import Answer, Call, Money, Reply, Request, Row, Step, Variant
from runner.tools import Ledger, Tools
from runner.verdicts import Broken, Busy, Queued, Verdict
from runner.workshop import Workshop, lanes_used
from tests.faults.bench import Bench, Carrier


def same(part: Any) -> Any:
    """The part as it is."""
    return part


@dataclass(frozen=True)
class Parts:
    """What a run is made of where a mistake can be put in; without arguments all is as it should be."""

    provider: Callable[[Provider], Any] = same
    ledger: Callable[[Ledger], Ledger] = same
    carrier: type[Carrier] = Carrier
    shop: Callable[[Workshop], Workshop] = same
    bench: type[Bench] = Bench
    guard: type[Guard] = Guard
    purse: type[Purse] = Purse
    risk: Callable[[Ask, int], bool] = field(default=lambda _ask, _tries: False)

    def engine(self, requests: int | None = None) -> Callable[[Workshop, Iterator[Variant]], Engine]:
        """What makes an engine of these parts, with a budget of so many requests."""

        def make(shop: Workshop, variants: Iterator[Variant]) -> Engine:
            shop = self.shop(shop)
            lanes = {lane.name: self._lane(lane) for lane in lanes_used(shop.desk)}
            hands = VendorHands(lanes, shop.transport.perform, shop.store, shop.inspect)
            ledger = self.ledger(shop.journal)
            tools = Tools(shop.clock, hands, ledger, shop.measure, shop.holds, shop.publish, risk=self.risk)
            operations = {use: offer.operation for use, offer in shop.desk.catalog.offers.items() if use.partition("/")[0] in lanes}
            limits = {name: lane.limits for name, lane in lanes.items()}
            conductor = Conductor(limits, operations, Purses(self.purse(requests)))
            return Engine(Loom(shop.desk.plan), variants, conductor, tools)

        return make

    def _lane(self, lane: Lane) -> Lane:
        return replace(lane, provider=self.provider(lane.provider))


class Rereading:
    """A provider that reads some answers in its own way; in all else it is the real one."""

    def __init__(self, provider: Provider) -> None:
        self._real = provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """What the answer means."""
        return self._real.read(step, answer, request, options)


class RetriesServerErrors(Rereading):
    """Takes a 5xx for "surely not accepted"."""

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """A 5xx is Broken, as if it said that nothing was bought."""
        return Broken("try again") if answer.status >= 500 else super().read(step, answer, request, options)


class NaiveRetryAfter(Rereading):
    """Believes that Retry-After is a number whenever it looks like one."""

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """`isdigit` is true for characters that `int` refuses."""
        after = answer.headers.get("retry-after", "")
        if answer.status == 429 and after.isdigit():
            return Busy(float(int(after)))
        return super().read(step, answer, request, options)


class IgnoresTheEnvelope(Rereading):
    """Believes HTTP alone, whatever status stands inside the answer."""

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """The answer with its inner status taken out."""
        with suppress(ValueError):
            said = json.loads(answer.body)
            if isinstance(said, dict) and said.pop("status", None):
                answer = replace(answer, body=json.dumps(said).encode())
        return super().read(step, answer, request, options)


class Wrapped:
    """A journal behind a wrapper."""

    def __init__(self, journal: Ledger) -> None:
        self._real = journal

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write the facts."""
        self._real.commit(facts)

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request."""
        return self._real.histories(ids)


class JournalsAfterSending(Wrapped):
    """Writes that something is sent with the facts of the next turn, so it is on disk only once it has left."""

    def __init__(self, journal: Ledger) -> None:
        super().__init__(journal)
        self._late: list[Fact] = []

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write what was kept back and these facts, but keep back what is sent."""
        late, self._late = self._late, [fact for fact in facts if isinstance(fact, Sent)]
        super().commit([*late, *(fact for fact in facts if not isinstance(fact, Sent))])


class ForgetsSubmits(Wrapped):
    """Takes a submit whose answer never came for one that never left, and so sends it again after a restart."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts without submits that were not answered."""
        found = super().histories(ids)
        return {name: facts[:-1] if _is_submit(facts[-1]) else facts for name, facts in found.items()}


def _is_submit(fact: Fact) -> bool:
    return isinstance(fact, Sent) and fact.step == "submit"


class LosesTickets(Wrapped):
    """Keeps tickets in memory only."""

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all facts but those that hold a ticket."""
        super().commit([fact for fact in facts if not _is_ticket(fact)])


def _is_ticket(fact: Fact) -> bool:
    return isinstance(fact, Answered) and isinstance(fact.verdict, Queued)


class FollowsWithKeys(Carrier):
    """Follows a redirect of a submit to wherever it leads, with the key."""

    async def perform(self, lane: str, call: Call) -> Reply:
        """The answer of the last address."""
        reply = await super().perform(lane, call)
        if not isinstance(reply, Answer) or "location" not in reply.headers:
            return reply
        headers = {place.header: place.form.replace("{}", self._lanes[lane].secrets.reveal(place.secret)) for place in call.secrets}
        async with aiohttp.ClientSession() as session, session.post(reply.headers["location"], headers=headers) as response:
            return Answer(response.status, {}, await response.read())


class LogsHeaders(Carrier):
    """Writes the headers of every call to a log, for whoever debugs it."""

    log: Path

    async def perform(self, lane: str, call: Call) -> Reply:
        """Log, then carry out."""
        headers = {place.header: self._lanes[lane].secrets.reveal(place.secret) for place in call.secrets}
        handler = logging.FileHandler(self.log)
        handler.emit(logging.makeLogRecord({"msg": f"{call.method} {call.url} {headers}"}))
        handler.close()
        return await super().perform(lane, call)


class Insistent(Wire):
    """Sends once more over a connection that broke, as aiohttp's own session does."""

    async def send(self, letter: Letter, progress: Progress) -> Arrival:
        """The answer to the first try, or to the second."""
        try:
            return await super().send(letter, progress)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return await super().send(letter, progress)


class Repeats(Carrier):
    """A transport that leaves trying again to its client."""

    def _wire(self, dial: Dial, limit: int, keep_alive: float = 15.0) -> Wire:
        return Insistent(dial, limit, keep_alive, self.resolver)


class TrustsTheResolver(Guard):
    """Believes that an address which was looked up and found public stays so until it is dialled."""

    def open_public(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for any address."""
        opened = socket.socket(*info[:3])
        opened.setblocking(False)
        return opened


class VerifiesOnly(Workshop):
    """Has Pillow verify a picture, and does not decode it."""

    __slots__ = ()

    def _judge(self, sha256: str) -> Media | Bad:
        try:
            with Image.open(self.blobs.path(sha256)) as picture:
                kind, size = str(picture.format).lower(), picture.size
                picture.verify()
        except (OSError, SyntaxError) as error:
            return Bad(str(error))
        return Media(f"image/{kind}", kind, *size)


def verifies_only(shop: Workshop) -> Workshop:
    """The workshop with careless eyes."""
    return VerifiesOnly(**{spec.name: getattr(shop, spec.name) for spec in fields(shop) if spec.init})


class ReservesLate(Purse):
    """Counts a purchase once its answer is here, and not when it leaves."""

    def __init__(self, requests: int | None = None, cost: Mapping[str, Any] | None = None) -> None:
        super().__init__(requests, cost)
        self._prices: dict[str, Money | None] = {}

    def reserve(self, id: str, price: Money | None) -> None:
        """Set nothing aside."""
        self._prices[id] = price

    def keep(self, id: str) -> None:
        """Set aside and spend at once."""
        super().reserve(id, self._prices.pop(id))
        super().keep(id)

    def release(self, id: str) -> None:
        """Nothing was set aside."""
        self._prices.pop(id)


class TakesAnyFeed(Bench):
    """Checks nothing: an empty feed is a feed, and its results are empty."""

    async def survey(self, shop: Workshop) -> Callable[[], Iterator[Variant]]:
        """The variants of whatever the feed holds now."""
        return lambda: shop.desk.plan.variants(self._rows(shop))

    def _rows(self, shop: Workshop) -> Iterator[Row]:
        return read_rows(shop.desk.source((self.folder / "feed.csv",), ("feed.csv",)))


class LastRowWins(TakesAnyFeed):
    """Keeps the rows in a dict by their key, so of two with one key the first is silently gone."""

    def _rows(self, shop: Workshop) -> Iterator[Row]:
        return iter({row.key: row for row in super()._rows(shop)}.values())


def asks_again(ask: Ask, tries: int) -> bool:
    """A policy nobody ordered: what is uncertain is asked once more."""
    return tries < 1
