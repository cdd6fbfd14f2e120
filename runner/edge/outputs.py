"""The output folder: what people look at, published from blobs, never at the cost of what they changed themselves.

A file appears under its name whole or not at all: written beside, synced, named. Every folder on the way is opened without
following symbolic links, so no path leads out of the output folder, whatever somebody planted in it. A file that is already right
keeps its inode and its time; one that we wrote earlier is replaced; one that a user edited is kept and reported. A published file's
time is stamped with the name of its bytes, as a blob's own is, so telling that nothing changed costs one `stat` and no reading.
What can be made again, such as a text that the journal has or a picture that is only marked, is published without a blob: by its
stamp it is known to be ours all the same.

In a folder that was empty at the start no name is looked at before it is given: link(2) gives none that is taken already, and only
what was refused so is looked at then. That `stat` of nothing took a sixth of the time of a small file.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import orjson

from runner.edge.barrier import MOST, Staging, links_nameless
from runner.edge.blobs import Blobs, is_stamped, stamp
from runner.edge.descent import hash_file, holds, look, open_folder, spare_name
from runner.edge.named import Named
from runner.edge.remaking import Remade
from runner.errors import OurSide
from runner.frozen import frozen
from runner.records import Json

RESULTS: Final = "results.jsonl"
MANIFEST: Final = "manifest.json"
PROVENANCE: Final = "provenance.intoto.json"
RESULTS_SCHEMA: Final = "urn:adbatch:schema:results:1"
MANIFEST_SCHEMA: Final = "urn:adbatch:schema:manifest:1"
WORKPLACE: Final = ".adbatch-tmp"
"""A folder inside the output folder for files being written; it is gone when nothing is."""
RETIRED: Final = ".retired"
"""A folder inside the output folder for published files that results.jsonl names no more (`adbatch prune`)."""
REPORT: Final = "report"
"""A folder inside the output folder for the gallery (`adbatch report`)."""
RESERVED: Final = (RESULTS, MANIFEST, PROVENANCE, WORKPLACE, RETIRED, REPORT)
"""What is never published under these names, in the output folder itself."""
PIECE: Final = 1 << 20
PUBLIC_FILE: Final = 0o666
"""What is published has the user's umask taken from this."""
NOWHERE: Final = frozenset(("", ".", ".."))
"""Segments that no path has which only leads on; an absolute one begins with the first."""
AMISS: Final = re.compile(r"[\\\0\ud800-\udfff]")
"""What no path may have: a backslash, a zero, or half a surrogate pair, which no file name can hold."""

Published: TypeAlias = Literal["written", "unchanged", "kept"]
"""`kept`: something else is there that we did not write; it was left alone."""


@frozen
class Written:
    """A text file we wrote: its sha256 in hex, its size in bytes, and its number of lines."""

    sha256: str
    size: int
    lines: int


def result_line(result: Mapping[str, Json]) -> bytes:
    """One line of results.jsonl: sorted keys, no spaces, UTF-8, and its newline. The same result is the same bytes everywhere.

    A text with half a surrogate pair, which UTF-8 cannot say, makes its line ASCII with escapes.
    """
    try:
        return orjson.dumps(result, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(result, sort_keys=True, separators=(",", ":"), default=dict).encode() + b"\n"


def load_schema(name: Literal["results", "manifest"]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of results.jsonl (of one line) or of manifest.json."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name(f"{name}.schema.json").read_text("utf-8"))
    return schema


def read_results(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a results.jsonl, one at a time. Raises `OurSide` naming file and line where one is not a JSON object."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield read_line(path, number, line)
    except OSError as error:
        raise OurSide(f"{path}: cannot be read ({error.strerror})") from error


def read_line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """One line of a results.jsonl. Raises `OurSide`, naming file and line, where it is not a JSON object."""
    try:
        result = _parse(line)
    except ValueError as error:
        raise OurSide(f"{path}:{number}: not JSON ({error}); run the job again to write this file anew") from error
    if not isinstance(result, dict):
        raise OurSide(f"{path}:{number}: not a JSON object; run the job again to write this file anew")
    return result


def _parse(line: bytes) -> Any:
    """The JSON of a line; half a surrogate pair, which `result_line` escapes, is read only by the slower parser."""
    try:
        return orjson.loads(line)
    except ValueError:
        if b"\\ud" not in line.lower():
            raise
        return json.loads(line)


@dataclass(slots=True)
class _Lot:
    """Files published together: where they are staged, which need no blob, how many of each are left, what the store has before.

    If it is `fresh`, no name is looked at before it is given. `staged` says of each file in the staging which it is of the lot.
    """

    staging: Staging
    remade: Mapping[str, Remade]
    left: Counter[str]
    fresh: bool
    saved: list[bytes] = field(default_factory=list)
    staged: list[int] = field(default_factory=list)


class Outputs:
    """The output folder `root`, fed from `blobs`; what `others` hold or results name may be replaced. It blocks: use a thread."""

    def __init__(self, root: Path, blobs: Blobs, others: Sequence[Blobs] = ()) -> None:
        self.root, self._blobs, self._entering = root, blobs, threading.RLock()
        self._others, self._named = others, Named(root / RESULTS, root / RETIRED, blobs)
        self.keeps_stamps: bool | None = None  # of None nobody has looked yet; without, all have blobs, to be known by them
        self.nameless: bool | None = None  # the same, of whether files here can do without a name until they have their place
        try:
            root.mkdir(parents=True, exist_ok=True)
            with os.scandir(root) as entries:
                self._fresh = all(entry.name.startswith(".") for entry in entries)
        except OSError as error:
            raise _failure(root, error) from error

    @property
    def folders(self) -> tuple[str, str, list[str]]:
        """Where it is, its store, and the others: all that another process needs to do the same."""
        return str(self.root.absolute()), str(self._blobs.root.absolute()), [str(store.root.absolute()) for store in self._others]

    def publish(self, sha256: str, relative: str) -> Published:
        """Make `relative` (with `/`, below the output folder) hold the blob. Says what was done.

        Raises `OurSide` for a path that leads out of the folder, through a symbolic link or onto a folder, and when the disk fails.
        """
        *folders, name = _segments(relative)
        try:
            with open_folder(self.root, folders) as folder:
                return self._put(sha256, folder, name)
        except OSError as error:
            raise _failure(self.root / relative, error) from error

    def publish_all(self, files: Sequence[tuple[str, str]], remade: Mapping[str, Remade] | None = None) -> list[Published]:
        """`publish` for many blobs and their paths, with one wait for the disk for all that are small. Says and raises the same.

        Of those `remade`, by sha256, the store need not have the blob; they are made only if they are not at hand.
        """
        lots = (files[start : start + MOST] for start in range(0, len(files), MOST))
        return [told for lot in lots for told in self._publish_some(lot, remade or {}, self._fresh)]

    def _publish_some(self, files: Sequence[tuple[str, str]], remade: Mapping[str, Remade], fresh: bool) -> list[Published]:
        """One lot of them; those whose name was taken all the same once more, with a look at what has it."""
        told: list[Published] = []
        at = WORKPLACE
        try:
            with ExitStack() as stack, self._entering:
                workplace = stack.enter_context(open_folder(self.root, [WORKPLACE]))
                if self.nameless is None:
                    self.nameless = links_nameless(workplace, PUBLIC_FILE)
                staging = stack.enter_context(Staging(workplace, "", PUBLIC_FILE, self.nameless))
                lot = _Lot(staging, remade, Counter(sha256 for sha256, _ in files), fresh and self.nameless)
                handles: dict[str, int] = {}
                for number, (sha256, relative) in enumerate(files):
                    at = relative
                    *folders, name = _segments(relative)
                    way = "/".join(folders)
                    if way not in handles:
                        handles[way] = stack.enter_context(open_folder(self.root, folders))
                    told.append(self._stage(lot, number, sha256, handles[way], name))
                if lot.saved:
                    self._blobs.keep_all(lot.saved)
                taken = [lot.staged[number] for number in staging.settle()]
        except OSError as error:
            raise _failure(self.root / at, error) from error
        if taken:
            again = self._publish_some([files[number] for number in taken], remade, fresh=False)
            for number, how in zip(taken, again, strict=True):
                told[number] = how
        return told

    def _stage(self, lot: _Lot, number: int, sha256: str, folder: int, name: str) -> Published:
        """Stage a file whose bytes are at hand, or few; another is put there at once."""
        found = None if lot.fresh else look(folder, name)
        if found is not None and (told := self._found(sha256, folder, name, found, lot)) is not None:
            return told
        data = self._take(lot, sha256)
        if data is None:
            return self._put(sha256, folder, name)
        lot.staged.append(number)
        handle = lot.staging.add(data, folder, name, new=found is None)
        at = stamp(handle, sha256, lot.staging.began_at)
        if self.keeps_stamps is None:
            self.keeps_stamps = os.fstat(handle).st_mtime_ns == at
        if not self.keeps_stamps and sha256 in lot.remade:
            lot.saved.append(data)
        return "written"

    def _take(self, lot: _Lot, sha256: str) -> bytes | None:
        """The bytes of the next file, which stay at hand if they are wanted again; None where a large blob has them."""
        lately, remade = self._blobs.lately, lot.remade.get(sha256)
        lot.left[sha256] -= 1
        data = lately.get(sha256) if lot.left[sha256] else lately.take(sha256)
        if data is None and remade is not None:
            data = remade.make()
            if lot.left[sha256]:
                lately.put(sha256, data)
        elif data is None and self._blobs.size(sha256) <= PIECE:
            data = self._blobs.read(sha256)
        return data

    def _put(self, sha256: str, folder: int, name: str) -> Published:
        """Copy the blob to its place, unless it is there, or something that is not ours."""
        found = look(folder, name)
        if found is not None and (told := self._found(sha256, folder, name, found)) is not None:
            return told
        self._copy(self._blobs.path(sha256), folder, name)
        return "written"

    def write_results(self, lines: Iterable[bytes]) -> Written:
        """Replace results.jsonl by `lines` (of `result_line`), streamed; the file is not touched if nothing changed."""
        return self._write(RESULTS, lines)

    def write_manifest(self, manifest: Mapping[str, Json]) -> Written:
        """Replace manifest.json; `$schema` comes first, the rest in the order given."""
        body = {"$schema": MANIFEST_SCHEMA, **manifest}
        return self._write(MANIFEST, [orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])

    def write_provenance(self, pieces: Iterable[bytes]) -> Written:
        """Replace provenance.intoto.json by `pieces`, streamed."""
        return self._write(PROVENANCE, pieces)

    def write_text(self, relative: str, pieces: Iterable[bytes]) -> Written:
        """Replace a text of ours at `relative`, a path below the output folder, by `pieces`, streamed. Raises as `publish`."""
        return self._write("/".join(_segments(relative)), pieces)

    def retire(self, sha256: str, relative: str, at: float) -> Literal["retired", "kept", "gone"]:
        """Move a published file into `.retired/`, where `at` is its time; `kept` if it is not that blob any more.

        Nothing there is replaced: a file whose name is taken gets another. Raises `OurSide` when the disk fails.
        """
        *folders, name = _segments(relative)
        try:
            with open_folder(self.root, folders, make=False) as folder:
                found = look(folder, name)
                if found is None:
                    return "gone"
                if not stat.S_ISREG(found.st_mode) or hash_file(folder, name) != sha256:
                    return "kept"
                with open_folder(self.root, [RETIRED, *folders]) as shelf:
                    spare = spare_name(shelf, name)
                    os.rename(name, spare, src_dir_fd=folder, dst_dir_fd=shelf)
                    os.utime(spare, (at, at), dir_fd=shelf, follow_symlinks=False)
                    os.fsync(shelf)
                os.fsync(folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # its folder is gone, or is a link: not ours any more
                return "gone"
            raise _failure(self.root / relative, error) from error
        for depth in range(len(folders), 0, -1):
            with suppress(OSError), open_folder(self.root, folders[: depth - 1], make=False) as parent:
                os.rmdir(folders[depth - 1], dir_fd=parent)
        return "retired"

    @contextmanager
    def shelf(self) -> Iterator[int]:
        """A handle of the folder of what is retired, made if need be, and gone afterwards if it is empty. Raises `OurSide`."""
        try:
            with open_folder(self.root, [RETIRED]) as handle:
                yield handle
            with suppress(OSError):
                (self.root / RETIRED).rmdir()
        except OSError as error:
            raise _failure(self.root / RETIRED, error) from error

    def sweep(self) -> None:
        """Remove what an interrupted run left half written. Only while no other run writes here."""
        shutil.rmtree(self.root / WORKPLACE, ignore_errors=True)

    def _found(self, sha256: str, folder: int, name: str, found: os.stat_result, lot: _Lot | None = None) -> Published | None:
        """Why the file is not written where something is `found`: it is right, or not ours. None where it may be."""
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(21, "a folder of that name is in the way")
        if not stat.S_ISREG(found.st_mode):
            return "kept"
        remade = lot.remade.get(sha256) if lot else None
        size = self._blobs.path(sha256).stat().st_size if remade is None else remade.size
        if found.st_size == size and is_stamped(found, sha256):
            return "unchanged"
        if (old := hash_file(folder, name)) == sha256:
            return "unchanged"
        is_here = any(store.has(old) for store in (self._blobs, *self._others))
        return None if is_here or self._named.take(old, folder, name, lot.saved if lot else None) else "kept"

    def _copy(self, source: Path, folder: int, name: str) -> None:
        with self._temporary() as (file, place), source.open("rb") as blob:
            shutil.copyfileobj(blob, file, PIECE)
            times = os.fstat(blob.fileno())
            file.flush()
            os.utime(file.fileno(), ns=(times.st_atime_ns, times.st_mtime_ns))
            place(folder, name)

    def _write(self, name: str, pieces: Iterable[bytes]) -> Written:
        digest, size, lines, path = hashlib.sha256(), 0, 0, self.root / name
        try:
            with open_folder(self.root, name.split("/")[:-1]) as folder, self._temporary() as (file, place):
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
                    size, lines = size + len(piece), lines + piece.count(b"\n")
                file.flush()
                if not holds(path, digest.hexdigest(), size):
                    place(folder, path.name)
                    os.fsync(folder)
        except OSError as error:
            raise _failure(path, error) from error
        finally:
            self._leave()
        return Written(digest.hexdigest(), size, lines)

    @contextmanager
    def _temporary(self) -> Iterator[tuple[BinaryIO, Callable[[int, str], None]]]:
        """A new file with the user's umask, and how to give it its place; gone at the end if it got none."""
        temp = secrets.token_hex(8)
        with self._entering, open_folder(self.root, [WORKPLACE]) as folder:
            handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PUBLIC_FILE, dir_fd=folder)
            workplace = os.dup(folder)
        try:
            with os.fdopen(handle, "wb") as file:

                def place(target: int, name: str) -> None:
                    os.fsync(file.fileno())
                    os.rename(temp, name, src_dir_fd=workplace, dst_dir_fd=target)

                yield file, place
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temp, dir_fd=workplace)
            os.close(workplace)

    def _leave(self) -> None:
        """Remove the workplace if nobody is writing in it."""
        with self._entering, suppress(OSError):
            (self.root / WORKPLACE).rmdir()


def is_relative(relative: str) -> bool:
    """Whether this is a path below a folder, by its words alone: not absolute, not upwards, with names a disk can hold."""
    return not (AMISS.search(relative) or NOWHERE.intersection(relative.split("/")))


def _segments(relative: str) -> list[str]:
    """The names on the way. Raises `OurSide` for what `runner.job.paths` never lets through: this is the last fence."""
    segments = relative.split("/")
    if not is_relative(relative):
        raise OurSide(f"{relative!r} is not a path below the output folder; mend `save:` in the job")
    if segments[0].casefold() in RESERVED:
        raise OurSide(f"{relative!r} is a name adbatch keeps for itself; mend `save:` in the job")
    return segments


def _failure(path: Path, error: OSError) -> OurSide:
    if error.errno in (20, 40):
        return OurSide(f"{path}: a file or a symbolic link is in the way; remove it, adbatch does not write through it")
    return OurSide(f"{path}: cannot be written ({error.strerror or error}); check the permissions and the disk, then run again")
