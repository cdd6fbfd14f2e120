"""Hands that send by batch what is to go that way, and hand everything else on."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from runner.batches.answers import PACE, Answers
from runner.batches.gathering import Gathering, Leave
from runner.batches.ways import Rest, Way
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock
from runner.fields import Polling
from runner.hands import Carried, Perform, VendorHands
from runner.providers.contract import Batching
from runner.providers.registry import Lane
from runner.records import Send


class BatchHands:
    """Hands for lanes of which some take batches. `direct` carries out what goes one by one, `perform` is `Transport.perform`.

    `pace` says when a batch is asked about, `leave` writes down who leaves with it. A witness hears nothing of batches: a recording
    knows such a request by its facts.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what VendorHands takes, the disk and the clock
        self,
        lanes: Mapping[str, Lane],
        direct: VendorHands,
        perform: Perform,
        blobs: Blobs,
        clock: Clock,
        pace: Polling = PACE,
        leave: Leave = lambda _ids, _ticket: None,
    ) -> None:
        self._direct = direct
        self._rest = Rest(clock)
        self._gathering = Gathering(blobs, leave)
        self._answers = Answers(blobs, self._gathering.sent, pace)
        batching: dict[str, Batching | None] = {name: getattr(lane.provider, "BATCH", None) for name, lane in lanes.items()}
        self._ways = {name: Way(lanes[name], how, self._rest, perform) for name, how in batching.items() if how is not None}

    def drain(self) -> None:
        """Buy nothing more, and answer whoever waits for a batch that it is still running."""
        self._rest.stop.set()
        self._gathering.close()

    def carry(self, send: Send) -> Coroutine[Any, Any, Carried]:
        """Carry out the duty, alone or together with others."""
        way = self._ways.get(send.request.provider)
        if way is None or send.step == "fetch" or (send.step == "submit" and not send.lane):
            return self._direct.carry(send)
        return self._carry(way, send)

    async def _carry(self, way: Way, send: Send) -> Carried:
        if send.step == "submit":
            return Carried(send, await self._gathering.submit(way, send.request))
        verdict, answer = await self._answers.poll(way, send)
        return Carried(send, verdict) if answer is None else await self._direct.bring(send, answer, verdict)
