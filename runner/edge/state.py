"""The state folder: where everything that must outlive a run is, and the lock that keeps runs of one job apart.

    <root>/.gitignore               `*`: never committed
    <root>/live|sandbox|replay/     what was bought, what was only played, and what was only repeated
        blobs/                      bytes by content
        feeds/                      snapshots of feeds
        jobs/<name>/journal.db      the facts
        jobs/<name>/lock            flock, freed by the kernel when its holder dies; `holder` says who has it
    <root>/recordings/<mode>/<name> what was said in recorded runs, unless another folder was named

The modes share nothing but the root. All of it is private to its owner.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runner.edge.blobs import PRIVATE_FILE, Blobs, make_private_folder
from runner.edge.journal import Mode
from runner.errors import Held, OurSide

OURS: Final = frozenset({"live", "sandbox", "replay", "recordings"})
LOOKS: Final = 10
LOOK: Final = 0.02
"""How often, and seconds apart, it is looked who holds a job."""


class State:
    """The state folder of a project in one mode. Making one makes the folders and proves that they can be written."""

    def __init__(self, root: Path, mode: Mode) -> None:
        self.root, self.mode = root, mode
        self._blobs: Blobs | None = None
        make_private_folder(root)
        _check_owner(root)
        self.home = make_private_folder(root / mode)
        _probe(self.home)
        ignore = root / ".gitignore"
        if {entry.name for entry in root.iterdir()} <= OURS:  # in a folder of other things it would hide those from git
            ignore.touch(PRIVATE_FILE)
            ignore.write_text("*\n", "utf-8")

    def blobs(self) -> Blobs:
        """The store of this mode, one for all who ask: what has just been written lies at hand for each of them."""
        if self._blobs is None:
            self._blobs = Blobs(self.home / "blobs")
        return self._blobs

    def drawings(self) -> tuple[Blobs, ...]:
        """The other stores of modes in which nothing is bought: what is published from there may be replaced by a run of this mode.

        What a killed rehearsal or a replay left was not edited by anybody.
        """
        folders = [self.root / mode / "blobs" for mode in ("sandbox", "replay") if mode != self.mode]
        return tuple(Blobs(folder) for folder in folders if folder.is_dir())

    def start_afresh(self, job: str) -> None:
        """Forget the job's journal. Only where nothing is bought, and only by who holds the job."""
        if self.mode != "replay":
            raise ValueError(f"a {self.mode} journal is never thrown away")
        for path in self._folder(job).glob("journal.db*"):
            path.unlink()

    @property
    def feeds(self) -> Path:
        """The folder of feed snapshots."""
        return make_private_folder(self.home / "feeds")

    def journal(self, job: str) -> Path:
        """Where the job's journal is or will be."""
        return self._folder(job) / "journal.db"

    @contextmanager
    def lock(self, job: str, at: float) -> Iterator[None]:
        """Hold the job for the length of the block; `at` is the moment, in seconds since the epoch, that others are told.

        Raises `Held` if another run holds it, saying who and since when.
        """
        folder = self._folder(job)
        holder = folder / "holder"
        try:
            lock = hold(folder / "lock")
        except BlockingIOError:
            raise Held(f"job {job} is held by {_describe(holder)}; wait for it to end, or let --wait SECONDS do it") from None
        except OSError as error:
            raise OurSide(f"{folder}/lock: cannot be locked ({error.strerror}); is this a network file system?") from error
        try:
            _write_private(holder, {"pid": os.getpid(), "host": os.uname().nodename, "since": _rfc3339(at)})
            yield
        finally:
            holder.unlink(missing_ok=True)
            os.close(lock)

    def _folder(self, job: str) -> Path:
        if not job or job.startswith(".") or set(job) & set("/\\\0"):
            raise OurSide(f"{job!r} cannot be the name of a folder; rename the job")
        return make_private_folder(self.home / "jobs" / job)


def hold(path: Path) -> int:
    """Lock the file at `path`, made if need be, until the descriptor that is returned is closed, by whatever ends the process.

    Raises `BlockingIOError` where another process holds it, another `OSError` where the file system cannot lock.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _check_owner(root: Path) -> None:
    """Refuse a folder in which somebody else could plant results or read keys' traces."""
    found, me = root.stat(), os.geteuid()
    if me not in (0, found.st_uid):
        raise OurSide(f"{root}: this state folder belongs to another user; name another with `state:` in adbatch.yaml")
    if found.st_mode & stat.S_IWOTH:
        raise OurSide(f"{root}: everybody may write to this state folder; run: chmod 700 {root}")


def _probe(folder: Path) -> None:
    """Write and remove a file: permissions alone do not say whether a file system is read-only or full."""
    probe = folder / ".probe"  # one name for all: what a killed run leaves of it, the next one removes
    try:
        _write_private(probe, {"probe": True})
    except OSError as error:
        raise OurSide(f"{folder}: cannot write here ({error.strerror}); check the permissions and the disk") from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _write_private(path: Path, body: dict[str, Any]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(body, file)


def read_holder(folder: Path) -> dict[str, Any] | None:
    """Who holds the job whose folder this is: `pid`, `host` and `since` (RFC 3339). None where nobody has said so yet."""
    try:
        told = json.loads((folder / "holder").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _describe(holder: Path) -> str:
    """Who holds the job. Whoever has just taken it needs a moment to say so, and is given one."""
    for _ in range(LOOKS):
        try:
            told = json.loads(holder.read_text("utf-8"))
            return f"process {told['pid']} on {told['host']} since {told['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(LOOK)
    return "another process"


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
