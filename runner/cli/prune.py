"""`adbatch prune`: show what nobody needs any more, and remove it when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.upkeep.pruning import Heap, Pruned


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove what is shown.")
@click.option("--older", metavar="DURATION", help="Only what is older than this, such as 30d.")
@click.option("--sandbox", is_flag=True, help="The state of sandbox runs instead of live ones.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(job: Path, yes: bool, older: str | None, sandbox: bool, as_json: bool) -> int:
    """Show the job's retired files, and the snapshots and blobs that no journal of the state folder names; remove them with --yes.

    Nothing else is ever touched: no published file, no journal, nothing that a run could want again, and in the state folder
    nothing of the last day. Exit 75 while a run holds the job.
    """
    import orjson

    from runner.cli.render import give, say
    from runner.desk import load_files, output_of, state_of
    from runner.edge.clock import SystemClock
    from runner.edge.state import State
    from runner.upkeep.pruning import Wish, prune

    seconds = _seconds(older)
    files = load_files(job)
    state = State(state_of(files[0]), "sandbox" if sandbox else "live")
    pruned = prune(state, files[1].job.name, output_of(*files), Wish(SystemClock().now(), seconds, yes))
    if as_json:
        give(orjson.dumps(pruned.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        give("\n".join(_lines(pruned)))
    if pruned.left:
        say(f"the state folder was left alone: {pruned.left}")
    if pruned.files:
        say("removed" if yes else f"nothing was removed; to remove it: adbatch prune {job} {_again(older, sandbox)}--yes")
    return 0


def _seconds(older: str | None) -> float:
    """Raises `Usage` for what is no duration."""
    from runner.errors import Usage
    from runner.job.forms import read_duration

    try:
        return float(read_duration(older)) if older else 0.0
    except ValueError as error:
        raise Usage(f"--older {error}") from error


def _again(older: str | None, sandbox: bool) -> str:
    return (f"--older {older} " if older else "") + ("--sandbox " if sandbox else "")


def _lines(pruned: Pruned) -> Iterator[str]:
    yield f"retired files:  {_told(pruned.retired)}"
    yield f"feed snapshots: {_told(pruned.feeds)}"
    yield f"blobs:          {_told(pruned.blobs)}"


def _told(heap: Heap) -> str:
    from runner.cli.render import counted, sized
    from runner.manifest import moment

    if heap.oldest is None:
        return "none"
    return f"{counted(heap.files, 'file')}, {sized(heap.size)}, since {moment(heap.oldest)[:10]}"
