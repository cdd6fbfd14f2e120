"""Calls that stand by: written down already, they leave as soon as a place in their lane is free.

A call is on the disk before it leaves. Where a vendor answers within milliseconds, a place that has become free would stay empty
until the next turn has been decided and written. So a gate that is calm lets through as many more calls as came back since the turn
before (`Gate.look_ahead`); they wait here, and never are more of them out than the lane allows. Where answers take their time,
nothing stands by.

Where a rate is declared a call stands by for its moment: when a window opens is known before, and a gate has a call decided so
early (`Gate.lead`) that it is on the disk by then. Otherwise each window would lose the time that the disk takes.

As soon as the lane is no longer calm (it is barred, too fast, ill, shared with another run, or the run is stopping), what stands by
is taken back, by a fact that says so; what stands by for its moment, when that has come. Only if the whole process dies does it
count as perhaps sent.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

from runner.core.agenda import NEVER
from runner.core.gate import Gate
from runner.facts import Answered
from runner.records import Send
from runner.verdicts import Busy

TAKEN_BACK: Final = Busy(0.0, "taken back before it left", unsent=True)


class Standby:
    """Which of the calls that are written down have left. `gates` finds the gate of a lane by its name."""

    def __init__(self, gates: Callable[[str], Gate]) -> None:
        self._gates = gates
        self._out: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[Send]] = defaultdict(deque)
        self._planned: list[tuple[float, int, Send]] = []
        self._plans = 0

    def leave(self, sends: Iterable[Send], at: float) -> list[Send]:
        """Those of `sends` that leave now, at `at`; the others stand by. A `turn` is to follow, whatever comes back."""
        return [send for send in sends if not self._is_planned(send, at) and self._goes(send, at)]

    def next_at(self) -> float:
        """The next moment for which a call is planned, when `depart` is to be asked; `NEVER` if none is."""
        return self._planned[0][0] if self._planned else NEVER

    def depart(self, at: float) -> list[Send]:
        """What was planned for `at` or before, and leaves. What may not is taken back by the next `turn`."""
        gone: list[Send] = []
        while self._planned and self._planned[0][0] <= at:
            send = heapq.heappop(self._planned)[2]
            if self._gates(name := lane_of(send)).api.hold_until > at:
                self._waiting[name].append(send)
            elif self._goes(send, at):
                gone.append(send)
        return gone

    def relieve(self, send: Send, now: Callable[[], float]) -> Send | None:
        """`send` has come back; what leaves in its place, None if nothing does."""
        if send.step == "fetch":
            return None
        name = lane_of(send)
        gate = self._gates(name)
        gate.came(send.request.id, now)
        if (waiting := self._waiting[name]) and gate.keeps(now()):
            follower = waiting.popleft()
            gate.left(follower.request.id, now())
            return follower
        self._out[name] -= 1
        return None

    def turn(self, at: float) -> list[Answered]:
        """Have the gates look ahead, for a turn begins.

        Facts for what stands by where it is no longer calm, or was not let go though there was a place: it does not leave.
        """
        back: list[Send] = []
        for name, waiting in self._waiting.items():
            gate = self._gates(name)
            gate.look_ahead()
            if waiting and (self._out[name] < gate.api.cap or not gate.keeps(at)):
                back += waiting
                waiting.clear()
        return [Answered(at, send.request.id, send.step, TAKEN_BACK, send.part) for send in back]

    def ids(self) -> list[str]:
        """The requests that stand by."""
        waiting = [send.request.id for waiting in self._waiting.values() for send in waiting]
        return waiting + [send.request.id for _, _, send in self._planned]

    def _is_planned(self, send: Send, at: float) -> bool:
        """Whether it is to leave later than `at`; if so, it stands by."""
        if send.step == "fetch" or (leaves_at := self._gates(lane_of(send)).leaves_at(send.request.id, at)) <= at:
            return False
        self._plans += 1
        heapq.heappush(self._planned, (leaves_at, self._plans, send))
        return True

    def _goes(self, send: Send, at: float) -> bool:
        if send.step == "fetch":
            return True
        name = lane_of(send)
        gate = self._gates(name)
        if self._out[name] >= gate.api.cap or send.step in gate.shut:
            self._waiting[name].append(send)
            return False
        self._out[name] += 1
        gate.left(send.request.id, at)
        return True


def lane_of(send: Send) -> str:
    """The name of the lane through which a call leaves."""
    return send.lane or send.request.provider
