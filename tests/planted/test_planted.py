"""Harnesses that find nothing prove nothing: each must catch the mistake it was made for, and be silent without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.planted import harness, mistakes
from tests.planted.mistakes import Parts

Harness = Callable[[Parts, Path], Awaitable[list[str]]]

PLANTED: dict[str, tuple[Harness, Parts]] = {
    "a 5xx is tried again": (harness.server_errors, Parts(provider=mistakes.RetriesServerErrors)),
    "what is uncertain is silently asked again": (harness.lost_answers, Parts(risk=mistakes.asks_again)),
    "what was sent is sent again after a restart": (harness.crash, Parts(ledger=mistakes.ForgetsSubmits)),
    "what is sent is journaled after it has left": (harness.crash, Parts(ledger=mistakes.JournalsAfterSending)),
    "a ticket is not journaled": (harness.parked_jobs, Parts(ledger=mistakes.LosesTickets)),
    "the status in the envelope is ignored": (harness.envelopes, Parts(provider=mistakes.IgnoresTheEnvelope)),
    "Retry-After is believed to be a number": (harness.retry_after, Parts(provider=mistakes.NaiveRetryAfter)),
    "a reservation is counted late": (harness.budget, Parts(purse=mistakes.ReservesLate)),
    "redirects are followed with the key": (harness.redirects, Parts(carrier=mistakes.FollowsWithKeys)),
    "headers are logged": (harness.leaks, Parts(carrier=mistakes.LogsHeaders)),
    "the HTTP client repeats by itself": (harness.hits, Parts(carrier=mistakes.Repeats)),
    "only the resolver is guarded": (harness.rebinding, Parts(guard=mistakes.TrustsTheResolver)),
    "pictures are verified and not decoded": (harness.pictures, Parts(shop=mistakes.verifies_only)),
    "an empty feed retires everything": (harness.empty_feed, Parts(bench=mistakes.TakesAnyFeed)),
    "of two rows with one key the last wins": (harness.double_keys, Parts(bench=mistakes.LastRowWins)),
}
"""Fifteen mistakes, each with the harness that guards against it."""


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_mistake_is_caught(tmp_path: Path, name: str) -> None:
    """The harness finds nothing wrong with the real parts, and something with the mistake among them."""
    look, planted = PLANTED[name]
    for folder in ("sound", "planted"):
        (tmp_path / folder).mkdir()
    assert await look(Parts(), tmp_path / "sound") == []
    assert await look(planted, tmp_path / "planted") != []
