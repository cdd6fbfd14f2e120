"""How far a run is: the whole is what the feed asks for, unknown prices are counted, and no time is told that nobody knows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.core.tally import Cost, LaneTally
from runner.headway import Headway, Progress, duration, expected_of, headway_of, told_money
from runner.job.load import load_job
from tests.projects import COPY, SCENE, write_project

BUSY = LaneTally(
    planned=10, reused=1, done=2, refused=1, spoiled=1, uncertain=1, flying=2, queued=1, waiting=1, pace=0.5, unpriced=2, submits=6
)
PRICED = replace(BUSY, unpriced=0, cost={"USD": Cost(Decimal("0.90"), Decimal("0.60"))})


def test_a_lane_is_told_in_requests() -> None:
    """Reused ones are done; refused, damaged and uncertain ones failed; the whole is what is planned or, if more, expected."""
    assert headway_of({"jivox": BUSY, "idle": LaneTally()}, {}).lanes == {"jivox": Progress(3, 3, 10, 3, 1, 0.5, 8.0)}
    assert headway_of({"jivox": BUSY}, {"jivox": 106}).lanes["jivox"].left == 200.0


@pytest.mark.parametrize(
    ("tally", "expected", "told"),
    [
        (PRICED, {}, "0.60 of about 0.90 USD"),
        (PRICED, {"jivox": 19}, "0.60 of about 1.80 USD"),
        (replace(PRICED, unpriced=2), {}, "0.60 of about 0.90 USD, 2 of unknown price"),
        (BUSY, {"jivox": 19}, "2 of unknown price"),
        (replace(BUSY, unpriced=0), {}, ""),
        (replace(PRICED, cost={"USD": Cost(Decimal("0.30"), Decimal("0.60"))}), {}, "0.60 of about 0.60 USD"),
    ],
)
def test_money_is_spent_and_projected(tally: LaneTally, expected: dict[str, int], told: str) -> None:
    """What is planned so far says what the whole comes to; what has no known price is counted, and is no zero."""
    assert told_money(headway_of({"jivox": tally}, expected)) == told


@pytest.mark.parametrize(
    ("other", "left"),
    [
        ({}, 8.0),
        ({"pace": 0.1, "planned": 20}, 140.0),
        ({"pace": 0.0}, None),
        ({"planned": 6, "pace": 0.0}, 8.0),
    ],
)
def test_the_slowest_lane_tells_the_time(other: dict[str, Any], left: float | None) -> None:
    """A lane with work left that finished nothing lately leaves the time unknown; one that is through does not."""
    headway = headway_of({"jivox": BUSY, "vyro": replace(BUSY, **other)}, {})
    assert headway.left == left
    assert Headway({}).left is None


def test_what_is_there_is_not_expected(tmp_path: Path) -> None:
    """The requests of a lane's steps less those reused; where a step goes by batch, nothing is promised."""
    job = load_job(write_project(tmp_path, COPY + SCENE)).job
    assert expected_of(job, {"copy": 5, "scene": 7}, {"vyro": 3}) == {"jivox": 5, "vyro": 4}
    batch = '  copy: {use: openai/chat, lane: batch, with: {model: m, prompt: "x"}}\n'
    assert expected_of(load_job(write_project(tmp_path, batch)).job, {"copy": 5}, {}) == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0, "0 s"),
        (9.4, "9 s"),
        (59.6, "1 min 00 s"),
        (72, "1 min 12 s"),
        (3599.7, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    """A duration is told in its two largest units."""
    assert duration(seconds) == text
