"""Where a job stands: what was asked and what came of it, its lanes and what closed them, its runs, and when the next is due.

Read from the journal alone, so it is the same whatever has become of feed and templates; a job whose templates are broken still has
its state told. Requests with a result are counted by the database, all others one after another, so a journal of millions of facts
needs no more memory than a small one. While a run holds the job its journal cannot be read; then it is told who holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import orjson

from runner.core.lifecycle import recall
from runner.desk import catalog_of, load_files, output_of, state_of
from runner.edge.journal import Journal, Mode, Run
from runner.edge.outputs import MANIFEST, RESULTS
from runner.edge.rehearsal import Stage
from runner.edge.state import read_holder
from runner.errors import EXITS, Held
from runner.facts import Fact, Planned
from runner.frozen import frozen
from runner.job.load import JobFile, ProjectFile
from runner.job.model import Budget
from runner.loom import Status
from runner.manifest import moment
from runner.outcomes import STATUS_OF
from runner.providers.registry import Catalog
from runner.reading.study import mode_of, open_study
from runner.records import BY_BATCH, Limits, Window
from runner.refresh import Verdict, weigh
from runner.upkeep.resolution import Doubt, doubt_of, most_cost

LATEST: Final = 5
"""Runs that are told of."""

MODES: Final[Mapping[str, Mode]] = {"live": "live", "sandbox": "sandbox", "replay": "replay"}
Files: TypeAlias = Literal["none", "as written", "changed", "live", "sandbox", "replay"]


@dataclass(slots=True)
class StepCount:
    """The requests that one step asked of one operation, by status. A request wanted by several steps counts for the first.

    `queued_since` is when the vendor took the oldest that is queued, `at_most` what the uncertain ones can cost.
    """

    step: str
    use: str
    counts: dict[Status, int] = field(default_factory=dict)
    queued_since: str | None = None
    at_most: str | None = None


@frozen
class LaneView:
    """An account the job uses: its limits in words, and why the last run found it closed or out of order; empty if it did not."""

    name: str
    limits: str
    closed: str = ""
    failing: str = ""


@frozen
class RunView:
    """A run. `took` is in seconds, None of one that did not end; `sent` and `cost` are None where nobody noted them."""

    number: int
    started: str
    took: float | None
    exit: int | None
    meaning: str
    sent: int | None
    cost: str | None


@frozen
class Due:
    """Whether a run is due and why (or why not), and when the next will be (RFC 3339, in the job's own zone)."""

    due: bool
    why: str
    next: str | None


@frozen
class Overview:
    """Where a job stands in one mode. `held` says who runs it just now; counts, lanes' notes and runs are not known then.

    `results` says whether results.jsonl in the folder `output` is what its manifest tells, or which other mode's it is,
    `other_mode` whether the job was run in the other mode as well.
    """

    job: str
    path: str
    mode: str
    held: Mapping[str, Any] | None
    steps: tuple[StepCount, ...]
    lanes: tuple[LaneView, ...]
    budgets: tuple[str, ...]
    runs: tuple[RunView, ...]
    all_runs: int
    due: Due | None
    output: Path
    results: Files
    other_mode: bool = False


@frozen
class _Known:
    """What an overview is made of."""

    project_file: ProjectFile
    job_file: JobFile
    mode: Mode
    steps: tuple[StepCount, ...] = ()
    runs: tuple[Run, ...] = ()
    due: Verdict | None = None
    held: Mapping[str, Any] | None = None


def oversee(path: Path, stage: Stage | None, now: float) -> Overview:
    """Where the job at `path` stands at the moment `now`, live, or with a `stage` in the sandbox.

    Raises `Invalid` and `Usage` for a job that cannot be read, `OurSide` for a damaged journal.
    """
    try:
        with open_study(path, stage) as study:
            steps = tuple(read_counts(study.journal, catalog_of(study.project_file))) if study.journal else ()
            due = weigh(study, now) if study.job_file.job.refresh else None
            known = _Known(study.project_file, study.job_file, study.mode, steps, tuple(study.pages.runs()), due)
    except Held as held:
        project_file, job_file = load_files(path)
        folder = state_of(project_file) / mode_of(stage) / "jobs" / job_file.job.name
        known = _Known(project_file, job_file, mode_of(stage), held=read_holder(folder) or {"told": str(held)})
    return _overview(known)


def read_counts(journal: Journal, catalog: Catalog) -> Iterator[StepCount]:
    """What the journal knows, by step and operation, in the order they were first asked."""
    steps: dict[tuple[str, str], StepCount] = {}
    for step, use, count in journal.select("done_by_step"):
        steps[step, use] = StepCount(step, use, {"done": count})
    since: dict[tuple[str, str], float] = {}
    doubts: dict[tuple[str, str], list[Doubt]] = {}
    for facts in _unsettled(journal):
        life, first = recall(facts), facts[0]
        if life is None or not isinstance(first, Planned):
            continue
        place = (first.step, first.request.use)
        status = STATUS_OF[life.state]
        counts = steps.setdefault(place, StepCount(*place)).counts
        counts[status] = counts.get(status, 0) + 1
        if status == "queued" and life.accepted_at is not None:
            since[place] = min(life.accepted_at, since.get(place, life.accepted_at))
        if status == "uncertain":
            doubts.setdefault(place, []).append(doubt_of(life, facts, catalog))
    for place, step in steps.items():
        step.queued_since = moment(since[place]) if place in since else None
        step.at_most = most_cost(doubts[place]) if place in doubts else None
        yield step


def limits_in_words(limits: Limits) -> str:
    """`50 in 1 min, 90000 tokens in 1 min, 4 at once, 10 queued, deadline 15 min`; `no limit` where there is none."""
    told = [f"{window.most} in {_span(window)}" for window in limits.rate]
    told += [f"{window.most} tokens in {_span(window)}" for window in limits.tokens]
    told += [f"{limits.concurrent} at once"] if limits.concurrent is not None else []
    told += [f"{limits.queued} queued"] if limits.queued is not None else []
    told += [f"deadline {span_in_words(limits.deadline)}"] if limits.deadline is not None else []
    return ", ".join(told) or "no limit"


def span_in_words(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`: two units at most, for a person."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min{f' {rest} s' if rest else ''}"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h{f' {minutes} min' if minutes else ''}"
    days, hours = divmod(hours, 24)
    return f"{days} d{f' {hours} h' if hours else ''}"


def _overview(known: _Known) -> Overview:
    job, project = known.job_file.job, known.project_file.project
    output = output_of(known.project_file, known.job_file)
    budgets = [_budget(budget, whose) for budget, whose in ((job.budget, "job"), (project.budget, "project")) if budget]
    other: Mode = "sandbox" if known.mode == "live" else "live"
    return Overview(
        job.name,
        known.job_file.document.file,
        known.mode,
        known.held,
        _in_order(known),
        tuple(_lanes(known)),
        tuple(budgets),
        tuple(_run_view(run) for run in known.runs[: -LATEST - 1 : -1]),
        len(known.runs),
        None if known.due is None else _due(known.due),
        output,
        _results(output, known.mode),
        (state_of(known.project_file) / other / "jobs" / job.name / "journal.db").exists(),
    )


def _in_order(known: _Known) -> tuple[StepCount, ...]:
    """The counts as the job writes its steps, those of steps that it has no more at the end."""
    written = list(known.job_file.job.steps)
    return tuple(sorted(known.steps, key=lambda one: written.index(one.step) if one.step in written else len(written)))


def _unsettled(journal: Journal) -> Iterator[list[Fact]]:
    last = 0
    while rows := journal.select("unsettled", last):
        yield from journal.histories([digest.hex() for _, digest in rows]).values()
        last = rows[-1][0]


def _lanes(known: _Known) -> Iterator[LaneView]:
    catalog = catalog_of(known.project_file)
    meta = known.runs[-1].meta if known.runs else {}
    for name in dict.fromkeys(step.provider for step in known.job_file.job.steps.values()):
        if name in catalog.lanes:
            noted = (_noted(meta, what) for what in ("closed", "failing"))
            closed, failing = (str(told.get(name) or told.get(name + BY_BATCH) or "") for told in noted)
            yield LaneView(name, limits_in_words(catalog.lanes[name].limits), closed, failing)


def _noted(meta: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """A map that a run noted; older versions of this program noted less."""
    told = meta.get(what)
    return told if isinstance(told, Mapping) else {}


def _budget(budget: Budget, whose: str) -> str:
    told = [f"{budget.requests} requests"] if budget.requests is not None else []
    told += [str(budget.cost)] if budget.cost is not None else []
    return f"{' and '.join(told) or 'no ceiling'} a run ({whose})"


def _run_view(run: Run) -> RunView:
    code = run.meta.get("exit")
    sent, cost = _noted(run.meta, "sent"), run.meta.get("cost")
    if run.ended is None or not isinstance(code, int):
        meaning = "did not end (killed, or stopped by a failure on our side)"
        return RunView(run.number, moment(run.started), None, None, meaning, None, None)
    total = sum(count for count in sent.values() if isinstance(count, int)) if "sent" in run.meta else None
    told = None if cost is None else str(cost)
    return RunView(run.number, moment(run.started), run.ended - run.started, code, EXITS.get(code, ""), total, told)


def _due(verdict: Verdict) -> Due:
    return Due(verdict.due, verdict.why, verdict.next.isoformat(timespec="minutes") if verdict.next else None)


def _results(output: Path, mode: str) -> Files:
    try:
        told = orjson.loads((output / MANIFEST).read_bytes())
        with (output / RESULTS).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if told["mode"] != mode:
            return MODES[told["mode"]]
        return "as written" if told["results"]["sha256"] == found else "changed"
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError, KeyError, TypeError):
        return "changed"


def _span(window: Window) -> str:
    return {1: "1 s", 60: "1 min", 3600: "1 h", 86400: "1 d"}.get(int(window.seconds)) or span_in_words(window.seconds)
