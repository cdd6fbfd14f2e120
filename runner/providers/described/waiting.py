"""How long a busy vendor says to wait: in a header or in the body, as a number, a duration, a date or a moment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runner.job.vendor import WaitSpec
from runner.providers.contract import MAX_WAIT, reset_after, retry_after, seconds_of
from runner.providers.described.asking import ask
from runner.records import Answer

SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,12})?) ?(ms|s|m|h)(?![a-z])")
LONGEST: Final = 1000


def wait_of(answer: Answer, said: Any, specs: Sequence[WaitSpec]) -> float | None:
    """Seconds to wait, at most an hour; None where the answer does not say."""
    for spec in specs:
        found = answer.headers.get(spec.header.lower()) if spec.header is not None else ask(spec.body, said)
        seconds = read_wait(found, spec.unit, answer.headers)
        if seconds is not None:
            return seconds
    return retry_after(answer.headers)


def read_wait(found: Any, unit: str, headers: Mapping[str, str]) -> float | None:
    """A wait as vendors write it: a bare number in `unit`, or a text that holds a duration (`45.8s`, `in ~30s`, `1m30s`)."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    text = str(found)[:LONGEST].strip()
    if unit == "date":
        return retry_after({"retry-after": text, "date": headers.get("date", "")})
    if unit == "epoch":
        return reset_after({"reset": text, "date": headers.get("date", "")}, "reset")
    number = seconds_of(text) if "e" not in text else None
    if number is not None:
        return min(float(text) * SECONDS[unit], MAX_WAIT)
    told = DURATION.findall(text)
    return min(sum(float(amount) * SECONDS[word] for amount, word in told), MAX_WAIT) if told else None
