"""State that travels: the journals of some jobs, with everything they name, as one archive; and back, merged request by request.

    adbatch-state.json                 the format, the mode, and the names of the jobs
    jobs/<job>/facts-000001.jsonl …    a line a request, in the order of their ids: id and facts
    jobs/<job>/runs.jsonl              a line a run, oldest first
    feeds/<sha256><suffix>             the snapshots that the last run that ended has read
    blobs/<sha256>                     what the facts and that run name

The same state gives the same bytes. No secret is in it, as none is in a journal or a blob.

An archive is read twice. First all of it: every line is checked, every byte is hashed on its way into the store, and only what the
lines name is taken. Then the facts again, which are merged under the jobs' locks. So an archive that is cut off, or not what it
says, leaves no fact behind, and an import that is killed is simply made again: merging twice changes nothing.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from runner.core.merging import bought_twice, merge
from runner.edge.annals import Annals
from runner.edge.archive import ArchiveWriter, Member, open_archive, open_new, read_members
from runner.edge.blobs import Blobs, Sink
from runner.edge.histories import canonical_line, history_line, is_moment, is_sha256, name_of, read_history
from runner.edge.journal import Mode, Run
from runner.edge.room import RESERVE
from runner.edge.state import State
from runner.errors import OurSide, Usage
from runner.facts import Fact
from runner.frozen import frozen
from runner.upkeep.holdings import Holdings

FORMAT: Final = 1
"""The version of what is inside. An archive of a later one is refused, never guessed."""
HEADER: Final = "adbatch-state.json"
CHUNK: Final = 1 << 20
"""Bytes of lines after which a member is closed: so much is in memory while it is written."""
BATCH: Final = 500
"""Requests that are merged in one transaction."""
LONGEST: Final = 64 << 20
"""Bytes of the longest line; an answer has at most 8 MiB, and there may be a few."""
MOST_HEADER: Final = 16 << 20
MOST_BLOB: Final = 512 << 20
MOST_RUNS: Final = 100_000
JOB: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MEMBER: Final = re.compile(
    r"jobs/(?P<job>[A-Za-z0-9][A-Za-z0-9_.-]{0,99})/(?:facts-\d{6,9}|(?P<runs>runs))\.jsonl"
    r"|(?P<place>feeds|blobs)/(?P<sha256>[0-9a-f]{64})(?P<suffix>(?:\.[a-z0-9]{1,8})?(?:\.gz)?)"
)
"""The only names a member may have."""
FEED: Final = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]{1,8})?(?:\.gz)?")


@frozen
class Exported:
    """What went into an archive: jobs, requests, files (feeds and blobs), bytes of these, and how many that facts name are gone."""

    jobs: tuple[str, ...]
    requests: int
    files: int
    size: int
    missing: int


@dataclass(slots=True)
class Merged:
    """What an import changed in one job: requests that were not known, that are known better now, and runs that were not known.

    `twice` counts those that turned out to be bought, or perhaps bought, on both sides.
    """

    requests: int = 0
    new: int = 0
    better: int = 0
    twice: int = 0
    runs: int = 0


@dataclass(slots=True)
class Imported:
    """What came of an archive: per job what was merged, how many files were new here, and how many named ones are nowhere."""

    jobs: dict[str, Merged] = field(default_factory=dict)
    files: int = 0
    missing: int = 0


def jobs_of(state: State) -> list[str]:
    """The names of the jobs that have a journal here, sorted."""
    return sorted(path.parent.name for path in (state.home / "jobs").glob("*/journal.db"))


def export_state(state: State, jobs: Sequence[str], target: Path, at: float) -> Exported:
    """Write the journals of these jobs and what they name to `target`.

    Raises `Held` while a run holds one of them, `Usage` for a name that is none of an archive, and `OurSide` when the disk fails.
    """
    requests, jobs = 0, sorted(jobs)
    with ExitStack() as stack:
        holdings = stack.enter_context(Holdings())
        for job in jobs:
            stack.enter_context(state.lock(job, at))
        writer = stack.enter_context(open_new(target))
        writer.add(HEADER, canonical_line({"format": FORMAT, "mode": state.mode, "jobs": list(jobs)}))
        for job in jobs:
            with Annals.open(state.journal(job), state.mode) as journal:
                requests += _write_job(writer, job, journal, holdings)
        written = _write_feeds(writer, state.feeds, holdings)
        blobs, missing = _write_blobs(writer, state.blobs(), holdings)
    files = [*written, *blobs]
    return Exported(tuple(jobs), requests, len(files), sum(files), missing)


def _write_job(writer: ArchiveWriter, job: str, journal: Annals, holdings: Holdings) -> int:
    """Facts and runs of a job; how many requests it has."""
    requests = 0

    def lines() -> Iterator[bytes]:
        nonlocal requests
        names = journal.ids()
        while batch := list(islice(names, BATCH)):
            histories = journal.histories(batch)
            requests += len(histories)
            holdings.note_facts([fact for facts in histories.values() for fact in facts])
            yield from (history_line(name, histories[name]) for name in batch if name in histories)

    for number, chunk in enumerate(_chunks(lines()), 1):
        writer.add(f"jobs/{job}/facts-{number:06}.jsonl", chunk)
    runs = journal.runs()
    holdings.note_runs(runs)
    writer.add(f"jobs/{job}/runs.jsonl", b"".join(map(_run_line, runs)))
    return requests


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= CHUNK:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _write_feeds(writer: ArchiveWriter, feeds: Path, holdings: Holdings) -> list[int]:
    """The snapshots that are named; the size of each."""
    sizes = []
    for path in sorted(feeds.iterdir()):
        if FEED.fullmatch(path.name) and path.name[:64] in holdings:
            writer.add_file(f"feeds/{path.name}", path, path.name[:64])
            sizes.append(path.stat().st_size)
    return sizes


def _write_blobs(writer: ArchiveWriter, blobs: Blobs, holdings: Holdings) -> tuple[list[int], int]:
    """The blobs that are named and there; the size of each, and how many should be there and are not."""
    sizes, missing = [], 0
    for sha256, wanted in holdings.all():
        if blobs.has(sha256):
            writer.add_file(f"blobs/{sha256}", blobs.path(sha256), sha256)
            sizes.append(blobs.size(sha256))
        else:
            missing += wanted
    return sizes, missing


def import_state(state: State, source: Path, at: float) -> Imported:
    """Merge the archive into the state folder.

    Raises `Usage` for what is no whole archive of this mode, `Held` while a run holds one of its jobs, and `OurSide` when the disk
    fails.
    """
    with open_archive(source) as file, ExitStack() as stack:
        try:
            jobs = _read_header(next(read_members(file), None), state.mode)
            for job in jobs:
                stack.enter_context(state.lock(job, at))
            imported = Imported({job: Merged() for job in jobs})
            with Holdings() as holdings:
                _take_in(file, state, holdings, imported)
            _merge_all(file, state, imported)
        except (ValueError, RecursionError) as error:
            raise Usage(f"{source}: cannot be imported: {error}; nothing was merged") from error
        return imported


def _read_header(member: Member | None, mode: Mode) -> list[str]:
    """The jobs of the archive. Raises `ValueError` for another program's, a newer one's, or the other mode's."""
    if member is None or member.name != HEADER or member.size > MOST_HEADER:
        raise ValueError("it is no archive that `adbatch export-state` wrote")
    told = _read_map(b"".join(iter(member.read, b"")))
    form, jobs = told.get("format"), told.get("jobs")
    if not isinstance(form, int) or form < 1 or not isinstance(jobs, list):
        raise ValueError("its header is damaged")
    if form > FORMAT:
        raise ValueError(f"it was written by a newer adbatch (format {form}, this one reads {FORMAT}); upgrade adbatch")
    if told.get("mode") != mode:
        option = "leave --sandbox out" if mode == "sandbox" else "give --sandbox"
        raise ValueError(f"it holds {str(told.get('mode'))[:20]} results and this is for {mode} ones, which never mix; {option}")
    if any(not isinstance(job, str) or not JOB.fullmatch(job) for job in jobs) or len(set(jobs)) != len(jobs):
        raise ValueError("a job in it has a name that no job has")
    return jobs


def _take_in(file: BinaryIO, state: State, holdings: Holdings, imported: Imported) -> None:
    """Read all of it: check every line, and store every file that the lines before it name. Raises `ValueError`."""
    blobs = state.blobs()
    for member, match in _members(file, imported.jobs):
        if match["sha256"] is None:
            _check_room(state.home, member.size)
            _check_lines(member, match["runs"] is not None, holdings)
        else:
            blob = match["place"] == "blobs"
            if match["sha256"] not in holdings or (blob and (match["suffix"] or member.size > MOST_BLOB)):
                raise ValueError(f"{member.name} is named by nothing in it, or too large")
            _check_room(state.home, member.size)
            imported.files += _store(member, match["sha256"], blobs.path(match["sha256"]) if blob else state.home / member.name)
    imported.missing = sum(wanted and not blobs.has(sha256) for sha256, wanted in holdings.all())


def _members(file: BinaryIO, jobs: Iterable[str]) -> Iterator[tuple[Member, re.Match[str]]]:
    """The members after the header, by their names; all lines come before all files. Raises `ValueError` for any other."""
    members, files = read_members(file), False
    next(members)
    for member in members:
        match = MEMBER.fullmatch(member.name)
        if match is None or (match["job"] is not None and (files or match["job"] not in jobs)):
            raise ValueError(f"{member.name[:100]!r} does not belong there")
        files = match["job"] is None
        yield member, match


def _check_lines(member: Member, runs: bool, holdings: Holdings) -> None:
    if runs:
        holdings.note_runs(_read_runs(member))
    else:
        lines = member.lines(LONGEST)
        while batch := [fact for line in islice(lines, BATCH) for fact in _read_line(line)[1]]:
            holdings.note_facts(batch)


def _store(member: Member, sha256: str, path: Path) -> int:
    """Store the file at `path` unless it is there; 1 if it was not. Raises `ValueError` if its bytes are others."""
    if path.is_file():
        return 0

    def place(digest: str) -> Path:
        if digest != sha256:
            raise ValueError(f"the bytes of {member.name} are not what they should be")
        return path

    folder = path.parent.parent if member.name.startswith("blobs/") else path.parent
    with Sink(folder, place) as sink:
        while piece := member.read():
            sink.write(piece)
        sink.finish()
    return 1


def _check_room(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < size + RESERVE:
        raise OurSide(f"{folder}: the disk has no room for this archive; free some space, then import it again")


def _merge_all(file: BinaryIO, state: State, imported: Imported) -> None:
    """Merge facts and runs, which have been checked."""
    with ExitStack() as stack:
        open_job, journal = "", None
        for member, match in _members(file, imported.jobs):
            if match["job"] is None:
                return
            if journal is None or match["job"] != open_job:
                stack.close()
                open_job = match["job"]
                journal = stack.enter_context(Annals.open(state.journal(open_job), state.mode))
            if match["runs"]:
                imported.jobs[open_job].runs += _merge_runs(journal, _read_runs(member))
            else:
                _merge_facts(journal, member.lines(LONGEST), imported.jobs[open_job])


def _merge_facts(journal: Annals, lines: Iterator[bytes], merged: Merged) -> None:
    """Merge what these lines say; one that says what the journal says costs little."""
    while batch := {name_of(line): line for line in islice(lines, BATCH)}:
        ours = journal.histories(list(batch))
        same = {name for name, facts in ours.items() if history_line(name, facts).rstrip(b"\n") == batch[name]}
        theirs = dict(_read_line(line) for name, line in batch.items() if name not in same)
        changed = dict(_changed(ours, theirs, merged))
        merged.requests += len(batch)
        if changed:
            journal.rewrite(changed)


def _read_line(line: bytes) -> tuple[str, list[Fact]]:
    """Id and facts. Raises `ValueError` also where the line ends with another id than its own."""
    name, facts = read_history(line)
    if name != name_of(line):
        raise ValueError("a line that says two ids")
    return name, facts


def _changed(
    ours: Mapping[str, Sequence[Fact]], theirs: Mapping[str, Sequence[Fact]], merged: Merged
) -> Iterator[tuple[str, Sequence[Fact]]]:
    """The histories that are not as they were, and the counts of what they were."""
    for name, facts in theirs.items():
        known = ours.get(name)
        if known is None:
            merged.new += 1
            yield name, facts
        elif known != facts and (both := merge(known, facts)) != known:
            merged.better += 1
            merged.twice += bought_twice(known, facts)
            yield name, both


def _merge_runs(journal: Annals, theirs: Sequence[Run]) -> int:
    """Add the runs that are not known; how many there were. A run that was under way here and has ended there has ended."""
    ours = journal.runs()
    known = {_run_line(run): run for run in ours}
    both = {**known, **{_run_line(run): run for run in theirs}}
    ended = {run.started for run in both.values() if run.ended is not None}
    runs = {line: run for line, run in both.items() if run.ended is not None or run.started not in ended}
    new = len(runs.keys() - known.keys())
    if new:
        journal.rewrite_runs(run for _, run in sorted(runs.items(), key=lambda pair: (pair[1].started, pair[0])))
    return new


def _read_runs(member: Member) -> list[Run]:
    """The runs of a job. Raises `ValueError` for what no journal of ours would say."""
    runs: list[Run] = []
    for line in member.lines(LONGEST):
        told = _read_map(line)
        started, ended, meta = told.get("started"), told.get("ended"), told.get("meta")
        if not is_moment(started) or not (ended is None or is_moment(ended)) or not isinstance(meta, dict):
            raise ValueError("a run in it is none")
        _check_inputs(meta.get("inputs"))
        runs.append(Run(0, float(started), None if ended is None else float(ended), meta))  # type: ignore[arg-type]
        if len(runs) > MOST_RUNS:
            raise ValueError(f"it has more than {MOST_RUNS} runs of one job")
    return runs


def _check_inputs(inputs: Any) -> None:
    """Snapshots are opened by these names, so they must be names of snapshots. Raises `ValueError`."""
    if inputs is None:
        return
    try:
        names = [name for name, _ in inputs["feed"]["files"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("a run in it does not say what it read") from error
    if not all(isinstance(name, str) and FEED.fullmatch(name) and is_sha256(name[:64]) for name in names):
        raise ValueError("a run in it has read a feed whose name is none of a snapshot")


def _run_line(run: Run) -> bytes:
    return canonical_line({"started": run.started, "ended": run.ended, "meta": run.meta})


def _read_map(data: bytes) -> dict[str, Any]:
    told = orjson.loads(data)
    if not isinstance(told, dict):
        raise ValueError("a line in it is no map")
    return told
