"""The past: what the last run that ended was made from, opened again.

A run notes in the journal which bytes its job, project file, templates, pictures and feed were, and the state folder keeps them. So
the job of then can be compiled once more, whatever has become of the files since: to say why a request is new, or to make its
outputs again. What is not there any more (an older program noted nothing, somebody tidied the state folder) is no mistake: then
there is no past.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson
from jinja2.exceptions import TemplateNotFound

from runner.desk import Desk, catalog_of
from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher
from runner.edge.inputs import InputFiles
from runner.edge.journal import Run
from runner.edge.state import State
from runner.errors import Invalid
from runner.feed import Source, read_rows
from runner.frozen import frozen
from runner.job.load import JobFile, ProjectFile, read_job, read_project, read_vendor
from runner.job.matrix import escape
from runner.job.plan import Plan
from runner.job.project import Project
from runner.job.templates import Templates
from runner.reading.study import Study
from runner.records import BLOB_SCHEME, Json, Row

BATCH: Final = 2_000
"""Rows written at once."""

EXAMPLES: Final = 3
"""Keys of retired variants that are told."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@frozen
class Past:
    """The last ended run's job on its desk. `source` is its feed, None where the snapshot is gone.

    `feed`, `templates` and `pictures` are sha256 digests: of the whole feed, of each template and picture by its name in the job.
    """

    run: Run
    desk: Desk
    feed: str
    source: Source | None
    templates: Mapping[str, str]
    pictures: Mapping[str, str]


class HeldTemplates(Templates):
    """Templates read from the store by their digests instead of from their folder."""

    def __init__(self, folder: Path, shown: str, held: Mapping[str, str], blobs: Blobs) -> None:
        super().__init__(folder, shown)
        self._held, self._blobs = held, blobs

    def _load(self, name: str) -> str:
        data = _bytes(self._blobs, self._held.get(name))
        if data is None:
            raise TemplateNotFound(name, f"{self.shown}/{name} was not kept")
        self._digests[name] = self._held[name]
        return data.decode("utf-8-sig")


def open_past(study: Study) -> Past | None:
    """What the last ended run that noted its inputs was made from; None where there is none, or its bytes are gone."""
    told = ((run, run.meta.get("inputs")) for run in reversed(study.runs_ended()))
    run, inputs = next(((run, inputs) for run, inputs in told if isinstance(inputs, Mapping)), (None, None))
    if run is None or inputs is None or study.state is None or study.blobs is None:
        return None
    try:
        return _open(study, study.state, study.blobs, run, inputs)
    except (Invalid, KeyError, TypeError, ValueError):  # noted by another version, or no longer a job to this one
        return None


def _open(study: Study, state: State, blobs: Blobs, run: Run, inputs: Mapping[str, Any]) -> Past | None:
    root = study.project_file.root
    job_file = _job(root, blobs, *inputs["job"])
    path, sha256 = inputs["project"] or (None, None)
    project_file = _project(root, blobs, path, sha256, inputs.get("vendors") or {})
    if job_file is None or project_file is None:
        return None
    project, held = project_file.project, dict(inputs["templates"])
    templates = HeldTemplates(root / project.templates, project.templates, held, blobs)
    pictures = _pictures(blobs, inputs.get("pictures"))
    catalog = catalog_of(project_file, study.stage, fonts=inputs.get("fonts") or [])
    files = _files_of(pictures, InputFiles(job_file.path.parent, root))
    desk = Desk(job_file, project_file, catalog, Plan(job_file, project_file, catalog.offers, files, templates))
    desk.plan.finisher = Finisher(blobs)
    feed = inputs["feed"]
    return Past(run, desk, feed["sha256"], _source(desk, state, feed["files"]), held, pictures)


def _job(root: Path, blobs: Blobs, path: str, sha256: str) -> JobFile | None:
    raw = _bytes(blobs, sha256)
    if raw is None:
        return None
    job, document = read_job(raw, path)
    return JobFile(job, document, root / path, sha256, root)


def _project(root: Path, blobs: Blobs, path: str | None, sha256: str | None, vendors: Mapping[str, str]) -> ProjectFile | None:
    """The project of then; all defaults where it had no file."""
    if path is None:
        return ProjectFile(Project(), None, root, "")
    raw = _bytes(blobs, sha256)
    if raw is None or sha256 is None:
        return None
    project, document = read_project(raw, path)
    described = {name: _bytes(blobs, digest) for name, digest in vendors.items()}
    held = {name: read_vendor(data, name) for name, data in described.items() if data is not None}
    return ProjectFile(project, document, root, sha256, vendors=held)


def _pictures(blobs: Blobs, sha256: str | None) -> Mapping[str, str]:
    """Pictures by path, as the run noted them in a blob of its own: there may be a hundred thousand."""
    raw = _bytes(blobs, sha256)
    return NOTHING if raw is None else orjson.loads(raw)


def _files_of(pictures: Mapping[str, str], now: InputFiles) -> Callable[[str], str]:
    """The pictures as they were; one that was not noted as it is."""

    def files(path: str) -> str:
        return f"{BLOB_SCHEME}{pictures[path]}" if path in pictures else now(path)

    return files


def _source(desk: Desk, state: State, files: list[list[str]]) -> Source | None:
    paths = tuple(state.feeds / Path(name).name for name, _ in files)
    if not paths or not all(path.is_file() for path in paths):
        return None
    return desk.source(paths, tuple(shown for _, shown in files))


def _bytes(blobs: Blobs, sha256: str | None) -> bytes | None:
    return blobs.path(sha256).read_bytes() if sha256 and blobs.has(sha256) else None


@frozen
class RowThen:
    """A row of the last run's feed. `values` holds the columns that templates read; `wanted` rows were part of its plan."""

    values: Mapping[str, Json]
    wanted: bool


class RowsThen:
    """The rows of then by key, in a file that is gone when it is closed: memory does not grow with the feed."""

    def __init__(self, past: Past, columns: frozenset[str]) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._columns = None if "*" in columns else columns
        for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-32768"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE row (key TEXT PRIMARY KEY, told BLOB, wanted INTEGER) WITHOUT ROWID")
        self._write(past)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def find(self, key: str) -> RowThen | None:
        """The row of that key; None if the feed had none."""
        found = self._database.execute("SELECT told, wanted FROM row WHERE key = ?", (_plain(key),)).fetchone()
        return None if found is None else RowThen(_load(found[0]), bool(found[1]))

    def wanted(self) -> Iterator[str]:
        """The keys of the rows that were part of the plan, sorted."""
        return (key for (key,) in self._database.execute("SELECT key FROM row WHERE wanted ORDER BY key"))

    def _write(self, past: Past) -> None:
        plan, left = past.desk.plan, past.desk.job_file.job.feed.limit
        self._database.execute("BEGIN")
        batch = []
        for row in _rows_of(past):
            wanted = left != 0 and _was_wanted(plan, row)
            left = left - 1 if wanted and left else left
            batch.append((_plain(row.key), self._tell(row), wanted))
            if len(batch) == BATCH:
                self._keep(batch)
                batch = []
        self._keep(batch)
        self._database.execute("COMMIT")

    def _keep(self, batch: list[tuple[str, bytes, bool]]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO row VALUES (?, ?, ?)", batch)

    def _tell(self, row: Row) -> bytes:
        kept = row.values if self._columns is None else {name: row.values[name] for name in self._columns if name in row.values}
        return dump(kept)


def dump(value: Any) -> bytes:
    """A value as canonical JSON, for comparing; a price is its text."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # half a surrogate pair
        return json.dumps(value, default=str, sort_keys=True, separators=(",", ":")).encode()


def _load(told: bytes) -> Any:
    try:
        return orjson.loads(told)
    except ValueError:
        return json.loads(told)


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _was_wanted(plan: Plan, row: Row) -> bool:
    try:
        return plan.is_wanted(row)
    except Invalid:
        return False


def _rows_of(past: Past) -> Iterator[Row]:
    try:
        yield from () if past.source is None else read_rows(past.source)
    except Invalid:  # then it was read; a snapshot that somebody edited ends here
        return


class Memory:
    """What the last run's plan had of rows and variants; its rows are read when the first of them is asked for.

    `feed` is the digest of the feed now, `columns` those that will be compared. Where neither the feed nor what is made of it has
    changed, the rows of then are those of now, and nothing is read at all.
    """

    def __init__(self, past: Past | None, now: Desk, feed: str, columns: frozenset[str]) -> None:
        self._past, self._now, self._columns = past, now, columns
        self._same = past is not None and (_is_same_feed(past, now, feed) or past.source is None)
        self._then: RowsThen | None = None
        self._here: set[int] = set()

    def note(self, row: Row) -> None:
        """A row that is part of the plan now."""
        self._here.add(hash(_plain(row.key)))

    def find(self, row: Row) -> RowThen | None:
        """The row of then with the same key; None where there was none."""
        if self._past is None:
            return None
        return RowThen(row.values, True) if self._same else self._rows(self._past).find(row.key)

    def retired(self) -> tuple[int, tuple[str, ...]]:
        """How many variants the last run's plan had that this one has not, and the keys of the first three."""
        if self._past is None:
            return 0, ()
        before, gone = _spots(self._past.desk), _spots(self._past.desk) - _spots(self._now)
        if self._same and not gone:
            return 0, ()
        count, keys = 0, list[str]()
        for key in self._rows(self._past).wanted():
            spots = gone if hash(key) in self._here else before
            count += len(spots)
            if len(keys) < EXAMPLES:
                keys += [spot_key(key, *spot) for spot in sorted(spots)]
        return count, tuple(keys[:EXAMPLES])

    def close(self) -> None:
        """Let go of the rows."""
        if self._then is not None:
            self._then.close()

    def _rows(self, past: Past) -> RowsThen:
        if self._then is None:
            self._then = RowsThen(past, self._columns)
        return self._then


def _is_same_feed(past: Past, now: Desk, feed: str) -> bool:
    """Whether both plans have the same rows with the same values."""
    was, are = past.desk.job_file.job, now.job_file.job
    read_alike = was.feed.model_dump(exclude={"path", "guard"}) == are.feed.model_dump(exclude={"path", "guard"})
    return past.feed == feed and read_alike and (are.feed.where is None or was.vars == are.vars)


def _spots(desk: Desk) -> set[tuple[str, int]]:
    """What is made of each row: labels of cells with numbers."""
    return {(label, number) for label in desk.plan.labels for number in range(1, desk.job_file.job.variants + 1)}


def spot_key(key: str, label: str, number: int) -> str:
    """The key of a variant."""
    return "|".join(filter(None, (escape(key), label, str(number))))
