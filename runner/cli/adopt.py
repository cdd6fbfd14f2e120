"""`adbatch adopt`: take results that were bought elsewhere into this state folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.upkeep.adoption import Adopted

LOST_TOLD = 20


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="They are results of sandbox runs.")
@click.option("--json", "as_json", is_flag=True, help="Print what was taken in as JSON.")
def command(job: Path, sandbox: bool, as_json: bool) -> int:
    """Take an existing results.jsonl with its files into the state folder, so that nothing in it is bought again.

    For a new checkout or a CI machine. Every file is hashed and decoded; one that is missing or has changed is not taken in and is
    named. Exit 0 if all that is named was taken in, 1 if something was not. Nothing is sent.
    """
    import asyncio

    import orjson

    from runner.cli.backdrop import paint_stage
    from runner.cli.render import give, say
    from runner.cli.resolve import name_of_user
    from runner.edge.clock import SystemClock
    from runner.upkeep.adoption import adopt_results

    found = asyncio.run(adopt_results(job, paint_stage(sandbox), SystemClock(), name_of_user()))
    if as_json:
        give(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode())
    for line in _summary(found, sandbox):
        say(line)
    return 1 if found.lost else 0


def _summary(found: Adopted, sandbox: bool) -> Iterator[str]:
    from runner.cli.render import shown

    for name, why in list(found.lost.items())[:LOST_TOLD]:
        yield f"not adopted: {name[:12]} {why}"
    if len(found.lost) > LOST_TOLD:
        yield f"… and {len(found.lost) - LOST_TOLD} more"
    steps = f" ({', '.join(f'{count} {step}' for step, count in found.taken.items())})" if found.taken else ""
    known = f"; {found.known} were known already" if found.known else ""
    yield f"{_count(found.taken.total(), 'result')} adopted{steps}, with {_count(found.files, 'file')}{known}"
    if found.journal is None:
        mode = "sandbox" if sandbox else "live"
        yield f"there is no manifest.json, so they were taken for {mode} results, as you say"
    if found.lost:
        results = shown(found.output / "results.jsonl")
        yield f"to have the rest, bring the files and adopt again; or remove {results}, and the next run buys them"
    if found.unnamed:
        yield f"{_count(found.unnamed, 'request')} of the job without a result there; the next run asks"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
