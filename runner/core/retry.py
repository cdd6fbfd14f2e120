"""How long to wait before the same thing is tried again, and how often.

Chance is derived from what is being retried, never drawn from a generator: a replay waits exactly as the run did, and two requests
that broke together still come back apart. The curve is exponential with full jitter ("Exponential Backoff And Jitter", AWS
Architecture Blog, 2015): a wait anywhere between nothing and the curve spreads a crowd best.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from runner.records import Step

TRIES: Final[Mapping[Step, int]] = {"submit": 5, "poll": 20, "fetch": 5}
"""How often a step may go wrong in a row before it is given up for this run."""

BASE: Final = 1.0
CAP: Final = 60.0
LONGEST: Final = 3600.0
"""No vendor's wish is obeyed for longer than this many seconds: past an hour it is a mistake or a mischief."""

SPREAD: Final = 0.1
SPREAD_CAP: Final = 1.0


def chance(id: str, what: str, number: int) -> float:
    """A number in [0, 1): always the same for the same request, purpose and number, evenly spread over different ones."""
    digest = hashlib.sha256(f"{id}:{what}:{number}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)


def curve(attempt: int) -> float:
    """Seconds before jitter after the `attempt`-th failure (1-based): 1, 2, 4 … 60."""
    return min(BASE * 2.0 ** min(max(attempt, 1) - 1, 16), CAP)


def wished(after: float) -> float:
    """A vendor's wait in seconds, kept within [0, one hour]; what is not a number is 0."""
    return max(0.0, min(after, LONGEST))


def spread(seconds: float, id: str, what: str, number: int) -> float:
    """A wait the vendor named, lengthened by at most a tenth and at most a second: never early, never all at once."""
    return seconds + min(seconds * SPREAD, SPREAD_CAP) * chance(id, what, number)


def backoff(id: str, step: Step, attempt: int, after: float | None = None) -> float:
    """Seconds to wait after the `attempt`-th failure of this step of this request; the vendor's own `after` wins."""
    if after is not None:
        return spread(wished(after), id, step, attempt)
    return curve(attempt) * chance(id, step, attempt)


def throttle(id: str, streak: int, after: float | None = None) -> float:
    """Seconds a lane holds after the `streak`-th Busy in a row; `id` is the request that was told so.

    Without the vendor's own `after` the curve counts, with jitter over its upper half only: a hold of next to nothing would just
    earn the next 429.
    """
    if after is not None:
        return spread(wished(after), id, "busy", streak)
    return curve(streak) * (0.5 + 0.5 * chance(id, "busy", streak))
