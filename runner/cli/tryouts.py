"""`adbatch providers test`: a described vendor's examples, sent one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.job.load import ProjectFile


def try_account(name: str, sandbox: bool, yes: bool) -> int:
    """Try out an account of the project around here; 0 if every example gave what it should, else 1."""
    from runner.cli.render import give, printable, say
    from runner.edge.blobs import Blobs
    from runner.job.load import load_project
    from runner.tryout import prepare, preview

    project_file = load_project(Path.cwd())
    with TemporaryDirectory(prefix="adbatch-") as room:
        if not sandbox and not yes:
            trial = prepare(project_file, name, None, Blobs(Path(room) / "blobs"))
            give(printable("\n".join(preview(trial))))
            say(f"nothing was sent; to send and pay for {_requests(len(trial.examples))}: adbatch providers test {name} --yes")
            return 0
        return asyncio.run(_send(project_file, name, sandbox, Path(room)))


async def _send(project_file: ProjectFile, name: str, sandbox: bool, room: Path) -> int:
    from contextlib import AsyncExitStack

    from runner.cli.render import give, printable, say
    from runner.edge.blobs import Blobs
    from runner.edge.clock import SystemClock
    from runner.edge.rehearsal import open_stage
    from runner.tryout import prepare, try_out

    async with AsyncExitStack() as house:
        stage = await house.enter_async_context(open_stage(room / "vendors")) if sandbox else None
        trial = prepare(project_file, name, stage, Blobs(room / "blobs"))
        good = await try_out(trial, SystemClock(), lambda line: give(printable(line)))
    say(f"{good} of {_requests(len(trial.examples))} gave what was promised")
    return 0 if good == len(trial.examples) else 1


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"
