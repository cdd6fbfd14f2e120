"""How much slower this machine is than the one that limits were set on: what took two seconds of work there takes more here."""

from __future__ import annotations

import functools
import time
from typing import Final

REFERENCE: Final = 0.05
"""Seconds of processor time that `_work` took there."""
SPARE: Final = 1.5
"""What other processes cost us in processor time, by the caches and clocks that we share with them."""


def _work() -> float:
    began = time.thread_time()
    sum(number * number for number in range(500_000))
    return time.thread_time() - began


@functools.cache
def slowness() -> float:
    """`SPARE`, or more where the same work takes longer. Measured once a process, the best of three."""
    return SPARE * max(1.0, min(_work() for _ in range(3)) / REFERENCE)
