"""Everybody waits for one batch, and reads one line of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.records import Answer, NoAnswer, Reply
from runner.verdicts import Barred, Broken, Busy, Done, Queued, Refused, Text, Verdict
from tests.batches.vendor import Bench, answered, chats, reply


def failing(status: int, code: str = "x") -> dict[str, Any]:
    """A line that failed with this status."""
    return {"response": {"status_code": status, "body": {"error": {"message": "no", "code": code}}}, "error": None}


async def test_all_polls_are_one(tmp_path: Path) -> None:
    """Fifty that wait cost as many looks as one, and each gets its own answer, whatever the order of the file."""
    bench, requests = Bench(tmp_path), chats(50)
    await bench.submit(*requests)
    began = bench.clock.now()
    carried = await bench.poll("batch-1", *requests)
    assert [one.verdict for one in carried] == [Done((Text(f"THING {number}"),), used=7) for number in range(50)]
    assert (bench.vendor.calls["GET batches"], bench.vendor.calls["GET files/content"]) == (3, 1)
    assert bench.clock.now() - began > 10 + 15
    again = await bench.poll("batch-1", *requests[:2])
    assert [one.verdict for one in again] == [one.verdict for one in carried[:2]]
    assert bench.vendor.calls["GET files/content"] == 1


async def test_another_run_needs_the_ticket_only(tmp_path: Path) -> None:
    """What was bought by a run that was killed is read by the next."""
    bench, requests = Bench(tmp_path), chats(3)
    await bench.submit(*requests)
    later = Bench(tmp_path)
    later.vendor.files, later.vendor.batches = bench.vendor.files, bench.vendor.batches
    assert [type(one.verdict) for one in await later.poll("batch-1", *requests)] == [Done] * 3
    assert later.vendor.calls["POST batches"] == 0


@pytest.mark.parametrize(
    ("said", "word", "dropped", "billed"),
    [
        (failing(429, "rate_limit_exceeded"), Broken, True, False),
        (failing(500), Broken, True, False),
        (failing(429, "insufficient_quota"), Broken, True, False),
        (failing(400, "context_length_exceeded"), Refused, False, False),
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, Broken, True, False),
        ({"response": {"status_code": 200, "body": {"odd": 1}}, "error": None}, Refused, False, True),
        (
            {"response": {"status_code": 200, "body": {"choices": [{"finish_reason": "length"}]}}, "error": None},
            Refused,
            False,
            True,
        ),
        (None, Refused, False, True),
    ],
)
async def test_only_the_line_that_failed_fails(tmp_path: Path, said: Any, word: type[Verdict], dropped: bool, billed: bool) -> None:
    """Its neighbours have their answers; what the vendor failed to do is asked anew, what was perhaps paid for is not."""
    bench, requests = Bench(tmp_path), chats(3)

    def line(asked: Mapping[str, Any]) -> Any:
        return said if asked["custom_id"] == requests[1].id else answered(asked)

    bench.vendor.line = line
    await bench.submit(*requests)
    one, two, three = await bench.poll("batch-1", *requests)
    assert isinstance(one.verdict, Done)
    assert isinstance(three.verdict, Done)
    assert isinstance(two.verdict, word)
    assert (getattr(two.verdict, "dropped", False), getattr(two.verdict, "billed", False)) == (dropped, billed)
    if billed and said is not None:
        assert two.raw is not None
        assert json.loads(bench.blobs.read(two.raw)) == said["response"]["body"]


async def test_a_fault_in_one_line_is_that_lines(tmp_path: Path) -> None:
    """The vendor names the line of the file; the others are asked anew, without it."""
    bench, requests = Bench(tmp_path), chats(3)
    bench.vendor.states = ["failed"]
    bench.vendor.errors = {"data": [{"line": 2, "message": "bad", "code": "invalid"}]}
    await bench.submit(*requests)
    told = [one.verdict for one in await bench.poll("batch-1", *requests)]
    assert [type(verdict) for verdict in told] == [Broken, Refused, Broken]
    elsewhere = Bench(tmp_path)  # a run that did not write the file knows no numbers: all are asked anew, once
    elsewhere.vendor.batches, elsewhere.vendor.states = bench.vendor.batches, ["failed"]
    elsewhere.vendor.errors = bench.vendor.errors
    assert [type(one.verdict) for one in await elsewhere.poll("batch-1", *requests)] == [Broken] * 3


async def test_a_look_that_fails_is_looked_again(tmp_path: Path) -> None:
    """Up to four times in a row; then each request says so, and asks again in its own time."""
    bench, requests = Bench(tmp_path), chats(2)
    await bench.submit(*requests)
    bench.vendor.faults["GET batches"] = [reply(500), NoAnswer(True, "reset"), reply(429)]
    assert [type(one.verdict) for one in await bench.poll("batch-1", *requests)] == [Done] * 2
    bench = Bench(tmp_path)
    await bench.submit(*requests)
    bench.vendor.faults["GET batches"] = [reply(404)] * 4
    assert [type(one.verdict) for one in await bench.poll("batch-1", *requests)] == [Broken] * 2


@pytest.mark.parametrize(("replies", "word"), [([reply(401)], Barred), ([reply(500)] * 3, Done)])
async def test_a_rejected_key_ends_the_waiting(tmp_path: Path, replies: list[Reply], word: type[Verdict]) -> None:
    """The ticket stays; whoever mends the key finds the answers."""
    bench, requests = Bench(tmp_path), chats(2)
    await bench.submit(*requests)
    bench.vendor.faults["GET batches"] = list(replies)
    assert [type(one.verdict) for one in await bench.poll("batch-1", *requests)] == [word] * 2


async def test_answers_that_cannot_be_fetched_are_fetched_again(tmp_path: Path) -> None:
    """They are the vendor's to keep, and fetching is free."""
    bench, requests = Bench(tmp_path), chats(1)
    await bench.submit(*requests)
    bench.vendor.faults["GET files/content"] = [reply(500), Answer(200, {}, b"")]
    assert isinstance((await bench.poll("batch-1", *requests))[0].verdict, Done)
    other = Bench(tmp_path)
    await other.submit(*requests)
    other.vendor.faults["GET files/content"] = [reply(404)] * 4
    (told,) = await other.poll("batch-1", *requests)
    assert isinstance(told.verdict, Broken)
    assert not told.verdict.dropped


@pytest.mark.parametrize("cut", ["page", "half", "fewer"])
async def test_answers_that_come_in_part_are_fetched_again(tmp_path: Path, cut: str) -> None:
    """A proxy's page, half a line, or fewer than the vendor counts: what is there is read, what is missing is asked for later."""
    bench, requests = Bench(tmp_path), chats(3)
    await bench.submit(*requests)
    whole = bench.vendor.content("out.batch-1").body
    lines = whole.splitlines(keepends=True)
    told = {"page": b"<html>Welcome</html>", "half": whole[:-40], "fewer": b"".join(lines[:2])}[cut]
    part = Answer(200, {}, told, bench.blobs.put(told))
    bench.vendor.counted = 3
    bench.vendor.faults["GET files/content"] = [part]
    assert [type(one.verdict) for one in await bench.poll("batch-1", *requests)] == [Done] * 3
    other = Bench(tmp_path)
    await other.submit(*requests)
    other.vendor.counted = 3
    other.vendor.faults["GET files/content"] = [part] * 4
    words = [type(one.verdict) for one in await other.poll("batch-1", *requests)]
    assert words == ([Broken] * 3 if cut == "page" else [Broken, Done, Done])
    assert [type(one.verdict) for one in await other.poll("batch-1", *requests)] == [Done] * 3


async def test_waiting_ends_with_the_run(tmp_path: Path) -> None:
    """Everybody keeps the ticket they came with."""
    bench, requests = Bench(tmp_path), chats(3)
    await bench.submit(*requests)
    bench.vendor.states = ["in_progress"] * 3
    held = asyncio.ensure_future(bench.poll("batch-1", *requests))
    await bench.vendor.looked.wait()
    bench.hands.drain()
    assert {one.verdict for one in await held} == {Queued("batch-1", 60.0)}


async def test_waiting_ends_after_an_hour(tmp_path: Path) -> None:
    """So that a deadline is noticed; the looks in between become rare."""
    bench, requests = Bench(tmp_path), chats(1)
    await bench.submit(*requests)
    bench.vendor.states = ["in_progress"]
    began = bench.clock.now()
    (told,) = await bench.poll("batch-1", *requests)
    assert told.verdict == Queued("batch-1", 60.0)
    assert 3600 <= bench.clock.now() - began < 3700
    assert bench.vendor.calls["GET batches"] < 25


async def test_a_step_that_goes_one_by_one_now_is_not_held(tmp_path: Path) -> None:
    """Its lane has room for a few calls only; it asks again in a minute."""
    bench, requests = Bench(tmp_path), chats(2)
    await bench.submit(*requests)
    told = await bench.poll("batch-1", *requests, lane="")
    assert {one.verdict for one in told} == {Queued("batch-1", 60.0)}
    assert {one.verdict for one in await bench.poll("batch-1", *requests, lane="")} == {Queued("batch-1", 60.0)}
    assert bench.vendor.calls["GET batches"] == 1
    for _ in range(2):
        await bench.clock.sleep_until(bench.clock.now() + 60)
        told = await bench.poll("batch-1", *requests, lane="")
    assert [type(one.verdict) for one in told] == [Done] * 2
    assert bench.vendor.calls["GET batches"] == 3


async def test_a_vendor_in_a_hurry_names_its_wait(tmp_path: Path) -> None:
    """A busy answer is waited for."""
    bench, requests = Bench(tmp_path), chats(1)
    await bench.submit(*requests)
    bench.vendor.faults["GET batches"] = [Answer(429, {"retry-after": "500"}, b"{}")]
    began = bench.clock.now()
    assert not isinstance((await bench.poll("batch-1", *requests))[0].verdict, Busy)
    assert bench.clock.now() - began > 500
