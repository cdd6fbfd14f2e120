"""What an OpenAI-compatible server's errors mean, and how long it wants us to wait.

Documented by the vendor ("Error codes", "Rate limits"): `{"error": {"message", "type", "param", "code"}}`; a 429 of type
`insufficient_quota` is about money, not pace; `slow_down` (429 or 503) means not accepted, later; waits come as `retry-after-ms`,
`retry-after`, or as the time until a window refills (`x-ratelimit-reset-requests: 6m0s`). Other servers have less of this or none,
so a word counts only where the status fits it, and a silent 5xx stays in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runner.providers.contract import MAX_WAIT, clip, dig, message_of, read_status, retry_after, seconds_of
from runner.records import Answer, Step
from runner.verdicts import Barred, Busy, Verdict

BARRED: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
        "account_deactivated",
        "invalid_api_key",
        "invalid_organization",
        "invalid_project",
    }
)
"""Words about the account: money or key. The lane closes."""
SLOW_DOWN: Final = frozenset({"slow_down"})
"""Words that mean "not accepted, too fast" even with a 503."""
DURATION: Final = re.compile(
    r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,12})?)s)?(?:(\d{1,9}(?:\.\d{1,12})?)ms)?"
)
SECONDS: Final = (86_400.0, 3600.0, 60.0, 1.0, 0.001)


def read_error(step: Step, answer: Answer, said: Any) -> Verdict:
    """The verdict of an answer that is no success."""
    told, status = words_of(said), answer.status
    message = error_message(said)
    why = f"{status}: {message}" if message else f"status {status}"
    if 400 <= status < 500 and told & BARRED:
        return Barred(why)
    if status == 429 or (status == 503 and told & SLOW_DOWN):
        return Busy(wait_of(answer.headers), why)
    return read_status(answer, step, message, {})


def words_of(said: Any) -> frozenset[str]:
    """The words of `error.code` and `error.type`, wherever the server puts them."""
    places = (dig(said, "error"), said)
    told = (dig(place, name) for place in places for name in ("code", "type"))
    return frozenset(word.strip().lower() for word in told if isinstance(word, str))


def error_message(said: Any) -> str:
    """What the error says, and its code where the text does not have it."""
    message = message_of(said)
    code = dig(said, "error", "code")
    if isinstance(code, str) and code.strip() and code not in message:
        return clip(f"{message} ({code})" if message else code)
    return message


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `retry-after-ms`, else `Retry-After`, else until the windows refill that are told; None if nothing is."""
    milliseconds = seconds_of(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = retry_after(headers)
    if seconds is not None:
        return seconds
    return max((wait for of in ("requests", "tokens") if (wait := _refill(headers, of)) is not None), default=None)


def _refill(headers: Mapping[str, str], of: str) -> float | None:
    """Seconds until a window is whole again. One that still has room for more than a little is not what we wait for."""
    left = headers.get(f"x-ratelimit-remaining-{of}", "").strip()
    if of == "requests" and left.isdigit() and int(left) > 0:
        return None
    return duration_of(headers.get(f"x-ratelimit-reset-{of}", ""))


def duration_of(text: str) -> float | None:
    """Seconds of `12ms`, `1s`, `6m0s` or `1h2m3.5s`, at most an hour; a bare number is seconds, None for anything else."""
    text = text.strip()
    found = DURATION.fullmatch(text)
    if not text or found is None or not any(found.groups()):
        return seconds_of(text)
    total = sum(float(part) * unit for part, unit in zip(found.groups(), SECONDS, strict=True) if part)
    return min(total, MAX_WAIT)
