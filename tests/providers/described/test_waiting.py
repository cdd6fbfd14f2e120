"""How long a busy vendor says to wait."""

from __future__ import annotations

from typing import Any

import pytest

from runner.job.vendor import WaitSpec
from runner.providers.described.waiting import read_wait, wait_of
from tests.providers.questions import answer

NOON = "Sat, 21 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("found", "unit", "seconds"),
    [
        (7, "s", 7.0),
        ("1500", "ms", 1.5),
        (2, "m", 120.0),
        (3, "h", 3600.0),
        ("45.837906927s", "s", 45.837906927),
        ("12ms", "s", 0.012),
        ("1m30s", "s", 90.0),
        ("Your limit resets in ~30s.", "s", 30.0),
        ("try again in 2 m", "ms", 120.0),
        ("30 seconds", "s", None),
        ("soon", "s", None),
        (-3, "s", None),
        (True, "s", None),
        (None, "s", None),
        ([7], "s", None),
        (1e300, "s", None),
        (float("nan"), "s", None),
        ("9" * 9 + "h", "s", 3600.0),
        ("Sat, 21 Nov 2026 12:00:09 GMT", "date", 9.0),
        ("1795262420", "epoch", 20.0),
        (1795262420, "epoch", 20.0),
        ("1795262000", "epoch", 0.0),
    ],
)
def test_a_wait_is_read_as_vendors_write_it(found: Any, unit: str, seconds: float | None) -> None:
    """Bare numbers have the unit of the description, texts their own; never negative, never more than an hour."""
    assert read_wait(found, unit, {"date": NOON}) == (None if seconds is None else pytest.approx(seconds))


def test_the_first_place_that_says_something_counts() -> None:
    """Then Retry-After, which needs no description."""
    specs = [WaitSpec(header="retry-after-ms", unit="ms"), WaitSpec(body="error.details[].retryDelay | [0]")]
    said = {"error": {"details": [{"x": 1}, {"retryDelay": "4s"}]}}
    assert wait_of(answer(429, retry_after_ms="250", retry_after="9"), said, specs) == 0.25
    assert wait_of(answer(429, retry_after="9"), said, specs) == 4.0
    assert wait_of(answer(429, retry_after="9"), {}, specs) == 9.0
    assert wait_of(answer(429), None, specs) is None
