"""What became of a request, in the words a user reads, and which requests nothing had to be done for.

A life (`runner.core.lifecycle`) knows what happened to a request; an outcome (`runner.loom`) is what that means for the variants
that want it. Whoever runs, looks up, adopts or plans says it in the same words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from runner.core.lifecycle import Life
from runner.job.memo import Distinct
from runner.loom import Outcome, Status
from runner.records import Artifact, Request
from runner.verdicts import Data, Item, Text

GONE: Final = "its bytes are gone from the state folder; `--fresh` buys it again"

STATUS_OF: Final[dict[str, Status]] = {
    "saved": "done",
    "refused": "refused",
    "failed": "failed",
    "spoiled": "failed",
    "uncertain": "uncertain",
    "overdue": "queued",
    "waiting": "queued",
    "ready": "queued",
    "landed": "queued",
    "new": "waiting",
}
"""The word a user reads for the state a life was left in."""


FINISHED: Final = frozenset({"saved", "refused", "spoiled", "uncertain"})
"""The states in which a run leaves a life alone, unless what it bought can still be had."""


class Reuse:
    """Which different requests were there already, and which this run took up; in eight bytes each, by lane."""

    def __init__(self) -> None:
        self._known: defaultdict[str, Distinct] = defaultdict(Distinct)
        self._planned: defaultdict[str, Distinct] = defaultdict(Distinct)

    def know(self, request: Request) -> None:
        """Note a request that is settled for good."""
        self._known[request.provider].add(int(request.id[:16], 16))

    def plan(self, request: Request) -> None:
        """Note a request that this run asks for, or goes on with."""
        self._planned[request.provider].add(int(request.id[:16], 16))

    def counts(self) -> Counter[str]:
        """How many different requests of each lane nothing was done for."""
        counts = {lane: marks.count_beyond(self._planned[lane]) for lane, marks in self._known.items()}
        return Counter({lane: count for lane, count in counts.items() if count})

    def settled(self) -> Counter[str]:
        """How many different requests of each lane there are, where all of them are settled now."""
        counts = self.counts()
        return counts + Counter({lane: len(marks) for lane, marks in self._planned.items()})


def artifact_of(item: Item) -> Artifact | None:
    """A text or a JSON value as an artifact; None for bytes, which have to be looked at."""
    if isinstance(item, Text):
        return Artifact("text", text=item.text)
    return Artifact("json", data=item.value) if isinstance(item, Data) else None


def is_unfinished(life: Life) -> bool:
    """Whether a run goes on with this life by itself."""
    return life.state not in FINISHED or life.retrievable


def outcome_of(life: Life, reused: bool = False) -> Outcome:
    """What a user is told of a life."""
    return Outcome(STATUS_OF[life.state], life.request, life.artifacts, life.why, reused, is_unfinished(life), life.at)
