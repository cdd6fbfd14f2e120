"""Trying a vendor out: its declared examples, sent one by one, with everything that is said told as it is said.

For whoever writes a description: what goes out, what comes back, what that was taken for, and what was found in it. It is no run:
nothing of it is journaled, kept, or repeated, each example is bought once and paid for, and what it makes is measured and let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from runner.core.polling import pause
from runner.desk import catalog_of, project_mistakes
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock
from runner.edge.inputs import InputFiles
from runner.edge.media import Bad, Media, inspect
from runner.edge.rehearsal import Stage
from runner.edge.transport import Transport
from runner.errors import Complaint, Invalid, Usage
from runner.fields import Offer, check_params, suggest
from runner.frozen import frozen
from runner.hands import Perform, VendorHands
from runner.job.load import ProjectFile
from runner.job.nodes import dotted
from runner.job.steps import bring_pictures
from runner.providers.registry import Lane
from runner.reading.transcript import LATER_WORDS, SUBMIT_WORDS, Speaker, Spoken, spoken
from runner.records import Answer, Blob, Call, Json, NoAnswer, Reply, Request, Send, make_request
from runner.verdicts import Data, Done, Held, Inline, Item, Link, Queued, Text, Verdict
from runner.workshop import access_of

CLIPPED: Final = 1000
"""Bytes of an answer that are shown."""


@frozen
class Example:
    """A request that a vendor's description gives as an example, ready to be sent."""

    title: str
    request: Request
    offer: Offer


@frozen
class Trial:
    """What is to be tried: an account's examples, and the address and mode they are tried in."""

    lane: Lane
    examples: tuple[Example, ...]
    stage: Stage | None
    blobs: Blobs


def prepare(project_file: ProjectFile, name: str, stage: Stage | None, blobs: Blobs) -> Trial:
    """The examples of an account (`acme`) or of one of its operations (`acme/image`).

    Raises `Usage` where there are none, `Invalid` with what is wrong with the project or with an example.
    """
    account, _, operation = name.partition("/")
    catalog = catalog_of(project_file, stage)
    lane = catalog.lanes.get(account)
    mistakes = project_mistakes(project_file, catalog)
    mistakes += [Complaint(problem.message, dotted(problem.path)) for problem in catalog.lacking.get(account, ())]
    if mistakes:
        raise Invalid(mistakes)
    if lane is None:
        raise Usage(f"{account} is not a provider of this project{suggest(account, catalog.lanes)}")
    if stage is not None and lane.kind not in stage.vendors:
        raise Usage(f"the sandbox has no {account}; `sandbox:` in its description names an emulated vendor that plays it")
    declared: Mapping[str, Any] = getattr(lane.provider, "examples", {})
    if operation and operation not in declared:
        raise Usage(f"{account} declares no {operation}{suggest(operation, declared)}")
    pictures = InputFiles(project_file.root, project_file.root, blobs)
    wanted = {each: declared[each] for each in ([operation] if operation else declared)}
    examples = tuple(
        _example(f"{account}/{each}", number, params, catalog.offers[f"{account}/{each}"], pictures)
        for each, listed in wanted.items()
        for number, params in enumerate(listed, 1)
    )
    if not examples:
        raise Usage(f"{name} declares no examples; write them into its description: examples: [{{prompt: …}}]")
    return Trial(lane, examples, stage, blobs)


def _example(use: str, number: int, params: Mapping[str, Json], offer: Offer, pictures: InputFiles) -> Example:
    account, _, operation = use.partition("/")
    title = f"{use}, example {number}"
    whole = bring_pictures(offer.operation.fields, {**offer.defaults, **params}, lambda path, _: _picture(path, pictures, title))
    wrong = check_params(offer.operation, use, whole)
    if wrong:
        raise Invalid([Complaint(f"{title}: {problem.message}", dotted(problem.path)) for problem in wrong])
    return Example(title, make_request(account, operation, whole), offer)


def _picture(path: str, pictures: InputFiles, title: str) -> str:
    try:
        return pictures(path)
    except ValueError as problem:
        raise Usage(f"{title}: {problem}") from problem


def preview(trial: Trial) -> Iterator[str]:
    """The calls that would be made, and sent to nobody."""
    speaker = Speaker(trial.lane, trial.blobs, plays=trial.stage is not None)
    for example in trial.examples:
        yield f"{example.title}:"
        yield from _call_lines(spoken(trial.lane.provider.submit(example.request, trial.lane.options), speaker))


async def try_out(trial: Trial, clock: Clock, tell: Callable[[str], None]) -> int:
    """Send the examples and tell everything that is said; how many gave what they should. Raises `OurSide` without a key."""
    good = 0
    async with Transport({trial.lane.name: access_of(trial.lane, trial.stage)}, trial.blobs, clock) as transport:
        attempt = _Attempt(trial, clock, tell, transport)
        for example in trial.examples:
            tell(f"{example.title}:")
            good += await attempt.run(example)
    return good


class _Attempt:
    """Carries examples out, and tells what is said: it stands between the hands and the network."""

    def __init__(self, trial: Trial, clock: Clock, tell: Callable[[str], None], transport: Transport) -> None:
        self._trial, self._clock, self._tell = trial, clock, tell
        self._speaker = Speaker(trial.lane, trial.blobs, plays=trial.stage is not None)
        lanes = {trial.lane.name: trial.lane}
        self._hands = VendorHands(lanes, transport.perform, self._store, self._measure, self)

    async def exchange(self, send: Send, call: Call, perform: Perform) -> Reply:
        """Tell the call, make it, tell the reply."""
        for line in _call_lines(spoken(call, self._speaker)):
            self._tell(line)
        began = self._clock.now()
        reply = await perform(self._trial.lane.name, call)
        for line in _reply_lines(reply, self._clock.now() - began):
            self._tell(line)
        return reply

    async def run(self, example: Example) -> bool:
        """Whether the example gave what its operation promises."""
        send = Send(example.request, "submit")
        verdict = await self._carry(send)
        if isinstance(verdict, Queued):
            verdict = await self._wait(example, verdict.ticket)
        if not isinstance(verdict, Done):
            return False
        return all([await self._show(example, item, part) for part, item in enumerate(verdict.items)])

    async def _carry(self, send: Send) -> Verdict:
        verdict = (await self._hands.carry(send)).verdict
        words = SUBMIT_WORDS if send.step == "submit" else LATER_WORDS
        ticket = f"ticket {verdict.ticket}" if isinstance(verdict, Queued) else ""
        told = [part for part in (ticket, getattr(verdict, "why", ""), getattr(verdict, "note", "")) if part]
        self._tell(": ".join([f"  = {type(verdict).__name__}", words[type(verdict)], *([", ".join(told)] if told else [])]))
        return verdict

    async def _wait(self, example: Example, ticket: str) -> Verdict:
        """Ask for the job until it ends, or until its operation's deadline."""
        operation = example.offer.operation
        until, rounds = self._clock.now() + operation.deadline, 0
        verdict: Verdict = Queued(ticket)
        while isinstance(verdict, Queued) and self._clock.now() < until:
            await self._clock.sleep_until(min(until, self._clock.now() + pause(operation.polling, rounds, example.request.id)))
            verdict = await self._carry(Send(example.request, "poll", ticket=ticket))
            ticket = verdict.ticket if isinstance(verdict, Queued) else ticket
            rounds += 1
        return verdict

    async def _show(self, example: Example, item: Item, part: int) -> bool:
        """Tell what was found, downloaded where it is a link; whether it can be used."""
        match item:
            case Text(text):
                self._tell(f"  > text: {text}")
                return True
            case Data(value):
                self._tell(f"  > json: {_json(value)}")
                return True
            case Link(url):
                verdict = await self._carry(Send(example.request, "fetch", link=url, part=part))
                return isinstance(verdict, Done) and all([await self._show(example, held, part) for held in verdict.items])
            case Held(blob):
                media = await self._measure(blob)
            case Inline(data):
                media = await self._measure(await self._store(data))
        size = f", {media.width} × {media.height}" if isinstance(media, Media) and media.width else ""
        self._tell(f"  > file: {media.why if isinstance(media, Bad) else media.media_type}{size}")
        return isinstance(media, Media)

    async def _store(self, data: bytes) -> Blob:
        return await asyncio.to_thread(self._trial.blobs.put, data)

    async def _measure(self, blob: Blob) -> Media | Bad:
        return await asyncio.to_thread(inspect, self._trial.blobs.path(blob.sha256))


def _call_lines(call: Spoken) -> Iterator[str]:
    yield f"  {call.method} {call.url}"
    for name, value in call.headers.items():
        yield f"    {name}: {value}"
    if call.body is not None:
        yield f"    {'multipart/form-data' if call.form else 'application/json'}: {_json(call.body)}"


def _reply_lines(reply: Reply, seconds: float) -> Iterator[str]:
    if isinstance(reply, NoAnswer):
        yield f"  no answer after {seconds:.1f} s: {reply.why}"
        return
    yield f"  {reply.status} {reply.headers.get('content-type', '')} after {seconds:.1f} s".replace("  after", " after")
    if text := _readable(reply):
        yield f"    {text}"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _readable(answer: Answer) -> str:
    """The body, if it is text: as much of it as a person reads."""
    size = len(answer.body) if answer.blob is None else answer.blob.size
    try:
        text = " ".join(answer.body[:CLIPPED].decode("utf-8").split())
    except UnicodeDecodeError:
        return f"{size} bytes"
    return text if size <= CLIPPED else f"{text}… ({size} bytes)"
