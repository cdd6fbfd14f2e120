"""The shelf: whoever comes together is put away together, durably, and each gets its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.shelf import Shelf
from runner.errors import OurSide
from runner.records import Blob


async def test_everyone_gets_their_own(tmp_path: Path) -> None:
    """What is put at once lies in the store as if put one by one, whatever came twice."""
    blobs, sent = Blobs(tmp_path), [f"text {number % 150}".encode() for number in range(300)]
    shelf = Shelf(blobs.keep_all)
    made = await asyncio.gather(*map(shelf.put, sent))
    assert [blobs.read(blob.sha256) for blob in made] == sent
    assert made == [blobs.put(data) for data in sent]
    assert not blobs.sweep(float("inf"))


async def test_who_comes_meanwhile_goes_with_the_next_lot() -> None:
    """One lot at a time; the next one takes all who have come by then."""
    lots: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def put_all(many: Sequence[bytes]) -> list[Blob]:
        lots.append(len(many))
        begun.set()
        assert go_on.wait(10)
        return [Blob(data.decode(), len(data)) for data in many]

    shelf = Shelf(put_all)
    first = asyncio.ensure_future(shelf.put(b"a"))
    await asyncio.to_thread(begun.wait, 10)
    others = [asyncio.ensure_future(shelf.put(name)) for name in (b"b", b"c", b"d")]
    await asyncio.wait(others, timeout=0.0)
    go_on.set()
    assert [(await each).sha256 for each in (first, *others)] == ["a", "b", "c", "d"]
    assert lots == [1, 3]


async def test_with_several_turns_as_many_lots_go_at_once() -> None:
    """The second begins while the first is under way; who comes while all turns are taken goes with the third."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    lots: list[int] = []

    def put_all(many: Sequence[int]) -> list[int]:
        lots.append(len(many))
        begun.release()
        assert go_on.wait(10)
        return [number * 10 for number in many]

    shelf = Shelf(put_all, asyncio.Semaphore(2))
    work = []
    for number in range(2):
        work.append(asyncio.ensure_future(shelf.put(number)))
        assert await asyncio.to_thread(begun.acquire, timeout=10)
    work += [asyncio.ensure_future(shelf.put(number)) for number in range(2, 5)]
    await asyncio.wait(work, timeout=0.0)
    go_on.set()
    assert await asyncio.gather(*work) == [0, 10, 20, 30, 40]
    assert lots == [1, 1, 3]


async def test_a_disk_that_fails_is_told_to_all_of_the_lot(tmp_path: Path) -> None:
    """Each of them hears it, and the next lot is tried anew."""
    blobs = Blobs(tmp_path / "blobs")
    shelf = Shelf(blobs.keep_all)
    blobs.root.rmdir()
    blobs.root.write_text("in the way", "utf-8")
    told = await asyncio.gather(shelf.put(b"a"), shelf.put(b"b"), return_exceptions=True)
    assert [type(each) for each in told] == [OurSide, OurSide]
    blobs.root.unlink()
    blobs.root.mkdir()
    assert blobs.read((await shelf.put(b"a")).sha256) == b"a"


@pytest.mark.parametrize("count", [1, 3, 200])
def test_names_are_durable(tmp_path: Path, count: int) -> None:
    """All folders that got a name are synced with them, be they few or many; nothing is written twice."""
    blobs = Blobs(tmp_path)
    many = [f"{number}".encode() for number in range(count)]
    before = blobs.keep_all(many)
    times = [blobs.path(blob.sha256).stat().st_mtime_ns for blob in before]
    assert blobs.keep_all(many) == before
    assert [blobs.path(blob.sha256).stat().st_mtime_ns for blob in before] == times


async def test_a_lot_has_a_most() -> None:
    """Many who come at once go in several lots, one after the other, and each hears of its own."""
    lots: list[int] = []

    def put_all(many: Sequence[int]) -> list[int]:
        lots.append(len(many))
        return [number * 10 for number in many]

    shelf = Shelf(put_all, most=4)
    assert await asyncio.gather(*map(shelf.put, range(10))) == [number * 10 for number in range(10)]
    assert lots == [4, 4, 2]
