"""`adbatch run`: make what the job asks for and is not there yet. The same command again finishes what is left."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runner.cli.progress import Narrator
    from runner.engine import Engine
    from runner.workflow import Order, Report


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="Ask emulated vendors on this machine instead: no key, no money, nothing leaves.")
@click.option("--faults", metavar="NAME", help="With --sandbox: vendors that fail now and then (rainy, stormy).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N variants.")
@click.option("--fresh", multiple=True, metavar="STEP", help="Buy this step anew, once, on purpose; `all` for every step.")
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
    return code


def _order(path: Path, sandbox: bool, faults: str | None, limit: int | None, fresh: tuple[str, ...]) -> Order:
    """What the options ask for. Raises `Usage` where they contradict each other."""
    from runner.errors import Usage
    from runner.workflow import Order

    if faults and not sandbox:
        raise Usage("--faults goes with --sandbox; real vendors fail by themselves")
    steps = None if not fresh else frozenset() if "all" in fresh else frozenset(fresh)
    return Order(path, sandbox, ("--faults", faults) if faults else (), limit, steps)


async def _run(order: Order, narrator: Narrator) -> Report:
    """The run, drained by the first signal and stopped by the second."""
    import asyncio
    import signal

    from runner.workflow import run_job

    loop = asyncio.get_running_loop()

    def steer(engine: Engine) -> None:
        def drain(number: signal.Signals) -> None:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)
            narrator.say("stopping: what flies may land, the rest waits for the next run; once more stops now")
            engine.drain(128 + number)

        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, drain, each)

    try:
        return await run_job(order, narrator, steer=steer)
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
