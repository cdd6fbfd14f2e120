"""Many files, one wait for the disk: written beside their places, and in them only when all are whole."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.edge.barrier import MANY, Convoy, Staging, links_nameless, sync_files


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A handle of an empty folder."""
    handle = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield handle
    os.close(handle)


@pytest.mark.parametrize("nameless", [False, True])
@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, 40])
def test_files_get_their_places_together(tmp_path: Path, folder: int, count: int, nameless: bool) -> None:
    """Nothing has its name before `settle`, everything after it, with content, mode and time; nothing else is left."""
    with Staging(folder, ".torn-", 0o640, nameless and links_nameless(folder, 0o640)) as staging:
        for number in range(count):
            os.utime(staging.add(f"{number}".encode(), folder, f"{number}.txt", new=True), ns=(1_000, 2_000_000_000 + number))
        assert len(staging) == count
        assert not list(tmp_path.glob("*.txt"))
        assert staging.settle() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{number}.txt" for number in range(count))
    for number in range(count):
        found = (tmp_path / f"{number}.txt").stat()
        assert (found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (2_000_000_000 + number, 0o640 & ~_umask())
        assert (tmp_path / f"{number}.txt").read_text("utf-8") == str(number)


@pytest.mark.parametrize("nameless", [False, True])
def test_what_has_no_place_in_the_end_is_gone(tmp_path: Path, folder: int, nameless: bool) -> None:
    """A failure between two files leaves neither of them, and no handle open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Staging(folder, "", 0o600, nameless and links_nameless(folder, 0o600)) as staging:
        staging.add(b"one", folder, "nowhere/one", new=True)
        staging.add(b"two", folder, "two", new=True)
        with pytest.raises(FileNotFoundError):
            staging.settle()
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_nameless_file_takes_no_name_that_is_taken(tmp_path: Path, folder: int) -> None:
    """Neither that of a file nor of a folder or link; which ones have no place is told, and only what is not new replaces."""
    if not links_nameless(folder, 0o600):
        pytest.skip("this file system knows no files without a name")
    for name in ("file", "replaced"):
        (tmp_path / name).write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "beyond")
    with Staging(folder, "", 0o600, nameless=True) as staging:
        for name in ("a", "file", "folder", "b", "link"):
            staging.add(b"new", folder, name, new=True)
        staging.add(b"new", folder, "replaced")
        assert staging.settle() == [1, 2, 4]
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "a": "new",
        "b": "new",
        "file": "old",
        "replaced": "new",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "file", "folder", "link", "replaced"]


def test_whether_files_can_be_nameless_is_tried_without_a_trace(tmp_path: Path, folder: int) -> None:
    """A file system that has no such files says so, and nothing is left of the try, no handle either."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    elsewhere = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    assert not links_nameless(elsewhere, 0o600)
    os.close(elsewhere)
    links_nameless(folder, 0o600)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_failed_sync_is_told(folder: int) -> None:
    """Handles that are no files any more are an error, one by one and all together."""
    gone = os.dup(folder)
    os.close(gone)
    for handles in ([gone], [gone] * MANY):
        with pytest.raises(OSError, match="Bad file descriptor"):
            sync_files(handles, gone)


def test_threads_that_come_together_share_their_syncs(tmp_path: Path) -> None:
    """However many there are, each returns after its own file is synced; one alone does not wait."""
    convoy = Convoy()
    done: list[int] = []

    def write(number: int) -> None:
        with (tmp_path / str(number)).open("wb") as file:
            file.write(b"x")
            file.flush()
            convoy.sync(file.fileno())
            done.append(number)

    write(-1)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert sorted(done) == [-1, *range(40)]


def test_a_sync_that_fails_fails_for_all_it_was_for(folder: int) -> None:
    """Nobody takes a file for safe because somebody else led the way; and the next try stands for itself."""
    convoy, gone = Convoy(), os.dup(folder)
    os.close(gone)
    for _ in range(2):
        with pytest.raises(OSError, match="Bad file descriptor"):
            convoy.sync(gone)
    convoy.sync(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
