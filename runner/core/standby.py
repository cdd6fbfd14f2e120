"""Calls that stand by: written down already, they leave as soon as a place in their lane is free.

A call is on the disk before it leaves. Where a vendor answers within milliseconds, a place that has become free would stay empty
until the next turn has been decided and written. So a gate that is calm lets through as many more calls as came back since the turn
before (`Gate.look_ahead`); they wait here, and never are more of them out than the lane allows. Where answers take their time,
nothing stands by.

As soon as the lane is no longer calm (it is barred, too fast, ill, shared with another run, or the run is stopping), what stands by
is taken back, by a fact that says so. Only if the whole process dies does it count as perhaps sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

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

    def leave(self, sends: Iterable[Send], at: float) -> list[Send]:
        """Those of `sends` that leave now, at `at`; the others stand by. A `turn` is to follow, whatever comes back."""
        return [send for send in sends if self._goes(send, at)]

    def relieve(self, send: Send, now: Callable[[], float]) -> Send | None:
        """`send` has come back; what leaves in its place, None if nothing does."""
        if send.step == "fetch":
            return None
        name = lane_of(send)
        if (waiting := self._waiting[name]) and (gate := self._gates(name)).is_calm:
            follower = waiting.popleft()
            gate.left(follower.request.id, now())
            return follower
        self._out[name] -= 1
        return None

    def turn(self, at: float) -> list[Answered]:
        """Have the gates look ahead, for a turn begins. Facts for what stands by where it is no longer calm: it does not leave."""
        back: list[Send] = []
        for name, waiting in self._waiting.items():
            gate = self._gates(name)
            gate.look_ahead()
            if waiting and not gate.is_calm:
                back += waiting
                waiting.clear()
        return [Answered(at, send.request.id, send.step, TAKEN_BACK, send.part) for send in back]

    def ids(self) -> list[str]:
        """The requests that stand by."""
        return [send.request.id for waiting in self._waiting.values() for send in waiting]

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
