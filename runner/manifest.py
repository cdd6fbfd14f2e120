"""What is told of a run: `manifest.json`, from which its results can be traced to job, feed, templates and commit.

Unlike `results.jsonl` it says when and how: times, counts of calls, money. Three figures of money stay apart: `estimated` (the most
the planned purchases can cost), `accrued` (accepted or perhaps accepted), and `unpriced`, the number of purchases whose price
nobody told us; an unknown price is never zero.
"""

from __future__ import annotations

import platform
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from runner.core.tally import LaneTally
from runner.desk import Desk
from runner.edge.git import Revision
from runner.edge.journal import Mode
from runner.edge.outputs import RESULTS
from runner.edge.snapshots import Snapshot
from runner.engine import Ending
from runner.frozen import frozen
from runner.results import Results

SEED_RULE: Final = "sha256(job name, row key, cell, number), first 8 bytes modulo 2^31-1, plus 1"


@frozen
class Told:
    """What a run can tell of itself. Moments are seconds since the epoch; `kept` are published files that somebody edited.

    For a replay `recorded` is the mode of the run it repeats. `selection` is what it was restricted to, empty where it was not.
    `retired` counts the files that results.jsonl names no more and that were moved aside.
    """

    mode: Mode
    journal: str
    snapshot: Snapshot
    revision: Revision | None
    started: float
    ended: float
    exit_code: int
    rows: int
    results: Results
    tallies: Mapping[str, LaneTally]
    ending: Ending
    kept: tuple[str, ...] = ()
    recorded: Mode | None = None
    run: int = 0
    selection: Mapping[str, Any] = field(default_factory=dict)
    retired: int = 0


def manifest_of(desk: Desk, told: Told) -> dict[str, Any]:
    """The manifest as JSON."""
    job_file, ending, file = desk.job_file, told.ending, told.results.file
    lanes = {name: tally for name, tally in told.tallies.items() if tally.planned or ending.reused[name]}
    return {
        "mode": told.mode,
        **({} if told.recorded is None else {"recorded": told.recorded}),
        "journal": told.journal,
        "run": told.run,
        "job": {"name": job_file.job.name, "path": _place(desk), "sha256": job_file.digest},
        "project": {"sha256": desk.project_file.digest},
        **({"vendors": desk.project_file.vendor_digests} if desk.project_file.vendors else {}),
        "feed": _feed(told.snapshot, told.rows),
        "templates": dict(sorted(desk.plan.template_digests().items())),
        "git": None if told.revision is None else {"commit": told.revision.commit, "dirty": told.revision.dirty},
        "versions": {"adbatch": version("adbatch"), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version},
        "seed": SEED_RULE,
        "started": moment(told.started),
        "ended": moment(told.ended),
        "exit": told.exit_code,
        **({"selection": dict(told.selection)} if told.selection else {}),
        "counts": dict(told.results.counts),
        "providers": {name: _lane(tally, ending.reused[name]) for name, tally in sorted(lanes.items())},
        "closed": dict(ending.closed),
        "kept": list(told.kept),
        "retired": told.retired,
        "results": {"path": RESULTS, "sha256": file.sha256, "bytes": file.size, "lines": file.lines},
    }


def note_of(told: Told) -> dict[str, Any]:
    """What the journal keeps of a run, for whoever asks how the last ones went: calls and money per lane, and what stopped it."""
    lanes = {name: tally for name, tally in told.tallies.items() if tally.submits}
    sums: Counter[str] = Counter()
    for tally in lanes.values():
        for currency, cost in tally.cost.items():
            sums[currency] += cost.accrued  # type: ignore[assignment]
    unpriced = sum(tally.unpriced for tally in lanes.values())
    money = [f"{amount} {currency}" for currency, amount in sorted(sums.items()) if amount]
    return {
        "sent": {name: tally.submits for name, tally in sorted(lanes.items())},
        "cost": " + ".join([*money, *([f"{unpriced} of unknown price"] if unpriced else [])]) or "nothing",
        "closed": dict(told.ending.closed),
        "failing": dict(told.ending.failing),
        "spent": list(told.ending.spent),
    }


def _place(desk: Desk) -> str:
    """Where the job file lies in its project."""
    path, root = desk.job_file.path.resolve(), desk.project_file.root
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _feed(snapshot: Snapshot, rows: int) -> dict[str, Any]:
    told = {"files": list(snapshot.names), "sha256": snapshot.sha256, "bytes": snapshot.size, "rows": rows}
    return {**told, **snapshot.origin}


def moment(at: float) -> str:
    """A moment as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _lane(tally: LaneTally, reused: int) -> dict[str, Any]:
    cost = {name: {"estimated": str(sums.estimated), "accrued": str(sums.accrued)} for name, sums in tally.cost.items()}
    return {
        "sent": tally.submits,
        "reused": reused + tally.reused,
        "polls": tally.polls,
        "downloads": tally.fetches,
        "retries": tally.retries,
        "done": tally.done,
        "refused": tally.refused,
        "failed": tally.failed + tally.spoiled,
        "uncertain": tally.uncertain,
        "queued": tally.overdue + tally.queued,
        "unpriced": tally.unpriced,
        "cost": cost,
    }
