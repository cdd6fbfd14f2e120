"""The forge: a process that has imported everything and forks one run after another, so that a kill costs milliseconds.

It has no threads and no open database, so a fork of it is as good as a new process. One line of JSON on standard input orders a
run; the pid comes back at once, its exit status when it has ended, both as JSON lines, and an empty line lets go of the pid.
Killing is left to whoever ordered the run.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from runner.edge.clock import GRAIN
from runner.edge.rehearsal import Stage
from runner.errors import AdbatchError
from runner.workflow import Order, run_job


class HurriedClock:
    """A clock that runs `pace` times as fast as the system's, counted from the moment `since`: the same in every run of a job."""

    def __init__(self, since: float, pace: float) -> None:
        self._since, self._pace = since, pace

    def now(self) -> float:
        """Seconds since the epoch, hurried."""
        return self._since + (time.time() - self._since) * self._pace

    async def sleep_until(self, at: float) -> None:
        """Wait until `now` is `at`."""
        if (rest := at - self.now()) > 0:
            await asyncio.sleep(rest / self._pace + GRAIN)


def hurry(pace: float = 20.0) -> HurriedClock:
    """A clock in a hurry from now on, for runs that would only wait for the next poll."""
    return HurriedClock(time.time(), pace)


class Mute:
    """A voice that says nothing."""

    def say(self, text: str) -> None:
        """Nobody listens."""

    def warn(self, text: str) -> None:
        """Nobody listens to this either."""

    def watch(self, read: object) -> None:
        """Nobody looks."""


def main() -> None:
    """Serve orders until standard input ends. All that a run would import or collect is done before, once."""
    Image.init()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_child(order))
        _tell({"pid": pid})
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        _tell({"status": ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status})
        sys.stdin.readline()  # until then the pid is nobody else's, so a late kill hits nothing
        os.waitpid(pid, 0)


def _child(order: Mapping[str, Any]) -> int:
    """One run; its voice goes to the file `log`. `plant` names a function that spoils the run on purpose."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for name, most in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if plant := order.get("plant"):
        module, _, function = plant.partition(":")
        getattr(importlib.import_module(module), function)()
    stage = Stage(**order["stage"])
    return _run(Order(Path(order["job"]), sandbox=True, stage=stage), HurriedClock(order["since"], order["pace"]))


def _run(order: Order, clock: HurriedClock) -> int:
    """The run's exit code, as the command would give it."""
    try:
        return asyncio.run(run_job(order, Mute(), clock)).told.exit_code
    except AdbatchError as failure:
        sys.stderr.write(f"adbatch: {failure}\n")
        return failure.exit_code
    except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
        traceback.print_exc()
        return 70


def _tell(what: Mapping[str, int]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
