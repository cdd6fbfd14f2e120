"""What a run is restricted to: some variants, some steps, what failed, one machine's share.

A selection chooses what is asked, never what is told: results still speak of everything that is known. It is made of words from the
command line (`Choice`) and a compiled plan.

A shard is a share of the rows, by a hash of the row's key, so all variants of a row are asked for on one machine and steps that
they have in common are bought once. A step that reads nothing of the row is every shard's, and is bought by each: that is said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from runner.errors import Usage
from runner.fields import suggest
from runner.frozen import frozen
from runner.job.beginning import Rows
from runner.job.memo import Scale
from runner.job.only import Only
from runner.job.plan import Plan
from runner.records import Row, Variant

STATUSES: Final = ("failed", "refused", "uncertain", "flagged")
"""What a step can have come to that somebody may want to look at again. What was bought but is not usable has failed, and what a
check complained of and the job keeps is flagged: it counts as done, and is bought anew only by `--fresh`."""

ASKED_AGAIN: Final = frozenset({"failed", "refused"})
"""Naming one of these orders another try, which may be paid again. Of the uncertain only a person knows whether it was billed."""

APPROVED: Final = "approved"
"""What `--only` may say instead of an expression: the variants that people approved as they are now."""

SHARD: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@frozen
class Shard:
    """The `number`-th, from 1, of `count` shares of the rows."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def takes(self, row_key: str) -> bool:
        """Whether the row with this key is in this share; it is in exactly one, on every machine the same."""
        digest = hashlib.sha256(row_key.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def read_shard(text: str) -> Shard:
    """`1/4` as a shard. Raises `Usage`."""
    written = SHARD.fullmatch(text.strip())
    if written is None:
        raise Usage(f"--shard {text}: write which share of how many, such as 1/4")
    shard = Shard(int(written[1]), int(written[2]))
    if not 1 <= shard.number <= shard.count:
        cure = f"{shard.count} shards are numbered 1 to {shard.count}" if shard.count else "at least one share is needed"
        raise Usage(f"--shard {text}: {cure}")
    return shard


@frozen
class Choice:
    """What the command line selects, in its own words. `limit` is the number of variants, the first that all else selects."""

    only: str | None = None
    steps: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    shard: Shard | None = None
    limit: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return self != Choice()

    def told(self) -> dict[str, Any]:
        """The choice as a manifest has it; what was not said is left out."""
        said: dict[str, Any] = {"only": self.only, "steps": sorted(set(self.steps)), "status": sorted(set(self.statuses))}
        said |= {"shard": None if self.shard is None else str(self.shard), "limit": self.limit}
        return {name: value for name, value in said.items() if value not in (None, [])}


class Selection:
    """A choice made in a plan; `approved` gives the keys of approved variants, where they are asked for.

    Raises `Usage` for a step that is not there, `Invalid` for an expression that is none.
    """

    def __init__(self, choice: Choice, plan: Plan, approved: Callable[[], Iterable[str]] = tuple) -> None:
        self.choice = choice
        self._plan = plan
        wants_approved = choice.only is not None and choice.only.strip() == APPROVED
        self._approved = frozenset(approved()) if wants_approved else None
        self._only = None if choice.only is None or wants_approved else Only(choice.only, plan)
        self._steps = _with_what_they_read(choice.steps, plan.needs)
        self._row: Row | None = None
        self._in_shard = True

    @property
    def limit(self) -> int | None:
        """How many variants at most: the first that are taken in every other way."""
        return self.choice.limit

    def takes(self, variant: Variant) -> bool:
        """Whether the variant may be asked for, as far as its row, cell and number tell. Raises `Invalid`."""
        shard = self.choice.shard
        if shard is not None and variant.row is not self._row:
            self._row, self._in_shard = variant.row, shard.takes(variant.row.key)
        if self._approved is not None and variant.key not in self._approved:
            return False
        return self._in_shard and (self._only is None or self._only.takes(variant))

    def takes_step(self, step: str) -> bool:
        """Whether this step may be asked for: it is named, or read by one that is, or none is named."""
        return step in self._steps

    def takes_status(self, status: str) -> bool:
        """Whether a variant is wanted that has a step with this status."""
        return not self.choice.statuses or status in self.choice.statuses

    def takes_any(self, statuses: Mapping[str, str]) -> bool:
        """Whether a variant is wanted whose steps have come to this, by step; only chosen steps count."""
        return any(self.takes_status(status) for step, status in statuses.items() if step in self._steps)

    def orders_again(self, status: str) -> bool:
        """Whether what ended so is to be bought once more, though it was settled: somebody has said that very word."""
        return status in self.choice.statuses and status in ASKED_AGAIN

    def remarks(self) -> Iterator[str]:
        """What a person should know before anything is asked."""
        if "uncertain" in self.choice.statuses:
            yield "what is uncertain is not asked again by itself; `adbatch resolve` settles it, or `uncertain: retry` in its step"
        if "flagged" in self.choice.statuses:
            yield "what is flagged is kept, so it is not asked again by itself; `--fresh STEP` buys it anew"
        shared = [step.name for step in self._plan.steps if self.takes_step(step.name) and not self._by_row(step.reads)]
        if self.choice.shard is not None and self.choice.shard.count > 1 and shared:
            steps = " ".join(f"--step {step}" for step in shared)
            yield (
                f"{_and(shared)} read{'s' if len(shared) == 1 else ''} nothing of the row, so each shard buys it for itself; "
                f"to buy it once, run {steps} first and give the other machines that state"
            )

    def review(self, taken: int, rows: Rows) -> list[str]:
        """What a person should know of a choice that takes so many variants. Raises `Invalid` if it is misspelt and takes none."""
        if not self.choice:
            return []
        if taken:
            return [self._size(taken), *self.remarks()]
        self.check_any(rows)
        return [self._nothing()]

    def check_fresh(self, fresh: frozenset[str] | None) -> None:
        """Raise `Usage` if a step is to be bought anew that is not to be asked for."""
        for step in sorted((fresh or frozenset()) - self._steps):
            raise Usage(f"{step} is to be bought anew, but --step leaves it out; add --step {step}")

    def check_any(self, rows: Rows) -> None:
        """Raise `Invalid` if the expression takes no variant of the plan at all: it is misspelt, and what is near is named.

        That a share is empty, or that nothing has failed, is no mistake.
        """
        if self._only is not None and not any(map(self._only.takes, self._plan.variants(rows()))):
            raise self._only.nothing(rows())

    def _size(self, taken: int) -> str:
        steps = [step for step in self._plan.needs if step in self._steps] if self.choice.steps else []
        return f"selected: {taken:,} variant{'s' if taken > 1 else ''}{' for ' + _and(steps) if steps else ''}"

    def _nothing(self) -> str:
        choice = self.choice
        if choice.statuses:
            among = " of what is selected" if choice.only or choice.steps or choice.shard else ""
            return f"nothing{among} is {' or '.join(choice.statuses)}; there is nothing to do"
        if self._approved is not None:
            return "nothing is approved as it is now; `adbatch report` shows what there is to decide"
        return f"no row is in shard {choice.shard}; there is nothing to do" if choice.shard else "there is nothing to select from"

    def _by_row(self, reads: frozenset[str]) -> bool:
        return Scale(reads, self._plan.cells, self._plan.job.variants).by_row


def _with_what_they_read(steps: Iterable[str], needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The named steps and all that they are made from; every step where none is named."""
    waiting = list(steps) or list(needs)
    found: set[str] = set()
    while waiting:
        step = waiting.pop()
        if step not in needs:
            raise Usage(f"--step {step}: the job has no such step{suggest(step, needs).replace('; it takes', '; it has')}")
        if step not in found:
            found.add(step)
            waiting += needs[step]
    return frozenset(found)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
