"""What becomes of one request in the next run, by what is known of it: asked again, used again, waited for, or left alone.

The engine decides the same while it runs (`Engine._admit`); here it is told beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from runner.budgets import risk_of
from runner.core.lifecycle import Life, recall
from runner.desk import Desk
from runner.facts import Fact, Planned, Resolved, Saved
from runner.frozen import frozen
from runner.loom import Ask, Outcome
from runner.planning.reasons import FAILED, FRESH, NOT_ASKED, RETRY, SETTLED, TOO_OLD, Reason
from runner.records import Variant

Prospect: TypeAlias = Literal["new", "changed", "again", "blocked", "resumed", "reused", "uncertain", "left", "stuck", "aside"]

PROSPECTS: Final[tuple[Prospect, ...]] = ("new", "changed", "again", "blocked", "resumed", "reused", "uncertain", "left", "stuck")
"""In the order they are told. `new` was not asked in the last run, `changed` asked something else there, `again` is bought once
more; `blocked` reads an answer that is still to come, and is asked then; `resumed` is at the vendor; `left` was refused or is not
usable; `stuck` reads one of those or an uncertain one. `aside` is what a selection leaves out, and is not told."""

ASKED: Final[tuple[Prospect, ...]] = ("new", "changed", "again")
"""What is sent at once."""
OPEN: Final[tuple[Prospect, ...]] = (*ASKED, "blocked", "resumed")
"""What has no answer yet, and will have one."""

Judged: TypeAlias = tuple[Prospect | None, tuple[Reason, ...]]
"""A prospect and why it is asked. None: as far as the journal knows it is asked for the first time."""

DAY: Final = 86400


class Chosen(Protocol):
    """What a run is restricted to; `runner.selection.Selection` tells of each."""

    @property
    def limit(self) -> int | None:
        """How many variants at most."""

    def takes(self, variant: Variant) -> bool:
        """Whether the variant may be asked for."""

    def takes_step(self, step: str) -> bool:
        """Whether this step may be asked for."""

    def takes_any(self, statuses: Mapping[str, str]) -> bool:
        """Whether a variant is wanted whose steps have come to this."""

    def orders_again(self, status: str) -> bool:
        """Whether what ended so is to be bought once more."""


@frozen
class Wish:
    """What the command line asks for, at the moment `now` (seconds since the epoch): `fresh` tells the steps to buy anew."""

    now: float
    fresh: Callable[[str], bool] = lambda _: False
    chosen: Chosen | None = None

    def takes_step(self, step: str) -> bool:
        """Whether this step may be asked for."""
        return self.chosen is None or self.chosen.takes_step(step)

    def orders_again(self, status: str) -> bool:
        """Whether what ended so is to be bought once more."""
        return self.chosen is not None and self.chosen.orders_again(status)


class Judge:
    """Judges requests by their histories."""

    def __init__(self, desk: Desk, wish: Wish) -> None:
        refresh = desk.job_file.job.refresh
        self._max_age = None if refresh is None or refresh.max_age is None else float(refresh.max_age)
        self._wish = wish
        self._risk = risk_of(desk)

    def settles(self, step: str, outcome: Outcome) -> bool:
        """Whether what is there is simply used again, told without reading the request's history."""
        if outcome.status != "done" or self._wish.fresh(step):
            return False
        return self._max_age is None or 0 < outcome.at >= self._wish.now - self._max_age

    def judge(self, ask: Ask, outcome: Outcome, history: Sequence[Fact]) -> Judged:
        """The prospect of a request; `outcome` is what a user is told of it, `history` its facts."""
        life = recall(history)
        if life is None:
            return None, ()
        if self._wish.fresh(ask.step):
            return "again", (FRESH,)
        if self._wish.orders_again(outcome.status):
            return "again", (Reason(f"--status {outcome.status}", outcome.why),)
        if life.state == "uncertain":
            return ("again", (RETRY,)) if self._risk(ask, _tries(history)) else ("uncertain", ())
        if life.state in ("new", "failed"):
            return _unsent(life, history)
        return self._bought(life, outcome)

    def _bought(self, life: Life, outcome: Outcome) -> Judged:
        if life.state == "saved":
            aged = self._saved(life)
            return aged if outcome.status == "done" or (outcome.artifacts and aged[0] == "again") else ("left", ())
        gone = life.state == "refused" or (life.state == "spoiled" and not life.retrievable)
        return "left" if gone else "resumed", ()

    def _saved(self, life: Life) -> Judged:
        age = self._wish.now - life.at
        if self._max_age is None or age <= self._max_age:
            return "reused", ()
        return "again", (Reason(TOO_OLD, f"{age / DAY:.0f} days old"),)


def _unsent(life: Life, history: Sequence[Fact]) -> Judged:
    """Taken up by a run and not bought: never sent, in vain, or to be sent again because somebody said so."""
    if life.state == "failed":
        return "again", (Reason(FAILED, life.why),)
    last = history[-1]
    if isinstance(last, Resolved):
        return "again", (Reason(SETTLED, "not billed" if last.how == "not_billed" else "ask again"),)
    if any(isinstance(fact, Planned) and fact.fresh for fact in history):
        return "again", (Reason(NOT_ASKED, life.why),)
    return None, (Reason(NOT_ASKED, life.why),) if life.why else ()


def _tries(history: Sequence[Fact]) -> int:
    """How often an uncertain request was asked again already, as the engine counts it."""
    saved_at = max((fact.at for fact in history if isinstance(fact, Saved)), default=0.0)
    return sum(isinstance(fact, Planned) and fact.fresh and fact.at > saved_at for fact in history)
