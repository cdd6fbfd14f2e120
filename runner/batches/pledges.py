"""Pledges: what waits in a file has not left, so the journal does not say it has.

A purchase is written down before its first byte leaves. Of requests that go by batch that is not the moment they are handed out but
the one in which the batch of their file is created, perhaps much later; a run that is killed before has bought nothing, and nobody
has to guess. So the engine's journal is this one: it holds such facts back until the file leaves, or until something else came of
it, which is then written down together with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from runner.facts import Answered, Fact, Planned, Sent
from runner.tools import Ledger


class Pledges:
    """The journal as the engine has it. `steps` are those whose requests go by batch."""

    def __init__(self, ledger: Ledger, steps: Collection[str]) -> None:
        self._ledger, self._steps = ledger, steps
        self._gathered: set[str] = set()
        self._held: dict[str, Sent] = {}

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all facts durably, in one transaction, but for submits that wait in a file."""
        self._ledger.commit([written for fact in facts for written in self._written(fact)] if self._steps else facts)

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first."""
        return self._ledger.histories(ids)

    def leave(self, ids: Sequence[str], ticket: str) -> None:
        """These requests leave now; should the answer never come, they can be asked for by `ticket`."""
        sent = (self._held.pop(name, None) for name in ids)
        self._ledger.commit([replace(fact, ticket=ticket) for fact in sent if fact is not None])

    def _written(self, fact: Fact) -> Iterator[Fact]:
        if isinstance(fact, Planned):
            (self._gathered.add if fact.step in self._steps else self._gathered.discard)(fact.id)
        if isinstance(fact, Sent) and fact.step == "submit" and fact.id in self._gathered:
            self._held[fact.id] = fact
            return
        if isinstance(fact, Answered) and (sent := self._held.pop(fact.id, None)) is not None:
            yield sent
        yield fact
