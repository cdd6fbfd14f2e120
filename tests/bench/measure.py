"""Running a command and saying what it took: seconds by the clock, seconds of CPU with all its children, and its largest memory.

CPU counts what the kernel charges to the process and to whatever it has waited for, threads included; the vendor is a process of
its own and counts for nobody. On a machine that others use, both swell: compare runs that took turns, as ratios, and take medians.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import monotonic


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: `wall` and `cpu` in seconds, `peak` in megabytes (of its largest process), and its exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, longest: float = 3_600.0) -> Cost:
    """Run `command` in `folder`, for `longest` seconds at most; what it says is kept in `said.log` there."""
    with (folder / "said.log").open("ab") as log:
        began = monotonic()
        child = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        end = Timer(longest, os.kill, (child.pid, signal.SIGKILL))
        end.start()
        _, status, used = os.wait4(child.pid, 0)
        end.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = monotonic() - began
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, child.returncode)
