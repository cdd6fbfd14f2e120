"""`adbatch plan`: what a run would do, and why; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.selectors import read_choice, selectors

if TYPE_CHECKING:
    from runner.planning.forecast import Forecast


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="Plan a sandbox run.")
@click.option("--fresh", multiple=True, metavar="STEP", help="As if this step were bought anew; `all` for every step.")
@selectors
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON (`adbatch schema plan`).")
@click.option("--markdown", is_flag=True, help="Print it for a comment on a pull request.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write it to a file, for `run --plan FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 0 if there is nothing to do, 2 if there is, 1 for any failure.")
def command(job: Path, as_json: bool, markdown: bool, out: Path | None, detailed_exitcode: bool, **chosen: Any) -> int:
    """Say what a run would do before anything is spent: what is new, what changed and why, cost and time.

    Nothing is sent to a vendor and no key is needed; a feed at an address is downloaded, as a run does.
    """
    from runner.cli.render import tell_failure
    from runner.errors import AdbatchError

    try:
        forecast = _forecast(job, chosen)
        _tell(forecast, as_json, markdown)
        if out is not None:
            _write(forecast, out)
    except AdbatchError as failure:
        if not detailed_exitcode:
            raise
        tell_failure(failure)
        return 1
    return 2 if detailed_exitcode and not forecast.preview.idle else 0


def _forecast(job: Path, chosen: dict[str, Any]) -> Forecast:
    import asyncio

    from runner.edge.trust import import_aiohttp

    import_aiohttp()
    from runner.cli.backdrop import paint_stage
    from runner.planning.forecast import Question, make_forecast

    fresh, sandbox = chosen.pop("fresh"), chosen.pop("sandbox")
    steps = None if not fresh else frozenset() if "all" in fresh else frozenset(fresh)
    return asyncio.run(make_forecast(Question(job, paint_stage(sandbox), steps, read_choice(chosen))))


def _tell(forecast: Forecast, as_json: bool, markdown: bool) -> None:
    import orjson

    from runner.cli.previews import markdown_lines, text_lines
    from runner.cli.render import give, printable, say

    for remark in forecast.remarks:
        say(remark)
    if as_json:
        give(orjson.dumps(forecast.document, option=orjson.OPT_INDENT_2).decode())
        return
    lines = (markdown_lines if markdown else text_lines)(forecast.document)
    give(printable("\n".join(lines)))


def _write(forecast: Forecast, out: Path) -> None:
    """Write the plan beside its place and rename it into it. Raises `OurSide`."""
    from runner.cli.render import say, shown
    from runner.planning.forecast import write_document

    write_document(forecast.document, out)
    say(f"the plan is in {shown(out.absolute())}; `adbatch run --plan {out}` does exactly that, or refuses")
