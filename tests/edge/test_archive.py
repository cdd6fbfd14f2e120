"""The outer form of an archive: the same bytes for the same content, whole or refused, read as it streams."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Final

import pytest

from runner.edge.archive import PIECE, ArchiveWriter, open_archive, open_new, read_members
from runner.errors import OurSide, Usage

LONG: Final = f"jobs/{'j' * 100}/facts-000001.jsonl"
MEMBERS: Final = {"a.json": b"{}", LONG: b"line\n" * 300, "empty": b"", "block": bytes(512)}


def write(path: Path) -> Path:
    """An archive of the members."""
    with open_new(path) as archive:
        for name, data in MEMBERS.items():
            archive.add(name, data)
    return path


def read(path: Path) -> dict[str, bytes]:
    """What is in it."""
    with open_archive(path) as file:
        return {member.name: b"".join(iter(member.read, b"")) for member in read_members(file)}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "A.TGZ"])
def test_what_goes_in_comes_out(tmp_path: Path, name: str) -> None:
    """Members come back in order, private and deterministic, and any tar reads them."""
    path = write(tmp_path / name)
    assert read(path) == MEMBERS
    assert path.read_bytes() == write(tmp_path / f"again-{name}").read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        assert archive.getnames() == list(MEMBERS)


def test_it_can_be_read_twice_and_in_part(tmp_path: Path) -> None:
    """What is not read of a member is skipped, and the archive can be read again from the start."""
    with open_archive(write(tmp_path / "a.tar.gz")) as file:
        assert [member.read(1) for member in read_members(file)] == [b"{", b"l", b"", b"\0"]
        assert [member.name for member in read_members(file)] == list(MEMBERS)


def test_a_failed_archive_is_not_there(tmp_path: Path) -> None:
    """Whoever fails while writing leaves what was there before, and nothing beside it."""
    path = write(tmp_path / "a.tar")
    with pytest.raises(ValueError, match="too long"), open_new(path) as archive:
        archive.add("x" * 300, b"x")
    assert read(path) == MEMBERS
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_checked_on_their_way(tmp_path: Path) -> None:
    """A file goes in with the bytes of its digest, or not at all; one that cannot be read is named."""
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    held = io.BytesIO()
    ArchiveWriter(held).add_file("file", tmp_path / "file", hashlib.sha256(data).hexdigest())
    assert held.tell() % 512 == 0
    assert held.getvalue()[512 : 512 + len(data)] == data
    with pytest.raises(OurSide, match=r"file: its bytes are not those"):
        ArchiveWriter(held).add_file("file", tmp_path / "file", "0" * 64)
    with pytest.raises(OurSide, match=r"gone: cannot be read"):
        ArchiveWriter(held).add_file("gone", tmp_path / "gone", "0" * 64)


def test_lines_are_read_within_bounds(tmp_path: Path) -> None:
    """Lines are found across pieces; one that is too long, or has no end, is refused."""
    lines = [b"x" * 700_000, b"", b"y" * 700_000, b"z"]
    with open_new(tmp_path / "a.tar") as archive:
        archive.add("lines", b"\n".join(lines) + b"\n")
        archive.add("long", b"x" * (3 * PIECE) + b"\n")
        archive.add("open", b"x")
    with open_archive(tmp_path / "a.tar") as file:
        members = read_members(file)
        assert list(next(members).lines(PIECE)) == lines
        with pytest.raises(ValueError, match="a line of more than"):
            list(next(members).lines(PIECE))
        with pytest.raises(ValueError, match="a line without an end"):
            list(next(members).lines(PIECE))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A missing archive, a folder, and a place that cannot be written are named."""
    for path in (tmp_path / "none.tar", tmp_path):
        with pytest.raises(Usage, match="cannot be read"), open_archive(path):
            pass
    with pytest.raises(OurSide, match="cannot be written"):
        write(tmp_path / "no/folder/a.tar")


@pytest.mark.parametrize("tail", [b"x", b"\0" * 511 + b"x"])
def test_nothing_stands_where_nothing_should(tmp_path: Path, tail: bytes) -> None:
    """Bytes in the padding, after the end, or in place of it are refused."""
    whole = write(tmp_path / "a.tar").read_bytes()
    for number, data in enumerate((whole + tail, whole[:-512] + b"x" * 512, whole[:1000] + b"x" + whole[1001:])):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"end|between|archive"):
            read(path)
