"""Asking again for what was not as expected: the same wish, but another request, so that it is bought as one of its own.

Which request a try asks for depends on nothing but the try's number, so every run, also after a kill, finds the tries of the runs
before it. What sends a seed sends the next one. What has no seed is told apart as `again:` tells purchases apart, far beyond what
anybody writes there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.job.rendering import prompts_in
from runner.job.steps import StepPlan
from runner.records import Json

LARGEST_SEED: Final = 2**31 - 1
STRIDE: Final = 1_000_000
"""What one more try adds to `again`."""


def next_seed(seed: int, number: int) -> int:
    """The seed of try `number`, from 1, where the first try had `seed`; 1..2³¹-1."""
    return (seed - 1 + number - 1) % LARGEST_SEED + 1


def try_again(step: StepPlan, params: Mapping[str, Json], number: int) -> tuple[dict[str, Json], int]:
    """Params and `again` of try `number`, above 1, of a step whose templates have seen the next seed already."""
    if any("seed" in prompt.reads for prompt in prompts_in(step.shape)):
        return dict(params), step.spec.again
    seed = params.get("seed")
    if isinstance(seed, int) and not isinstance(seed, bool):
        return {**params, "seed": _within(step, seed + number - 1)}, step.spec.again
    return dict(params), step.spec.again + (number - 1) * STRIDE


def _within(step: StepPlan, seed: int) -> int:
    """The seed, from the beginning again where the vendor takes no larger one."""
    field = step.offer.operation.fields.get("seed")
    most = LARGEST_SEED if field is None or field.high is None else int(field.high)
    return seed if seed <= most else seed - most
