"""How long an OpenAI-compatible server wants us to wait, and what its errors say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.providers.contract import MAX_WAIT
from runner.providers.openai_errors import duration_of, error_message, wait_of, words_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1m30.5s", 90.5),
        ("59m59s", 3599.0),
        ("2h", MAX_WAIT),
        ("1d", MAX_WAIT),
        ("7.66s", 7.66),
        ("3", 3.0),
        ("", None),
        ("soon", None),
        ("-1s", None),
        ("1s1m", None),
        ("s", None),
    ],
)
def test_durations_are_read_as_they_are_written(text: str, seconds: float | None) -> None:
    """Days, hours, minutes, seconds and milliseconds in this order, an hour at most."""
    assert duration_of(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(alphabet="0123456789.smhd ", max_size=20))
def test_a_duration_never_goes_wrong(text: str) -> None:
    """Whatever a header holds, it is a wait within an hour or nothing."""
    seconds = duration_of(text)
    assert seconds is None or 0 <= seconds <= MAX_WAIT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "9", "x-ratelimit-reset-requests": "1s"}, 9.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1h", "x-ratelimit-reset-tokens": "80ms"}, 0.08),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s"}, 20.0),
        ({}, None),
        ({"retry-after-ms": "x"}, None),
    ],
)
def test_the_nearest_word_wins(headers: Mapping[str, str], seconds: float | None) -> None:
    """Milliseconds, then Retry-After, then the window that is still to refill."""
    assert wait_of(headers) == seconds


def test_words_are_found_where_servers_put_them() -> None:
    """Inside `error`, or at the top; numbers are no words."""
    assert words_of({"error": {"code": "Slow_Down", "type": None}}) == {"slow_down"}
    assert words_of({"object": "error", "type": "BadRequestError", "code": 400}) == {"badrequesterror"}
    assert words_of(["x"]) == words_of(None) == frozenset()


def test_a_code_is_told_where_the_text_lacks_it() -> None:
    """So that what is looked up is in the message."""
    assert error_message({"error": {"message": "no more", "code": "insufficient_quota"}}) == "no more (insufficient_quota)"
    assert error_message({"error": {"message": "", "code": "x"}}) == "x"
    assert error_message({"error": {"message": "x happened", "code": "x"}}) == "x happened"
    assert error_message({"message": "plain"}) == "plain"
