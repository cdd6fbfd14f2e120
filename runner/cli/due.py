"""`adbatch due`: whether it is time to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.selectors import only_jobs

if TYPE_CHECKING:
    from runner.refresh import Verdict


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path), callback=only_jobs)
@click.option("--sandbox", is_flag=True, help="Whether a sandbox run is due.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON on stdout.")
@click.option("--quiet", is_flag=True, help="Say nothing; the exit code tells.")
def command(jobs: tuple[Path, ...], sandbox: bool, as_json: bool, quiet: bool) -> int:
    """Say whether a run of the jobs is due, and when the next will be.

    A run is due when a moment of refresh.cron has passed since the last run that ended began, when a result has grown older than
    refresh.max_age since then, when no run has ended yet, or when the last one left something unfinished. Nothing is changed.

    Exit 0 if a run of any of the jobs is due, 1 if of none: `adbatch due JOB && adbatch run JOB`. A job that runs just now is not
    due. 2 and 3 are mistakes and failures.

    --json gives {jobs: [{job, path, due, why, last, next}]}, moments as RFC 3339 in the job's time zone.
    """
    from runner.cli.backdrop import paint_stage
    from runner.cli.render import give, printable, tell_failure
    from runner.edge.clock import SystemClock
    from runner.errors import AdbatchError
    from runner.refresh import judge

    code, verdicts = 0, []
    stage = paint_stage(sandbox) if sandbox else None
    for path in jobs:
        try:
            verdicts.append(judge(path, stage, SystemClock().now()))
        except AdbatchError as failure:
            tell_failure(failure)
            code = max(code, failure.exit_code)
    if as_json:
        give(json.dumps({"jobs": [_plain(verdict) for verdict in verdicts]}, ensure_ascii=False, indent=2))
    elif not quiet:
        for verdict in verdicts:
            give(printable(_line(verdict)))
    return code or int(not any(verdict.due for verdict in verdicts))


def _line(verdict: Verdict) -> str:
    from runner.refresh import shown

    told = f"{verdict.job}: {'due' if verdict.due else 'not due'}; {verdict.why}"
    return told + (f"; next {shown(verdict.next)}" if verdict.next else "")


def _plain(verdict: Verdict) -> dict[str, Any]:
    moments = {
        name: moment and moment.isoformat(timespec="seconds") for name, moment in (("last", verdict.last), ("next", verdict.next))
    }
    return {"job": verdict.job, "path": verdict.path, "due": verdict.due, "why": verdict.why, **moments}
