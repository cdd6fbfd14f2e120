"""The way down into a folder, without following a link: each step opens one name in the folder opened before.

A path that was checked a moment ago may lead elsewhere now; an open folder stays the one it was. So whoever writes where others may
plant links goes down by handles, and looks, reads and renames beside them. Everything here blocks and raises `OSError`.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def open_folder(root: Path, names: Sequence[str], make: bool = True) -> Iterator[int]:
    """A handle of the folder `names` below `root`, no symbolic link followed on the way; folders are made as needed."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=handle)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def look(folder: int, name: str) -> os.stat_result | None:
    """What has this name in the open folder, a link itself and not what it leads to; None where there is nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def hash_file(folder: int, name: str) -> str:
    """The sha256 (hex) of the file of this name in the open folder."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def spare_name(folder: int, name: str) -> str:
    """The name, or the first like it that is free in the open folder; no path of a job holds a `~`."""
    stem, dot, ending = name.rpartition(".")
    names = (f"{stem or ending}~{number}{dot}{ending if stem else ''}" for number in itertools.count(2))
    return next(spare for spare in itertools.chain((name,), names) if look(folder, spare) is None)


def holds(path: Path, sha256: str, size: int) -> bool:
    """Whether `path` is a plain file of exactly these bytes."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
