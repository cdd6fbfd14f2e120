"""What a job's batch steps need: lanes, operations, room."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.batches.lanes import BATCH_WINDOW, batch_lanes, batch_operations, batched_steps, window_of
from runner.desk import Desk, load_files, open_desk
from runner.engine import WINDOW
from runner.errors import Invalid
from tests.projects import said, write_project

STEP = "  copy: {use: USE, lane: batch, with: {prompt: '{{ row.title }}', model: m}}\n"
PLAIN = "  plain: {use: openai/chat, with: {prompt: '{{ row.id }}', model: m}}\n"


def desk_of(folder: Path, steps: str, project: str = "version: 1\n") -> Desk:
    """The desk of a small job with these steps."""
    return open_desk(load_files(write_project(folder, steps, project=project)))


def test_a_job_without_batches_needs_nothing(tmp_path: Path) -> None:
    """No lane, no operation, no more room than ever."""
    desk = desk_of(tmp_path, PLAIN)
    assert (batched_steps(desk), batch_lanes(desk), batch_operations(desk)) == (frozenset(), {}, {})
    assert window_of(desk) == WINDOW


def test_a_batch_step_has_a_lane_of_its_own(tmp_path: Path) -> None:
    """Beside the account's, without its limits: those are for calls one by one."""
    project = "version: 1\nproviders: {house: {kind: openai, limits: {rate: [1/1m], concurrent: 1}}}\n"
    desk = desk_of(tmp_path, STEP.replace("USE", "house/chat") + PLAIN, project)
    assert batched_steps(desk) == {"copy"}
    (limits,) = batch_lanes(desk).values()
    assert list(batch_lanes(desk)) == ["house@batch"]
    assert limits.rate == ()
    assert limits.concurrent is not None
    assert limits.concurrent >= window_of(desk) == BATCH_WINDOW == 50_000


@pytest.mark.parametrize(
    ("prices", "price"),
    [
        ("openai/chat: {each: 0.30, currency: USD}", "0.15 USD"),
        ("openai/chat: {each: 0.30, currency: USD}, openai/chat@batch: {each: 0.20, currency: USD}", "0.2 USD"),
        ("openai/chat@batch: {each: 0.20, currency: USD}", "0.2 USD"),
        ("", None),
    ],
)
def test_a_batch_costs_half_unless_the_project_says(tmp_path: Path, prices: str, price: str | None) -> None:
    """And an unknown price stays unknown."""
    desk = desk_of(tmp_path, STEP.replace("USE", "openai/chat"), f"version: 1\nprices: {{{prices}}}\n")
    (operation,) = batch_operations(desk).values()
    assert (None if operation.price is None else str(operation.price)) == price
    assert operation.deadline == 25 * 3600
    assert list(batch_operations(desk)) == ["openai/chat@batch"]


def test_a_deadline_of_the_project_holds_for_batches(tmp_path: Path) -> None:
    """Whoever does not want to wait a day says so."""
    desk = desk_of(tmp_path, STEP.replace("USE", "openai/chat"), "version: 1\nproviders: {openai: {limits: {deadline: 10m}}}\n")
    (operation,) = batch_operations(desk).values()
    assert operation.deadline == 600


@pytest.mark.parametrize(
    ("use", "project", "why"),
    [
        ("jivox/text", "providers: {jivox: {account: '1'}}", "jivox/text cannot go by batch; leave lane out"),
        ("openai/image-edit", "", "openai/image-edit cannot go by batch; openai/chat and openai/image can"),
        ("mistral/chat", "", "mistral/chat cannot go by batch; leave lane out"),
    ],
)
def test_what_cannot_go_by_batch_is_told(tmp_path: Path, use: str, project: str, why: str) -> None:
    """At the line that says so, with what can."""
    step = f"  copy:\n    use: {use}\n    lane: batch\n    with: {{prompt: x}}\n"
    with pytest.raises(Invalid) as wrong:
        desk_of(tmp_path, step, f"version: 1\n{project}\n")
    assert f"job.yaml:8:11 steps.copy.lane: {why}" in said(wrong.value)


def test_a_price_of_nothing_is_a_mistake(tmp_path: Path) -> None:
    """A price by batch of what cannot go that way names nothing."""
    with pytest.raises(Invalid) as wrong:
        desk_of(tmp_path, PLAIN, "version: 1\nprices: {openai/image-edit@batch: {each: 1, currency: USD}}\n")
    assert "nothing is called openai/image-edit@batch" in said(wrong.value)[0]
