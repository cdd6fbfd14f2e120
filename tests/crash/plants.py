"""Mistakes planted on purpose, in the forked child alone: a harness that lets one of them pass proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.core import lifecycle
from runner.edge.journal import Journal
from runner.facts import Fact, Sent


def bought_again() -> None:
    """A submit that was never answered counts as one that was never sent."""
    table: dict[Any, Any] = {**lifecycle.AT_REST, "submitting": "new"}
    lifecycle.AT_REST = table  # type: ignore[misc]


def journaled_late() -> None:
    """A purchase is written down with the next turn, when it has left long ago."""
    commit = Journal.commit
    late: list[Fact] = []

    def commit_late(self: Journal, facts: Sequence[Fact]) -> None:
        due, late[:] = list(late), [fact for fact in facts if isinstance(fact, Sent) and fact.step == "submit"]
        commit(self, [*due, *(fact for fact in facts if fact not in late)])

    Journal.commit = commit_late  # type: ignore[method-assign]
