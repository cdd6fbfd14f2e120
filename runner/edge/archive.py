"""The outer form of an exported state: a tar whose bytes depend on nothing but what is in it, read back without trust.

Only what this program writes is read: plain members (POSIX ustar; GNU's form of the size from 8 GiB on) with owner, mode and time
always the same, one after another, and the two empty blocks at the end without which an archive is cut off. Headers that stretch
over several blocks, links and folders are refused rather than understood, so there is nothing in a hostile archive that could take
memory or name a place on the disk: a member's name is compared, never opened. A name ending in `.gz` or `.tgz` writes gzip without
its time. Both directions stream.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import secrets
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from runner.edge.blobs import PRIVATE_FILE, sync_folder
from runner.errors import OurSide, Usage

PIECE: Final = 1 << 20
BLOCK: Final = tarfile.BLOCKSIZE
LARGE: Final = 8 << 30
ENDING: Final = re.compile(r"\.(tar\.gz|tgz|tar)\Z", re.IGNORECASE)
GZIP: Final = b"\x1f\x8b"
MOST_PADDING: Final = 1 << 20
"""Bytes of nothing that may follow the end: tar fills up to a record."""


class ArchiveWriter:
    """Members one after another into `file`; `end` makes it whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, name: str, data: bytes) -> None:
        """A member that holds `data`."""
        self._begin(name, len(data))
        self._file.write(data)
        self._pad(len(data))

    def add_file(self, name: str, path: Path, sha256: str) -> None:
        """A member that holds the file, which must have this sha256. Raises `OurSide` where it has not, or cannot be read."""
        digest = hashlib.sha256()
        for piece in self._pieces(name, path):
            digest.update(piece)
            self._file.write(piece)
        if digest.hexdigest() != sha256:
            raise OurSide(f"{path}: its bytes are not those it was stored with; move it away, or restore it from a backup")

    def _pieces(self, name: str, path: Path) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                left = size = os.fstat(file.fileno()).st_size
                self._begin(name, size)
                while left and (piece := file.read(min(PIECE, left))):
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise OurSide(f"{path}: cannot be read ({error.strerror}); restore the state folder from its backup") from error
        self._file.write(bytes(left + -size % BLOCK))

    def end(self) -> None:
        """The two empty blocks that say that nothing is missing."""
        self._file.write(bytes(2 * BLOCK))

    def _begin(self, name: str, size: int) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, PRIVATE_FILE
        self._file.write(header.tobuf(tarfile.USTAR_FORMAT if size < LARGE else tarfile.GNU_FORMAT, "utf-8", "strict"))

    def _pad(self, size: int) -> None:
        self._file.write(bytes(-size % BLOCK))


@dataclass(slots=True)
class Member:
    """One member while it is read: `name`, `size` in bytes, and what of it has not been read yet."""

    name: str
    size: int
    _file: BinaryIO
    left: int

    def read(self, most: int = PIECE) -> bytes:
        """The next bytes; none at its end. Raises `ValueError` where the archive ends before."""
        if not self.left:
            return b""
        with _understood():
            data = self._file.read(min(most, self.left))
        if not data:
            raise ValueError("it is cut off")
        self.left -= len(data)
        return data

    def lines(self, longest: int) -> Iterator[bytes]:
        """Its lines. Raises `ValueError` for one of more than `longest` bytes, or without an end."""
        rest = b""
        while piece := self.read():
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > longest:
                raise ValueError(f"a line of more than {longest} bytes")
            yield from whole
        if rest:
            raise ValueError("a line without an end")


@contextmanager
def open_new(path: Path) -> Iterator[ArchiveWriter]:
    """A new archive at `path`, for its owner only, that appears there when it is whole. Raises `Usage`, `OurSide`."""
    ending = ENDING.search(path.name)
    if ending is None:
        raise Usage(f"{path}: name the archive NAME.tar, or NAME.tar.gz to have it compressed")
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE), "wb") as file:
            if ending[1].lower() == "tar":
                yield from _whole(file)
            else:
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    yield from _whole(packed)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OurSide(f"{path}: cannot be written ({error.strerror or error}); check the permissions and the disk") from error
    finally:
        temp.unlink(missing_ok=True)


def _whole(file: BinaryIO) -> Iterator[ArchiveWriter]:
    writer = ArchiveWriter(file)
    yield writer
    writer.end()


@contextmanager
def open_archive(path: Path) -> Iterator[BinaryIO]:
    """The archive's bytes, unpacked if need be; they can be read again from the start. Raises `Usage` where there is none."""
    try:
        file = path.open("rb")
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
    except OSError as error:
        raise Usage(f"{path}: cannot be read ({error.strerror or error}); name a file that export-state wrote") from error
    with file:
        yield gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[misc]


def read_members(file: BinaryIO) -> Iterator[Member]:
    """The members in order; what is not read of one is skipped. Raises `ValueError` for what this program does not write."""
    file.seek(0)
    while any(block := _exactly(file, BLOCK)):
        member = _member(file, block)
        yield member
        while member.read():
            pass
        if any(_exactly(file, -member.size % BLOCK)):
            raise ValueError("something stands between two members")
    _check_end(file)


@contextmanager
def _understood() -> Iterator[None]:
    """What the reading of bytes can fail with, as a `ValueError`."""
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        raise ValueError(f"it is cut off or damaged ({error})") from error


def _member(file: BinaryIO, block: bytes) -> Member:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise ValueError(f"not an archive of adbatch ({error})") from error
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.size < 0:
        raise ValueError(f"{header.name[:100]!r} is not a plain file")
    return Member(header.name, header.size, file, header.size)


def _exactly(file: BinaryIO, size: int) -> bytes:
    with _understood():
        data = file.read(size)
    if len(data) != size:
        raise ValueError("it is cut off")
    return data


def _check_end(file: BinaryIO) -> None:
    """A second empty block, and then nothing but padding; reading on to the end also lets gzip compare its checksum."""
    size = 0
    if any(_exactly(file, BLOCK)):
        raise ValueError("it does not end as an archive does")
    with _understood():
        while piece := file.read(PIECE):
            size += len(piece)
            if size > MOST_PADDING or any(piece):
                raise ValueError("something follows its end")
