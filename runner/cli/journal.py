"""`adbatch journal`: see whether the journals are whole, and recover one that is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.selectors import only_jobs

if TYPE_CHECKING:
    from runner.edge.journal import Mode


@click.group()
def command() -> None:
    """Look after the journal: what makes the next run cheap, and a purchase happen once."""


@command.command()
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), callback=only_jobs)
def check(jobs: tuple[Path, ...]) -> int:
    """Read the journals of these jobs, or of all jobs of the project here, from beginning to end.

    Exit 0 if all are whole, 3 with every one that is not, 75 if a run has one open.
    """
    from runner.cli.render import give, tell_failure
    from runner.edge.recovery import examine
    from runner.errors import AdbatchError

    code = 0
    for mode, path in _journals(jobs):
        try:
            health = examine(path, mode)
        except AdbatchError as failure:
            tell_failure(failure)
            code = failure.exit_code if code != 3 else 3  # a damaged one outweighs one in use
        else:
            counts = f"{health.requests} requests, {health.facts} facts, {health.runs} runs, {health.uncertain} uncertain"
            give(f"{path}: whole, {counts}")
    return code


@command.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="The journal of the sandbox's runs instead of the live one.")
@click.option("--yes", is_flag=True, help="Let the recovered journal take the damaged one's place, which is kept.")
def recover(job: Path, sandbox: bool, yes: bool) -> int:
    """Copy what can be read of a damaged journal into a new one beside it.

    The damaged one is left as it is. What may have been bought in the part that is lost becomes uncertain: no run buys it again
    before `adbatch resolve` has settled it.
    """
    from runner.cli.render import give, say, shown
    from runner.desk import state_of
    from runner.edge.clock import SystemClock
    from runner.edge.journal import RECOVERED
    from runner.edge.recovery import swap
    from runner.edge.state import State
    from runner.job.load import load_job, load_project

    project, name = load_project(job), load_job(job).job.name
    state = State(state_of(project), "sandbox" if sandbox else "live")
    with state.lock(name, SystemClock().now()):
        path = state.journal(name)
        waiting = path.with_name(path.name + RECOVERED)
        if waiting.exists():
            say(f"{shown(waiting)} is there already, from an earlier recovery")
        elif not _recover(path, state.mode):
            return 0
        if yes:
            give(f"{path} is the recovered journal now; the damaged one is {swap(path)}")
        else:
            give(f"to put it in place: adbatch journal recover {job}{' --sandbox' if sandbox else ''} --yes")
    return 0


def _recover(path: Path, mode: Mode) -> bool:
    """Recover and tell; False if there was nothing to do."""
    from runner.cli.render import give
    from runner.edge.recovery import recover

    recovered = recover(path, mode)
    if recovered is None:
        give(f"{path}: whole; nothing to recover")
        return False
    holds = recovered.holds
    give(f"{recovered.target}: recovered {holds.requests} requests, {holds.facts} facts, {holds.runs} runs")
    give(f"about {recovered.lost} facts are lost, and whatever came after the last one that was found")
    if recovered.parked:
        give(f"{recovered.parked} requests may have been bought in what is lost; they are uncertain now: adbatch resolve")
    return True


def _journals(jobs: tuple[Path, ...]) -> Iterator[tuple[Mode, Path]]:
    """The journals there are for these jobs, or for all of the project. Raises `OurSide` where a job has none."""
    from runner.desk import state_of
    from runner.errors import OurSide
    from runner.job.load import load_job, load_project

    modes: tuple[Mode, ...] = ("live", "sandbox")
    for start in jobs or (Path.cwd(),):
        project = load_project(start)
        root = state_of(project)
        pattern = f"{escape(load_job(start).job.name)}/journal.db" if jobs else "*/journal.db"
        found = [(mode, path) for mode in modes for path in sorted((root / mode / "jobs").glob(pattern))]
        if jobs and not found:
            raise OurSide(f"{start}: this job has no journal yet; it has not been run")
        yield from found
