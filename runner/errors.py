"""Our own failures and the exit codes they end in.

A vendor's failure is a value (see `runner.verdicts`); what is raised is a mistake of the job, of the machine, or of ours. Every
exception here knows the exit code it ends the program with, so the one door in `runner.cli` needs no table of its own::

    AdbatchError
    ├── Invalid        2  the job, project file, feed or a template is wrong; carries every Complaint found
    ├── Usage          2  the command line asks for something that cannot be
    ├── OurSide        3  disk, journal, output or a missing secret; the message names the remedy
    │   └── Stranger   3  results lie here that the state folder does not know
    ├── Held          75  another run holds this job
    └── Interrupted  130  a signal ended the run at once; 129 or 143 where it was another signal
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from runner.frozen import frozen

EXITS: Final = MappingProxyType(
    {
        0: "all done, or nothing to do",
        1: "finished; some requests failed or were refused",
        2: "usage, job, feed or template wrong; nothing was sent",
        3: "our side failed: disk, journal, output, missing secret",
        4: "finished; some requests are uncertain (perhaps billed)",
        5: "stopped by a budget, credits or a rejected key",
        6: "deadline reached; jobs still queued at a vendor, nothing lost",
        75: "another run holds this job",
        129: "hung up (terminal closed), resumable",
        130: "interrupted (Ctrl-C), resumable",
        143: "terminated, resumable",
    }
)
"""Every exit code of the command and what it means; the README's table is this one."""


@frozen
class Place:
    """A point in a file the user wrote: 1-based line and column, and the line itself for the caret."""

    file: str
    line: int
    column: int
    text: str = ""


@frozen
class RowPlace:
    """The feed row that is to blame: file, 1-based line where the row begins, key column and key."""

    file: str
    line: int
    key_name: str
    key: str


@frozen
class Complaint:
    """One mistake, with all a person needs to mend it.

    `path` is the dotted way to the value (`steps.scene.with.styel`), empty where there is none. `message` says what is wrong and,
    where it can be known, the remedy. `count` is how many rows made the same mistake; the first of them is in `row`.
    """

    message: str
    path: str = ""
    place: Place | None = None
    row: RowPlace | None = None
    count: int = 1


class AdbatchError(Exception):
    """A failure with an exit code; the message is for a person and names the remedy."""

    exit_code: int = 3


class Invalid(AdbatchError):
    """The job, project file, feed or a template is wrong. Nothing was sent. All complaints come at once."""

    exit_code = 2

    def __init__(self, complaints: tuple[Complaint, ...] | list[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__(self.complaints)

    def __str__(self) -> str:
        return "; ".join(complaint.message for complaint in self.complaints)


class Usage(AdbatchError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class OurSide(AdbatchError):
    """Disk, journal, output or a missing secret: nothing a vendor did."""

    exit_code = 3


class Stranger(OurSide):
    """Results that would be bought lie here already, bought elsewhere. Nothing was sent and nothing written."""


class Held(AdbatchError):
    """Another run holds this job."""

    exit_code = 75


class Interrupted(AdbatchError):
    """A signal ended the run at once; the code is 128 and the signal's number."""

    exit_code = 130

    def __init__(self, message: str, exit_code: int = 130) -> None:
        self.exit_code = exit_code
        super().__init__(message, exit_code)

    def __str__(self) -> str:
        return str(self.args[0])
