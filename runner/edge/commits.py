"""A commit's files, written out beside the work tree, which is neither read nor touched.

A repository may come from anybody: names that lead out of the folder are refused, links are made last and only where they stay
inside, and nothing is executed. Files are what git stored, byte for byte. A Git LFS pointer becomes the file it points to where
this clone has it, and stays a pointer where not; whoever needs it is told then.
"""

from __future__ import annotations

import io
import os
import posixpath
import re
from pathlib import Path
from typing import BinaryIO, Final

from runner.edge.blobs import PRIVATE_FILE, PRIVATE_FOLDER
from runner.edge.git import Entry, Objects, Repository
from runner.edge.inputs import LFS
from runner.edge.outputs import is_relative
from runner.errors import OurSide

LINK: Final = "120000"
FILES: Final = frozenset({"100644", "100755"})
SMALL: Final = 1024
"""Bytes of the largest pointer (Git LFS specification, docs/spec.md)."""
_OID: Final = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)


def write_commit(repository: Repository, commit: str, folder: str, target: Path) -> int:
    """Write every file below `folder` of the commit below `target`, which is empty; returns how many. Raises `OurSide`."""
    entries = [entry for entry in repository.entries(commit, folder) if entry.mode in FILES or entry.mode == LINK]
    large = repository.objects / "lfs" / "objects"
    try:
        with repository.open_objects() as objects:
            for entry in entries:
                if entry.mode in FILES:
                    write_entry(objects, entry, _place(target, entry), large)
            for entry in entries:
                if entry.mode == LINK:
                    _write_link(objects, entry, _place(target, entry))
    except OSError as error:
        raise OurSide(f"{target}: the commit's files cannot be written ({error.strerror}); free some space") from error
    return len(entries)


def _place(target: Path, entry: Entry) -> Path:
    """Where the file goes, its folder made. Raises `OurSide` for a path no honest git has made."""
    if not is_relative(entry.path) or any(part.casefold() == ".git" for part in entry.path.split("/")):
        raise OurSide(f"the commit holds {entry.path!r}, which leads out of its folder; nothing was read from it")
    place = target / entry.path
    place.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    return place


def write_entry(objects: Objects, entry: Entry, place: Path, large: Path) -> None:
    """Write one file of a commit to `place`, which must not be there; `large` is where the clone keeps what LFS pointers mean."""
    with os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE), "w+b") as file:
        if objects.copy(entry.object, file) < SMALL:
            _fill_pointer(file, large)


def _fill_pointer(file: BinaryIO, large: Path) -> None:
    """Put what a Git LFS pointer means in its place, if the clone has it."""
    file.seek(0)
    text = file.read()
    oid = _OID.search(text) if text.startswith(LFS) else None
    if oid is None:
        return
    name = oid[1].decode("ascii")
    found = large / name[:2] / name[2:4] / name
    if found.is_file():
        file.seek(0)
        file.truncate()
        with found.open("rb") as source:
            while piece := source.read(1 << 20):
                file.write(piece)


def _write_link(objects: Objects, entry: Entry, place: Path) -> None:
    """A link that stays inside; one that leads out is left out, as if it pointed nowhere."""
    held = io.BytesIO()
    objects.copy(entry.object, held)
    aim = os.fsdecode(held.getvalue())
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), aim))
    if aim and "\0" not in aim and not aim.startswith("/") and is_relative(inside):
        place.symlink_to(aim)
