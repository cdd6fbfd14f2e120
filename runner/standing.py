"""Where a plan stands: one pass over all of it before anything is sent, and what is to be told of it afterwards.

Most variants of most runs are finished. The pass weaves every variant from the journal once, sees that its files lie where they
should, and writes its line; of a variant that is *open* (a run may still change it) it remembers the place in the plan and leaves a
blank line. So the engine takes up only what has something left to do, and the results are the lines of the pass with the blanks
filled in: a run that has nothing to do is this pass and nothing else.

A selection says what is asked. Told is all that is known: lines of variants that were not selected stay as they are, and are left
out only where nothing is known of them. Counts and troubles are of what was selected.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Final, Protocol, TypeAlias

from runner.causes import Causes
from runner.core.lifecycle import Life, recall
from runner.edge.glance import Glance
from runner.edge.outputs import Outputs
from runner.errors import Interrupted, OurSide
from runner.facts import Fact, Saved
from runner.job.asking import Asking
from runner.job.plan import Plan
from runner.jury import compared_steps
from runner.loom import GOOD, Ask, LookUp, Loom, Outcome, Status, Woven, worst_of
from runner.outcomes import GONE, Reuse, outcome_of
from runner.records import Artifact, Json, Variant
from runner.results import Files, Results, files_of, size_without_blob, variant_line, weave, written
from runner.selection import Selection
from runner.stillness import Rest, Restlessness, note_rest, read_rest

IN_MEMORY: Final = 256 << 10
"""Bytes of lines that are kept before they go to a file, and of that file at a time: lines made together are read together."""
PIECE: Final = 1 << 20
BLANK: Final = b"\n"
UNKNOWN: Final = frozenset({"waiting", "blocked", "skipped"})
CHOSEN, LEFT = 1, 2

Holds: TypeAlias = Callable[[Sequence[Artifact]], bool]
"""Whether the store has all files among the artifacts."""


class Pages(Protocol):
    """What is read of a journal."""

    def saved(self, ids: Sequence[str]) -> dict[str, Saved]:
        """The last fact of each request whose last fact is that its result is here."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first."""


def look_up(pages: Pages, ids: Sequence[str], holds: Holds) -> dict[str, Outcome]:
    """What a journal knows of these requests; those it does not know are left out, and what is done does not repeat its request.

    A result whose bytes are gone is not there, whatever the journal says.
    """
    saved = pages.saved(ids)
    known = {name: Outcome("done", None, fact.artifacts, at=fact.at) for name, fact in saved.items()}
    lives = {name: recall(facts) for name, facts in pages.histories([name for name in ids if name not in saved]).items()}
    known |= {name: outcome_of(life) for name, life in lives.items() if life is not None}
    return {
        name: outcome if outcome.status != "done" or holds(outcome.artifacts) else _gone(outcome) for name, outcome in known.items()
    }


def _gone(outcome: Outcome) -> Outcome:
    return Outcome("failed", outcome.request, why=GONE, at=outcome.at)


@dataclass(slots=True)
class Wishes:
    """What may change in this run, beyond what nobody has finished yet.

    `uses` are the `provider/operation` of steps bought anew on purpose: two steps may ask for the same. Results of before
    `stale_before` are too old. `risky` are the steps that may ask again for what is uncertain. What ended in a way the selection
    orders once more is collected in `again`, by request id.
    """

    selection: Selection
    uses: frozenset[str] = frozenset()
    stale_before: float = 0.0
    risky: frozenset[str] = frozenset()
    again: set[str] = field(default_factory=set)

    def wants(self, step: str, outcome: Outcome) -> bool:
        """Whether a step that has come to this may change in this run."""
        if outcome.left:
            return True
        if outcome.request is None:
            return False
        if outcome.status == "done":
            return outcome.at < self.stale_before or outcome.request.use in self.uses
        return (
            outcome.request.use in self.uses
            or (outcome.status == "uncertain" and step in self.risky)
            or (outcome.status == "failed" and outcome.at < self.stale_before and bool(outcome.artifacts))
            or self.selection.orders_again(outcome.status)
        )

    def orders_again(self, ask: Ask, life: Life) -> bool:
        """Whether a request that is settled is to be bought once more: it is too old, or somebody said so."""
        return (life.state == "saved" and life.at < self.stale_before) or ask.request.id in self.again

    def note(self, woven: Woven) -> None:
        """Remember which requests of a selected variant are to be bought once more for their status alone."""
        for step, outcome in woven.outcomes.items():
            orders = outcome.request is not None and not outcome.left and self.selection.takes_step(step)
            if orders and outcome.request is not None and self.selection.orders_again(outcome.status):
                self.again.add(outcome.request.id)


class Standing:
    """The pass and what it found. A context manager: it holds the draft of the results.

    `publish` is given each variant's files before its line is written, `glance` looks at the files that the last run left. `reuse`
    counts the different requests that were there, `chosen` the variants that are selected; `seen` groups what has gone wrong since.
    """

    def __init__(self, plan: Plan, wishes: Wishes, publish: Callable[[Files], None], glance: Glance, folder: Path) -> None:
        self.reuse = Reuse()
        self.chosen = 0
        self.seen = Causes()
        self._plan, self._wishes, self._publish = plan, wishes, publish
        self._selection = wishes.selection
        self._steps = frozenset(step for step in plan.needs if self._selection.takes_step(step))
        self._is_whole = not self._selection.choice
        self._is_compared = bool(compared_steps(plan))
        self._room = self._selection.limit
        self._asking = Asking(plan)
        self._open: array[int] = array("Q")
        self._marks = bytearray()
        self._counts: Counter[str] = Counter()
        self._causes = Causes()
        self._glance, self._folder = glance, folder
        self._rest: Rest | None = None
        self._restlessness = Restlessness()
        self._draft = SpooledTemporaryFile(IN_MEMORY, buffering=IN_MEMORY, dir=str(folder))  # noqa: SIM115 - closed with this
        self._made = SpooledTemporaryFile(IN_MEMORY, buffering=IN_MEMORY, dir=str(folder))  # noqa: SIM115 - closed with this
        self._starts: array[int] = array("Q")  # of the lines among what is made, of each open variant; 0 where there is none
        self._end = self._made.write(BLANK)
        self._stopped = False

    def __enter__(self) -> Standing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._draft.close()
        self._made.close()

    def stay(self, rest: Rest | None, folder: Path) -> bool:
        """Whether there is nothing to do and nothing to tell that the last run has not told; published files are seen to.

        `rest` is what it left, if nothing has moved since (`runner.stillness`); `folder` is where its results are.
        """
        if rest is None or not self._is_whole or self._wishes.uses or rest.oldest < self._wishes.stale_before:
            return False
        if (files := read_rest(folder, rest.results.file)) is None:
            return False
        for path, file in files:
            if file.made is not None and not self._glance.holds(file.made.source):
                return False
            if not self._glance.is_right(str(file.sha256), path, size_without_blob(file)):
                if not self._can_make(file):
                    return False
                self._publish({"": {path: file}})
            if self._stopped:
                raise Interrupted("stopped", 130)
        self._rest, self.chosen = rest, sum(rest.results.counts.values())
        return True

    def _can_make(self, file: Artifact) -> bool:
        """Whether a file that results name can be published again: from the store, or from what its line says."""
        sha256 = str(file.sha256)
        return self._glance.holds(sha256) if file.kind == "file" else hashlib.sha256(written(file)).hexdigest() == sha256

    def take(self, variants: Iterator[Variant], known: LookUp, see: Sequence[Callable[[Woven], None]] = ()) -> None:
        """The pass over all variants of the plan. `see` are shown each as it stands before anything is asked."""
        if self._is_compared:
            for _, row in groupby(self._weave(variants, known), lambda woven: woven.variant.row.key):
                self._take_row([self._see(woven, see) for woven in row])
            return
        for woven in self._weave(variants, known):
            self._place(*self._see(woven, see))

    def _see(self, woven: Woven, see: Sequence[Callable[[Woven], None]]) -> tuple[Woven, bool, set[str]]:
        """The variant, whether it is selected, and which of its steps may change."""
        for look in see:
            look(woven)
        chosen = self._choose(woven)
        self.chosen += chosen
        wanted = {step for step, outcome in woven.outcomes.items() if self._wishes.wants(step, outcome)}
        if chosen:
            self._note_reuse(woven, wanted)
        return woven, chosen, wanted

    def _place(self, woven: Woven, chosen: bool, wanted: set[str], beside: int | None = None) -> None:
        """Leave the variant open if something of it may change; tell it otherwise. Beside an open sibling, all stay so."""
        if not wanted and beside is None:
            self._draw(self._tell(woven, chosen))
            return
        left = chosen and not wanted.isdisjoint(self._steps)
        self._open.append(woven.variant.index)
        self._marks.append(CHOSEN * chosen | LEFT * left | (beside or 0) * (not wanted))
        self._draw(BLANK)
        if left:
            self._wishes.note(woven)

    def _take_row(self, row: Sequence[tuple[Woven, bool, set[str]]]) -> None:
        """A row whose variants are compared with one another: where one may change, all are judged again."""
        left = any(chosen and not wanted.isdisjoint(self._steps) for _, chosen, wanted in row)
        beside = LEFT * left if any(wanted for _, _, wanted in row) else None
        for woven, chosen, wanted in row:
            self._place(woven, chosen, wanted, beside)

    def take_all(self, count: int) -> bool:
        """The pass where the journal is empty: all of the plan's variants, so many, are open. False where some are not selected."""
        if not self._is_whole:
            return False
        self.chosen = count
        self._open, self._marks = array("Q", range(count)), bytearray([CHOSEN | LEFT]) * count
        for _ in range(count):
            self._draw(BLANK)
        return True

    def note(self, made: Iterable[Woven]) -> None:
        """Keep the lines of variants whose last step has just ended, and whose files are published.

        Only of those that are good: of any other the journal has the last word in the end.
        """
        if not (self._starts or self._is_compared):
            self._starts = array("Q", bytes(8 * len(self._open)))
        lines: dict[int, bytes] = {}
        for woven in made:
            self.seen.note(woven.outcomes)
            if self._is_compared:
                continue  # a row is told as a whole
            place = bisect_left(self._open, woven.variant.index)
            if (status := woven.status) in GOOD:
                lines[place] = self._line(woven, bool(self._marks[place] & CHOSEN), files_of(self._asking, woven), status)
        self._draw(b"".join(lines.values()), self._made)
        for place, line in lines.items():
            self._starts[place] = self._end
            self._end += len(line)

    def left(self) -> Iterator[int]:
        """Where in the plan the selected variants are that have something left to do, ascending."""
        return (index for index, mark in zip(self._open, self._marks, strict=True) if mark & LEFT)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return not any(mark & LEFT for mark in self._marks)

    def write(self, variants_at: Callable[[Iterable[int]], Iterator[Variant]], known: LookUp, outputs: Outputs) -> Results:
        """Write results.jsonl: the lines of the pass, and those of open variants (`variants_at` makes them) as they stand now."""
        if self._rest is not None:
            return self._rest.results
        file = outputs.write_results(self._pieces(variants_at, known))
        return Results(self._counts, self._causes.worst(), file)

    @property
    def reused(self) -> Counter[str]:
        """How many different requests of each lane were there."""
        return self.reuse.counts() if self._rest is None else self._rest.reused

    def note_rest(self, results: Results, facts: int) -> dict[str, Json] | None:
        """What the next run may rely on if nothing moves until then, None where something is left open."""
        if self._rest is not None:
            return note_rest(results, self._rest.reused, self._rest.oldest, facts)
        if self._restlessness.is_restless or not self._is_whole:
            return None
        return note_rest(results, self.reuse.settled(), self._restlessness.oldest, facts)

    def _pieces(self, variants_at: Callable[[Iterable[int]], Iterator[Variant]], known: LookUp) -> Iterator[bytes]:
        self._draft.seek(0)
        if not self._open:
            while piece := self._draft.read(PIECE):
                yield piece
            return
        starts = self._starts or array("Q", bytes(8 * len(self._open)))
        again = self._weave(variants_at(index for index, start in zip(self._open, starts, strict=True) if not start), known)
        places = iter(range(len(self._open)))
        for line in self._draft:
            if line != BLANK:
                yield line
            elif start := starts[place := next(places)]:
                self._made.seek(start)
                yield self._made.readline()
            else:
                yield self._tell(next(again), bool(self._marks[place] & CHOSEN))

    def _draw(self, line: bytes, where: SpooledTemporaryFile[bytes] | None = None) -> None:
        try:
            (where or self._draft).write(line)
        except OSError as error:
            why = f"{self._folder}: the draft of the results cannot be written ({error.strerror})"
            raise OurSide(f"{why}; free some space, then run again") from error

    def stop(self) -> None:
        """End the pass, or the writing, at the next variant: whoever does it, in another thread, meets an `Interrupted`."""
        self._stopped = True

    def _weave(self, variants: Iterator[Variant], known: LookUp) -> Iterator[Woven]:
        for woven in weave(Loom(self._plan), variants, known):
            if self._stopped:
                raise Interrupted("stopped", 130)
            yield woven

    def _choose(self, woven: Woven) -> bool:
        """Whether the variant is selected; the first so many are, where there is a limit."""
        if self._is_whole:
            return True
        if self._room == 0 or not self._selection.takes(woven.variant):
            return False
        if not self._selection.takes_any({step: outcome.word for step, outcome in woven.outcomes.items()}):
            return False
        self._room = None if self._room is None else self._room - 1
        return True

    def _tell(self, woven: Woven, chosen: bool) -> bytes:
        """The variant's line, nothing if it was not selected and nothing is known of it; its files are seen to, and it counts."""
        if not chosen and all(outcome.request is None or outcome.status in UNKNOWN for outcome in woven.outcomes.values()):
            for outcome in woven.outcomes.values():
                self._restlessness.see(outcome)
            return b""
        files = files_of(self._asking, woven)
        self._publish(files)
        return self._line(woven, chosen, files, woven.status)

    def _line(self, woven: Woven, chosen: bool, files: Files, status: Status) -> bytes:
        for outcome in woven.outcomes.values():
            self._restlessness.see(outcome)
        if chosen:
            self._count(woven.outcomes, status)
        return variant_line(self._asking, woven, files, status)

    def _count(self, outcomes: Mapping[str, Outcome], status: Status) -> None:
        if len(self._steps) != len(outcomes):
            outcomes = {step: outcome for step, outcome in outcomes.items() if step in self._steps}
            status = worst_of([outcome.status for outcome in outcomes.values()])
        self._counts[status] += 1
        if status not in GOOD:
            self._causes.note(outcomes)

    def _note_reuse(self, woven: Woven, wanted: set[str]) -> None:
        for step, outcome in woven.outcomes.items():
            if outcome.request is not None and step in self._steps and step not in wanted and outcome.why != GONE:
                self.reuse.know(outcome.request)
