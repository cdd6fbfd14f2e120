"""`adbatch export-state`: the journals of some jobs, and everything they name, as one archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.selectors import only_jobs

if TYPE_CHECKING:
    from runner.edge.state import State
    from runner.upkeep.sharing import Exported


@click.command()
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), callback=only_jobs)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="NAME.tar or NAME.tar.gz [adbatch-live.tar].")
@click.option("--sandbox", is_flag=True, help="What sandbox runs left, instead of live ones.")
@click.option("--json", "as_json", is_flag=True, help="Print what was exported as JSON.")
def command(jobs: tuple[Path, ...], out: Path | None, sandbox: bool, as_json: bool) -> int:
    """Write the state of these jobs, or of all jobs of the project here, to one file for `adbatch import-state`.

    It holds the journals, the results, and what the last run read; the same state gives the same bytes, and no key is in it. What
    was bought is in it, so treat it like the results themselves. Exit 75 while a run holds one of the jobs.
    """
    import orjson

    from runner.cli.render import counted, give, say
    from runner.edge.clock import SystemClock
    from runner.upkeep.sharing import export_state, jobs_of

    state, names = _state(jobs, sandbox)
    known = jobs_of(state)
    for name in sorted(names - set(known)):
        say(f"{name} has no journal yet: it has not been run")
    target = out or Path(f"adbatch-{state.mode}.tar")
    exported = export_state(state, [name for name in known if not jobs or name in names], target, SystemClock().now())
    if as_json:
        give(orjson.dumps({"file": str(target), **_fields(exported)}, option=orjson.OPT_INDENT_2).decode())
    else:
        give(f"{target}: {_told(exported)}")
    if exported.missing:
        say(f"{counted(exported.missing, 'file')} that the journals name: gone from the state folder, and not in it")
    return 0


def _state(jobs: tuple[Path, ...], sandbox: bool) -> tuple[State, set[str]]:
    """The state folder that all these jobs share, and their names. Raises `Usage` where they do not share one."""
    from runner.desk import state_of
    from runner.edge.state import State
    from runner.errors import Usage
    from runner.job.load import load_job, load_project

    roots = {state_of(load_project(path)) for path in jobs or (Path.cwd(),)}
    if len(roots) > 1:
        raise Usage(f"these jobs have {len(roots)} state folders; export those of one project at a time")
    return State(roots.pop(), "sandbox" if sandbox else "live"), {load_job(path).job.name for path in jobs}


def _fields(exported: Exported) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(exported)


def _told(exported: Exported) -> str:
    from runner.cli.render import counted, sized

    jobs = ", ".join(exported.jobs) or "no job"
    return f"{jobs}; {counted(exported.requests, 'request')}, {counted(exported.files, 'file')}, {sized(exported.size)}"
