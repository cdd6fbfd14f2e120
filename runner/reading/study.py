"""The study: a job's papers laid out for reading. Its desk, its journal and its feed; nothing to send with, and no key.

Whoever only wants to know (what a run would do, how a variant came about, what is there) sits here. Where a job was never run there
is no state folder yet, and reading makes none: the journal then reads as empty. Where it was, the job is held like for a run, so
nobody reads while another writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol

from runner.core.lifecycle import Life, recall
from runner.desk import Desk, load_files, open_desk, state_of
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock, SystemClock
from runner.edge.finisher import Finisher
from runner.edge.journal import RECOVERED, Journal, Mode, Run
from runner.edge.rehearsal import Stage
from runner.edge.sights import Looks
from runner.edge.snapshots import Snapshot
from runner.edge.state import State
from runner.edge.transport import Transport
from runner.errors import Usage
from runner.facts import Fact, Saved
from runner.feed import Source
from runner.job.load import JobFile, ProjectFile
from runner.loom import Outcome
from runner.records import Artifact
from runner.standing import look_up


class Pages(Protocol):
    """What can be read of a journal; `Journal` tells of each."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each request that has any, oldest first."""

    def saved(self, ids: Sequence[str]) -> dict[str, Saved]:
        """The last fact of each request whose last fact is that its result is here."""

    def facts(self) -> Iterator[Fact]:
        """Every fact in the order it became known."""

    def uncertain(self) -> Iterator[tuple[str, list[Fact]]]:
        """Id and facts of each request that was perhaps bought."""

    def runs(self) -> list[Run]:
        """All runs, oldest first."""


class BlankPages:
    """The journal of a job that was never run."""

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """Nothing is known of any request."""
        return {}

    def saved(self, ids: Sequence[str]) -> dict[str, Saved]:
        """No request has its result."""
        return {}

    def facts(self) -> Iterator[Fact]:
        """There is none."""
        return iter(())

    def uncertain(self) -> Iterator[tuple[str, list[Fact]]]:
        """There is none."""
        return iter(())

    def runs(self) -> list[Run]:
        """There is none."""
        return []


class Study:
    """A job opened for reading. Make one with `open_study`; `desk` is laid when it is first asked for.

    `pages` is the journal, or what reads as an empty one; `journal` is None then, and so are `state` and `blobs`.
    """

    def __init__(
        self, files: tuple[ProjectFile, JobFile], stage: Stage | None, state: State | None, journal: Journal | None
    ) -> None:
        self.project_file, self.job_file = files
        self.stage, self.state, self.journal = stage, state, journal
        self.pages: Pages = journal or BlankPages()
        self.blobs: Blobs | None = None if state is None else state.blobs()

    @property
    def mode(self) -> Mode:
        """Whose papers these are."""
        return mode_of(self.stage)

    @cached_property
    def desk(self) -> Desk:
        """The job compiled, without its rows. Raises `Invalid` with every mistake that needs no row to be seen."""
        desk = open_desk((self.project_file, self.job_file), self.stage)
        if self.blobs is not None:
            desk.plan.look_at = Looks(self.blobs)
            desk.plan.finisher = Finisher(self.blobs)
        return desk

    def runs_ended(self) -> list[Run]:
        """The runs that ended, oldest first."""
        return [run for run in self.pages.runs() if run.ended is not None]

    def lives(self, ids: Sequence[str]) -> dict[str, Life]:
        """What the journal makes of these requests; those it does not know are left out."""
        lives = {name: recall(facts) for name, facts in self.pages.histories(ids).items()}
        return {name: life for name, life in lives.items() if life is not None}

    def look_up(self, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What a run would know of these requests, as `runner.results.weave` takes it."""
        return look_up(self.pages, ids, self.holds)

    def holds(self, artifacts: Sequence[Artifact]) -> bool:
        """Whether all files among the artifacts are in the store."""
        wanted = [artifact.sha256 for artifact in artifacts if artifact.sha256 is not None]
        return all(self.blobs is not None and self.blobs.has(sha256) for sha256 in wanted)

    def source(self) -> Source:
        """The feed as it lies there; of one at an address, what the last run downloaded.

        Raises `Invalid` where there is no such file, `Usage` where nothing was downloaded yet.
        """
        spec = self.job_file.job.feed.path
        if "://" in spec:
            return self._downloaded(spec.partition("?")[0])
        return self.desk.local_source()

    async def take_snapshot(self, clock: Clock | None = None) -> Snapshot:
        """The feed held still as a run does it: copied into the state folder (made if need be), downloaded from an address."""
        state = self.state or State(state_of(self.project_file), self.mode)
        async with Transport({}, state.blobs(), clock or SystemClock()) as transport:
            return await self.desk.take_snapshot(state.feeds, transport.download)

    def _downloaded(self, name: str) -> Source:
        for run in reversed(self.pages.runs()):
            digest = run.meta.get("feed")
            held = sorted(self.state.feeds.glob(f"{digest}*")) if self.state and isinstance(digest, str) else []
            if held:
                return self.desk.source((held[0],), (name,))
        raise Usage(f"{name} was not downloaded yet; the first run does that")


@contextmanager
def open_study(path: Path, stage: Stage | None = None, clock: Clock | None = None) -> Iterator[Study]:
    """The papers of the job at `path`: its live ones, or with a `stage` (nobody needs to play on it) those of its sandbox runs.

    Raises `Invalid` for mistakes in job or project file, `Held` while a run holds the job, `OurSide` for a damaged journal.
    """
    files = load_files(path)
    root, name = state_of(files[0]), files[1].job.name
    with ExitStack() as house:
        state, journal = None, None
        if (root / mode_of(stage) / "jobs" / name).is_dir():
            state = State(root, mode_of(stage))
            house.enter_context(state.lock(name, (clock or SystemClock()).now()))
            place = state.journal(name)
            if place.exists() or place.with_name(place.name + RECOVERED).exists():
                journal = house.enter_context(Journal.open(place, state.mode))
        yield Study(files, stage, state, journal)


def mode_of(stage: Stage | None) -> Mode:
    """Runs against emulated vendors and live ones share nothing."""
    return "live" if stage is None else "sandbox"
