"""`adbatch rebuild`: make every output again from the state folder alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.upkeep.rebuilding import Rebuilt


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="The results of sandbox runs.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def command(job: Path, sandbox: bool, as_json: bool) -> int:
    """Make the files and results.jsonl of the last run again: no network, no key, no feed, the same bytes.

    Job, templates and feed are those of that run, whatever became of them since. A file that somebody edited is left alone. Exit 0
    if everything is again as the run left it, 1 if not.
    """
    import orjson

    from runner.cli.backdrop import paint_stage
    from runner.cli.render import give, say
    from runner.upkeep.rebuilding import rebuild_outputs

    made = rebuild_outputs(job, paint_stage(sandbox))
    if as_json:
        give(orjson.dumps(made.as_json(), option=orjson.OPT_INDENT_2).decode())
    for line in _summary(made):
        say(line)
    return 0 if made.whole else 1


def _summary(made: Rebuilt) -> Iterator[str]:
    from runner.cli.render import shown

    yield f"run {made.run} in {shown(made.output)}/: {made.written} written, {made.unchanged} there already"
    if made.kept:
        first, more = next(iter(made.kept)), f" and {len(made.kept) - 1} more" if len(made.kept) > 1 else ""
        yield f"left as somebody edited it: {first}{more}; remove it and rebuild to have the run's again"
    if made.same:
        yield f"results.jsonl has the run's {made.lines} lines, byte for byte"
    else:
        yield f"results.jsonl has {made.lines} lines and is not what the run wrote: the state folder knows more or less than then"
