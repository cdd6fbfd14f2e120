"""The state folder: where everything that must outlive a run is, and the lock that keeps runs of one job apart.

    <root>/.gitignore               `*`: never committed
    <root>/live|sandbox/            what was bought, and what was only played
        blobs/                      bytes by content
        feeds/                      snapshots of feeds
        jobs/<name>/journal.db      the facts
        jobs/<name>/lock            flock, freed by the kernel when its holder dies; `holder` says who has it

Sandbox and live share nothing but the root. All of it is private to its owner.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner.edge.blobs import PRIVATE_FILE, Blobs, make_private_folder
from runner.edge.journal import Mode
from runner.errors import Held, OurSide


class State:
    """The state folder of a project in one mode. Making one makes the folders and proves that they can be written."""

    def __init__(self, root: Path, mode: Mode) -> None:
        self.root, self.mode = root, mode
        make_private_folder(root)
        _check_owner(root)
        self.home = make_private_folder(root / mode)
        _probe(self.home)
        ignore = root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")

    def blobs(self) -> Blobs:
        """The store of this mode."""
        return Blobs(self.home / "blobs")

    @property
    def feeds(self) -> Path:
        """The folder of feed snapshots."""
        return make_private_folder(self.home / "feeds")

    def journal(self, job: str) -> Path:
        """Where the job's journal is or will be."""
        return self._folder(job) / "journal.db"

    @contextmanager
    def lock(self, job: str, at: float, patience: float = 0.0) -> Iterator[None]:
        """Hold the job for the length of the block; `at` is the moment, in seconds since the epoch, that others are told.

        Raises `Held`, saying who holds it and since when, if it is not free within `patience` seconds.
        """
        folder = self._folder(job)
        holder = folder / "holder"
        lock = FileLock(folder / "lock", timeout=patience, mode=PRIVATE_FILE, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise Held(f"job {job} is held by {_describe(holder)}; wait for it to end") from None
        except OSError as error:
            raise OurSide(f"{folder}/lock: cannot be locked ({error.strerror}); is this a network file system?") from error
        try:
            _write_private(holder, {"pid": os.getpid(), "host": os.uname().nodename, "since": _rfc3339(at)})
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def _folder(self, job: str) -> Path:
        if not job or job.startswith(".") or set(job) & set("/\\\0"):
            raise OurSide(f"{job!r} cannot be the name of a folder; rename the job")
        return make_private_folder(self.home / "jobs" / job)


def _check_owner(root: Path) -> None:
    """Refuse a folder in which somebody else could plant results or read keys' traces."""
    found, me = root.stat(), os.geteuid()
    if me not in (0, found.st_uid):
        raise OurSide(f"{root}: this state folder belongs to another user; name another with `state:` in adbatch.yaml")
    if found.st_mode & stat.S_IWOTH:
        raise OurSide(f"{root}: everybody may write to this state folder; run: chmod 700 {root}")


def _probe(folder: Path) -> None:
    """Write and remove a file: permissions alone do not say whether a file system is read-only or full."""
    probe = folder / f".probe-{secrets.token_hex(8)}"
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


def _describe(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text("utf-8"))
        return f"process {told['pid']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
