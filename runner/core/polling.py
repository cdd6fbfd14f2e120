"""When to ask for a queued job again, and when to leave it for the next run.

A poll is free of money but not of the lane's windows, so it comes often at first, then ever more rarely. The vendor's own hint wins
over the curve. Nothing is asked after the deadline: the last poll falls on it exactly, so a job that ends just in time is found.
"""

from __future__ import annotations

import math
from typing import Final

from runner.core.lifecycle import Life
from runner.core.retry import backoff, chance, spread, wished
from runner.fields import Operation, Polling

LEAST: Final = 0.25
"""Seconds between two polls of one ticket, whatever hint the vendor gives: an `after` of 0 must not become a busy loop."""

TOGETHER: Final = 100
"""Moments of a second at which polls become due: those of a crowd share a turn of the engine, and a commit."""


def pause(polling: Polling, rounds: int, id: str) -> float:
    """Seconds until the next poll after `rounds` answers of "still running", spread by a tenth either way."""
    seconds = min(polling.first * polling.factor ** min(rounds, 64), polling.cap)
    return max(LEAST, seconds * (0.9 + 0.2 * chance(id, "poll", rounds)))


def deadline_at(life: Life, operation: Operation) -> float:
    """The moment the job is left for the next run, counted from acceptance or from when this run took it up."""
    return life.waiting_at + operation.deadline


def poll_at(life: Life, operation: Operation) -> float:
    """The moment of the next poll of a waiting life; never past its deadline."""
    name = life.request.id
    if life.tries:
        seconds = max(LEAST, backoff(name, "poll", life.tries, life.after))
    elif life.after is not None:
        seconds = max(LEAST, spread(wished(life.after), name, "poll", life.rounds))
    else:
        seconds = pause(operation.polling, life.rounds, name)
    return min(math.ceil((life.at + seconds) * TOGETHER) / TOGETHER, deadline_at(life, operation))
