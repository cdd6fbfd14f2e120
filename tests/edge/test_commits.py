"""A commit is written out byte for byte, and never out of its folder."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from runner.edge.commits import write_commit
from runner.edge.git import Repository
from runner.errors import OurSide
from tests.edge.test_git import git

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 7\n"


def commit_all(folder: Path) -> Repository:
    """A repository of what lies in the folder."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return Repository(folder)


def put_object(folder: Path, kind: str, data: bytes) -> str:
    """Write an object as somebody who means harm would, without git's checks; returns its name."""
    words = ["git", "-C", str(folder), "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
    return subprocess.run(words, input=data, capture_output=True, check=True).stdout.decode().strip()


def put_tree(folder: Path, *entries: tuple[str, str, str]) -> str:
    """A tree of modes, names and objects, however wrong."""
    return put_object(
        folder, "tree", b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha) for mode, name, sha in entries)
    )


def test_every_file_is_written_as_stored(tmp_path: Path) -> None:
    """Bytes are git's own: no line ends are changed, no filter runs, whatever attributes and configuration say."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a" / "b c").mkdir(parents=True)
    target.mkdir()
    (source / "a" / "b c" / "ü\n.txt").write_bytes(b"one\ntwo\n")
    (source / "big").write_bytes(b"x" * (3 << 20))
    (source / "empty").touch()
    (source / ".gitattributes").write_text("*.txt text eol=crlf filter=evil export-ignore\n")
    repository = commit_all(source)
    git(source, "config", "filter.evil.smudge", f"touch {tmp_path}/ran")
    (source / "big").write_text("edited")
    assert write_commit(repository, repository.commit("HEAD"), "", target) == 4
    assert (target / "a" / "b c" / "ü\n.txt").read_bytes() == b"one\ntwo\n"
    assert (target / "big").read_bytes() == b"x" * (3 << 20)
    assert (target / "empty").read_bytes() == b""
    assert not (tmp_path / "ran").exists()


def test_only_the_folder_that_is_asked_for_is_written(tmp_path: Path) -> None:
    """Of a project that is a part of a repository, only its own files."""
    (tmp_path / "source" / "shop" / "jobs").mkdir(parents=True)
    (tmp_path / "source" / "shop" / "jobs" / "a.yaml").write_text("a")
    (tmp_path / "source" / "other.txt").write_text("b")
    repository = commit_all(tmp_path / "source")
    (tmp_path / "target").mkdir()
    assert write_commit(repository, repository.commit("HEAD"), "shop", tmp_path / "target") == 1
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["jobs"]


def test_links_stay_inside(tmp_path: Path) -> None:
    """A link within the folder is made; one that leads out is left out."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "feeds").mkdir(parents=True)
    target.mkdir()
    (source / "feeds" / "a.csv").write_text("id\n")
    (source / "near").symlink_to("feeds/a.csv")
    (source / "feeds" / "up").symlink_to("../near")
    (source / "out").symlink_to("../secret")
    (source / "root").symlink_to("/etc/hostname")
    repository = commit_all(source)
    write_commit(repository, repository.commit("HEAD"), "", target)
    assert (target / "near").read_text() == (target / "feeds" / "up").read_text() == "id\n"
    assert not (target / "out").is_symlink()
    assert not (target / "root").is_symlink()


@pytest.mark.parametrize("name", ["..", ".git", ".GIT"])
def test_a_hostile_tree_is_refused(tmp_path: Path, name: str) -> None:
    """Names that no honest git writes lead nowhere."""
    repository = commit_all_of_one(tmp_path / "source")
    inner = put_tree(tmp_path / "source", ("100644", "config", put_object(tmp_path / "source", "blob", b"evil")))
    tree = put_tree(tmp_path / "source", ("40000", name, inner))
    commit = git(tmp_path / "source", "commit-tree", tree, "-m", "evil")
    (tmp_path / "target").mkdir()
    with pytest.raises(OurSide, match="leads out of its folder"):
        write_commit(repository, commit, "", tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []
    assert not (tmp_path / "config").exists()


def test_a_name_that_comes_twice_is_not_written_through(tmp_path: Path) -> None:
    """A link and a folder of one name: the file lands in the folder, the link fails, and nothing is written outside."""
    source = tmp_path / "source"
    repository = commit_all_of_one(source)
    inner = put_tree(source, ("100644", "f", put_object(source, "blob", b"evil")))
    tree = put_tree(source, ("120000", "a", put_object(source, "blob", b"b")), ("40000", "a", inner))
    commit = git(source, "commit-tree", tree, "-m", "evil")
    (tmp_path / "target").mkdir()
    with pytest.raises(OurSide, match="cannot be written"):
        write_commit(repository, commit, "", tmp_path / "target")


def commit_all_of_one(folder: Path) -> Repository:
    """A repository with one file."""
    folder.mkdir()
    (folder / "one").write_text("1")
    return commit_all(folder)


def test_a_large_file_comes_from_this_clone(tmp_path: Path) -> None:
    """A Git LFS pointer becomes the file where the clone has it, and stays a pointer where not."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    here, gone = (hashlib.sha256(data).hexdigest() for data in (b"picture", b"another"))
    (source / "here.png").write_text(POINTER.format(here))
    (source / "gone.png").write_text(POINTER.format(gone))
    repository = commit_all(source)
    store = source / ".git" / "lfs" / "objects" / here[:2] / here[2:4]
    store.mkdir(parents=True)
    (store / here).write_bytes(b"picture")
    write_commit(repository, repository.commit("HEAD"), "", target)
    assert (target / "here.png").read_bytes() == b"picture"
    assert (target / "gone.png").read_text() == POINTER.format(gone)


def test_an_object_that_is_missing_is_told(tmp_path: Path) -> None:
    """A damaged or partial clone cannot give what it has not."""
    repository = commit_all_of_one(tmp_path / "source")
    entry = repository.entries("HEAD")[0]
    (tmp_path / "source" / ".git" / "objects" / entry.object[:2] / entry.object[2:]).unlink()
    (tmp_path / "target").mkdir()
    with pytest.raises(OurSide, match="git has no object"):
        write_commit(repository, repository.commit("HEAD"), "", tmp_path / "target")
