"""`adbatch run`: make what the job asks for and is not there yet. The same command again finishes what is left."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runner.cli.progress import Narrator
    from runner.workflow import Order, Report


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="Ask emulated vendors on this machine instead: no key, no money, nothing leaves.")
@click.option("--faults", metavar="NAME", help="With --sandbox: vendors that fail (rainy, stormy, or a JSON file).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N variants.")
@click.option("--fresh", multiple=True, metavar="STEP", help="Buy this step anew, once, on purpose; `all` for every step.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="If another run holds the job, wait.")
@click.option("--allow-unpriced", is_flag=True, help="With a budget in money: also ask for what has no known price.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@click.option("--quiet", is_flag=True, help="No narration; complaints and the summary remain.")
def command(jobs: tuple[Path, ...], as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Make what the jobs ask for and is not there yet.

    Ctrl-C once stops submitting and lets what flies land; twice stops now. Either way nothing is lost: the same command goes on.
    """
    from runner.cli.progress import Narrator
    from runner.cli.render import tell_report
    from runner.workflow import graver

    code = 0
    for path in jobs:
        report = _await(_run(_order(path, **chosen), Narrator(quiet)))
        tell_report(report, as_json)
        code = graver(code, report.told.exit_code)
        if report.told.ending.interrupted:
            break
    return code


def _order(path: Path, faults: str | None, fresh: tuple[str, ...], **plain: Any) -> Order:
    """What the options ask for. Raises `Usage` where they contradict each other."""
    from runner.errors import Usage
    from runner.sandbox.behaviour import load_faults
    from runner.workflow import Order

    if faults and not plain["sandbox"]:
        raise Usage("--faults goes with --sandbox; real vendors fail by themselves")
    if faults:
        load_faults(faults)
    steps = None if not fresh else frozenset() if "all" in fresh else frozenset(fresh)
    return Order(path, faults=("--faults", faults) if faults else (), fresh=steps, **plain)


async def _run(order: Order, narrator: Narrator) -> Report:
    """The run, drained by the first signal and stopped by the second."""
    from runner.cli.signals import Reins
    from runner.workflow import run_job

    try:
        with Reins(narrator.say) as reins:
            return await run_job(order, narrator, steer=reins.steer)
    finally:
        await narrator.close()


def _await(work: Coroutine[Any, Any, Report]) -> Report:
    """Run on uvloop where it is installed."""
    import asyncio

    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
