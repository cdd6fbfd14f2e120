"""The table of what was made: found by everybody, missed by nobody."""

from __future__ import annotations

from pathlib import Path

from runner.edge.makings import TABLE, Makings, all_told


def test_what_was_noted_is_found_by_others(tmp_path: Path) -> None:
    """Only what was asked for and is known; the latest word counts."""
    one, other = Makings(tmp_path / "finished"), Makings(tmp_path / "finished")
    assert (one.find(["a"]), list(all_told(tmp_path / "finished"))) == ({}, [])
    one.note({"a": b"1", "b": b"2"})
    assert other.find(["a", "c"]) == {"a": b"1"}
    other.note({"a": b"3"})
    assert one.find(["b", "a"]) == {"a": b"3", "b": b"2"}
    assert list(all_told(tmp_path / "finished")) == [b"3", b"2"]


def test_a_damaged_table_tells_nothing_and_stops_nobody(tmp_path: Path) -> None:
    """Neither what is no database nor a folder where none can be made is a reason to fail."""
    (tmp_path / TABLE).write_bytes(b"torn" * 1000)
    makings = Makings(tmp_path)
    makings.note({"a": b"1"})
    assert (makings.find(["a"]), list(all_told(tmp_path))) == ({}, [])
    (tmp_path / "file").write_bytes(b"")
    nowhere = Makings(tmp_path / "file" / "finished")
    nowhere.note({"a": b"1"})
    assert nowhere.find(["a"]) == {}
