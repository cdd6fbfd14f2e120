"""What lies in an output folder, read without being led out of it.

`results.jsonl` may come from anywhere, from a pull request for instance: what it says of a file is a claim about bytes below this
folder, never an order to open `../../.ssh/id_rsa` or to follow a link there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import orjson

from runner.edge.blobs import Blobs, stamp
from runner.edge.outputs import MANIFEST, RESULTS, is_relative
from runner.errors import OurSide
from runner.frozen import frozen

PIECE: Final = 1 << 20


@frozen
class Claim:
    """A file as a line of results.jsonl names it: where it is, its bytes, how many, of what kind, and made of what."""

    path: str
    sha256: str
    size: int | None = None
    media_type: str = ""
    source: str = ""

    @classmethod
    def of(cls, path: str, data: bytes) -> Claim:
        """What would be said of these bytes."""
        return cls(path, hashlib.sha256(data).hexdigest(), len(data))


def open_published(folder: Path, relative: str) -> BufferedReader | None:
    """The plain file at `relative` below `folder` (resolved), None where there is none or a link would be followed."""
    path = folder / relative
    if not is_relative(relative) or os.path.realpath(path) != str(path):
        return None
    with suppress(OSError):
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
    return None


def hash_published(folder: Path, relative: str) -> str | None:
    """The sha256 (hex) of the file at `relative`, None where `open_published` finds none."""
    file = open_published(folder, relative)
    if file is None:
        return None
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def claims_of(step: Mapping[str, Any]) -> list[Claim]:
    """The files that one step of a line of results names. Raises `ValueError` where they are not what we write."""
    try:
        return [_claim(file) for file in step.get("files", ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("names files as adbatch does not") from error


def _claim(file: Mapping[str, Any]) -> Claim:
    size = file.get("bytes")
    kind, source = str(file.get("media_type", "")), str(file.get("source", ""))
    return Claim(str(file["path"]), str(file["sha256"]), size if isinstance(size, int) else None, kind, source)


def take_published(folder: Path, relative: str, blobs: Blobs) -> str | None:
    """Copy the file at `relative` into the store; its sha256, None where `open_published` finds none.

    Both get one time, stamped with the blob's name, by which the next run sees without reading that the file is published already.
    """
    file = open_published(folder, relative)
    if file is None:
        return None
    with file, blobs.sink() as sink:
        shutil.copyfileobj(file, sink, PIECE)
        blob = sink.finish()
        with suppress(OSError):  # somebody else's file stays as it is, and is read once more by each run
            at = stamp(file.fileno(), blob.sha256)
            os.utime(blobs.path(blob.sha256), ns=(at, at))
    return blob.sha256


def load_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the last run here, None where there is none. Raises `OurSide` where it cannot be read."""
    path = folder / MANIFEST
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OurSide(f"{path}: cannot be read ({error}); move it away, it is written anew by the next run") from error
    return told if isinstance(told, dict) else None


def results_digest(folder: Path) -> str | None:
    """The sha256 (hex) of results.jsonl, None where there is none."""
    try:
        with (folder / RESULTS).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OurSide(f"{folder / RESULTS}: cannot be read ({error.strerror})") from error


def files_in(folder: Path) -> Iterator[str]:
    """Every file below `folder`, as a path relative to it; what begins with a dot is ours or nobody's and is left out."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(here, name), folder)  # noqa: PTH118 - a million Paths take their time
