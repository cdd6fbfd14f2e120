"""What became of a purchase nobody saw the answer of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.records import NoAnswer, Reply, Request
from runner.verdicts import Barred, Broken, Lost, Queued, Text, Verdict
from tests.batches.vendor import Bench, chats, reply

GONE = NoAnswer(True, "reset")
TICKET = "of-file:file-1"


async def buy(folder: Path, count: int = 2) -> tuple[Bench, list[Request]]:
    """A batch that was made, though its answer was lost."""
    bench, requests = Bench(folder), chats(count)
    bench.vendor.faults["POST batches"] = [GONE]
    await bench.submit(*requests)
    return bench, requests


async def verdicts(bench: Bench, requests: list[Request], ticket: str = TICKET, **more: Any) -> list[Verdict]:
    """What becomes of each."""
    return [one.verdict for one in await bench.poll(ticket, *requests, **more)]


async def test_the_list_has_the_ticket(tmp_path: Path) -> None:
    """Everybody in the file gets it by one look, and goes on as if it had been told at once."""
    bench, requests = await buy(tmp_path)
    assert await verdicts(bench, requests) == [Queued("batch-1", 0.0)] * 2
    assert bench.vendor.calls["GET batches"] == 1
    assert (await verdicts(bench, requests, "batch-1"))[0].items == (Text("THING 0"),)  # type: ignore[union-attr]


async def test_it_may_be_on_a_later_page(tmp_path: Path) -> None:
    """The list is read to its end, and so far only."""
    bench, requests = await buy(tmp_path)
    bench.vendor.faults["GET batches"] = [reply(200, {"data": [{"id": "b", "input_file_id": "other"}], "has_more": True})]
    assert await verdicts(bench, requests) == [Queued("batch-1", 0.0)] * 2
    assert bench.vendor.urls[-1].endswith("/batches?limit=100&after=b")


@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ({}, "though the account has that file; look at the vendor's dashboard"),
        ({"GET files": [reply(404)]}, "nor that file in the account; was the key exchanged for another project's?"),
    ],
)
async def test_what_is_not_listed_is_parked(tmp_path: Path, faults: dict[str, list[Reply]], found: str) -> None:
    """Absence proves nothing: after ten minutes a person is told what was looked for and where, and nothing is asked anew."""
    bench, requests = await buy(tmp_path)
    bench.vendor.batches.clear()
    bench.vendor.faults = faults
    began = bench.clock.now()
    where = "for 600 s none with the input file file-1 was in the list at https://house.example/v1/batches"
    assert await verdicts(bench, requests) == [Lost(f"nobody can tell whether its batch was made: {where}, {found}", True)] * 2
    assert 600 <= bench.clock.now() - began < 1000
    assert bench.vendor.calls["POST batches"] == 1


async def test_the_search_does_not_last_for_ever(tmp_path: Path) -> None:
    """A vendor that is always too busy to show its list tells nothing; after an hour each asks again in its own time."""
    bench, requests = await buy(tmp_path)
    bench.vendor.faults["GET batches"] = [reply(429)] * 100
    began = bench.clock.now()
    assert await verdicts(bench, requests) == [Queued(TICKET, 60.0)] * 2
    assert 3600 <= bench.clock.now() - began < 3700


async def test_a_list_that_is_late_is_waited_for(tmp_path: Path) -> None:
    """What is not there yet may be there in a minute, and what cannot be read proves nothing."""
    bench, requests = await buy(tmp_path)
    bench.vendor.faults["GET batches"] = [reply(200, {"data": []}), reply(500), GONE, reply(200, {"data": []}), reply(200, [])]
    assert await verdicts(bench, requests) == [Queued("batch-1", 0.0)] * 2


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ({"GET batches": [reply(401)]}, Barred),
        ({"GET batches": [reply(200, {"data": [], "has_more": True})] * 4}, Broken),
        ({"GET files": [reply(500)] * 4}, Broken),
    ],
)
async def test_nothing_is_concluded_from_an_account_that_does_not_know_us(
    tmp_path: Path, faults: dict[str, list[Reply]], word: type[Verdict]
) -> None:
    """What cannot be read is no end of anything: the request keeps its ticket and asks again."""
    bench, requests = await buy(tmp_path)
    bench.vendor.batches.clear()
    bench.vendor.faults = faults
    (told, _) = await verdicts(bench, requests)
    assert isinstance(told, word)
    assert not getattr(told, "dropped", False)


async def test_the_search_ends_with_the_run(tmp_path: Path) -> None:
    """And holds up nobody whose step goes one by one now: it looks once, and again later."""
    bench, requests = await buy(tmp_path)
    bench.vendor.batches.clear()
    assert await verdicts(bench, requests, lane="") == [Queued(TICKET, 60.0)] * 2
    bench.hands.drain()
    assert await verdicts(bench, requests) == [Queued(TICKET, 60.0)] * 2
