"""The gallery that a run writes: in the end, and while it goes on if somebody watches.

A journal can be read by nobody but the run that holds it, so a page that is live during a run has to come from the run itself.
Whoever serves the page (`runner.report.live`) touches a file beside the journal every few seconds; as long as that is fresh, the
run writes the gallery of what is known so far, and never spends more than a tenth of its time on it. A run that nobody watches
looks at the file's time now and then and does nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from runner.decisions import decisions_of
from runner.edge.clock import Clock
from runner.edge.state import State
from runner.errors import AdbatchError, Interrupted
from runner.facts import Fact, Sent
from runner.job.asking import Asking
from runner.loom import Loom, Outcome
from runner.records import Row
from runner.report.gallery import Gallery, Material, read_titles, write_gallery
from runner.report.source import prices_in
from runner.results import variant_line, weave
from runner.workshop import Workshop

EVERY: Final = 2.0
"""Seconds between two looks at whether somebody watches."""
FRESH: Final = 15.0
"""Seconds for which a touch counts."""
UNDER_WAY: Final = "it is asked; the answer has not come yet"
SHARE: Final = 10
"""A gallery that took a second is not written again for so many."""


def watch_mark(state: State, job: str) -> Path:
    """The file that is touched by whoever watches the job's run."""
    return state.journal(job).with_name("watched")


class Viewing:
    """Makes galleries with a run's own tools, before it lets go of them. `rows` are those of its feed."""

    def __init__(self, shop: Workshop, rows: Callable[[], Iterator[Row]]) -> None:
        self._shop, self._rows = shop, rows
        self._stopped = False
        self._began = float("inf")

    def stop(self) -> None:
        """End what is being written, at the next look into the journal: who does it, in another thread, meets an `Interrupted`."""
        self._stopped = True

    def write(self) -> Gallery:
        """The gallery of the results as they are written. Raises `Invalid` for wrong decisions, `Usage`, and `OurSide`."""
        return write_gallery(self._material())

    def write_so_far(self) -> Gallery:
        """The gallery of what is known now, results or none. Raises as `write`."""
        return write_gallery(replace(self._material(), lines=self._lines))

    @asynccontextmanager
    async def watched(self, clock: Clock) -> AsyncIterator[None]:
        """As long as this goes on, write the gallery whenever somebody watches and something has happened."""
        self._began = clock.now()
        task = asyncio.create_task(self._follow(clock))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self, clock: Clock) -> None:
        mark = watch_mark(self._shop.state, self._shop.desk.job_file.job.name)
        rest = EVERY
        while True:
            await clock.sleep_until(clock.now() + rest)
            began = clock.now()
            with suppress(OSError, AdbatchError):  # nobody watches; or what is wrong is told when the run ends
                if began - mark.stat().st_mtime < FRESH:
                    await self._write_aside()
            rest = max(EVERY, SHARE * (clock.now() - began))

    async def _write_aside(self) -> None:
        """Write in a thread; if this is cancelled, the thread has ended before the journal is closed."""
        done = asyncio.ensure_future(asyncio.to_thread(self.write_so_far))
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.wait([done])
            done.exception()
            self._stopped = False
            raise

    def _material(self) -> Material:
        desk, job = self._shop.desk, self._shop.desk.job_file.job
        return Material(
            job.name,
            desk.job_file.document.file,
            self._shop.state.mode,
            tuple(job.steps),
            desk.output,
            self._shop.blobs,
            self._histories,
            prices_in(desk.catalog),
            self._shop.journal.last(),
            decisions_of(desk.job_file),
            lambda: read_titles(self._rows()),
        )

    def _lines(self) -> Iterator[Mapping[str, Any]]:
        """What results.jsonl would say now."""
        asking = Asking(self._shop.desk.plan)
        for woven in weave(Loom(self._shop.desk.plan), self._shop.desk.plan.variants(self._rows()), self._look_up):
            if self._stopped:
                raise Interrupted("stopped", 130)
            yield json.loads(variant_line(asking, woven))

    def _look_up(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What is known of these requests. One that this run has just sent looks like one whose run was killed, and is none."""
        found = self._shop.look_up(ids)
        doubtful = [name for name, outcome in found.items() if outcome.status == "uncertain"]
        for name, facts in self._histories(doubtful).items() if doubtful else ():
            if isinstance(facts[-1], Sent) and facts[-1].at >= self._began:
                found[name] = replace(found[name], status="queued", why=UNDER_WAY, left=True)
        return found

    def _histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        if self._stopped:
            raise Interrupted("stopped", 130)
        return self._shop.journal.histories(ids)
