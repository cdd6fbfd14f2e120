"""What the vendors allow: calls per minute, jobs at once, a queue's length, and credits.

The figures are the vendors' own (Sivi: developer.sivi.ai, Quota and Limits, General plan; Imagine: `x-ratelimit-limit: 50` per
minute as seen on the wire; Replicate: 600 predictions and 3,000 other calls a minute; fal: two at once for a new account, the
others queue; Black Forest Labs: 24 unfinished tasks; Stability: 150 calls in ten seconds). OpenAI's depend on the account's tier;
those here are assumed. Off unless asked for, so that a demo is quick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from runner.frozen import frozen
from runner.sandbox.vendor import Meter


@frozen
class Allowance:
    """`most` calls in any `span` seconds, `running` jobs at once, `waiting` jobs in the queue. None: no limit.

    `others`: calls that buy nothing have this limit of their own. `tokens`: as many of them in any `span` seconds.
    """

    most: int | None = None
    span: float = 60.0
    running: int | None = None
    waiting: int | None = None
    others: int | None = None
    tokens: int | None = None


DOCUMENTED: Final[Mapping[str, Allowance]] = {
    "sivi": Allowance(most=50, running=4, waiting=10),
    "vyro": Allowance(most=50),
    "replicate": Allowance(most=600, others=3000),
    "fal": Allowance(running=2),
    "bfl": Allowance(running=24, waiting=0),
    "stability": Allowance(most=150, span=10.0),
    "openai": Allowance(most=500, tokens=200_000),
}
UNLIMITED: Final = Allowance()


class Window:
    """A sliding window: never more than `most` units in any `span` seconds, exact by the moments they were spent."""

    def __init__(self, most: int, span: float) -> None:
        self.most = most
        self._span = span
        self._passed: deque[tuple[float, int]] = deque()
        self._spent = 0

    def wait(self, now: float, units: int = 1) -> float:
        """How many seconds until `units` more may be spent; 0 if now. More than the whole window holds fit an empty one."""
        self._forget(now)
        over, wait = self._spent + min(units, self.most) - self.most, 0.0
        for moment, spent in self._passed:
            if over <= 0:
                break
            over -= spent
            wait = moment + self._span - now
        return wait

    def spend(self, now: float, units: int = 1) -> None:
        """Count what was let through."""
        self._passed.append((now, units))
        self._spent += units

    def meter(self, now: float) -> Meter:
        """What is left of the window now, and when all of it will be again."""
        self._forget(now)
        reset = self._passed[-1][0] + self._span - now if self._passed else 0.0
        return Meter(self.most, max(0, self.most - self._spent), reset)

    def _forget(self, now: float) -> None:
        while self._passed and self._passed[0][0] <= now - self._span:
            self._spent -= self._passed.popleft()[1]


class Pace:
    """What one vendor lets through: calls that buy, other calls, and tokens, each in its window."""

    def __init__(self, allowance: Allowance) -> None:
        self.calls = None if allowance.most is None else Window(allowance.most, allowance.span)
        self.tokens = None if allowance.tokens is None else Window(allowance.tokens, allowance.span)
        self._others = self.calls if allowance.others is None else Window(allowance.others, allowance.span)

    def wait(self, now: float, *, buys: bool = True, tokens: int = 0) -> float:
        """0 if a call may pass now, and it is then counted; else how many seconds until one may."""
        wanted = [(self.calls if buys else self._others, 1), (self.tokens, tokens)]
        windows = [(window, units) for window, units in wanted if window is not None and units]
        wait = max((window.wait(now, units) for window, units in windows), default=0.0)
        if wait <= 0:
            for window, units in windows:
                window.spend(now, units)
        return wait


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
