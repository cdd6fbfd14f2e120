"""Answers: all who wait for a batch wait for one GET, and when it has ended each reads its own line.

A batch may take a day. So a poll is not answered "still running" but held until the batch has ended, the run stops, or the deadline
has come: fifty thousand requests cost fifty thousand polls in the journal, not as many every five minutes. The answers are streamed
to the store and indexed by whose they are; no more than one line at a time is in memory. Should the run be killed, they are fetched
again, which is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from runner.batches.search import Search
from runner.batches.ways import LATER, OF_FILE, TRIES, Way, pause_after
from runner.edge.blobs import Blobs
from runner.fields import Polling
from runner.frozen import frozen
from runner.hands import read_answer
from runner.providers.contract import SAME_TICKET, Ended
from runner.records import Answer, Call, NoAnswer, Send
from runner.verdicts import Barred, Broken, Busy, Lost, Queued, Refused, Verdict

PACE: Final = Polling(10.0, 1.5, 300.0)
"""When to ask about a batch."""
STAGED_PACE: Final = Polling(0.25, 1.5, 5.0)
"""The same where the vendor is emulated: nobody plays a day."""
HELD: Final = 3600.0
"""Seconds a poll is held at most; then it is made again."""
UNHELD: Final = 60.0
"""Seconds after which a request whose step no longer goes by batch asks again about the batch it is in."""
LARGE: Final = 64 * 1024
"""Bytes from which on a line is read off the event loop."""

Place: TypeAlias = tuple[Path, int, int]
"""Where a line lies: file, offset, length."""
Said: TypeAlias = tuple[Verdict, Answer | None]
"""What became of a request, and the answer that says so, where there is one."""


@frozen
class Book:
    """A batch that has ended, with the place of each answer; `whole` says that no answer is missing or cut."""

    ended: Ended
    places: Mapping[str, Place]
    whole: bool = True


class Answers:
    """The batches somebody waits for. `sent` has, by ticket, whose requests are in a file (`Gathering.sent`)."""

    def __init__(self, blobs: Blobs, sent: dict[str, list[str]], pace: Polling = PACE) -> None:
        self._blobs, self._sent, self._pace = blobs, sent, pace
        self._search = Search(pace)
        self._flights: dict[Hashable, asyncio.Future[Book | Verdict]] = {}
        self._books: dict[Hashable, Book] = {}
        self._glanced: dict[Hashable, float] = {}

    async def poll(self, way: Way, send: Send) -> Said:
        """What has become of this request of a batch."""
        ticket, key = send.ticket or "", (way.lane.name, send.ticket)
        now, holds = way.rest.clock.now(), bool(send.lane)
        if not holds and now < self._glanced.get(key, now):
            return Queued(ticket, UNHELD), None
        look = self._seek if ticket.startswith(OF_FILE) else self._watch
        book = self._books.get(key) or await self._shared(key, lambda: look(way, ticket, holds))
        self._glanced[key] = now + UNHELD / 2
        if not isinstance(book, Book):
            return (replace(book, ticket=book.ticket or ticket) if isinstance(book, Queued) else book), None
        if book.whole:
            self._books[key] = book
        place = book.places.get(send.request.id)
        if place is None and not book.whole:
            return Broken("the batch has ended, but its answers did not come whole", LATER), None
        if place is None:
            return self._left_out(book.ended, ticket, send.request.id), None
        line = await asyncio.to_thread(_read_line, place) if place[2] >= LARGE else _read_line(place)
        said = way.batching.read_line(line)
        if not isinstance(said, Answer):
            return said, None
        return _as_poll(read_answer(way.lane, replace(send, step="submit"), said), said.status), said

    def _left_out(self, ended: Ended, ticket: str, name: str) -> Verdict:
        """What it means to have no line: the batch's word for this one if there is any, else its word for all."""
        sent = self._sent.get(ticket, [])
        own = (verdict for number, verdict in ended.lines.items() if sent[number - 1 : number] == [name])
        return next(own, ended.left_out)

    async def _seek(self, way: Way, ticket: str, holds: bool) -> Verdict:
        """The ticket of the batch that was made of a file; who is in it stays known."""
        until = way.rest.clock.now() + HELD if holds else None  # no deadline ends it sooner: it would be begun anew in every run
        said = await self._search.find(way, ticket.removeprefix(OF_FILE), until)
        if isinstance(said, Queued) and said.ticket and ticket in self._sent:
            self._sent[said.ticket] = self._sent[ticket]
        return said if not isinstance(said, Queued) or said.ticket else Queued("", UNHELD)

    async def _watch(self, way: Way, ticket: str, holds: bool) -> Book | Verdict:
        """Ask about the batch until it has ended, or waiting is over."""
        until, call = way.rest.clock.now() + _patience(way), way.batching.look(ticket, way.lane.options)
        wrong = rounds = 0
        while True:
            reply = await way.ask(call)
            said = Broken(reply.why) if isinstance(reply, NoAnswer) else way.batching.read_look(reply)
            if isinstance(said, Ended):
                return await self._fetch(way, said)
            wrong = wrong + 1 if isinstance(said, Broken) else 0
            if isinstance(said, Barred) or wrong >= TRIES:
                return said
            if not holds or way.rest.over or way.rest.clock.now() >= until:
                return said if isinstance(said, Broken | Busy) else Queued(SAME_TICKET, UNHELD)
            await way.rest.nap(min(pause_after(said, rounds, self._pace), until - way.rest.clock.now()))
            rounds += 1

    async def _fetch(self, way: Way, ended: Ended) -> Book | Verdict:
        """The answers in the store, and where each lies. What does not come whole is fetched again, for it is paid for."""
        book: Book | Verdict = Book(ended, {})
        for pause in way.rest.pauses():
            await way.rest.nap(pause)
            book = await self._read_files(way, ended)
            if not isinstance(book, Book) or book.whole:
                break
        return book

    async def _read_files(self, way: Way, ended: Ended) -> Book | Verdict:
        """Of two answers for one request the first counts."""
        places: dict[str, Place] = {}
        whole = True
        for file in ended.files:
            reply = await self._content(way, way.batching.content(file, way.lane.options))
            if isinstance(reply, Broken):
                return reply
            assert reply.blob is not None
            found, complete = await asyncio.to_thread(_find_lines, self._blobs.path(reply.blob.sha256), way.batching.find_id)
            places, whole = found | places, whole and complete
        return Book(ended, places, whole and len(places) >= ended.answered)

    async def _content(self, way: Way, call: Call) -> Answer | Broken:
        why = ""
        for pause in way.rest.pauses():
            await way.rest.nap(pause)
            reply = await way.ask(call)
            if isinstance(reply, Answer) and reply.blob is not None:
                return reply
            why = reply.why if isinstance(reply, NoAnswer) else f"status {reply.status}"
        return Broken(f"the batch has ended, but its answers could not be fetched: {why}", LATER)

    async def _shared(self, key: Hashable, make: Callable[[], Awaitable[Book | Verdict]]) -> Book | Verdict:
        """What `make` gives; whoever comes while it is being made gets the same."""
        flight = self._flights.get(key)
        if flight is not None:
            return await asyncio.shield(flight)
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            flight.set_result(await make())
        except BaseException as failure:
            flight.set_exception(failure)
            flight.exception()  # perhaps nobody else waits to hear of it
            raise
        finally:
            del self._flights[key]
        return flight.result()


def _patience(way: Way) -> float:
    deadline = way.lane.limits.deadline
    return HELD if deadline is None else min(deadline, HELD)


def _as_poll(verdict: Verdict, status: int) -> Verdict:
    """What a line says of its request, as the answer to a poll.

    An error of the vendor's leaves the request as if it had not been asked; a success that cannot be read was paid for.
    """
    if isinstance(verdict, Lost) and status < 400:
        return Refused(verdict.why, billed=True)
    if isinstance(verdict, Busy | Broken | Barred | Lost):
        return Broken(verdict.why, dropped=True)
    return verdict


def _find_lines(path: Path, find_id: Callable[[bytes], str | None]) -> tuple[dict[str, Place], bool]:
    """The place of each answer, and whether there is nothing else in the file: no page of a proxy, no half of a line."""
    places: dict[str, Place] = {}
    at, whole = 0, True
    with path.open("rb") as file:
        for line in file:
            name = find_id(line) if line.endswith(b"\n") or _is_json(line) else None
            if name is not None:
                places.setdefault(name, (path, at, len(line)))
            whole = whole and (name is not None or not line.strip())
            at += len(line)
    return places, whole


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except ValueError:
        return False
    return True


def _read_line(place: Place) -> bytes:
    path, offset, length = place
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
