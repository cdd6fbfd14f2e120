"""`adbatch run`: make what the job asks for and is not there yet. The same command again finishes what is left."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.selectors import only_jobs, read_choice, selectors

WAITING = 32
"""Threads that may wait for the disk at once: what comes together is synced together."""

if TYPE_CHECKING:
    from runner.cli.progress import Narrator
    from runner.planning.pledge import Pledge
    from runner.tape.replay import Tape
    from runner.workflow import Order, Report


@click.command()
@click.argument("jobs", nargs=-1, type=click.Path(path_type=Path), callback=only_jobs)
@click.option("--sandbox", is_flag=True, help="Ask emulated vendors on this machine instead: no key, no money, nothing leaves.")
@click.option("--faults", metavar="NAME", help="With --sandbox: vendors that fail (rainy, stormy, or a JSON file).")
@selectors
@click.option("--fresh", multiple=True, metavar="STEP", help="Buy this step anew, once, on purpose; `all` for every step.")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="Do exactly what `adbatch plan --out FILE` planned.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="If another run holds the job, wait.")
@click.option("--allow-unpriced", is_flag=True, help="With a budget in money: also ask for what has no known price.")
@click.option("--rev", metavar="REF", help="The job, its templates, feed and pictures as this git revision has them.")
@click.option("--record", is_flag=True, help="Keep every exchange with the vendors, without secrets, for --replay.")
@click.option("--replay", is_flag=True, help="Answer from the recording only: nothing is sent, no key is needed.")
@click.option("--recording", type=click.Path(path_type=Path), metavar="DIR", help="Where the recording is or goes.")
@click.option("--no-report", is_flag=True, envvar="ADBATCH_NO_REPORT", help="Leave out the gallery (`adbatch report`).")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@click.option("--quiet", is_flag=True, help="No narration: three lines when all is well, complaints when it is not.")
def command(jobs: tuple[Path, ...], as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Make what the jobs ask for and is not there yet.

    Ctrl-C once stops submitting and lets what flies land; twice stops now. Either way nothing is lost: the same command goes on.
    """
    from runner.edge.rehearsal import calling

    tape = read_tape(len(jobs), chosen)
    jobs, pledge = read_pledge(jobs, chosen.pop("plan"))
    code = 0
    for path in jobs:
        with calling(chosen["sandbox"]) as players:  # before the rest is imported: they get ready meanwhile
            report, narrator = _make(path, quiet, tape=tape, pledge=pledge, players=players, **chosen)
        code = _tell(report, narrator, as_json, code)
        if report.told.ending.interrupted:
            break
    return code


def _make(path: Path, quiet: bool, **chosen: Any) -> tuple[Report, Narrator]:
    from runner.edge.trust import import_aiohttp

    import_aiohttp()
    from runner.cli.progress import Narrator, spoken_here

    narrator = Narrator(quiet, spoken_here())
    return _await(_run(_order(path, **chosen), narrator)), narrator


def _tell(report: Report, narrator: Narrator, as_json: bool, code: int) -> int:
    """Tell the end of a run; the graver of its exit code and that of the jobs before it."""
    from runner.cli.closing import tell_report
    from runner.workflow import graver

    tell_report(report, as_json, narrator.skipped())
    return graver(code, report.told.exit_code)


def read_pledge(jobs: tuple[Path, ...], plan: Path | None) -> tuple[tuple[Path, ...], Pledge | None]:
    """The jobs to run and the plan to be kept; the plan knows its job. Raises `Usage` where nothing, or too much, is named."""
    from runner.errors import Usage

    if plan is None and not jobs:
        raise Usage("name a job: adbatch run jobs/NAME.yaml")
    if plan is None:
        return jobs, None
    from runner.planning.pledge import load_pledge

    if len(jobs) > 1:
        raise Usage("--plan is about one job; name that one, or none")
    pledge = load_pledge(plan)
    return jobs or (pledge.find_job(Path.cwd()),), pledge


def read_tape(jobs: int, chosen: dict[str, Any]) -> Tape | None:
    """What --record, --replay and --recording, taken out of what was `chosen`, ask for together.

    Raises `Usage` where they contradict each other or the rest.
    """
    from runner.errors import Usage

    record, replay, recording = (chosen.pop(name) for name in ("record", "replay", "recording"))
    if recording is not None and not (record or replay):
        raise Usage("--recording names where --record writes and --replay reads; give one of the two")
    if recording is not None and jobs > 1:
        raise Usage("--recording holds one job; give it with one job only, or leave it out")
    if replay and record:
        raise Usage("--record keeps what vendors say and --replay asks none; give one of the two")
    if clash := next((name for name in ("sandbox", "faults", "fresh", "plan") if replay and chosen[name]), None):
        raise Usage(f"--replay asks no vendor and buys nothing, so it does not go with --{clash}")
    if not (record or replay):
        return None
    from runner.tape.replay import Tape

    return Tape("record" if record else "replay", recording)


def _order(path: Path, faults: str | None, fresh: tuple[str, ...], pledge: Pledge | None, **plain: Any) -> Order:
    """What the options ask for, and where they say nothing the plan. Raises `Usage` where they contradict each other."""
    from runner.errors import Usage
    from runner.workflow import Order

    if pledge is not None:
        plain["sandbox"] |= pledge.mode == "sandbox"
    if faults and not plain["sandbox"]:
        raise Usage("--faults goes with --sandbox; real vendors fail by themselves")
    if faults:
        from runner.sandbox.behaviour import load_faults

        load_faults(faults)
    steps = None if not fresh else frozenset() if "all" in fresh else frozenset(fresh)
    choice, plain["report"] = read_choice(plain), not plain.pop("no_report")
    if pledge is not None:
        steps, choice = pledge.fresh if steps is None else steps, choice or pledge.choice
    return Order(path, faults=("--faults", faults) if faults else (), fresh=steps, choice=choice, pledge=pledge, **plain)


async def _run(order: Order, narrator: Narrator) -> Report:
    """The run, drained by the first signal and stopped by the second."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from runner.cli.signals import Reins
    from runner.workflow import run_job

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WAITING, "disk"))
    try:
        with Reins(narrator.say) as reins:
            return await run_job(order, narrator, steer=reins.steer)
    finally:
        await narrator.close()


def _await(work: Coroutine[Any, Any, Report]) -> Report:
    """Run on uvloop where it is installed.

    What has been imported by now stays to the end, so the collector of cycles need not look at it over and over.
    """
    import asyncio
    import gc

    from runner.cli import COLLECT_AFTER

    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
