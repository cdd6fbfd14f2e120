"""`adbatch import-state`: take in what other machines exported, request by request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.upkeep.sharing import Imported


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="Archives of sandbox runs, instead of live ones.")
@click.option("--json", "as_json", is_flag=True, help="Print what was merged as JSON, a line per archive.")
def command(files: tuple[Path, ...], sandbox: bool, as_json: bool) -> int:
    """Merge archives of `adbatch export-state` into the state folder of the project here.

    A request that is not known here comes with all that is known of it; of one that is known on both sides all facts are kept, and
    what is saved beats what is open. Importing twice changes nothing. Import only what your own machines exported: that a result
    is the vendor's cannot be checked. Exit 2 for what is no whole archive, 75 while a run holds one of its jobs.
    """
    from dataclasses import asdict

    import orjson

    from runner.cli.render import give
    from runner.desk import state_of
    from runner.edge.clock import SystemClock
    from runner.edge.state import State
    from runner.job.load import load_project
    from runner.upkeep.sharing import import_state

    state = State(state_of(load_project(Path.cwd())), "sandbox" if sandbox else "live")
    for file in files:
        imported = import_state(state, file, SystemClock().now())
        if as_json:
            give(orjson.dumps({"file": str(file), **asdict(imported)}).decode())
        else:
            give("\n".join(_lines(file, imported)))
    return 0


def _lines(file: Path, imported: Imported) -> Iterator[str]:
    from runner.cli.render import counted

    yield f"{file}: {counted(len(imported.jobs), 'job')}, {counted(imported.files, 'file')} new here"
    for name, merged in imported.jobs.items():
        better = f", {merged.better} known better now" if merged.better else ""
        runs = f"; {counted(merged.runs, 'more run')}" if merged.runs else ""
        yield f"  {name}: {counted(merged.requests, 'request')}, {merged.new} of them new{better}{runs}"
        if merged.twice:
            yield f"  {name}: {counted(merged.twice, 'request')} bought, or perhaps bought, on both sides; the journal keeps both"
    if imported.missing:
        yield f"  {counted(imported.missing, 'file')} that its facts name: neither in it nor here; `--fresh` buys anew"
