"""What the vendors allow: calls per minute, jobs at once, a queue's length, and credits.

The figures are the vendors' own (Sivi: developer.sivi.ai, Quota and Limits, General plan; Imagine: `x-ratelimit-limit: 50` per
minute as seen on the wire). Off unless asked for, so that a demo is quick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Allowance:
    """`most` calls in any `span` seconds, `running` jobs at once, `waiting` jobs in the queue. None: no limit."""

    most: int | None = None
    span: float = 60.0
    running: int | None = None
    waiting: int | None = None


DOCUMENTED: Final[Mapping[str, Allowance]] = {
    "sivi": Allowance(most=50, running=4, waiting=10),
    "vyro": Allowance(most=50),
}
UNLIMITED: Final = Allowance()


class Pace:
    """A sliding window: exact, by the moments of the calls it let through."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._passed: deque[float] = deque()

    def wait(self, now: float) -> float:
        """0 if a call may pass now, and it is then counted; else how many seconds until one may."""
        most, span = self._allowance.most, self._allowance.span
        if most is None:
            return 0.0
        while self._passed and self._passed[0] <= now - span:
            self._passed.popleft()
        if len(self._passed) >= most:
            return self._passed[0] + span - now
        self._passed.append(now)
        return 0.0


def queue_job(allowance: Allowance, open_jobs: Iterable[tuple[float, float]], now: float) -> float | None:
    """When a job accepted now begins; None if the queue is full.

    `open_jobs` are the (start, end) moments of all jobs. A job begins when one of the `running` places is free.
    """
    ahead = sorted(end for start, end in open_jobs if end > now)
    if allowance.running is None or len(ahead) < allowance.running:
        return now
    if allowance.waiting is not None and len(ahead) - allowance.running >= allowance.waiting:
        return None
    return ahead[-allowance.running]


class Purse:
    """One vendor's credits; None: as many as wanted."""

    def __init__(self, credits: float | None = None) -> None:
        self._left = credits

    @property
    def left(self) -> float | None:
        """What is left, None if unlimited."""
        return self._left

    def pay(self, price: float) -> bool:
        """Take `price` if there is as much; False if there is not."""
        if self._left is None:
            return True
        if self._left < price:
            return False
        self._left -= price
        return True
