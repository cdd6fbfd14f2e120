"""A rehearsal: the emulated vendors as a child process, for `run --sandbox`.

The sandbox is a program of its own, so its drawing does not slow the engine and everything really goes over HTTP. It ends when its
standard input closes, so a killed parent leaves no orphan. Its state folder outlives it: a run that was killed finds its tickets
again. It may be called before anybody knows its folder: it gets ready while we do, and waits for its cue.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import orjson

from runner.errors import OurSide
from runner.frozen import frozen

SECRET_NAME: Final = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""What the name of a variable that holds a secret has in it."""
READY_WITHIN: Final = 30.0
"""Seconds the sandbox may take to start."""
PATIENCE: Final = 5.0
"""Seconds it may take to end."""

Players: TypeAlias = subprocess.Popen[bytes]
"""The process that will play the vendors, once it is told its folder."""


@frozen
class Stage:
    """Where the emulated vendors are: address, the one key they take, and settings per vendor (`base_url`, `options`).

    `pid` is the process that plays them, None where it is not known.
    """

    url: str
    key: str
    vendors: Mapping[str, Mapping[str, Any]]
    pid: int | None = None


@contextmanager
def calling(wanted: bool = True) -> Iterator[Players | None]:
    """The players, if they are `wanted`, while they get ready for `open_stage`; whoever was not needed by then is sent home."""
    if not wanted:
        yield None
        return
    # -P: a folder named `runner` where the user happens to stand is not this program.
    # its own session: a Ctrl-C meant for us must not take the vendors away while we land what flies
    # no certificates: they dial nobody, and reading those of a system takes a seventh of their start
    argv = [sys.executable, "-P", "-m", "runner.sandbox", "--cued"]
    environ = {**without_keys(os.environ), "SSL_CERT_FILE": os.devnull}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, start_new_session=True) as players:
        try:
            yield players
        finally:
            players.kill()


@asynccontextmanager
async def open_stage(state: Path, arguments: Sequence[str] = (), players: Players | None = None) -> AsyncIterator[Stage]:
    """Start the sandbox on its state folder and stop it afterwards; `players` have been called before.

    Raises `OurSide` if it does not come up.
    """
    with calling(players is None) as called:
        child = players or called
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(orjson.dumps(["--state", str(state), "--with-parent", *arguments]) + b"\n")
                child.stdin.flush()
            yield await _read_ready(child.stdout)
        finally:
            with suppress(BrokenPipeError):
                child.stdin.close()
            await _end(child, child.stdout)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what sounds like a secret: the vendors we play need none, so they are given none."""
    return {name: value for name, value in environ.items() if not SECRET_NAME.search(name)}


async def _read_ready(voice: IO[bytes]) -> Stage:
    """The one line of JSON that the child says when it is ready; a child that gives up says on stderr why, and nothing here."""
    try:
        ready = orjson.loads(await asyncio.wait_for(asyncio.to_thread(voice.readline), READY_WITHIN))
    except (TimeoutError, ValueError) as error:
        raise OurSide("the sandbox did not start; try `adbatch sandbox` to see why") from error
    return Stage(ready["url"], ready["key"], ready["vendors"], ready["pid"])


async def _end(child: Players, voice: IO[bytes]) -> None:
    """The child ends when its input closes, and its voice with it; one that does not is ended."""
    try:
        await asyncio.wait_for(asyncio.to_thread(voice.read), PATIENCE)
    except TimeoutError:
        child.kill()
    child.wait()
