from __future__ import annotations

from pathlib import Path

from runner.sandbox.shelf import Shelf, offsets, read_at


def test_records_outlive_the_process(tmp_path: Path):
    """What was kept is there for the next who opens the folder, and its ids are not given out again."""
    shelf = Shelf(tmp_path / "s", "salt")
    name = shelf.new_id("file")
    shelf.save({"id": name, "created_at": 1.0, "purpose": "batch"})
    again = Shelf(tmp_path / "s", "salt")
    assert again.load(name) == {"id": name, "created_at": 1.0, "purpose": "batch"}
    assert again.new_id("file") != name
    assert name.startswith("file-")


def test_what_is_not_there_is_none(tmp_path: Path):
    """Unknown ids, ids that lead elsewhere and deleted records are not found."""
    shelf = Shelf(tmp_path / "s", "salt")
    (tmp_path / "x.json").write_text("{}")
    name = shelf.new_id("file")
    shelf.save({"id": name, "created_at": 1.0})
    shelf.delete(name)
    assert [shelf.load(each) for each in (name, "file-0", "../x", "")] == [None] * 4


def test_the_newest_is_listed_first(tmp_path: Path):
    """A kind's records come by their moment, and parts of a record are none."""
    shelf = Shelf(tmp_path / "s", "salt")
    names = [shelf.new_id("batch") for _ in range(3)]
    for moment, name in enumerate(names):
        shelf.save({"id": name, "created_at": moment})
    shelf.save({"id": names[0], "counts": {}}, "written")
    assert [record["id"] for record in shelf.list("batch")] == names[::-1]


def test_ids_belong_to_what_they_are_about(tmp_path: Path):
    """The same thing has the same id under one salt, and another under another."""
    shelf, other = Shelf(tmp_path / "s", "salt"), Shelf(tmp_path / "t", "pepper")
    assert shelf.id_for("file", "b", "output") == shelf.id_for("file", "b", "output")
    assert shelf.id_for("file", "b", "output") != other.id_for("file", "b", "output")


def test_lines_are_found_by_their_place(tmp_path: Path):
    """Blank lines do not count, the last needs no newline, and any order can be read."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\n  \ntwo\nthree")
    places = offsets(path)
    assert [line.strip() for line in read_at(path, places[::-1])] == [b"three", b"two", b"one"]
