"""Bytes by their content: what was paid for is written once, under its own sha256, and never changed.

A blob becomes visible only when it is whole: written to a temporary file in the same file system, synced, renamed, and the folder
synced. So after a power cut a name either holds exactly its bytes or does not exist, and a torn download leaves at most a temporary
file, which `sweep` removes. Files are 0600 and folders 0700: a blob may hold whatever a vendor sent.

A blob's time is stamped with its name: the part below a second is made from the sha256. A published copy keeps it, so that size and
time tell two blobs apart even if both came in one tick of the file system's clock, and nothing has to be read again.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from runner.edge.barrier import MOST, Convoy, Staging, sync_names
from runner.edge.lately import Lately
from runner.errors import OurSide
from runner.records import Blob

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
TEMP: Final = ".torn-"
Sync: TypeAlias = Callable[[int], None]
"""Returns once the content of an open file, or the names in a folder, are on the disk."""
SHA256: Final = re.compile("[0-9a-f]{64}")
SECOND: Final = 1_000_000_000
MOST_LATELY: Final = 8 << 20
"""Bytes of what was stored just now that stay at hand for whoever looks at them next. With four times as many, pictures of 200 KB
took as long and 60 MB more."""
GRAIN: Final = 100
"""In nanoseconds: what any file system that keeps parts of a second keeps apart."""


def make_private_folder(folder: Path) -> Path:
    """The folder, made with its parents, readable by its owner only. Raises `OurSide` where that cannot be."""
    if folder.is_dir():
        return folder
    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(PRIVATE_FOLDER, exist_ok=True)
            sync_folder(missing.parent)
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise OurSide(f"{folder}: cannot make this folder ({error.strerror}); check its permissions and the disk") from error
    return folder


def sync_folder(folder: Path, sync: Sync = os.fsync) -> None:
    """Make the names in `folder` durable, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def stamped(sha256: str, at: int) -> int:
    """The first moment from `at` on (nanoseconds) that is stamped with this name."""
    part = int(sha256[:15], 16) % (SECOND // GRAIN) * GRAIN
    return at + (part - at) % SECOND


def is_stamped(found: os.stat_result, sha256: str) -> bool:
    """Whether a file's time is stamped with this name: by chance, one in ten million is."""
    return found.st_mtime_ns == stamped(sha256, found.st_mtime_ns)


def stamp(handle: int, sha256: str, at: int | None = None) -> int:
    """Stamp the open file, less than a second later than `at` or its own time. Its time now, in nanoseconds. Raises `OSError`."""
    at = stamped(sha256, os.fstat(handle).st_mtime_ns if at is None else at)
    os.utime(handle, ns=(at, at))
    return at


class Sink:
    """A file being written and hashed at once, that gets its name from what it holds.

    `place` turns the sha256 into the final path, in the same file system as `folder`. Ends with `finish` or `abort`; used as a
    context manager, whatever was not finished is aborted. Writes block: call it from a thread for large bodies. Its lock lets a
    cancelled task abort while that thread still writes: the handle is closed only between two writes, and none follows. The file is
    made by the first write, as making one waits for whoever syncs the folder just then. `sync` is how it gets to the disk.
    """

    def __init__(self, folder: Path, place: Callable[[str], Path], sync: Sync = os.fsync) -> None:
        self._folder, self._place, self._sync = folder, place, sync
        self._hash = hashlib.sha256()
        self._lock = threading.RLock()
        self._handle = -1
        self._ended = False
        self.size = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def write(self, data: bytes) -> None:
        """Append `data`. Raises `OurSide` when the disk is full or gone, `ValueError` after the end."""
        with self._lock:
            self._open()
            self._hash.update(data)
            self.size += len(data)
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[os.write(self._handle, rest) :]
            except OSError as error:
                raise _disk_failure(self._temp, error) from error

    def finish(self) -> Blob:
        """Sync, name and return what was written. If the name is taken, the bytes are there already and nothing is replaced."""
        with self._lock:
            self._open()
            blob = Blob(self._hash.hexdigest(), self.size)
            path = self._place(blob.sha256)
            try:
                if not path.exists():
                    stamp(self._handle, blob.sha256)
                    self._sync(self._handle)
                    make_private_folder(path.parent)
                    self._temp.rename(path)
                    sync_folder(path.parent, self._sync)
            except OSError as error:
                raise _disk_failure(path, error) from error
            finally:
                self.abort()
            return blob

    def clean(self, data: bytes) -> bytes:
        """What it would hold if `data` were all of it."""
        return data

    def abort(self) -> None:
        """Leave nothing behind; harmless after `finish`."""
        with self._lock:
            self._ended = True
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
                self._temp.unlink(missing_ok=True)

    def _open(self) -> None:
        if self._ended:
            raise ValueError("this sink has ended")
        if self._handle < 0:
            self._temp = self._folder / f"{TEMP}{secrets.token_hex(8)}"
            try:
                make_private_folder(self._temp.parent)
                self._handle = os.open(self._temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            except OSError as error:
                raise _disk_failure(self._temp, error) from error


class Blobs:
    """The content-addressed store under `root`: `root/ab/abcdef…`."""

    def __init__(self, root: Path) -> None:
        self.root = make_private_folder(root)
        self._store = str(self.root)
        self._folders: set[str] = set()
        self.sync: Sync = Convoy().sync
        self.lately = Lately(MOST_LATELY)

    def path(self, sha256: str) -> Path:
        """Where the blob is or would be. Raises `ValueError` for anything that is not a sha256 in lower-case hex."""
        return self.root / self.place(sha256)

    def place(self, sha256: str) -> str:
        """The way to the blob below the root, for whoever goes over thousands. Raises as `path` does."""
        if SHA256.fullmatch(sha256) is None:
            raise ValueError(f"{sha256[:80]!r} is not a sha256")
        return f"{sha256[:2]}/{sha256}"

    def has(self, sha256: str) -> bool:
        """Whether the blob is here."""
        return os.path.isfile(f"{self._store}/{self.place(sha256)}")  # noqa: PTH113 - a million Paths take their time

    def size(self, sha256: str) -> int:
        """The blob's size in bytes. Raises `OurSide` if it is missing."""
        try:
            return self.path(sha256).stat().st_size
        except OSError as error:
            raise _missing(self.path(sha256), error) from error

    def read(self, sha256: str) -> bytes:
        """All of the blob. Raises `OurSide` if it is missing."""
        try:
            return self.path(sha256).read_bytes()
        except OSError as error:
            raise _missing(self.path(sha256), error) from error

    def put(self, data: bytes) -> Blob:
        """Store `data` durably; no write if it is here already."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        if self.has(blob.sha256):
            return blob
        with self.sink() as sink:
            sink.write(data)
            return sink.finish()

    def put_all(self, many: Iterable[bytes]) -> list[Blob]:
        """Store what can be made again from journal and store, with one wait for the disk. Raises `OurSide`.

        None is ever seen half; but unlike `put`, this does not promise that their names survive a power cut.
        """
        named = [(Blob(hashlib.sha256(data).hexdigest(), len(data)), data) for data in many]
        fresh = list({blob.sha256: data for blob, data in named if not self.has(blob.sha256)}.items())
        try:
            for start in range(0, len(fresh), MOST):
                self._put_some(fresh[start : start + MOST])
        except OSError as error:
            raise _disk_failure(self.root / TEMP, error) from error
        for blob, data in named:
            self.lately.put(blob.sha256, data)
        return [blob for blob, _ in named]

    def keep_all(self, many: Sequence[bytes]) -> list[Blob]:
        """Store each of `many` as durably as `put` does, with two waits for the disk. Raises `OurSide`."""
        blobs = self.put_all(many)
        try:
            root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            try:  # also of what was here: it may have been put without this
                sync_names(root, sorted({blob.sha256[:2] for blob in blobs}))
            finally:
                os.close(root)
        except OSError as error:
            raise _disk_failure(self.root / TEMP, error) from error
        return blobs

    def _put_some(self, fresh: Sequence[tuple[str, bytes]]) -> None:
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with Staging(folder, TEMP, PRIVATE_FILE) as staging:
                for sha256, data in fresh:
                    stamp(staging.add(data, folder, self.place(sha256)), sha256, staging.began_at)
                if missing := {sha256[:2] for sha256, _ in fresh} - self._folders:
                    for name in missing:
                        with suppress(FileExistsError):
                            os.mkdir(name, PRIVATE_FOLDER, dir_fd=folder)
                    os.fsync(folder)
                    self._folders |= missing
                staging.settle()
        finally:
            os.close(folder)

    def sink(self) -> Sink:
        """A new blob to be written piece by piece."""
        return Sink(self.root, self.path, self.sync)

    def set_aside(self, sha256: str, suffix: str = ".rejected") -> Path:
        """Move a blob that is not what it claims out of use, keeping it for whoever asks why. Returns where it is now."""
        path = self.path(sha256)
        self.lately.take(sha256)
        aside = path.with_name(path.name + suffix)
        try:
            path.replace(aside)
        except OSError as error:
            raise _missing(path, error) from error
        return aside

    def sweep(self, before: float) -> int:
        """Remove what interrupted runs left half written; returns how many.

        Another job of the project may be writing here, so only files last touched before the moment `before` are torn for sure.
        """
        torn = [path for path in self.root.glob(f"{TEMP}*") if _touched_at(path) < before]
        for path in torn:
            path.unlink(missing_ok=True)
        return len(torn)


def _touched_at(path: Path) -> float:
    """When the file was last written; never, if it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _disk_failure(path: Path, error: OSError) -> OurSide:
    return OurSide(f"{path.parent}: cannot write ({error.strerror}); free some space or mend the permissions, then run again")


def _missing(path: Path, error: OSError) -> OurSide:
    return OurSide(f"{path}: a stored result cannot be read ({error.strerror}); restore the state folder from its backup")
