"""Two files of results joined by key, in any order."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from runner.comparison.joining import Joined, Shelf
from runner.errors import OurSide
from tests.comparison.lines import line, write_lines


def keys(joined: Joined) -> dict[str, list[str]]:
    """The keys that were changed, removed and added."""
    found: dict[str, list[str]] = {"changed": [], "removed": [], "added": []}
    for then, now in joined.pairs():
        how = "added" if then is None else "removed" if now is None else "changed"
        found[how].append(str((now or then or {})["key"]))
    return found


@pytest.mark.parametrize("held", [1, 7, 5000])
@pytest.mark.parametrize("order", ["plan", "reversed", "shuffled"])
def test_every_variant_is_met_once_in_any_order(tmp_path: Path, held: int, order: str) -> None:
    """Added, removed, changed and same are what they are, however the lines lie and however few may wait in memory."""
    then = [line(f"{n}|1", copy={"text": "a"}) for n in range(60)]
    now = [line(f"{n}|1", copy={"text": "b" if n % 10 == 0 else "a"}) for n in range(5, 70)]
    if order == "reversed":
        now.reverse()
    if order == "shuffled":
        random.Random(4).shuffle(now)
    joined = Joined(write_lines(tmp_path / "a", then), write_lines(tmp_path / "b", now), held)
    found = keys(joined)
    assert {how: set(names) for how, names in found.items()} == {
        "changed": {f"{n}|1" for n in range(10, 60, 10)},
        "removed": {f"{n}|1" for n in range(5)},
        "added": {f"{n}|1" for n in range(60, 70)},
    }
    assert sum(map(len, found.values())) == 20
    assert joined.same == 50


def test_equal_lines_are_not_even_read_as_json(tmp_path: Path) -> None:
    """Two equal files are equal, whatever stands in them."""
    for name in "ab":
        (tmp_path / name).write_bytes(b"not json\n" * 3)
    joined = Joined(tmp_path / "a", tmp_path / "b")
    assert (keys(joined)["changed"], joined.same) == ([], 3)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Where nothing is in order, what waits lies on the disk."""
    lines = [line(f"{n}|1", copy={"text": "x" * 500}) for n in range(2000)]
    before, after = write_lines(tmp_path / "a", lines), write_lines(tmp_path / "b", reversed(lines))
    del lines
    tracemalloc.start()
    try:
        joined = Joined(before, after, held=100)
        assert not any(keys(joined).values())
        assert joined.same == 2000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000 < before.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{\n", r"b:1: not JSON"),
        (b'{"key": 1, "steps": {}}\n', r"b:1: not a line of results"),
        (b'{"key": "a", "steps": {"copy": 1}}\n', r"b:1: not a line of results"),
        (b"[]\n", r"b:1: not a JSON object"),
    ],
)
def test_what_is_no_results_file_is_told_with_its_line(tmp_path: Path, text: bytes, message: str) -> None:
    """File, line and remedy, instead of a traceback."""
    write_lines(tmp_path / "a", [line("a|1")])
    (tmp_path / "b").write_bytes(text)
    with pytest.raises(OurSide, match=message):
        keys(Joined(tmp_path / "a", tmp_path / "b"))


@pytest.mark.parametrize("held", [1, 2, 9])
def test_a_variant_stands_in_a_file_once(tmp_path: Path, held: int) -> None:
    """A second line for one key is a mistake, in memory and on the disk."""

    def put_all(shelf: Shelf) -> None:
        for number, key in enumerate((b"a", b"b", b"c", b"a", b"d", b"e"), 1):
            shelf.put(key, number, b"{}\n")

    with Shelf(tmp_path / "results.jsonl", held) as shelf, pytest.raises(OurSide, match="second time"):
        put_all(shelf)


def test_a_file_may_lack_its_last_line_end(tmp_path: Path) -> None:
    """An editor or a mail took it away; the line is the same."""
    before, after = (write_lines(tmp_path / name, [line("a|1"), line("b|1")]) for name in "ab")
    after.write_bytes(after.read_bytes().rstrip(b"\n"))
    joined = Joined(before, after)
    assert not any(keys(joined).values())
    assert joined.same == 2


def test_what_is_left_comes_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Also when some of it waited on the disk."""
    with Shelf(tmp_path / "results.jsonl", 2) as shelf:
        for number in range(7):
            shelf.put(f"{9 - number}".encode(), number, f"{number}".encode())
        assert shelf.take(b"8") == b"1"
        assert shelf.take(b"8") is None
        assert list(shelf.rest()) == [b"0", b"2", b"3", b"4", b"5", b"6"]
