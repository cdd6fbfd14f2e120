"""Files in an output folder are read by what a line claims, and nothing else is ever opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs, stamped
from runner.edge.published import (
    Claim,
    claims_of,
    files_in,
    hash_published,
    load_manifest,
    open_published,
    results_digest,
    take_published,
)
from runner.errors import OurSide


def test_a_file_is_hashed_where_it_lies(tmp_path: Path) -> None:
    """What is named by a path below the folder is read."""
    (tmp_path / "mug").mkdir()
    (tmp_path / "mug" / "scene.png").write_bytes(b"picture")
    assert hash_published(tmp_path, "mug/scene.png") == hashlib.sha256(b"picture").hexdigest()


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/hostname",
        "link",
        "folder/../../secret",
        "linked/secret",
        "pipe",
        "folder",
        "none",
        "",
        "a//b",
        "nul\0",
        "\ud800",
    ],
)
def test_nothing_else_is_opened(tmp_path: Path, path: str) -> None:
    """A path that leads out, through a link, or to something that is no file is as good as missing."""
    (tmp_path / "secret").write_text("key")
    root = tmp_path / "out"
    (root / "folder").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "linked").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    assert open_published(root, path) is None
    assert hash_published(root, path) is None


def test_a_taken_file_and_its_blob_have_one_time(tmp_path: Path) -> None:
    """It is the file's, stamped with the blob's name, so the next run need not read it to see that it is published."""
    blobs, root = Blobs(tmp_path / "blobs"), tmp_path / "out"
    root.mkdir()
    (root / "a.png").write_bytes(b"picture")
    os.utime(root / "a.png", ns=(5, 7))
    sha256 = take_published(root, "a.png", blobs)
    assert sha256 is not None
    assert blobs.read(sha256) == b"picture"
    assert blobs.path(sha256).stat().st_mtime_ns == (root / "a.png").stat().st_mtime_ns == stamped(sha256, 7)
    assert take_published(root, "b.png", blobs) is None


def test_a_line_s_files_are_claims() -> None:
    """Path, digest, size and kind of each file of a step; a step may have none."""
    files = [{"path": "a.png", "sha256": "ab", "bytes": 3, "media_type": "image/png", "width": 1, "height": 1}]
    assert claims_of({"status": "done", "files": files}) == [Claim("a.png", "ab", 3, "image/png")]
    assert claims_of({"status": "done"}) == []
    assert claims_of({"files": [{"path": "a", "sha256": "ab", "bytes": "many"}]}) == [Claim("a", "ab")]
    assert Claim.of("a", b"x") == Claim("a", hashlib.sha256(b"x").hexdigest(), 1)


@pytest.mark.parametrize("files", [[{"path": "a"}], ["a"], 5, None])
def test_files_that_are_none_of_ours_are_refused(files: object) -> None:
    """A line that names files as we never do is no line of results."""
    with pytest.raises(ValueError, match="names files"):
        claims_of({"files": files})


def test_the_manifest_is_read_where_there_is_one(tmp_path: Path) -> None:
    """No manifest is None; one that cannot be read is told with a remedy."""
    assert load_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text('{"mode": "live"}')
    assert load_manifest(tmp_path) == {"mode": "live"}
    (tmp_path / "manifest.json").write_text("[]")
    assert load_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(OurSide, match="move it away"):
        load_manifest(tmp_path)


def test_the_digest_of_the_results(tmp_path: Path) -> None:
    """The sha256 of results.jsonl, None where there is none, a failure where it is no file."""
    assert results_digest(tmp_path) is None
    (tmp_path / "results.jsonl").write_bytes(b"{}\n")
    assert results_digest(tmp_path) == hashlib.sha256(b"{}\n").hexdigest()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "results.jsonl").mkdir()
    with pytest.raises(OurSide, match="cannot be read"):
        results_digest(tmp_path / "x")


def test_all_files_are_found_but_hidden_ones(tmp_path: Path) -> None:
    """Sorted, relative, without what begins with a dot."""
    for name in ("b/2.png", "b/1.png", "a.png", ".retired/x.png", ".adbatch-run"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(files_in(tmp_path)) == ["a.png", "b/1.png", "b/2.png"]
