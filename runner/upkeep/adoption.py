"""Adoption: results that another journal bought, taken into this one, so that a new checkout buys nothing that is already there.

`results.jsonl` says by request id what was asked and what came, and the files lie beside it. A line is believed only as far as it
can be checked: the current plan must ask for the very request, and every file must have the bytes the line names and decode as what
it is. What is taken in is journaled as what it is, bought elsewhere: it counts as saved, never as sent or spent here.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from runner.core.lifecycle import Life
from runner.desk import load_files, output_of, state_of
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock
from runner.edge.journal import Journal, Mode
from runner.edge.marks import unmarked
from runner.edge.media import Bad, inspect
from runner.edge.outputs import MANIFEST, RESULTS
from runner.edge.published import Claim, claims_of, load_manifest, open_published, take_published
from runner.edge.register import Register, open_register
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.errors import Usage
from runner.facts import Fact, Planned, Resolved, Saved
from runner.feed import read_rows
from runner.frozen import frozen
from runner.loom import Ask, Loom, Outcome
from runner.outcomes import outcome_of
from runner.reading.study import Study, mode_of, open_study
from runner.records import Artifact, Variant
from runner.results import written

BATCH: Final = 200
"""Variants taken up at once; what they adopt is a few commits."""
ADOPTABLE: Final = frozenset({"new", "refused", "failed", "spoiled"})
"""States of a life in which a result from elsewhere is welcome: nothing is under way, nothing is here, nothing is in doubt."""
MOST_WORDS: Final = 16 << 20
"""Bytes of a file that holds a text or a JSON value."""


@dataclass(slots=True)
class Adopted:
    """What was taken in from the folder `output`.

    `taken` counts requests per step, `files` and `size` what came with them, `known` the requests whose result was here already.
    `lost` says, by request id, why a result that is named could not be taken; `unnamed` counts requests of the plan that have no
    result there. `journal` is the journal that bought them, None where no manifest tells.
    """

    output: Path
    journal: str | None
    taken: Counter[str] = field(default_factory=Counter)
    known: int = 0
    files: int = 0
    size: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    unnamed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        counts = {"adopted": dict(self.taken), "known": self.known, "files": self.files, "bytes": self.size}
        return {**counts, "unnamed": self.unnamed, "lost": self.lost, "journal": self.journal}


class Unfit(Exception):
    """Why what a line says cannot be taken in."""


async def adopt_results(path: Path, stage: Stage | None, clock: Clock, who: str) -> Adopted:
    """Take the results beside the job at `path` into its state; with a `stage` into that of its sandbox runs.

    Raises `Usage` where there are none or they are of the other mode, `Invalid` for a job or feed that is wrong, `Held` while a run
    holds the job.
    """
    project_file, job_file = load_files(path)
    output, name = output_of(project_file, job_file), job_file.job.name
    found = Adopted(output, _journal_of(output, mode_of(stage)))
    state = State(state_of(project_file), mode_of(stage))
    if not state.journal(name).exists():
        with state.lock(name, clock.now()), Journal.open(state.journal(name), state.mode):
            pass
    with open_study(path, stage, clock) as study:
        snapshot = await study.take_snapshot(clock)
        variants = study.desk.plan.variants(read_rows(study.desk.source(snapshot.files, snapshot.names)))
        with open_register(output / RESULTS) as register:
            Adopter(study, register, clock, who, found).adopt(variants)
    return found


def _journal_of(output: Path, mode: Mode) -> str | None:
    """The journal that the results there are of. Raises `Usage` where there are none, or they are of another mode."""
    if not (output / RESULTS).is_file():
        raise Usage(f"{output / RESULTS}: no such file; there is nothing to adopt")
    told = load_manifest(output) or {}
    if told.get("recorded", told.get("mode", mode)) != mode:
        how = "with --sandbox" if mode == "live" else "without --sandbox"
        raise Usage(f"{output / MANIFEST} says that these are results of a {told['mode']} run; they are adopted {how}")
    return str(told["journal"]) if "journal" in told else None


class Adopter:
    """Weaves the plan over what the state knows and what the lines tell."""

    def __init__(self, study: Study, register: Register, clock: Clock, who: str, found: Adopted) -> None:
        assert study.journal is not None
        assert study.blobs is not None
        self._study, self._journal, self._register, self._clock = study, study.journal, register, clock
        self._taker = Taker(study.blobs, found.output.resolve())
        self._read = frozenset().union(*study.desk.plan.needs.values())
        self._who, self._found = who, found
        self._why = f"adopted from {RESULTS}" + (f" of journal {found.journal}" if found.journal else "")

    def adopt(self, variants: Iterator[Variant]) -> None:
        """Take in what these variants ask, in plan order: what one step gave lets the next be asked."""
        loom = Loom(self._study.desk.plan)
        with ThreadPoolExecutor(thread_name_prefix="adopt") as pool:
            while batch := list(islice(variants, BATCH)):
                for variant in batch:
                    loom.take_up(variant)
                while asks := loom.asks():
                    for ask, outcome in self._outcomes(asks, pool):
                        loom.settle(ask.request.id, outcome)
                loom.yields()
                loom.finished()

    def _outcomes(self, asks: Sequence[Ask], pool: ThreadPoolExecutor) -> list[tuple[Ask, Outcome]]:
        """What is known of each request, after taking in what can be."""
        lives = self._study.lives([ask.request.id for ask in asks])
        named = self._register.find([ask.request.id for ask in asks])
        wanted = [ask for ask in asks if ask.request.id in named and self._lacks(lives.get(ask.request.id))]
        told = [(ask, list(self._register.read(ask.request.id))) for ask in wanted]
        taken = {ask.request.id: got for ask, got in zip(wanted, pool.map(self._take, told), strict=True) if got}
        self._journal.commit([fact for ask in wanted for fact in self._facts(ask, lives, taken)])
        return [(ask, self._outcome(ask, lives.get(ask.request.id), taken, named)) for ask in asks]

    def _lacks(self, life: Life | None) -> bool:
        """Whether a result from elsewhere is welcome; one whose bytes are gone from the state folder is, too."""
        return life is None or life.state in ADOPTABLE or (life.state == "saved" and not self._study.holds(life.artifacts))

    def _take(self, told: tuple[Ask, list[dict[str, Any]]]) -> tuple[Artifact, ...]:
        """The artifacts by the first line that has them all; none, with the reason noted, where no line does."""
        ask, steps = told
        for step in steps:
            try:
                artifacts = self._taker.take(step, ask.step in self._read)
            except Unfit as reason:
                self._found.lost[ask.request.id] = f"{ask.step}: {reason}"
            else:
                self._found.lost.pop(ask.request.id, None)
                return artifacts
        return ()

    def _facts(self, ask: Ask, lives: Mapping[str, Life], taken: Mapping[str, tuple[Artifact, ...]]) -> Iterator[Fact]:
        """Asked here for the first time, if it is, bought elsewhere, and saved."""
        name, at = ask.request.id, self._clock.now()
        if name in taken:
            if name not in lives:
                yield Planned(at, ask.request, step=ask.step)
            if name not in lives or lives[name].state != "saved":
                yield Resolved(at, name, "adopted", self._who, self._why)
            yield Saved(at, name, taken[name])

    def _outcome(self, ask: Ask, life: Life | None, taken: Mapping[str, tuple[Artifact, ...]], named: set[str]) -> Outcome:
        if artifacts := taken.get(ask.request.id):
            files = [artifact for artifact in artifacts if artifact.kind == "file"]
            self._found.taken[ask.step] += 1
            self._found.files += len(files)
            self._found.size += sum(artifact.size or 0 for artifact in files)
            return Outcome("done", ask.request, artifacts)
        if life is None or self._lacks(life):
            self._found.unnamed += ask.request.id not in named
            return Outcome("waiting", ask.request)
        self._found.known += life.state == "saved"
        return outcome_of(life)


@frozen
class Taker:
    """Brings what a line tells of a step into the store, after seeing that it is so. May be used by several threads."""

    blobs: Blobs
    root: Path

    def take(self, step: Mapping[str, Any], is_read: bool = False) -> tuple[Artifact, ...]:
        """The step's artifacts, in an order that gives the same line again. Raises `Unfit`.

        Where a later step asks with them (`is_read`), only what the vendor gave will do: with a finished file it would ask for
        something else, and buy that.
        """
        try:
            claims = claims_of(step)
        except ValueError as error:
            raise Unfit(str(error)) from error
        artifacts = [self._artifact(claim, step) for claim in claims]
        for claim, artifact in zip(claims, artifacts, strict=True):
            if is_read and claim.source and artifact.sha256 != claim.source:
                why = "is finished, and a later step reads what it was made of"
                raise Unfit(f"{claim.path} {why}; `adbatch import-state` brings that")
        kinds = {artifact.kind for artifact in artifacts}
        words = [self._plain(step, kind) for kind in ("text", "json") if kind in step and kind not in kinds]
        if not words and not artifacts:
            raise Unfit("its line has neither words nor files")
        return (*words, *artifacts)

    def _plain(self, step: Mapping[str, Any], kind: str) -> Artifact:
        return Artifact("text", text=str(step["text"])) if kind == "text" else Artifact("json", data=step["json"])

    def _artifact(self, claim: Claim, step: Mapping[str, Any]) -> Artifact:
        if claim.media_type == "text/plain":
            return self._words(claim, step, "text", lambda raw: Artifact("text", text=raw.removesuffix("\n")))
        if claim.media_type == "application/json":
            return self._words(claim, step, "json", lambda raw: Artifact("json", data=json.loads(raw)))
        return self._file(claim)

    def _words(self, claim: Claim, step: Mapping[str, Any], kind: str, read: Callable[[str], Artifact]) -> Artifact:
        """The words that `save:` made this file of: as the line has them, or, where that is another text, as the file has."""
        if kind in step:
            plain = self._plain(step, kind)
            if Claim.of(claim.path, written(plain)).sha256 == claim.sha256:
                return plain
        file = open_published(self.root, claim.path)
        if file is None:
            raise Unfit(f"{claim.path} is missing")
        with file:
            raw = file.read(MOST_WORDS)
        if Claim.of(claim.path, raw).sha256 != claim.sha256:
            raise Unfit(f"{claim.path} has changed")
        try:
            return read(raw.decode())
        except (ValueError, RecursionError) as error:
            raise Unfit(f"{claim.path} is no {kind} ({error})") from error

    def _file(self, claim: Claim) -> Artifact:
        """The picture or video, copied into the store and decoded."""
        try:
            self.blobs.path(claim.sha256)
        except ValueError as error:
            raise Unfit(f"{claim.path}: {error}") from error
        if not self.blobs.has(claim.sha256):
            got = take_published(self.root, claim.path, self.blobs)
            if got is None:
                raise Unfit(f"{claim.path} is missing")
            if got != claim.sha256:
                raise Unfit(f"{claim.path} has changed")
        sha256 = self._bought(claim)
        media = inspect(self.blobs.path(sha256))
        if isinstance(media, Bad):
            raise Unfit(f"{claim.path}: {media.why}")
        return Artifact("file", None, None, sha256, self.blobs.size(sha256), media.media_type, media.width, media.height)

    def _bought(self, claim: Claim) -> str:
        """What the file was made of, where only a mark was put in, which can be taken out again; else the file itself."""
        if not claim.source:
            return claim.sha256
        found = (data for data in unmarked(self.blobs.read(claim.sha256)) if hashlib.sha256(data).hexdigest() == claim.source)
        data = next(found, None)
        return claim.sha256 if data is None else self.blobs.put(data).sha256
