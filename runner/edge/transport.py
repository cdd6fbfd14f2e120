"""The transport: a `Call` goes out once, a `Reply` comes back.

Secrets are names until the header is written. A submit or a poll goes only to addresses the project file names for its lane, over
that lane's connections; a download goes over others and holds no secret, each hop of it checked again. Nothing is repeated
here, nothing is followed with a key, and everything that comes in has a cap on its decoded bytes, its time and its slowness.

If no complete answer came, what matters is whether the request can have left: `NoAnswer.sent` is False only if
`runner.edge.wire` proves that it did not. The class of an exception proves nothing (a connect error is a kind of OSError, and
so is a reset after the vendor billed us).
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import field, replace
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from runner.edge.blobs import Blobs, Sink
from runner.edge.bodies import find_assets, write_body, write_plain
from runner.edge.bounds import Bounds
from runner.edge.censor import CensoredSink, censor
from runner.edge.clock import Clock
from runner.edge.guard import Denied, Guard, Origin, origin_of, read_url
from runner.edge.intake import Caps, Exceeded, Patience, read_arrived, read_into, read_whole
from runner.edge.media import sniff
from runner.edge.outbox import Outbox
from runner.edge.redaction import Redactor, redact
from runner.edge.secrets import Secrets
from runner.edge.sessions import Dial, Progress, connections_for
from runner.edge.shelf import Shelf
from runner.edge.wire import Arrival, Letter, Wire
from runner.errors import OurSide
from runner.frozen import frozen
from runner.records import BLOB_SCHEME, Answer, Asset, Call, FileBody, NoAnswer, Reply, SecretHeader, Step

Key = TypeVar("Key")
Value = TypeVar("Value")
Plain: TypeAlias = tuple[tuple[str, str], ...]
"""Headers of a call that are written out."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MOST_HOPS: Final = 5
IMPORTS_KEPT: Final = 4096
"""Input pictures remembered by their URL within a run; the least recently used is asked for again."""
POLL_KEEP_ALIVE: Final = 15.0
SUBMIT_KEEP_ALIVE: Final = 1.0
"""Seconds a connection may be idle and still carry a submit: a server that hangs up just then makes the purchase uncertain, so they
are fewer than any server's own patience; and yet a busy lane's submits hardly ever need a new connection."""
PLAINLY: Final = MappingProxyType({"Accept-Encoding": "identity"})
"""Files come compressed as they are; a length that means something shows where one was cut."""
PLACES_KEPT: Final = 4096
"""Addresses and headers remembered of a lane: those of submits are few, those of polls all different and asked several times."""
JSON: Final = "application/json"
HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


@frozen
class LaneAccess:
    """What the transport knows of a lane: where it may send a key, and the key.

    `also` are further addresses that the project file itself names for it (a `poll_url`), `hosts` those of the vendor itself, each
    with all below it, where its answers may send us by https (a `polling_url`). `concurrent` bounds its connections.
    `keep_alive` lets a submit use a connection that was idle for less than so many seconds; 0 opens a fresh one for each.
    """

    base_url: str
    secrets: Secrets = field(default_factory=Secrets)
    concurrent: int | None = None
    also: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    keep_alive: float = SUBMIT_KEEP_ALIVE

    @property
    def origins(self) -> frozenset[Origin]:
        """Where a call with a key may go. Raises `Denied` for what is no URL."""
        return frozenset(origin_of(read_url(url)) for url in (self.base_url, *self.also))


@frozen
class _Lane:
    """A lane that is open: connections for what may cost, none of which was idle for long, and others for polls."""

    origins: frozenset[Origin]
    hosts: tuple[str, ...]
    secrets: Secrets
    redactor: Redactor
    submit: Wire
    poll: Wire
    known: dict[tuple[str, Step], URL] = field(default_factory=dict)
    heads: dict[tuple[Plain, str], tuple[tuple[SecretHeader, ...], Mapping[str, str]]] = field(default_factory=dict)

    def url_of(self, call: Call) -> URL:
        """Where the call goes. Raises `Denied` where that is none of the lane's own addresses."""
        url = self.known.get((call.url, call.purpose))
        if url is None:
            url = read_url(call.url)
            if not self.owns(origin_of(url), call.purpose):
                raise Denied(f"{origin_of(url)} is not an address of this lane, and its key goes nowhere else")
            _remember(self.known, (call.url, call.purpose), url)
        return url

    def headers_of(self, call: Call, kind: str = "") -> Mapping[str, str]:
        """The call's headers with the lane's secrets in their places, and the `kind` of its body. Raises `OurSide`."""
        known = self.heads.get((call.headers, kind))
        if known is None or known[0] != call.secrets:  # hardly ever; to find them by both would take longer
            headers = _headers(call, self.secrets)
            known = call.secrets, {**headers, "Content-Type": kind} if kind else headers
            _remember(self.heads, (call.headers, kind), known)
        return known[1]

    def owns(self, origin: Origin, purpose: Step) -> bool:
        """Whether the lane's key may go there: to the addresses of the project file, and with a poll to the vendor's own hosts."""
        if origin in self.origins or purpose != "poll" or (origin.scheme, origin.port) != ("https", 443):
            return origin in self.origins
        return any(origin.host == host or origin.host.endswith(f".{host}") for host in self.hosts)


class _NotBrought(Exception):  # a reply on its way to `perform`, never seen outside
    """An input picture could not be had, so the call was not made."""


def guard_lanes(lanes: Mapping[str, LaneAccess]) -> Guard:
    """The policy that follows from the addresses the project file names. Raises `OurSide` naming the lane of a wrong one."""
    for name, access in lanes.items():
        try:
            origins = access.origins
        except Denied as denial:
            raise OurSide(f"{name}: base_url: {denial.strerror}") from denial
        if wrong := [str(origin) for origin in origins if origin.scheme != "https" and not origin.is_loopback]:
            raise OurSide(f"{name}: {wrong[0]} must be https; plain http is for this machine only")
    return Guard(url for access in lanes.values() for url in (access.base_url, *access.also))


class Transport:
    """Carries calls out. Use it as `async with Transport(…) as transport`, inside the event loop that will use it.

    `resolver`, set before that, looks names up instead of the system. It need not be trusted: every address is judged at the dial.
    """

    resolver: AbstractResolver | None = None

    def __init__(
        self,
        lanes: Mapping[str, LaneAccess],
        blobs: Blobs,
        clock: Clock,
        patience: Patience | None = None,
        caps: Caps | None = None,
    ) -> None:
        self._access, self._blobs, self._clock = dict(lanes), blobs, clock
        self._patience, self._caps = patience or Patience(), caps or Caps()
        self._timeouts = {step: self._patience.of(step) for step in ("submit", "poll", "fetch")}
        self._guard = guard_lanes(lanes)
        self.shelf = Shelf(blobs.keep_all)
        self._outbox = Outbox()
        self._stack = AsyncExitStack()
        self._lanes: dict[str, _Lane] = {}
        self._imports: OrderedDict[str, asyncio.Task[Reply]] = OrderedDict()

    async def __aenter__(self) -> Transport:
        self._bounds = Bounds()
        self._stack.callback(self._bounds.close)
        try:
            for name, access in self._access.items():
                self._lanes[name] = await self._open_lane(access)
            limit = connections_for(None, len(self._access) + 1)
            self._public = await self._stack.enter_async_context(self._wire(self._guard.open_public, limit))
            self._local = await self._stack.enter_async_context(self._wire(self._guard.open_local, limit))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        imports = list(self._imports.values())
        for task in imports:
            task.cancel()
        await asyncio.gather(*imports, return_exceptions=True)
        await self._stack.aclose()

    async def perform(self, lane: str, call: Call) -> Reply:
        """Carry out `call` for `lane`, once. What the network or the vendor does wrong is a reply, never an exception.

        Neither the reply nor the blob it may name holds a secret of the lane, whatever the vendor quotes.
        """
        open_lane = self._lanes[lane]
        try:
            reply = await (self._fetch(open_lane, call) if call.purpose == "fetch" else self._ask(open_lane, call))
        except Denied as denial:
            reply = NoAnswer(False, f"not dialled: {denial.strerror}")
        return censor(reply, open_lane.redactor)

    async def download(self, url: str, sink: Sink, near: frozenset[Origin] = frozenset()) -> Reply:
        """A public URL (a feed) into `sink`, which is finished if the answer is 2xx. `near` as for `Guard.check`."""
        try:
            return await self._follow(url, near, sink, self._caps.feed)
        except Denied as denial:
            return NoAnswer(False, f"not dialled: {denial.strerror}")

    def _wire(self, dial: Dial, limit: int, keep_alive: float = POLL_KEEP_ALIVE) -> Wire:
        return Wire(dial, limit, keep_alive, self.resolver, self._outbox)

    async def _open_lane(self, access: LaneAccess) -> _Lane:
        limit = connections_for(access.concurrent, 2 * len(self._access) + 1)
        dial = self._guard.open_local if access.origins <= self._guard.local else self._guard.open_public
        submit = await self._stack.enter_async_context(self._wire(dial, limit, access.keep_alive))
        poll = await self._stack.enter_async_context(self._wire(dial, limit))
        return _Lane(access.origins, access.hosts, access.secrets, Redactor(access.secrets.values()), submit, poll)

    async def _fetch(self, lane: _Lane, call: Call) -> Reply:
        with CensoredSink(self._blobs, lane.redactor) as sink:
            return await self._follow(call.url, lane.origins, sink, None)

    def _write_plain(self, lane: _Lane, call: Call) -> Letter | None:
        """The letter of a call that needs nobody's pictures, made in one go; None for any other. Raises `Denied`, `OurSide`."""
        url, data, kind = lane.url_of(call), b"", ""
        if call.body is not None:
            plain, kind = write_plain(call.body), JSON
            if plain is None:
                return None
            data = plain
        return Letter(call.method, url, lane.headers_of(call, kind), data, self._timeouts[call.purpose])

    async def _ask(self, lane: _Lane, call: Call) -> Reply:
        """A submit or a poll: to the lane's own addresses only, with its secrets."""
        letter = self._write_plain(lane, call)
        if letter is None:
            try:
                letter = await self._write(lane, call)
            except _NotBrought as failure:
                return NoAnswer(False, str(failure))
        wire = lane.submit if call.purpose == "submit" else lane.poll
        if call.sink == "memory":
            return await self._exchange(wire, letter)
        if call.sink == "file":
            letter = replace(letter, timeouts=self._timeouts["fetch"])
        with CensoredSink(self._blobs, lane.redactor) as sink:
            return await self._exchange(wire, letter, sink, self._caps.feed if call.sink == "file" else None)

    async def _exchange(self, wire: Wire, letter: Letter, sink: Sink | None = None, cap: int | None = None) -> Reply:
        """One request, one answer; `sink` takes the body of a 2xx."""
        progress = Progress()
        try:
            with self._bounds.within(letter.timeouts.total):
                arrival = await wire.send(letter, progress)
                try:
                    headers = {name.lower(): value for name, value in arrival.headers.items()}
                    if sink is None and (body := read_arrived(arrival, self._caps.memory)) is not None:
                        return Answer(arrival.status, headers, body)
                    return await self._read(arrival, headers, sink, cap)
                finally:
                    arrival.release()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, EOFError) as error:
            return NoAnswer(progress.sent, _describe(error))

    async def _read(self, arrival: Arrival, headers: Mapping[str, str], sink: Sink | None, cap: int | None) -> Answer:
        is_success, watch = 200 <= arrival.status < 300, self._patience.watch(self._clock)
        if sink is not None and is_success:
            put = self.shelf.put if isinstance(sink, CensoredSink) else None
            head, blob = await read_into(arrival, sink, watch, self._caps, cap, put)
            return Answer(arrival.status, headers, head, blob)
        return Answer(arrival.status, headers, await read_whole(arrival, watch, self._caps.memory, strict=is_success))

    async def _follow(self, text: str, near: frozenset[Origin], sink: Sink, cap: int | None) -> Reply:
        """A GET without secrets, over at most five redirects, each checked as the first was. Raises `Denied` for the first only."""
        url = read_url(text)
        local = self._guard.check(url, near)
        for _ in range(MOST_HOPS + 1):
            letter = Letter("GET", url, PLAINLY, timeouts=self._timeouts["fetch"])
            reply = await self._exchange(self._local if local else self._public, letter, sink, cap)
            if not isinstance(reply, Answer) or reply.status not in REDIRECTS or "location" not in reply.headers:
                return reply
            try:
                url = read_url(_join(url, reply.headers["location"]))
                local = self._guard.check(url, near if local else frozenset())
            except Denied as denial:
                return NoAnswer(True, f"redirected to where we do not dial: {denial.strerror}")
        return NoAnswer(True, f"more than {MOST_HOPS} redirects")

    async def _write(self, lane: _Lane, call: Call) -> Letter:
        """The letter of a call with its assets; encoding pictures happens off the event loop. Raises `_NotBrought`."""
        url, body, timeouts = lane.url_of(call), call.body, self._timeouts[call.purpose]
        headers = lane.headers_of(call)
        if isinstance(body, FileBody):
            return Letter(call.method, url, {**headers, "Content-Type": body.content_type}, self._blobs.path(body.sha256), timeouts)
        assert body is not None
        held = {asset: await self._bring(asset, lane.origins) for asset in find_assets(body)}

        def load(asset: Asset) -> bytes:
            return self._blobs.read(held[asset])

        data, kind = await asyncio.to_thread(write_body, body, load) if held else write_body(body, load)
        return Letter(call.method, url, {**headers, "Content-Type": kind}, data, timeouts)

    async def _bring(self, asset: Asset, near: frozenset[Origin]) -> str:
        """The sha256 of the asset's bytes in our store; a URL is downloaded once a run however many ask for it."""
        if asset.ref.startswith(BLOB_SCHEME):
            return asset.ref.removeprefix(BLOB_SCHEME)
        task = self._imports.get(asset.ref)
        if task is None:
            task = self._imports[asset.ref] = asyncio.ensure_future(self._import(asset.ref, near))
            while len(self._imports) > IMPORTS_KEPT and next(iter(self._imports.values())).done():
                self._imports.popitem(last=False)
        self._imports.move_to_end(asset.ref)
        reply = await asyncio.shield(task)
        if isinstance(reply, Answer) and reply.blob is not None and sniff(reply.body) is not None:
            return reply.blob.sha256
        self._imports.pop(asset.ref, None)
        raise _NotBrought(f"the input picture {asset.ref.partition('?')[0]} {_say_unusable(reply)}")

    async def _import(self, url: str, near: frozenset[Origin]) -> Reply:
        try:
            with self._blobs.sink() as sink:
                return await self._follow(url, near, sink, None)
        except Denied as denial:
            return NoAnswer(False, denial.strerror or "")


def _headers(call: Call, secrets: Secrets) -> dict[str, str]:
    """The call's headers with the secrets in their places; an optional secret that was not given leaves its header out."""
    headers = dict(call.headers)
    headers |= {
        place.header: place.form.replace("{}", secrets.reveal(place.secret)) for place in call.secrets if place.secret in secrets
    }
    for name, value in headers.items():
        if not HEADER_VALUE.fullmatch(value):
            raise OurSide(f"header {name}: a character that cannot stand in a header; mend the setting it comes from")
    return headers


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= PLACES_KEPT:
        known.clear()
    known[key] = value


def _join(url: URL, location: str) -> str:
    """The address a redirect means. Raises `Denied` for what is none."""
    try:
        return str(url.join(URL(location, encoded=True)))
    except ValueError as error:
        raise Denied("not a URL") from error


def _say_unusable(reply: Reply) -> str:
    if isinstance(reply, NoAnswer):
        return f"could not be downloaded: {reply.why}"
    return f"answered {reply.status}" if reply.blob is None else "is not a picture we know"


def _describe(error: BaseException) -> str:
    """What went wrong, in one line: for a timeout, its class says more than its empty message.

    A secret is masked before the cut, which could leave half of it.
    """
    if isinstance(error, Exceeded):
        return str(error)
    return " ".join(redact(f"{type(error).__name__}: {error}").split()).rstrip(": ")[:300]
