"""A job as a scheduler needs to know it, and what all schedulers' files have in common."""

from __future__ import annotations

import hashlib
import os.path
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from runner.errors import EXITS, Usage
from runner.frozen import frozen
from runner.schedule.timetable import Timetable

JITTER: Final = 300
"""Seconds a run may start later where the job says nothing."""
HELD: Final = 75


@frozen
class Scheduled:
    """What is to be run, where, when, and with which keys. All paths are absolute; keys are names, never values.

    `keys` are environment variables, `key_files` the files with a key by the secret they hold (PLACEWISE_KEY). `user` is who runs
    it, empty for root. `repository` is the git work tree around the project. `at` is the moment of writing, `version` adbatch's.
    """

    name: str
    job: Path
    root: Path
    output: Path
    command: Path
    timetable: Timetable
    jitter: int = JITTER
    keys: tuple[str, ...] = ()
    key_files: Mapping[str, str] = field(default_factory=dict)
    env_file: str = ""
    user: str = ""
    repository: Path | None = None
    image: str = ""
    version: str = ""
    at: float = 0.0

    def __post_init__(self) -> None:
        for path in (self.job, self.root, self.output, self.command, self.env_file):
            if any(unicodedata.category(char) in ("Cc", "Cs") for char in str(path)):
                raise Usage(f"{str(path)!r} has a control character in its name, which no scheduler's file can hold; rename it")

    @property
    def title(self) -> str:
        """What units, files and groups are called."""
        return f"adbatch-{self.name}"

    @property
    def delay(self) -> int:
        """Seconds within the jitter, always the same for one job of this name in this folder."""
        drawn = hashlib.sha256(f"{self.root}\0{self.name}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") % (self.jitter + 1)

    def inside(self, path: Path) -> str:
        """The path relative to the project, for who has a copy of the project elsewhere."""
        return os.path.relpath(path, self.root)

    @property
    def folder(self) -> str:
        """The project's folder in its repository; `.` where it is the top."""
        return os.path.relpath(self.root, self.repository or self.root)

    def heading(self, how: str) -> Iterator[str]:
        """The first lines of a file, without a comment sign: what it is and how it is put in place."""
        yield f"{self.title}: runs {self.inside(self.job)} at {self.timetable.cron} ({self.timetable.zone})"
        yield "Written by `adbatch schedule`; after an edit of refresh: in the job, write it again."
        yield f"Install: {how}"

    def clock_change(self, told: str) -> Iterator[str]:
        """`told`, where the zone has summer time."""
        if self.timetable.changes_clocks(self.at):
            yield f"{self.timetable.zone} changes its clocks: {told}"


def exit_lines() -> Iterator[str]:
    """The exit codes and what they mean, for a comment."""
    yield "Exit codes of adbatch:"
    yield from (f"  {code:3}  {meaning}" for code, meaning in EXITS.items())


def comment(*lines: str) -> str:
    """The lines as comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
