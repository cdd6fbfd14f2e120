"""The command as a person runs it: in this process for what is quick, as a process of its own for signals and terminals."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from runner.cli import main
from tests.edge.conftest import Hit, Vendor, open_vendor
from tests.projects import COPY, write_project

COMMAND: Final = (sys.executable, "-P", "-m", "runner.cli")
ENVIRON: Final = {
    **{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "PYTHONWARNINGS")},
    "ADBATCH_TEST_KEY": "test-key",
    "COLUMNS": "100",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True)
class Ended:
    """How the command ended and what it said."""

    code: int
    out: str
    err: str


Adbatch = Callable[..., Ended]


@pytest.fixture
def adbatch(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Adbatch:
    """Runs the command in this process, standing in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(argv)
        told = capsys.readouterr()
        return Ended(int(ended.value.code or 0), told.out, told.err)

    return run


def start(folder: Path, *argv: str, **more: Any) -> subprocess.Popen[str]:
    """The command as a process of its own, standing in `folder`."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRON, **more}
    return subprocess.Popen([*COMMAND, *argv], cwd=folder, text=True, **streams)


@dataclass
class Slow:
    """A vendor on loopback that answers when it is told to. `hits` are the requests that came; `status` is what it will say."""

    vendor: Vendor
    release: asyncio.Event
    arrived: asyncio.Event
    status: int = 200
    hits: list[Hit] = field(default_factory=list)

    async def next_hit(self) -> None:
        """Wait for one more request."""
        await asyncio.wait_for(self.arrived.wait(), 20)
        self.arrived.clear()


@asynccontextmanager
async def open_slow(folder: Path) -> AsyncIterator[Slow]:
    """A slow vendor and, in `folder`, a project of two rows that asks it one by one, live."""
    release, arrived = asyncio.Event(), asyncio.Event()

    async def answer(hit: Hit, writer: asyncio.StreamWriter) -> None:
        slow.hits.append(hit)
        arrived.set()
        await release.wait()
        body = b'{"text": "Hello"}'
        writer.write(f"HTTP/1.1 {slow.status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    async with open_vendor(answer) as vendor:
        slow = Slow(vendor, release, arrived)
        account = f'{{account: "7", key: {{env: ADBATCH_TEST_KEY}}, base_url: "{vendor.url}", limits: {{concurrent: 1}}}}'
        write_project(folder, COPY, project=f"version: 1\nproviders:\n  jivox: {account}\n")
        yield slow
