"""`adbatch verify`: are the files still what results.jsonl says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.upkeep.verification import Verified

STRANGERS_TOLD = 5


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(job: Path, as_json: bool) -> int:
    """Re-hash every file against results.jsonl, and results.jsonl against manifest.json; read nothing else, send nothing.

    Each file that is missing or changed is a line on stdout. Exit 0 if there is none, 1 if there is. Files that nobody names are
    mentioned and are no fault.
    """
    import orjson

    from runner.cli.render import give, say
    from runner.desk import load_files, output_of
    from runner.upkeep.verification import verify_output

    found = verify_output(output_of(*load_files(job)))
    if as_json:
        give(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in _faults(found):
            give(line)
    for line in _summary(found):
        say(line)
    return 0 if found.whole else 1


def _faults(found: Verified) -> Iterator[str]:
    from runner.cli.render import printable

    yield from (f"missing  {printable(path)}" for path in found.missing)
    yield from (f"changed  {printable(path)}" for path in found.changed)
    if found.results:
        yield f"changed  {found.results}"


def _summary(found: Verified) -> Iterator[str]:
    if not found.manifest:
        yield "there is no manifest.json, so results.jsonl itself is taken at its word"
    if found.strangers:
        more = ", …" if len(found.strangers) > STRANGERS_TOLD else ""
        yield f"named by nobody, and left alone: {', '.join(found.strangers[:STRANGERS_TOLD])}{more}"
    bad = len(found.missing) + len(found.changed)
    right = f"{found.files - bad} of {found.files} files are what results.jsonl says"
    edited = ", once what somebody edited is removed" if found.changed else ""
    yield right if found.whole else f"{right}; `adbatch rebuild` makes them anew from the state folder{edited}"
