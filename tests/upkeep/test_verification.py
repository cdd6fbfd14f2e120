"""Verifying tells what is missing, what has changed, and what nobody names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import OurSide, Usage
from runner.upkeep.verification import verify_output

PIXEL = b"not really a picture"


def entry(path: str, data: bytes = PIXEL) -> dict[str, Any]:
    """A file as a line names it."""
    return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "media_type": "image/png"}


def write(folder: Path, *lines: list[dict[str, Any]], manifest: bool = True) -> Path:
    """An output folder with a line for each list of files, all of which are there and right."""
    text = "".join(json.dumps({"steps": {"scene": {"status": "done", "files": files}}}) + "\n" for files in lines)
    folder.mkdir(exist_ok=True)
    (folder / "results.jsonl").write_text(text)
    if manifest:
        told = {"results": {"sha256": hashlib.sha256(text.encode()).hexdigest()}}
        (folder / "manifest.json").write_text(json.dumps(told))
    for file in (file for files in lines for file in files):
        place = folder / file["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(PIXEL)
    return folder


def test_all_is_well(tmp_path: Path) -> None:
    """Every file has the bytes that are named; one that several lines name is counted once."""
    out = write(tmp_path / "out", [entry("a/1.png"), entry("a/2.png")], [entry("a/1.png")], [])
    found = verify_output(out)
    assert (found.whole, found.files, found.size, found.manifest) == (True, 2, 2 * len(PIXEL), True)
    assert (found.missing, found.changed, found.strangers, found.results) == ([], [], [], "")


def test_what_is_amiss_is_named(tmp_path: Path) -> None:
    """Missing, changed in one byte, and replaced by a link or a folder."""
    out = write(tmp_path / "out", [entry(f"{name}.png") for name in ("good", "gone", "edited", "linked", "folder")])
    (out / "gone.png").unlink()
    (out / "edited.png").write_bytes(PIXEL[:-1] + b"!")
    (out / "linked.png").rename(tmp_path / "elsewhere.png")
    (out / "linked.png").symlink_to(tmp_path / "elsewhere.png")
    (out / "folder.png").unlink()
    (out / "folder.png").mkdir()
    found = verify_output(out)
    assert not found.whole
    assert sorted(found.missing) == ["folder.png", "gone.png", "linked.png"]
    assert found.changed == ["edited.png"]
    assert found.as_json()["missing"] == found.missing


def test_strangers_are_no_fault(tmp_path: Path) -> None:
    """A file that no line names is mentioned; hidden ones and our own are not."""
    out = write(tmp_path / "out", [entry("a/1.png")])
    for name in ("a/notes.txt", ".DS_Store", "provenance.intoto.json"):
        (out / name).touch()
    found = verify_output(out)
    assert (found.whole, found.strangers) == (True, ["a/notes.txt"])


def test_results_that_are_not_the_run_s_are_told(tmp_path: Path) -> None:
    """An edited results.jsonl is not what the manifest names, even if all files are what it says."""
    out = write(tmp_path / "out", [entry("1.png")])
    (out / "results.jsonl").write_text((out / "results.jsonl").read_text() + '{"steps": {}}\n')
    found = verify_output(out)
    assert not found.whole
    assert found.results == "results.jsonl is not the file that manifest.json tells of"


def test_without_a_manifest_the_results_are_believed(tmp_path: Path) -> None:
    """A checkout may have results.jsonl alone; that is said."""
    found = verify_output(write(tmp_path / "out", [entry("1.png")], manifest=False))
    assert (found.whole, found.manifest) == (True, False)


def test_two_lines_that_contradict_each_other_cannot_both_be_right(tmp_path: Path) -> None:
    """One path with two digests: one of them has changed."""
    out = write(tmp_path / "out", [entry("1.png")], [entry("1.png", b"other")])
    assert verify_output(out).changed == ["1.png"]


def test_a_path_that_leads_out_is_missing(tmp_path: Path) -> None:
    """Whatever the line says, nothing outside the folder is read."""
    (tmp_path / "secret").write_bytes(PIXEL)
    out = write(tmp_path / "out", [])
    line = {"steps": {"scene": {"status": "done", "files": [entry("../secret")]}}}
    (out / "results.jsonl").write_text(json.dumps(line) + "\n")
    assert verify_output(out).missing == ["../secret"]


def test_more_files_than_a_batch(tmp_path: Path) -> None:
    """Each of many files is looked at, in the order of the lines."""
    out = write(tmp_path / "out", *([entry(f"{number}.png")] for number in range(1100)))
    for number in (3, 600, 1099):
        (out / f"{number}.png").write_bytes(b"x")
    found = verify_output(out)
    assert (found.files, found.changed) == (1100, ["3.png", "600.png", "1099.png"])


def test_nothing_to_verify(tmp_path: Path) -> None:
    """Before the first run there is nothing; what is no results file is named."""
    with pytest.raises(Usage, match="before the first run"):
        verify_output(tmp_path)
    (tmp_path / "results.jsonl").write_text('{"steps": {"x": {"files": [1]}}}\n')
    with pytest.raises(OurSide, match=r"results\.jsonl:1: not a line"):
        verify_output(tmp_path)
