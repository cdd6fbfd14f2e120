"""Which request a further try asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.plan import Plan
from runner.job.retrial import LARGEST_SEED, STRIDE, next_seed
from runner.records import Request
from tests.fakes import make_plan, make_rows


def tries(folder: Path, with_: str, count: int = 3, more: str = "") -> list[Request]:
    """The requests of the first tries of a step with these params."""
    plan: Plan = make_plan(folder, f"  copy: {{use: pen/text, with: {with_}{more}}}\n")
    [variant] = plan.variants(make_rows(1))
    asked = [plan.ask(variant, "copy", {}, None, number) for number in range(1, count + 1)]
    assert all(isinstance(request, Request) for request in asked)
    return asked  # type: ignore[return-value]


def test_a_step_that_reads_the_seed_gets_the_next_one(tmp_path: Path) -> None:
    """Wherever it stands in the params; nothing else changes."""
    found = tries(tmp_path, '{prompt: "{{ row.title }} #{{ seed }}"}')
    seeds = [int(str(request.params["prompt"]).partition("#")[2]) for request in found]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]
    assert {request.again for request in found} == {1}


def test_a_step_without_a_seed_is_another_purchase(tmp_path: Path) -> None:
    """The params stay, and `again` leaves room for what people write there."""
    found = tries(tmp_path, '{prompt: "{{ row.title }}"}', more=", again: 2")
    assert [request.again for request in found] == [2, 2 + STRIDE, 2 + 2 * STRIDE]
    assert len({request.id for request in found}) == 3
    assert len({str(request.params) for request in found}) == 1


@given(st.integers(1, LARGEST_SEED), st.integers(1, 11))
def test_seeds_stay_within_their_range(seed: int, number: int) -> None:
    """After the largest comes the first; the first try has the seed itself."""
    assert 1 <= next_seed(seed, number) <= LARGEST_SEED
    assert next_seed(seed, 1) == seed
    assert (next_seed(seed, number) - seed) % LARGEST_SEED == (number - 1) % LARGEST_SEED


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_try_is_the_same_request_on_every_machine(tmp_path: Path, number: int) -> None:
    """It follows from the plan and its number alone."""
    with_ = '{prompt: "{{ row.title }} #{{ seed }}"}'
    assert tries(tmp_path, with_, number)[-1] == tries(tmp_path, with_, number)[-1]
