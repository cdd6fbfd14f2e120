"""Sliding windows, counted as the vendor counts: by when calls arrive, not by when they leave.

A window is exact ("never more than N in any span of W"), yet a sender that is exact by its own clock still breaks it at the
vendor: one call is held up on its way, the one that follows a window later is not, and both arrive within the span. What is
known of an arrival is this: it was before its answer, and by no less than the quickest way there and back that was ever seen. So
a call stays in the window longer by its own delay, the part of its latency that exceeds the least one. Then no jitter of disk,
process, network or server puts one call too many into a span, as long as delays can be paid for.

They are paid for from a credit, because most of a slow vendor's latency is work and no delay: `RESERVE` of a window to begin with
(the first windowful leaves at once, so that much is in hand), and `MARGIN` of a window for each windowful that leaves. So over a
long run at least 1 / (1 + MARGIN) of the limit is used, whatever the latencies do. Where a vendor refuses nevertheless, more is
paid.

A call may weigh something else than one (tokens). What weighs more than a whole window goes when the window is empty.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from runner.records import Window

MARGIN: Final = 0.015
"""The part of a window by which calls may stay in it longer, on average over a long run."""
RESERVE: Final = 0.25
"""The part of a window by which a call may stay longer at most; the credit begins with as much, and never has more. Each call
reserves as long as all may have, and gives back what it did not need when it is answered."""
GUARD: Final = 0.003
"""Seconds by which every call stays longer: the quickest way that was ever seen is not the quickest there is."""
SAMPLE: Final = 128
"""Answers until the least latency is believed (until then a call counts from its answer on), and after which it is taken anew."""
SMOOTH: Final = 16
"""Answers over which the usual latency is averaged."""
SOON: Final = 1.0
"""Seconds by which what is counted may lie ahead: calls that are planned, and those of other runs. What lies further is a wrong
clock's."""


@dataclass(slots=True, eq=False)
class Passage:
    """One call on its way: when it left, how many were in flight with it, what it weighs, and how many had left before it of late.

    `lead` is how many seconds before its moment it was decided, where it is to leave later. `came_at` is when its answer was here,
    where that is known better than by its fact. `delays` are the seconds by which it stays longer in each window; until it is
    answered, the most it may need.
    """

    at: float
    flying: int = 1
    weight: int = 0
    ahead: int = 0
    lead: float = 0.0
    came_at: float | None = None
    delays: dict[Sliding, float] = field(default_factory=dict)


class Latencies:
    """The `least` seconds between a call's leaving and its answer of late, and the `usual` ones."""

    def __init__(self) -> None:
        self.heard = 0
        self.least = 0.0
        self.usual = float("inf")
        self._before = self._now = float("inf")

    def hear(self, seconds: float) -> None:
        """Take in one more."""
        self.heard += 1
        self.usual = seconds if self.heard == 1 else self.usual + (seconds - self.usual) / SMOOTH
        self._now = min(self._now, seconds)
        if self.heard >= SAMPLE:
            self.least = min(self._before, self._now)
        if self.heard % SAMPLE == 0:
            self._before, self._now = self._now, float("inf")


class Sliding:
    """What has been sent and still counts, by the moment it no longer does."""

    def __init__(self, window: Window) -> None:
        if window.most < 1 or not window.seconds > 0:
            raise ValueError(
                f"a window of {window.most} in {window.seconds} s lets nothing through; use at least 1 and more than 0 s"
            )
        self.window = window
        self.held = 0
        self.credit = self._full = RESERVE * window.seconds
        self._margin = MARGIN
        self._heap: list[tuple[float, int, int, Passage | None]] = []
        self._counted = 0
        self._latest = self._open_at = float("-inf")

    def opens_at(self, now: float, weight: int = 1, lead: float = 0.0) -> float:
        """The moment from which `weight` more may fit; `now` if they do, else one at which to ask again.

        One that is `lead` ahead at most is exact: they do fit then, and whoever asks after that is told no earlier one.
        """
        self._release(now)
        if not self._fits(weight) and self._latest > now + SOON:  # an earlier run's clock was ahead of this one's
            self._forget_future(now)
        if lead and not self._fits(weight):
            self._release(now, lead, weight)
        return max(now, self._open_at) if self._fits(weight) else self._heap[0][0]

    def note(self, at: float, weight: int = 1, passage: Passage | None = None) -> None:
        """Count a call that left at `at`, in any order (histories come request by request).

        A `passage` tells later when it really left, and of its delay. A negative `weight` takes back what was counted too much.
        """
        self.held += weight
        self._counted += 1
        self._latest = max(self._latest, at)
        heapq.heappush(self._heap, (at + self.window.seconds, self._counted, weight, passage))
        if passage is not None:
            share = self._share(weight)
            self.credit = min(self.credit + self._margin * self.window.seconds * share, self._full)
            passage.delays[self] = self.credit
            self.credit -= self.credit * share

    def hear(self, passage: Passage, weight: int, seconds: float) -> None:
        """A call that counts `weight` was answered `seconds` later than the quickest: what it does not need goes back."""
        most = passage.delays[self]
        delay = passage.delays[self] = min(max(seconds, 0.0) + GUARD, most)
        self.credit = min(self.credit + (most - delay) * self._share(weight), self._full)

    def take_back(self, passage: Passage, weight: int) -> None:
        """A call that counts `weight` does not leave after all."""
        self.hear(passage, weight, 0.0)
        self.note(min(passage.at, self._latest), -weight)

    def widen(self) -> None:
        """The vendor refused a call although this window let it pass: delays are longer than was paid for, so more is paid."""
        self._margin = min(2 * self._margin, RESERVE)
        self.credit = self._full

    def snapshot(self) -> tuple[object, ...]:
        """All that facts have made of it, as a comparable value."""
        return self._counted, self._latest, self.credit, self._margin

    def _fits(self, weight: int) -> bool:
        return self.held + weight <= self.window.most or not self._heap

    def _share(self, weight: int) -> float:
        return min(weight / self.window.most, 1.0)

    def _release(self, now: float, lead: float = 0.0, weight: int | None = None) -> None:
        """Let go of what is over within `lead`, one after another; for a `weight`, only until so much fits."""
        heap = self._heap
        while heap and heap[0][0] - lead <= now and (weight is None or not self._fits(weight)):
            end, number, counted, passage = heap[0]
            until = end if passage is None else passage.at + self.window.seconds + passage.delays[self]
            if until > end:
                heapq.heapreplace(heap, (until, number, counted, passage))
                continue
            heapq.heappop(heap)
            self.held -= counted
            self._open_at = max(self._open_at, until)

    def _forget_future(self, now: float) -> None:
        last = now + self.window.seconds
        self._heap = [entry for entry in self._heap if entry[3] is not None or entry[0] <= last]
        heapq.heapify(self._heap)
        self.held = sum(entry[2] for entry in self._heap)
        self._latest = now
