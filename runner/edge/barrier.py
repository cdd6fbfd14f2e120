"""One wait for many files: what was written is on the disk before any of it gets its name.

A file that is renamed before it is synced may be found empty after a power cut. To sync each by itself is what most of the time
of a small file goes to; the disk takes a hundred of them in the time of two. So whoever writes many writes them all, waits here
once, and then gives them their names.

Where the system can, a file that replaces nothing has no name at all until then (O_TMPFILE and link(2) on Linux): to give one name
costs less than to give one, give another and take the first away, and of what was not finished nothing is left.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import re
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Final

MOST: Final = 128
"""Files that are staged at once: each is open until it has its place."""
MANY: Final = 4
"""Files from which on one sync of their whole file system is quicker than one of each."""
TELLS: Final = (5, 8)
"""The version of Linux from which on syncfs(2) tells of failed writes, as fsync(2) always did."""


def sync_files(handles: Sequence[int], folder: int) -> None:
    """Return once the content of all these open files is on the disk, in whose file system `folder` is one. Raises `OSError`."""
    sync_all = _syncfs() if len(handles) >= MANY else None
    if sync_all is not None:
        sync_all(folder)
        return
    for handle in handles:
        os.fsync(handle)


def sync_names(root: int, folders: Sequence[str]) -> None:
    """Return once the names in all these folders below the open folder `root` are on the disk. Raises `OSError`."""
    sync_all = _syncfs() if len(folders) >= MANY else None
    if sync_all is not None:
        sync_all(root)
        return
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Convoy:
    """Threads that want their files on the disk go there together.

    Whoever comes while a sync is under way waits for the next one, which is for all who have come by then; the first of them leads.
    So what a sync costs is shared by as many as there are, and a single one waits for nobody.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._under_way = False
        self._next = self._last = 0
        self._failures: dict[int, OSError] = {}

    def sync(self, handle: int) -> None:
        """Return once the content of this open file, or folder, is on the disk. Raises `OSError`."""
        with self._changed:
            self._waiting.append(handle)
            mine = self._next
            while self._under_way and self._last <= mine:
                self._changed.wait()
            if self._last > mine:
                self._tell(mine)
                return
            handles, self._waiting, self._under_way, self._next = self._waiting, [], True, mine + 1
        failure = _failure_of(handles)
        with self._changed:
            self._under_way, self._last = False, mine + 1
            if failure is not None:
                self._failures[mine] = failure
            self._changed.notify_all()
            self._tell(mine)

    def _tell(self, mine: int) -> None:
        if mine in self._failures:
            raise OSError(self._failures[mine].errno, self._failures[mine].strerror)


def _failure_of(handles: Sequence[int]) -> OSError | None:
    try:
        sync_files(handles, handles[0])
    except OSError as failure:
        return failure
    return None


def links_nameless(folder: int, mode: int) -> bool:
    """Whether a file in this open folder can do without a name until it has its place, and has the mode then that any other has.

    It is tried, for no version tells: file systems know it or not, a container may be without /proc, and kernels before 6.0 forgot
    the umask here and there.
    """
    if not hasattr(os, "O_TMPFILE"):
        return False
    names = [f"{secrets.token_hex(8)}-{number}" for number in range(2)]
    with ExitStack() as stack:
        try:
            nameless = os.open(".", os.O_WRONLY | os.O_TMPFILE, mode, dir_fd=folder)
            stack.callback(os.close, nameless)
            _link(nameless, folder, names[0])
            stack.callback(os.unlink, names[0], dir_fd=folder)
            named = os.open(names[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
            stack.callback(os.close, named)
            stack.callback(os.unlink, names[1], dir_fd=folder)
        except OSError:
            return False
        return os.fstat(nameless).st_mode == os.fstat(named).st_mode


def _link(handle: int, folder: int, name: str) -> None:
    """Give the open file this name in the open folder. Raises `FileExistsError` where the name is taken, by whatever."""
    os.link(f"/proc/self/fd/{handle}", name, dst_dir_fd=folder, follow_symlinks=True)


class Staging:
    """Files written in `folder` (a handle) under names of their own, each to get its place once all are on the disk.

    Where files can be `nameless` (as `links_nameless` says), those that are new have no name at all until then. A context manager:
    whatever has no place at its end is gone. Everything here blocks and raises `OSError`.
    """

    def __init__(self, folder: int, prefix: str, mode: int, nameless: bool = False) -> None:
        self._folder, self._mode, self._nameless = folder, mode, nameless
        token = secrets.token_hex(8)
        self._names = (f"{prefix}{token}-{number}" for number in itertools.count())
        self._staged: list[tuple[str, int, int, str]] = []
        self.began_at = 0
        """The time of its first file, in nanoseconds: as good as that of any other, and asked for once."""

    def __len__(self) -> int:
        return len(self._staged)

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        while self._staged:
            temp, handle, _target, _name = self._staged.pop()
            os.close(handle)
            if temp:
                os.unlink(temp, dir_fd=self._folder)

    def add(self, data: bytes, target: int, name: str, new: bool = False) -> int:
        """Write `data`, to become `name` in the folder of the handle `target`. The file's handle, open until it has its place.

        Without a name it replaces nothing; otherwise it replaces what is there, be it `new` or not.
        """
        temp = "" if new and self._nameless else next(self._names)
        how = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW if temp else os.O_TMPFILE
        handle = os.open(temp or ".", os.O_WRONLY | how, self._mode, dir_fd=self._folder)
        self._staged.append((temp, handle, target, name))
        self.began_at = self.began_at or os.fstat(handle).st_mtime_ns
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        return handle

    def settle(self) -> list[int]:
        """Wait for the disk, and put every file in its place. The numbers of those that have none, as something else is there."""
        sync_files([handle for _, handle, _, _ in self._staged], self._folder)
        count, taken = len(self._staged), []
        self._staged.reverse()
        while self._staged:
            temp, handle, target, name = self._staged[-1]
            if temp:
                os.rename(temp, name, src_dir_fd=self._folder, dst_dir_fd=target)
            else:
                try:
                    _link(handle, target, name)
                except FileExistsError:
                    taken.append(count - len(self._staged))
            self._staged.pop()
            os.close(handle)
        return taken


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Linux's own call for a whole file system; None where there is none, or one that keeps silent about failures."""
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or version is None or (int(version[1]), int(version[2])) < TELLS:
        return None
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None

    def sync_all(folder: int) -> None:
        if call(folder):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return sync_all
