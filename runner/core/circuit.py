"""How a lane bears failure: it rests, is probed, and tries again in moderation.

A lane that fails rests and is probed (Nygard, "Release It!", 2007, chapter 5: circuit breaker), and second tries are a small share
of first ones ("Addressing Cascading Failures", Site Reliability Engineering, 2016), so that our retries never are a vendor's storm.
"""

from __future__ import annotations

from typing import Final

from runner.verdicts import WRONG, Verdict

FAILURES: Final = 8
"""Failures in a row after which a host rests."""
REST: Final = 15.0
LONGEST_REST: Final = 120.0
PROBES: Final = 4
"""Probes in a row that may fail before the lane is given up for this run: after some four minutes in all."""

FIRSTS: Final = 10
"""First tries that earn one second try."""
RESERVE: Final = 20
"""Second tries a lane may have at once; it starts with them and never saves up more."""
SPACING: Final = 2.0
"""Seconds between second tries beyond that."""


class Circuit:
    """Rests a host that fails, and probes it with a single call before the crowd comes back.

    A failure is a call without an answer, or one that says the vendor is out of order; any other answer proves that it works.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.trips = 0
        self.rest_until = float("-inf")

    @property
    def given_up(self) -> bool:
        """Whether so many probes in a row went wrong that waiting for the next is of no use in this run."""
        return self.trips > PROBES

    def opens_at(self, now: float, flying: int) -> float | None:
        """The moment from which a call may leave; None while a probe is out."""
        if now < self.rest_until:
            return self.rest_until
        return now if self.trips == 0 or flying == 0 else None

    def hear(self, at: float, verdict: Verdict) -> None:
        """Count a failure or forget them all. What fails during a rest left before it and belongs to the same trip."""
        if not isinstance(verdict, WRONG):
            self.failures = self.trips = 0
            return
        self.failures += 1
        if self.failures >= FAILURES and at >= self.rest_until:
            self.trips += 1
            self.rest_until = at + min(REST * 2.0 ** (self.trips - 1), LONGEST_REST)


class Retries:
    """Keeps a bad hour from becoming a storm: second tries may be a tenth of all submits; beyond that they are spaced out."""

    def __init__(self) -> None:
        self.left = RESERVE * FIRSTS  # in tenths, so that sums are exact

    def earn(self) -> None:
        """A first try has left."""
        if self.left < RESERVE * FIRSTS:
            self.left += 1

    def charge(self) -> float:
        """Pay for one more try; the seconds it has to wait beyond its own backoff."""
        self.left -= FIRSTS
        return max(-self.left, 0) / FIRSTS * SPACING
