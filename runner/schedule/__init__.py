"""When a job is to run, told to whoever has the clock: cron, systemd, GitHub Actions or Kubernetes.

adbatch is no daemon: the operating system schedules, and these texts tell it how. One file per scheduler, each a pure function from
a `Scheduled` job to files by name. A cron expression means the same everywhere or is refused for that scheduler, never bent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from runner.schedule.crontab import write_crontab
from runner.schedule.github import write_github
from runner.schedule.kubernetes import write_kubernetes
from runner.schedule.scheduled import Scheduled
from runner.schedule.systemd import write_systemd
from runner.schedule.timetable import Timetable

Writer: TypeAlias = Callable[[Scheduled], Mapping[str, str]]

WRITERS: Final[Mapping[str, Writer]] = MappingProxyType(
    {"crontab": write_crontab, "systemd": write_systemd, "github": write_github, "kubernetes": write_kubernetes}
)
"""What writes the files of each scheduler: their texts by file name. Each may raise `Usage`."""

__all__ = ["WRITERS", "Scheduled", "Timetable", "Writer"]
