"""A glance says that a file is right only where it is: untouched since it was published, and reached through real folders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.glance import Glance
from runner.edge.outputs import Outputs
from runner.edge.remaking import Remade


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """A store."""
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def glance(tmp_path: Path, blobs: Blobs) -> Iterator[Glance]:
    """A glance at the output folder."""
    (tmp_path / "out").mkdir()
    with Glance(tmp_path / "out", blobs) as opened:
        yield opened


def publish(folder: Path, blobs: Blobs, relative: str, data: bytes = b"picture") -> str:
    """Publish the bytes; their digest."""
    sha256 = blobs.put(data).sha256
    Outputs(folder / "out", blobs).publish(sha256, relative)
    return sha256


def test_what_was_published_is_right(tmp_path: Path, blobs: Blobs, glance: Glance) -> None:
    """Files in any folders, in any order, near or far from each other."""
    paths = ["a.png", "x/a.png", "x/y/a.png", "x/y/b.png", "x/z/a.png", "w/a.png", "a.png", "x/y/z/a.png", "x/b.png"]
    for path in paths:
        sha256 = publish(tmp_path, blobs, path)
    for path in [*paths, *reversed(paths)]:
        assert glance.is_right(sha256, path), path
    assert glance.holds(sha256)


def test_another_blob_of_the_same_size_is_not_right(tmp_path: Path, blobs: Blobs, glance: Glance) -> None:
    """Even one that was bought in the same tick of the clock, and even where the file system keeps no parts of a second."""
    one, other = (blob.sha256 for blob in blobs.put_all([b"now 10 USD", b"now 20 USD"]))
    Outputs(tmp_path / "out", blobs).publish(one, "a.txt")
    assert (glance.is_right(one, "a.txt"), glance.is_right(other, "a.txt")) == (True, False)
    for path in (tmp_path / "out" / "b.txt", blobs.path(other)):
        path.write_bytes(b"now 20 USD")
        os.utime(path, (1, 1))
    with Glance(tmp_path / "out", blobs) as later:
        assert not later.is_right(other, "b.txt")


def edit(path: Path) -> None:
    """As many bytes, at another time."""
    path.write_bytes(b"PICTURE")
    os.utime(path, ns=(0, 0))


def link(path: Path) -> None:
    """A link to the very bytes."""
    real = path.rename(path.with_name("real"))
    path.symlink_to(real)


def link_folder(path: Path) -> None:
    """A folder that is a link to the real one."""
    real = path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to(real)


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, edit, link, link_folder, lambda path: path.write_bytes(b"longer than it was"), lambda path: os.truncate(path, 0)],
)
def test_what_is_not_surely_right_is_left_to_others(
    tmp_path: Path, blobs: Blobs, glance: Glance, spoil: Callable[[Path], object]
) -> None:
    """A file that is gone, edited, or reached through a link is not called right, its untouched neighbour is."""
    sha256 = publish(tmp_path, blobs, "x/a.png")
    publish(tmp_path, blobs, "y/b.png")
    spoil(tmp_path / "out" / "x" / "a.png")
    assert not glance.is_right(sha256, "x/a.png")
    assert glance.is_right(sha256, "y/b.png")


def test_a_folder_or_nothing_is_no_file(tmp_path: Path, blobs: Blobs, glance: Glance) -> None:
    """What is in the way of a file is not the file, and what was never there is not there."""
    sha256 = publish(tmp_path, blobs, "x/a.png")
    assert not glance.is_right(sha256, "x")
    assert not glance.is_right(sha256, "x/a.png/b.png")
    assert not glance.is_right(sha256, "nowhere/a.png")
    assert not glance.is_right("ab" * 32, "x/a.png")
    assert not glance.holds("ab" * 32)


def test_a_text_is_right_without_a_blob(tmp_path: Path, blobs: Blobs, glance: Glance) -> None:
    """By its size and stamp; whoever does not say how large it is has it looked for in the store."""
    sha256 = hashlib.sha256(b"text").hexdigest()
    Outputs(tmp_path / "out", blobs).publish_all([(sha256, "a.txt")], {sha256: Remade(4, partial(bytes, b"text"))})
    assert glance.is_right(sha256, "a.txt", 4)
    assert not glance.is_right(sha256, "a.txt", 5)
    assert not glance.is_right(sha256, "a.txt")
    edit(tmp_path / "out" / "a.txt")
    assert not glance.is_right(sha256, "a.txt", 4)


def test_no_folder_stays_open(tmp_path: Path, blobs: Blobs) -> None:
    """However deep it went, a glance gives back every handle."""
    sha256 = publish(tmp_path, blobs, "a/b/c/d/e/f.png")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Glance(tmp_path / "out", blobs) as glance:
        assert glance.is_right(sha256, "a/b/c/d/e/f.png")
        assert not glance.is_right(sha256, "a/b/nowhere/f.png")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
