from __future__ import annotations

from pathlib import Path

from runner.sandbox.tries import Tries


def test_tries_are_counted_apart():
    """Each thing has its own count, beginning with 1, and parts are not run together."""
    tries = Tries()
    assert [tries.count("sivi", "poll", "a") for _ in range(3)] == [1, 2, 3]
    assert tries.count("sivi", "poll", "b") == 1
    assert tries.count("sivi", "polla") == 1
    tries.close()


def test_counts_survive_the_process(tmp_path: Path):
    """What was counted is on disk at once, so another process on the same folder goes on counting."""
    path = tmp_path / "tries.txt"
    first = Tries(path)
    assert [first.count("x"), first.count("x"), first.count("y")] == [1, 2, 1]
    second = Tries(path)
    assert [second.count("x"), second.count("y"), second.count("z")] == [3, 2, 1]
    first.close()
    second.close()


def test_a_torn_line_counts_nothing(tmp_path: Path):
    """A last line that a power cut tore is cut off, and the next try begins a line of its own."""
    path = tmp_path / "tries.txt"
    first = Tries(path)
    first.count("x")
    first.close()
    path.write_bytes(path.read_bytes() + b"0badc0de")
    for expected in (2, 3):
        tries = Tries(path)
        assert tries.count("x") == expected
        tries.close()
    assert len(set(path.read_bytes().splitlines())) == 1
