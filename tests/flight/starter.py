"""A process that has imported the command and forks one run of it after another, so that fifty start in the time of one.

It has no threads and no open files, so a fork of it is as good as a new process. One line of JSON on standard input orders a start;
`{"id": …, "pid": …}` comes back at once and `{"id": …, "code": …}` when it has ended, the code as a shell would give it.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import runner.cli.run
import runner.workflow  # noqa: F401 - so that the children need not
from runner.cli import main

ROOT: Final = Path(__file__).parents[2]


class Started:
    """A run of the command: its process id and its exit code as they become known, and where its output goes."""

    def __init__(self, folder: Path) -> None:
        self.pid: Future[int] = Future()
        self.ended: Future[int] = Future()
        self.folder = folder

    async def code(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self.ended)), 60)

    async def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(await asyncio.shield(asyncio.wrap_future(self.pid)), number)

    @property
    def said(self) -> str:
        """What it has written on standard error and on standard output so far."""
        paths = (self.folder / "stderr", self.folder / "stdout")
        return "".join(path.read_text("utf-8") for path in paths if path.exists())


class Starter:
    """The process, from outside. Use it as a context manager; it belongs to no event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: dict[int, Started] = {}

    def __enter__(self) -> Starter:
        argv = [sys.executable, "-m", "tests.flight.starter"]
        self._process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._listening.join()
        self._process.stdout.close()
        self._process.wait()

    def start(self, *argv: str, cwd: Path, stdout: str = "", **environ: str) -> Started:
        """Start `adbatch ARGV` in the folder `cwd`; with `stdout="broken"` nobody reads what it prints."""
        number = len(self._runs)
        folder = self.folder / f"run-{number}"
        folder.mkdir(parents=True)
        run = self._runs[number] = Started(folder)
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(folder), **environ}
        order = {"id": number, "argv": argv, "cwd": str(cwd), "environ": environ, "folder": str(folder), "stdout": stdout}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return run

    async def run(self, *argv: str, cwd: Path, **environ: str) -> tuple[int, str]:
        """Run `adbatch ARGV` to its end: exit code and all it printed."""
        run = self.start(*argv, cwd=cwd, **environ)
        return await run.code(), run.said

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            run = self._runs[told["id"]]
            if "pid" in told:
                run.pid.set_result(told["pid"])
            else:
                run.ended.set_result(told["code"])


def serve() -> None:
    """Fork what is ordered until standard input ends and the last child has."""
    running: dict[int, int] = {}
    waiting, is_open = b"", True
    while is_open or running:
        if is_open and select.select([0], [], [], 0.01)[0]:
            piece = os.read(0, 65_536)
            is_open, waiting = bool(piece), waiting + piece
        *orders, waiting = waiting.split(b"\n")
        for order in map(json.loads, orders):
            pid = os.fork() or _child(order)
            running[pid] = order["id"]
            _tell({"id": order["id"], "pid": pid})
        while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(ended[1])
            _tell({"id": running.pop(ended[0]), "code": code if code >= 0 else 128 - code})


def _child(order: Mapping[str, Any]) -> int:
    """Become the run that was ordered; never returns."""
    folder = Path(order["folder"])
    _direct(os.open(os.devnull, os.O_RDONLY), 0)
    _direct(_nobody() if order["stdout"] else os.open(folder / "stdout", os.O_WRONLY | os.O_CREAT), 1)
    (folder / "stdout").touch()
    _direct(os.open(folder / "stderr", os.O_WRONLY | os.O_CREAT), 2)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])
    tempfile.tempdir = None
    code: Any = 70
    try:
        main(order["argv"])
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
        traceback.print_exc()
    os._exit(int(code or 0))


def _direct(handle: int, number: int) -> None:
    os.dup2(handle, number)
    os.close(handle)


def _nobody() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _tell(what: Mapping[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve()
