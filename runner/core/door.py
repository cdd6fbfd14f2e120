"""The door to one host: how many calls are in flight there, and whether it wants to be left alone for a while.

A lane has two (`gate`): the vendor's API, and the hosts it names for downloads. What is said at one door says nothing of the other.
"""

from __future__ import annotations

from typing import Final

from runner.core.circuit import Circuit
from runner.core.retry import throttle
from runner.verdicts import Busy, Verdict

HOLDS: Final = 20
"""Holds in a row for nothing but another Busy, over at least `HELD` seconds, after which a lane is given up for this run."""
HELD: Final = 900.0


class Door:
    """One host's share of a gate: calls in flight, their cap, how long to hold after a Busy, and a circuit."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.circuit = Circuit()
        self.flying = 0
        self.hold_until = float("-inf")
        self.streak = 0
        self.busy_at = 0.0

    @property
    def stuck(self) -> bool:
        """Whether it was held so often and so long for nothing that waiting on is of no use in this run."""
        return self.streak > HOLDS and self.hold_until - self.busy_at > HELD

    def hear(self, at: float, id: str, verdict: Verdict) -> None:
        """Hold on Busy, calm down on anything else. What arrives during a hold left before it and belongs to the same episode."""
        self.circuit.hear(at, verdict)
        fresh = at >= self.hold_until
        if not isinstance(verdict, Busy):
            self.streak = 0 if fresh else self.streak
            return
        self.busy_at = at if self.streak == 0 else self.busy_at
        self.streak = self.streak + 1 if fresh else max(self.streak, 1)
        if fresh or verdict.after is not None:
            self.hold_until = max(self.hold_until, at + throttle(id, self.streak, verdict.after))
