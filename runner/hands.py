"""The hands: they carry out one duty and say what came of it.

A duty (`Send`) becomes a `Call` by its provider, travels through the transport, and the reply becomes a verdict: by how far it
got if there was no answer, by the shared rules for a download, by the provider for everything a vendor says. Hands hold no
state of the run; a Send and what they bring back are plain data, so they could be anywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol, TypeAlias

from runner.edge.media import Bad, Media
from runner.frozen import frozen
from runner.providers.addresses import next_ticket
from runner.providers.contract import Table, clip, fetch, read_status
from runner.providers.registry import Lane
from runner.records import Answer, Blob, Call, NoAnswer, Reply, Send
from runner.verdicts import Broken, Data, Done, Held, Inline, Item, Link, Lost, Queued, Refused, Text, Verdict

DEAD_LINK: Final = frozenset({401, 403, 404, 410})
"""Answers to a download that mean the link has expired or never was: a fresh one is asked for, where the vendor can be asked."""

SHORT: Final = 1024
"""Bytes of an answer that may stand in the journal."""

OF_A_HOST: Final[Table] = {402: Broken}
"""A download is served by whatever host the vendor named: nothing it says speaks of our account, so it never bars the lane."""


@frozen
class Carried:
    """What came of a duty. `raw` is the blob (sha256) of a paid answer, for whoever has to read it again; `said` a short one."""

    send: Send
    verdict: Verdict
    raw: str | None = None
    said: str | None = None


Perform: TypeAlias = Callable[[str, Call], Awaitable[Reply]]
"""`Transport.perform`: carry out a call for a lane, once."""


class Witness(Protocol):
    """Who stands between the hands and the network: it listens, or answers itself."""

    async def exchange(self, send: Send, call: Call, perform: Perform) -> Reply:
        """The reply to `call`, which carries out `send`."""


class Hands(Protocol):
    """Whoever carries out duties: the network, or a fake vendor in a test."""

    async def carry(self, send: Send) -> Carried:
        """Carry out the duty. Vendor failures come back as verdicts; what is raised is our own mistake."""


class VendorHands:
    """Hands that talk to vendors through a transport.

    `perform` is `Transport.perform`, `store` puts bytes into the blob store, `measure` decodes a blob and says what it is. Both are
    awaited so that disk and decoding stay off the event loop. A `witness` is handed every exchange.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        perform: Perform,
        store: Callable[[bytes], Awaitable[Blob]],
        measure: Callable[[Blob], Awaitable[Media | Bad]],
        witness: Witness | None = None,
    ) -> None:
        self._lanes = lanes
        self._perform = perform
        self._store = store
        self._measure = measure
        self._witness = witness

    async def carry(self, send: Send) -> Carried:
        """Carry out the duty over the network."""
        lane = self._lanes[send.request.provider]
        call = _call_for(send, lane)
        if self._witness is None:
            reply = await self._perform(lane.name, call)
        else:
            reply = await self._witness.exchange(send, call, self._perform)
        if isinstance(reply, NoAnswer):
            return Carried(send, _unanswered(send, reply))
        if send.step == "fetch":
            return Carried(send, await self._read_download(reply))
        verdict = read_answer(lane, send, reply)
        if _says_all(verdict):
            return Carried(send, verdict)
        if isinstance(verdict, Queued) and (ticket := next_ticket(send.ticket or "", verdict.ticket)) != verdict.ticket:
            verdict = replace(verdict, ticket=ticket)
        return await self.bring(send, reply, verdict)

    async def bring(self, send: Send, answer: Answer, verdict: Verdict) -> Carried:
        """What came of the duty, with all that is worth it in the store."""
        if not _is_worth_keeping(send, answer, verdict):
            return Carried(send, await self._hold(verdict))
        if (said := _short(answer, verdict)) is not None:
            return Carried(send, verdict, said=said)
        raw = await self._keep(answer)
        return Carried(send, await self._hold(verdict), raw)

    async def _read_download(self, answer: Answer) -> Verdict:
        if 200 <= answer.status < 300 and answer.blob is not None:
            measured = await self._measure(answer.blob)
            return Broken(measured.why) if isinstance(measured, Bad) else Done((Held(answer.blob),))
        if answer.status in DEAD_LINK:
            return Refused(f"the link answered {answer.status}")
        return read_status(answer, "fetch", clip(answer.body[:200].decode("utf-8", "replace")), OF_A_HOST)

    async def _keep(self, answer: Answer) -> str:
        """The whole answer as a blob: whatever our reading made of it can be read again."""
        return (answer.blob or await self._store(answer.body)).sha256

    async def _hold(self, verdict: Verdict) -> Verdict:
        """Bytes that stood inside an answer go to the store before anything is journaled."""
        if not isinstance(verdict, Done) or not any(isinstance(item, Inline) for item in verdict.items):
            return verdict
        items: list[Item] = [Held(await self._store(item.data)) if isinstance(item, Inline) else item for item in verdict.items]
        return replace(verdict, items=tuple(items))


def _call_for(send: Send, lane: Lane) -> Call:
    if send.step == "submit":
        return lane.provider.submit(send.request, lane.options)
    if send.step == "poll":
        return lane.provider.poll(send.request, send.ticket or "", lane.options)
    return fetch(send.link or "")


def read_answer(lane: Lane, send: Send, answer: Answer) -> Verdict:
    """The provider's verdict. What it cannot read through a mistake of its own is lost, not gone: the answer may be paid for."""
    try:
        return lane.provider.read(send.step, answer, send.request, lane.options)
    except Exception as bug:  # noqa: BLE001 - the answer is worth more than a quick end: it is kept, and the mistake is told
        return Lost(f"a mistake of ours in reading the answer ({type(bug).__name__}: {clip(bug)}); please report it")


def _says_all(verdict: Verdict) -> bool:
    """Whether the verdict is a result that nothing has to be fetched, stored or kept for."""
    if not isinstance(verdict, Done):
        return False
    for item in verdict.items:  # noqa: SIM110 - a generator would take longer than all the rest
        if not isinstance(item, Text | Data):
            return False
    return True


def _is_worth_keeping(send: Send, answer: Answer, verdict: Verdict) -> bool:
    """Whether a paid answer says more than its verdict: what was lost, a 2xx read as a refusal, a ticket, links not yet followed.

    Should our reading have been a mistake, the answer tells the right ticket or link, and nothing has to be bought twice.
    """
    if not answer.body or isinstance(verdict, Lost) or (isinstance(verdict, Refused) and verdict.billed):
        return bool(answer.body)
    if isinstance(verdict, Done):
        return send.step == "submit" and any(isinstance(item, Link) for item in verdict.items)
    return send.step == "submit" and answer.status < 300 and isinstance(verdict, Queued | Refused)


def _short(answer: Answer, verdict: Verdict) -> str | None:
    """The answer itself where it is a few words that we have understood: a file for each would cost more than all the rest."""
    only_links = isinstance(verdict, Done) and all(isinstance(item, Link) for item in verdict.items)
    if answer.blob is not None or len(answer.body) > SHORT or not (only_links or isinstance(verdict, Queued)):
        return None
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        return None


def _unanswered(send: Send, reply: NoAnswer) -> Verdict:
    """A call that provably never left is tried again; one that may have arrived is lost if it was a purchase."""
    if reply.sent and send.step == "submit":
        return Lost(reply.why)
    return Broken(reply.why)
