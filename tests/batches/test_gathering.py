"""Submits become files, and files purchases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner.batches.gathering import STOPPING
from runner.errors import OurSide
from runner.records import BY_BATCH, NoAnswer, Reply, Send, make_request
from runner.verdicts import Barred, Broken, Busy, Queued, Refused, Verdict
from tests.batches.vendor import Bench, chats, reply


async def test_what_comes_together_is_one_purchase(tmp_path: Path) -> None:
    """One file, one batch, and its id is the ticket of every request in it."""
    bench, requests = Bench(tmp_path), chats(50)
    carried = await bench.submit(*requests)
    assert {one.verdict for one in carried} == {Queued("batch-1")}
    assert dict(bench.vendor.calls) == {"POST files": 1, "POST batches": 1}
    lines = bench.vendor.files["file-1"]
    assert [line["custom_id"] for line in lines] == [request.id for request in requests]
    assert lines[3]["url"] == "/v1/chat/completions"
    assert lines[3]["body"] == {"model": "m", "messages": [{"role": "user", "content": "thing 3"}]}
    made = bench.vendor.batches["batch-1"]
    assert (made["input_file_id"], made["endpoint"], made["completion_window"]) == ("file-1", "/v1/chat/completions", "24h")
    assert not [path for path in bench.blobs.root.rglob("*") if path.is_file()]


async def test_a_file_is_for_one_model(tmp_path: Path) -> None:
    """Requests of two models are two purchases."""
    bench = Bench(tmp_path)
    carried = await bench.submit(*chats(2), *chats(3, "n"))
    tickets = [one.verdict.ticket for one in carried if isinstance(one.verdict, Queued)]
    assert sorted(map(tickets.count, tickets)) == [2, 2, 3, 3, 3]
    assert tickets[0] == tickets[1] != tickets[2] == tickets[4]


async def test_a_full_file_leaves_and_another_begins(tmp_path: Path) -> None:
    """Whether it is full of lines or of bytes."""
    bench = Bench(tmp_path, MOST_LINES=4)
    await bench.submit(*chats(10))
    assert sorted(len(lines) for lines in bench.vendor.files.values()) == [2, 4, 4]
    narrow = Bench(tmp_path, MOST_BYTES=500)
    told = await narrow.submit(*chats(4), make_request("house", "chat", {"model": "m", "prompt": "x" * 500}))
    assert sorted(len(lines) for lines in narrow.vendor.files.values()) == [2, 2]
    assert isinstance(told[4].verdict, Refused)
    assert "more than a file of a batch may have" in told[4].verdict.why


async def test_pictures_travel_inside_the_line(tmp_path: Path) -> None:
    """As data URLs, like one by one."""
    bench = Bench(tmp_path)
    blob = bench.blobs.put(b"\x89PNG\r\n\x1a\n" + bytes(24))
    await bench.submit(make_request("house", "chat", {"model": "m", "prompt": "what?", "images": [f"blob:{blob.sha256}"]}))
    (line,) = bench.vendor.files["file-1"]
    assert line["body"]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


QUOTA = reply(429, {"error": {"code": "insufficient_quota", "message": "no"}})
GONE = NoAnswer(True, "reset")


@pytest.mark.parametrize(
    ("call", "replies", "word"),
    [
        ("POST files", [reply(500), GONE, NoAnswer(False, "no route"), reply(502)], Busy),
        ("POST files", [reply(401)], Barred),
        ("POST files", [reply(404)], Refused),
        ("POST batches", [QUOTA], Barred),
        ("POST batches", [reply(429)], Busy),
        ("POST batches", [reply(400, {"error": {"message": "no such model"}})], Refused),
    ],
)
async def test_what_goes_wrong_is_everybodys(tmp_path: Path, call: str, replies: list[Reply], word: type[Verdict]) -> None:
    """An upload is free, so it never leaves a doubt; the purchase is read as any other."""
    bench = Bench(tmp_path)
    bench.vendor.faults[call] = list(replies)
    carried = await bench.submit(*chats(3))
    assert [type(one.verdict) for one in carried] == [word] * 3


async def test_an_upload_is_tried_again(tmp_path: Path) -> None:
    """Nothing was bought by it."""
    bench = Bench(tmp_path)
    bench.vendor.faults["POST files"] = [GONE, reply(500)]
    assert [one.verdict for one in await bench.submit(*chats(2))] == [Queued("batch-1")] * 2
    assert (bench.vendor.calls["POST files"], bench.vendor.calls["POST batches"]) == (3, 1)


@pytest.mark.parametrize("lost", [GONE, reply(500), reply(200, "what?")])
async def test_a_purchase_whose_answer_was_lost_is_known_by_its_file(tmp_path: Path, lost: Reply) -> None:
    """It is never made twice: the file it was made of is the ticket by which it is looked for."""
    bench = Bench(tmp_path)
    bench.vendor.faults["POST batches"] = [lost]
    assert {one.verdict.ticket for one in await bench.submit(*chats(2)) if isinstance(one.verdict, Queued)} == {"of-file:file-1"}
    assert bench.vendor.calls == {"POST files": 1, "POST batches": 1}


async def test_who_leaves_is_written_down_first(tmp_path: Path) -> None:
    """After the upload, which buys nothing, and before the purchase; of what never leaves nothing is written."""
    bench, requests = Bench(tmp_path), chats(2)
    bench.vendor.faults["POST files"] = [reply(401)]
    await bench.submit(*requests)
    assert bench.left == []
    await bench.submit(*requests)
    assert bench.left == [({"POST files": 2}, [request.id for request in requests], "of-file:file-1")]


async def test_a_run_that_stops_buys_nothing_more(tmp_path: Path) -> None:
    """Who waits in a file hears at once that nothing was sent, and so does who comes later."""
    bench = Bench(tmp_path)
    flying = asyncio.ensure_future(bench.submit(*chats(3)))
    await asyncio.wait([flying], timeout=0)
    bench.hands.drain()
    assert [one.verdict for one in await flying] == [Broken(STOPPING)] * 3
    assert [one.verdict for one in await bench.submit(*chats(1))] == [Broken(STOPPING)]
    assert bench.vendor.calls == {}


async def test_a_disk_that_fails_is_our_side(tmp_path: Path) -> None:
    """Everybody in the file raises it; nothing was sent."""
    bench = Bench(tmp_path)
    bench.blobs.root.rmdir()
    bench.blobs.root.write_text("in the way")
    sends = [Send(request, "submit", lane="house" + BY_BATCH) for request in chats(3)]
    told = await asyncio.gather(*map(bench.hands.carry, sends), return_exceptions=True)
    assert {type(one) for one in told} == {OurSide}
    assert bench.vendor.calls == {}
