"""Going down into a folder: no link on the way leads anywhere else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.edge.descent import hash_file, look, open_folder, spare_name


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A handle of an empty folder."""
    with open_folder(tmp_path, []) as handle:
        yield handle


def test_folders_are_made_on_the_way_down(tmp_path: Path) -> None:
    """Those that are there are gone through, and the handle is of the last and closed in the end."""
    (tmp_path / "a").mkdir()
    with open_folder(tmp_path, ["a", "b", "c"]) as handle:
        assert os.path.samestat(os.fstat(handle), (tmp_path / "a/b/c").stat())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_nothing_is_made_for_who_only_looks(tmp_path: Path) -> None:
    """A folder that is missing is an error then, and no handle is left open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError), open_folder(tmp_path, ["a"], make=False):
        pass
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("names", [["link"], ["link", "inner"], ["file"]])
def test_a_link_or_a_file_on_the_way_is_an_error(tmp_path: Path, names: list[str]) -> None:
    """Wherever it leads, and nothing is made behind it."""
    root, beyond = tmp_path / "root", tmp_path / "beyond"
    root.mkdir()
    beyond.mkdir()
    (root / "link").symlink_to(beyond)
    (root / "file").write_text("x")
    with pytest.raises(NotADirectoryError), open_folder(root, names):
        pass
    assert list(beyond.iterdir()) == []


def test_a_look_at_a_link_sees_the_link(tmp_path: Path, folder: int) -> None:
    """Nothing is nothing, and a link to nothing is a link."""
    (tmp_path / "link").symlink_to("nothing")
    assert look(folder, "nothing") is None
    found = look(folder, "link")
    assert found is not None
    assert os.path.samestat(found, (tmp_path / "link").lstat())


def test_a_file_is_hashed_but_no_link(tmp_path: Path, folder: int) -> None:
    """The bytes of a file of that name, not of one that a link leads to."""
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("file")
    assert hash_file(folder, "file") == hashlib.sha256(b"bytes").hexdigest()
    with pytest.raises(OSError, match="symbolic links"):
        hash_file(folder, "link")


@pytest.mark.parametrize(("name", "spare"), [("a.png", "a~3.png"), ("a", "a~2"), (".a", "a~2."), ("b.png", "b.png")])
def test_a_spare_name_is_free(tmp_path: Path, folder: int, name: str, spare: str) -> None:
    """The name itself if it is free, else the first of those like it."""
    for taken in ("a.png", "a~2.png", "a", ".a"):
        (tmp_path / taken).write_text("x")
    assert spare_name(folder, name) == spare
