"""What the steps of a job need to go by batch: lanes and operations of their own, and room for a whole file.

An account's limits are for calls one by one, and a batch is priced otherwise; so its requests have a lane and an operation under
names that end with `BY_BATCH`. What is asked, and so its id, is the same on both lanes: to change lanes buys nothing twice.
"""

from __future__ import annotations

from typing import Final

from runner.desk import Desk
from runner.engine import WINDOW
from runner.fields import Operation
from runner.records import BY_BATCH, Limits

MOST_WAITING: Final = 200_000
"""Requests of a lane that may be on their way by batch."""
BATCH_WINDOW: Final = 50_000
"""Variants in flight where a step goes by batch: a full file of the vendor's. Each costs some kilobytes while it waits."""


def batched_steps(desk: Desk) -> frozenset[str]:
    """The steps that go by batch."""
    return frozenset(name for name, step in desk.job_file.job.steps.items() if step.lane == "batch")


def batch_lanes(desk: Desk) -> dict[str, Limits]:
    """Their lanes."""
    steps = desk.job_file.job.steps
    return {steps[name].provider + BY_BATCH: Limits(concurrent=MOST_WAITING) for name in sorted(batched_steps(desk))}


def batch_operations(desk: Desk) -> dict[str, Operation]:
    """What they ask for, as it goes by batch."""
    uses = {desk.job_file.job.steps[name].use for name in batched_steps(desk)}
    offers = {use: desk.catalog.offers[use] for use in sorted(uses)}
    return {use + BY_BATCH: offer.batch for use, offer in offers.items() if offer.batch is not None}


def window_of(desk: Desk) -> int:
    """Variants in flight at once."""
    return BATCH_WINDOW if batched_steps(desk) else WINDOW
