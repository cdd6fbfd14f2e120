"""What results name is known to be ours, so that it can be replaced where the store never had it; nothing else is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from runner.edge.blobs import Blobs
from runner.edge.named import BEFORE, PENDING, Named
from runner.edge.outputs import RESULTS, RETIRED, Outputs, result_line


def digest(text: str) -> str:
    """The sha256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def line(path: str, text: str) -> bytes:
    """A line of results that names a file of these words."""
    return result_line({"key": path, "steps": {"copy": {"status": "done", "files": [{"path": path, "sha256": digest(text)}]}}})


def lay_out(folder: Path, results: bytes) -> Path:
    """An output folder with these results and a shelf for what is retired."""
    root = folder / "out"
    (root / RETIRED).mkdir(parents=True)
    (root / RESULTS).write_bytes(results)
    return root


def test_everything_that_names_files_is_read(tmp_path: Path) -> None:
    """The results, those before a killed run, and what is still to be retired; a digest that none of them has is not there."""
    root = lay_out(tmp_path, line("a", "one") + line("b", "two"))
    (root / RETIRED / BEFORE).write_bytes(line("a", "three"))
    (root / RETIRED / PENDING).write_text(f'\n{json.dumps(["a", digest("four"), "a"])}\n["a", "{digest("five")[:40]}', "utf-8")
    named = Named(root / RESULTS, root / RETIRED, Blobs(tmp_path / "blobs"))
    found = [word for word in ("one", "two", "three", "four", "five", "six") if named.has(digest(word))]
    assert found == ["one", "two", "three", "four"]


def test_where_nothing_can_be_read_nothing_is_named(tmp_path: Path) -> None:
    """Neither a folder without results nor a link or a folder in their place is a reason to fail."""
    blobs = Blobs(tmp_path / "blobs")
    assert not Named(tmp_path / RESULTS, tmp_path / RETIRED, blobs).has(digest("one"))
    (tmp_path / "elsewhere").write_bytes(line("a", "one"))
    (tmp_path / RESULTS).symlink_to("elsewhere")
    (tmp_path / RETIRED / BEFORE).mkdir(parents=True)
    assert not Named(tmp_path / RESULTS, tmp_path / RETIRED, blobs).has(digest("one"))


def test_a_file_of_another_machine_is_replaced_and_an_edited_one_is_not(tmp_path: Path) -> None:
    """The store has neither of the two files that lie there; what is as results name it is replaced, and kept in the store."""
    root = lay_out(tmp_path, line("mug.txt", "a mug") + line("hat.txt", "a hat"))
    (root / "mug.txt").write_text("a mug")
    (root / "hat.txt").write_text("a better hat")
    blobs = Blobs(tmp_path / "blobs")
    new = blobs.put(b"a blue mug").sha256
    outputs = Outputs(root, blobs)
    assert [outputs.publish(new, "mug.txt"), outputs.publish(new, "hat.txt")] == ["written", "kept"]
    assert [(root / "mug.txt").read_text(), (root / "hat.txt").read_text()] == ["a blue mug", "a better hat"]
    assert (blobs.read(digest("a mug")), blobs.has(digest("a better hat"))) == (b"a mug", False)
