"""`adbatch status`: where the jobs of a project stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from runner.cli.selectors import only_jobs

if TYPE_CHECKING:
    from runner.reading.overview import Due, LaneView, Overview, RunView, StepCount

RESULTS: Final = {
    "none": "no results yet",
    "as written": "results.jsonl is as the last run wrote it",
    "changed": "results.jsonl is not what manifest.json says of it; adbatch verify tells more",
    "live": "holds the results of live runs",
    "sandbox": "holds the results of sandbox runs",
    "replay": "holds the results of a replay",
}


@click.command()
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), callback=only_jobs)
@click.option("--sandbox", is_flag=True, help="Where sandbox runs stand.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON on stdout.")
def command(jobs: tuple[Path, ...], sandbox: bool, as_json: bool) -> int:
    """Tell where these jobs stand, or all jobs of the project here (jobs/*.yaml).

    Requests per step and operation, lanes with their limits and what closed them, budgets, the last runs, when the next is due, and
    whether the results are as they were written. Nothing is sent, no key is needed. A job that runs just now says who runs it.

    --json gives {jobs: [{job, path, mode, held, steps: [{step, use, counts: {STATUS: n}, queued_since, at_most}], lanes:
    [{name, limits, closed, failing}], budgets, runs: [{number, started, took, exit, meaning, sent, cost}] (latest first), all_runs,
    due: {due, why, next}, output, results, other_mode}]}.
    """
    from runner.edge.trust import import_aiohttp

    import_aiohttp()
    from runner.cli.backdrop import paint_stage
    from runner.cli.render import give, printable, tell_failure
    from runner.edge.clock import SystemClock
    from runner.errors import AdbatchError
    from runner.reading.overview import oversee

    code, seen = 0, []
    for path in jobs or _jobs_here():
        try:
            seen.append(oversee(path, paint_stage(sandbox), SystemClock().now()))
        except AdbatchError as failure:
            tell_failure(failure)
            code = max(code, failure.exit_code)
        else:
            if not as_json:
                give(printable("\n".join(["", *_lines(seen[-1])] if len(seen) > 1 else _lines(seen[-1]))))
    if as_json:
        give(json.dumps({"jobs": [_plain(overview) for overview in seen]}, ensure_ascii=False, indent=2))
    return code


def _jobs_here() -> list[Path]:
    """The jobs of the project around this folder, as a person standing here would name them. Raises `Usage` where there is none."""
    from runner.cli.render import shown
    from runner.errors import Usage
    from runner.job.load import find_root
    from runner.records import DECISIONS

    root = find_root(Path.cwd())
    found = sorted(path for kind in ("*.yaml", "*.yml") for path in (root / "jobs").glob(kind) if path.name != DECISIONS)
    if not found:
        raise Usage(f"{shown(root / 'jobs')} holds no job; name one: adbatch status JOB")
    return [Path(shown(path)) for path in found]


def _plain(overview: Overview) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(overview), "output": str(overview.output)}


def _lines(overview: Overview) -> Iterator[str]:
    yield f"{overview.job}  ({overview.path}, {overview.mode})"
    yield from (f"  {head:<8} {text}" for head, text in _told(overview))


def _told(overview: Overview) -> Iterator[tuple[str, str]]:
    from runner.cli.render import shown

    if overview.held is not None:
        yield "runs", f"{_holder(overview.held)}; its counts are told when that has ended"
    elif not overview.all_runs:
        yield "runs", f"never run{_elsewhere(overview)}"
    for step in overview.steps:
        yield "asked", _asked(step)
    if any(step.at_most for step in overview.steps):
        yield "", f"settle what is uncertain: adbatch resolve {overview.path}{_mode(overview)}"
    for lane in overview.lanes:
        yield "lane", _lane(lane)
    if overview.budgets:
        yield "budget", ", ".join(overview.budgets)
    for run in overview.runs:
        yield "run", _run(run)
    older = overview.all_runs - len(overview.runs)
    if older > 0:
        yield "", f"and {older} earlier run{'s' if older > 1 else ''}"
    if overview.due is not None:
        yield "due", _due(overview.due)
    yield "output", f"{shown(overview.output)}/: {RESULTS[overview.results]}"


def _mode(overview: Overview) -> str:
    return " --sandbox" if overview.mode == "sandbox" else ""


def _elsewhere(overview: Overview) -> str:
    if not overview.other_mode:
        return ""
    return f" live; its sandbox runs: adbatch status {overview.path} --sandbox" if overview.mode == "live" else " in the sandbox"


def _holder(held: Mapping[str, Any]) -> str:
    if "told" in held:
        return str(held["told"])
    return f"since {held.get('since')}, by process {held.get('pid')} on {held.get('host')}"


def _asked(step: StepCount) -> str:
    counts = ", ".join(_count(step, status, count) for status, count in step.counts.items())
    return f"{step.step or '(no step)'}: {step.use}: {counts}"


def _count(step: StepCount, status: str, count: int) -> str:
    more = {"queued": step.queued_since and f" (since {step.queued_since})"}
    more["uncertain"] = step.at_most and f" (at most {step.at_most})"
    return f"{count} {status}{more.get(status) or ''}"


def _lane(lane: LaneView) -> str:
    why = f"; the last run found it closed: {lane.closed}" if lane.closed else ""
    why += f"; the last run found it out of order: {lane.failing}" if lane.failing else ""
    return f"{lane.name}: {lane.limits}{why}"


def _run(run: RunView) -> str:
    from runner.reading.overview import span_in_words

    if run.took is None:
        return f"{run.number}  {run.started}  {run.meaning}"
    sent = "" if run.sent is None else f"; {run.sent} sent"
    cost = "" if run.cost is None or not run.sent else f", {run.cost}"
    return f"{run.number}  {run.started}  took {span_in_words(run.took)}{sent}{cost}; exit {run.exit}: {run.meaning}"


def _due(due: Due) -> str:
    coming = f"; next {due.next}" if due.next else ""
    return f"{'now' if due.due else 'not yet'}: {due.why}{coming}"
