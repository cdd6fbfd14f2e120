"""Where two results come from: an output folder, a results.jsonl, or what a revision of git holds of either.

A side knows its lines, its manifest, its pictures and its papers. Pictures are looked for in the state folder by their sha256, then
where they were published; what lies there counts only if it has that sha256, so an edited file is never taken for what the run
made. Of a revision only what is needed is taken out of git. The work tree is read and never written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import orjson

from runner.desk import load_files, output_of, state_of
from runner.edge.blobs import Blobs
from runner.edge.clock import Clock, SystemClock
from runner.edge.commits import write_entry
from runner.edge.git import Entry, Objects, Repository
from runner.edge.histories import is_sha256
from runner.edge.journal import RECOVERED, Journal, Mode
from runner.edge.outputs import MANIFEST, RESULTS
from runner.edge.published import hash_published, load_manifest
from runner.edge.remaking import restore
from runner.edge.state import State
from runner.errors import AdbatchError, Held, OurSide, Usage
from runner.facts import Fact, Planned
from runner.frozen import frozen
from runner.job.forms import SLUG
from runner.job.load import load_project
from runner.records import Made, Request
from runner.report.parts import Part

MODES: Final[Mapping[str, Mode]] = {"live": "live", "sandbox": "sandbox", "replay": "replay"}
REV: Final = re.compile(r"([^:]+):(.*)", re.DOTALL)


@frozen
class Papers:
    """What a job's journal knows. It is held for the moment of a question: a comparison takes minutes, and no run should wait."""

    state: State
    name: str
    clock: Clock

    def histories(self, ids: Sequence[str]) -> Mapping[str, Sequence[Fact]]:
        """The facts of these requests. Raises `Held` while a run has the job, `OurSide` where the journal cannot be read."""
        place = self.state.journal(self.name)
        with self.state.lock(self.name, self.clock.now()):
            if not (place.exists() or place.with_name(place.name + RECOVERED).exists()):
                return {}
            with Journal.open(place, self.state.mode) as journal:
                return journal.histories(ids)


Stored: TypeAlias = tuple[Blobs, Papers | None]
"""What the state folder has of a job: its store, and its journal where that can be read."""


@dataclass(slots=True)
class Tree:
    """The files below a folder of a commit, by path, and a private folder for those that are taken out."""

    entries: Mapping[str, Entry]
    objects: Objects
    large: Path
    room: Path
    taken: dict[str, Path] = field(default_factory=dict)

    def take(self, path: str) -> Path | None:
        """The file at `path`, written out; None where the commit has none."""
        entry = self.entries.get(path)
        if entry is None or not entry.mode.startswith("100"):
            return None
        if entry.object not in self.taken:
            place = self.room / entry.object
            write_entry(self.objects, entry, place, self.large)
            self.taken[entry.object] = place
        return self.taken[entry.object]


@dataclass(slots=True)
class Side:
    """One of the two. `name` is for people, `results` the file with the lines, `folder` where its files lie (None: in `tree`)."""

    name: str
    results: Path
    folder: Path | None
    manifest: Mapping[str, Any] | None
    tree: Tree | None = None
    blobs: Blobs | None = None
    papers: Papers | None = None
    commit: str | None = None

    def picture(self, part: Part) -> Path | None:
        """The part's file, exactly as the run made it; None where it is not at hand."""
        if not is_sha256(part.digest):
            return None
        if self.blobs is not None and self.blobs.has(part.digest):
            return self.blobs.path(part.digest)
        if (found := self._published(part)) is not None:
            return found
        made = Made(part.made_from, part.source_type or None)
        return self.blobs.path(part.digest) if self.blobs is not None and restore(self.blobs, part.digest, made) else None

    def _published(self, part: Part) -> Path | None:
        if part.path is None:
            return None
        if self.tree is not None:
            found = self.tree.take(part.path)
            return found if found is not None and _digest(found) == part.digest else None
        if self.folder is None or hash_published(self.folder, part.path) != part.digest:
            return None
        return self.folder / part.path

    def requests(self, ids: Sequence[str]) -> dict[str, Request]:
        """What these requests ask, as far as the journal at hand knows; nothing while a run has it."""
        if self.papers is None or not ids:
            return {}
        try:
            histories = self.papers.histories(ids)
        except Held:
            return {}
        found = {name: _request(facts) for name, facts in histories.items()}
        return {name: request for name, request in found.items() if request is not None}

    def as_json(self) -> dict[str, Any]:
        """What is told of it."""
        return {"name": self.name, "commit": self.commit, "run": (self.manifest or {}).get("run")}


class Sides:
    """Opens sides; `remarks` say what cannot be told. A context manager: what was taken out of git is let go of at the end."""

    def __init__(self, here: Path, clock: Clock | None = None) -> None:
        self._here, self._clock = here, clock or SystemClock()
        self._house = ExitStack()
        self._stored: dict[tuple[Path, Mode, str], Stored | None] = {}
        self.remarks: list[str] = []

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, *_: object) -> None:
        self._house.close()

    def open(self, words: Sequence[str], rev: str | None = None) -> tuple[Side, Side]:
        """The two sides that the command line names: `A B`, or with `rev` `JOB [B]`. Raises `Usage` where one is not there."""
        if rev is None:
            if len(words) != 2:
                raise Usage("name two of: an output folder, its results.jsonl, REV:PATH; or a job and --rev")
            return self._side(words[0]), self._side(words[1])
        if len(words) > 2:
            raise Usage("--rev takes a job and at most one other revision: adbatch diff JOB --rev A B")
        project_file, job_file = load_files(self._here / words[0])
        output = output_of(project_file, job_file)
        then = self._committed(rev, output, f"{rev}:{words[0]}")
        return then, self._committed(words[1], output, f"{words[1]}:{words[0]}") if len(words) == 2 else self._folder(
            output, words[0]
        )

    def _side(self, word: str) -> Side:
        path = self._here / word
        if path.is_dir():
            return self._folder(path.resolve(), word)
        if path.is_file():
            if path.suffix in (".yaml", ".yml"):
                raise Usage(
                    f"{word} is a job; name its output folder, or compare it with a revision: adbatch diff {word} --rev REV"
                )
            if path.suffix == ".json":
                raise Usage(f"{word} holds no results; name the results.jsonl beside it, or the output folder")
            return self._folder(path.parent.resolve(), word, path.name)
        found = REV.fullmatch(word)
        if found is None:
            raise Usage(f"{word}: there is no such folder or file; a revision is written REV:PATH, such as HEAD~1:out/mugs")
        repository = Repository(self._here)
        top = repository.top.resolve()
        place = ((self._here if found[2].startswith("./") else top) / found[2]).resolve()
        return self._committed(found[1], place, word, repository)

    def _folder(self, folder: Path, name: str, results: str = RESULTS) -> Side:
        if not (folder / results).is_file():
            raise Usage(f"{folder} has no {results}; was the job run, and is this its output folder?")
        with_manifest = load_manifest(folder) if results == RESULTS else None
        return self._with_papers(Side(name, folder / results, folder, with_manifest), folder)

    def _committed(self, rev: str, place: Path, name: str, repository: Repository | None = None) -> Side:
        """The results at `place`, a folder or a file below the repository's top, as `rev` has them."""
        repository = repository or Repository(next(folder for folder in (place, *place.parents) if folder.is_dir()))
        top = repository.top.resolve()
        commit = repository.commit(rev)
        if not place.is_relative_to(top):
            raise Usage(f"{place} lies outside the repository {top}, so no revision has it")
        way = PurePosixPath(place.relative_to(top).as_posix())
        results = RESULTS if way.suffix != ".jsonl" else way.name
        way = way.parent if way.suffix == ".jsonl" else way
        folder = "" if str(way) == "." else str(way)
        held = f"{folder}/{results}" if folder else results
        if held not in repository.find(commit, [held]):
            raise Usage(f"{rev} has no {held}; are the results committed? `adbatch diff` compares what a run left, not jobs")
        entries = {entry.path: entry for entry in repository.entries(commit, folder)}
        room = Path(self._house.enter_context(TemporaryDirectory(prefix="adbatch-")))
        objects = self._house.enter_context(repository.open_objects())
        tree = Tree(entries, objects, repository.objects / "lfs" / "objects", room)
        lines = tree.take(results)
        assert lines is not None
        told = tree.take(MANIFEST) if results == RESULTS else None
        side = Side(name, lines, None, None if told is None else _read_manifest(told), tree, commit=commit)
        return self._with_papers(side, top / folder)

    def _with_papers(self, side: Side, folder: Path) -> Side:
        """The side with what the state folder of the project around `folder` has of its job."""
        manifest = side.manifest or {}
        job, mode = manifest.get("job"), MODES.get(str(manifest.get("mode")))
        name = job.get("name") if isinstance(job, Mapping) else None
        if mode is None or not isinstance(name, str) or SLUG.fullmatch(name) is None:
            return side
        root = self._state(folder)
        if root is not None:
            spot = (root, mode, name)
            if spot not in self._stored:
                self._stored[spot] = self._open(*spot)
            side.blobs, side.papers = self._stored[spot] or (None, None)
        return side

    def _state(self, folder: Path) -> Path | None:
        """The state folder of the project around the folder; of one that is in no project, that of the project here."""
        for start in (folder, self._here):
            with suppress(AdbatchError, OSError):
                root = state_of(load_project(next(one for one in (start, *start.parents) if one.is_dir())))
                if root.is_dir():
                    return root
        return None

    def _open(self, root: Path, mode: Mode, name: str) -> Stored | None:
        if not (root / mode / "jobs" / name).is_dir():
            return None
        state = State(root, mode)
        papers = Papers(state, name, self._clock)
        try:
            papers.histories(())
        except (Held, OurSide) as failure:
            self.remarks.append(f"what was asked is not told: {failure}")
            return state.blobs(), None
        return state.blobs(), papers


def _request(facts: Sequence[Fact]) -> Request | None:
    return next((fact.request for fact in reversed(facts) if isinstance(fact, Planned)), None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> Mapping[str, Any] | None:
    try:
        told = orjson.loads(path.read_bytes())
    except ValueError as error:
        raise OurSide(f"the commit's {MANIFEST} is not JSON ({error})") from error
    return told if isinstance(told, dict) else None
