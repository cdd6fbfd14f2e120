"""A rehearsal: the emulated vendors as a child process, for `run --sandbox`.

The sandbox is a program of its own, so its drawing does not slow the engine and everything really goes over HTTP. It ends when its
standard input closes, so a killed parent leaves no orphan. Its state folder outlives it: a run that was killed finds its tickets
again.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from runner.errors import OurSide

SECRET_NAME: Final = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""What the name of a variable that holds a secret has in it."""
READY_WITHIN: Final = 30.0
"""Seconds the sandbox may take to start."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the emulated vendors are: address, the one key they take, and settings per vendor (`base_url`, `options`).

    `pid` is the process that plays them, None where it is not known.
    """

    url: str
    key: str
    vendors: Mapping[str, Mapping[str, Any]]
    pid: int | None = None


@asynccontextmanager
async def open_stage(state: Path, arguments: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Start the sandbox on its state folder and stop it afterwards. Raises `OurSide` if it does not come up."""
    # -P: a folder named `runner` where the user happens to stand is not this program.
    # its own session: a Ctrl-C meant for us must not take the vendors away while we land what flies
    argv = [sys.executable, "-P", "-m", "runner.sandbox", "--state", str(state), "--with-parent", *arguments]
    environ, pipe = without_keys(os.environ), asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, env=environ, start_new_session=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield await _read_ready(child.stdout)
    finally:
        child.stdin.close()
        await _end(child)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what sounds like a secret: the vendors we play need none, so they are given none."""
    return {name: value for name, value in environ.items() if not SECRET_NAME.search(name)}


async def _read_ready(voice: asyncio.StreamReader) -> Stage:
    """The one line of JSON that the child says when it is ready; a child that gives up says on stderr why, and nothing here."""
    try:
        ready = orjson.loads(await asyncio.wait_for(voice.readline(), READY_WITHIN))
    except (TimeoutError, ValueError) as error:
        raise OurSide("the sandbox did not start; try `adbatch sandbox` to see why") from error
    return Stage(ready["url"], ready["key"], ready["vendors"], ready["pid"])


async def _end(child: asyncio.subprocess.Process) -> None:
    """The child ends when its input closes; one that does not is ended."""
    try:
        await asyncio.wait_for(child.wait(), 5)
    except TimeoutError:
        child.kill()
        await child.wait()
