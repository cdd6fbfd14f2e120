"""What the engine is handed: clock, hands, journal and disk are arguments, so that a test can hand it others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field
from typing import Protocol

from runner.core.conductor import Conductor
from runner.core.lifecycle import Life
from runner.edge.clock import Clock
from runner.facts import Fact, Planned, Saved
from runner.frozen import frozen
from runner.hands import Hands
from runner.loom import Ask, Chore, Outcome, Woven, Yield, finish_here
from runner.outcomes import GONE, Reuse, is_unfinished, outcome_of
from runner.records import Artifact, Blob, Request


class Ledger(Protocol):
    """What the engine needs of a journal."""

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all facts durably, in one transaction."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first."""


@frozen
class Tools:
    """Everything the engine is handed: clock, hands, journal and disk are arguments.

    `measure` verifies a blob and describes it (a text says why it is not usable), `holds` says whether all blobs of some artifacts
    are still there, `publish` writes what steps gave to the output folder, and `tell` is told of variants all of whose steps have
    ended. `fresh` names the steps to buy anew, `again` says of
    a request that is settled whether it is to be bought once more, `stays` of any that is known that nothing is done for it, and
    `risk` whether what was uncertain, and asked again so many times already, may be asked once more. What leaves is decided within
    a `turn`, so that runs which share a lane decide one after another. `reuse` counts what nothing had to be done for.
    `drain` tells the hands that nothing more is to be bought. `finish` makes finished pictures of what came.
    """

    clock: Clock
    hands: Hands
    ledger: Ledger
    measure: Callable[[Blob], Awaitable[Artifact | str]]
    holds: Callable[[Sequence[Artifact]], bool]
    publish: Callable[[Sequence[Yield]], None]
    fresh: Callable[[str], bool] = lambda _: False
    risk: Callable[[Ask, int], bool] = lambda _ask, _tries: False
    turn: Callable[[Conductor], AbstractContextManager[None]] = lambda _: nullcontext()
    again: Callable[[Ask, Life], bool] = lambda _ask, _life: False
    stays: Callable[[str], bool] = lambda _: False
    reuse: Reuse = field(default_factory=Reuse)
    tell: Callable[[Sequence[Woven]], None] = lambda _: None
    drain: Callable[[], None] = lambda: None
    finish: Callable[[Chore], Awaitable[tuple[Artifact, ...] | str]] = finish_here

    def known(self, life: Life) -> Outcome | None:
        """The outcome of a life that is settled for good, None if there is something left to do for it."""
        if is_unfinished(life):
            return None
        if life.state == "saved" and not self.holds(life.artifacts):
            return Outcome("failed", life.request, why=GONE, reused=True)
        self.reuse.know(life.request)
        return outcome_of(life, reused=True)

    def is_ordered(
        self, ask: Ask, life: Life, history: Sequence[Fact], since: float, takes: Callable[[Request, str], bool]
    ) -> bool:
        """Whether the user orders a new purchase: by the command line or by age, once a run, or by the step's word on risk.

        The run began at `since`; `takes` says whether a request could still leave for a step in it.
        """
        orders = [fact for fact in history if isinstance(fact, Planned) and fact.fresh]
        anew = self.fresh(ask.step) or (not is_unfinished(life) and self.again(ask, life))
        if anew and not any(order.at >= since for order in orders):
            return True
        if life.state != "uncertain" or not takes(ask.request, ask.step):
            return False
        saved_at = max((fact.at for fact in history if isinstance(fact, Saved)), default=0.0)
        return self.risk(ask, sum(order.at > saved_at for order in orders))
