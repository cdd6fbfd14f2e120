"""What a second run makes of what faults left: it finishes what can be finished, and buys nothing twice."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runner.sandbox.behaviour import NAMED, Fault
from runner.verdicts import Broken
from tests.edge.conftest import Vendor, open_vendor, says
from tests.faults.bench import SHORT, Bench, Seen, open_bench
from tests.faults.table import STEPS

SETTLED = {"done", "failed", "refused", "uncertain", "blocked"}
FEED = "id,title\n" + "".join(f"r{number},Thing {number}\n" for number in range(6))
JOB = (
    "".join(
        f"  {name}:\n    {STEPS[what]}\n"
        for name, what in {"copy": "jivox text", "pic": "jivox image", "ad": "sivi design", "teaser": "placewise text"}.items()
    )
    + '  echo:\n    use: jivox/text\n    with: {prompt: "Shorter: {{ steps.copy.text }}"}\n'
)


def step(what: str) -> str:
    """A job of one step."""
    return f"  it:\n    {STEPS[what]}\n"


@pytest.mark.parametrize("seed", range(3))
async def test_after_a_storm_everything_is_known_and_nothing_is_bought_twice(tmp_path: Path, seed: int) -> None:
    """Whatever a storm does to thirty requests, three runs settle them, with a restart of the vendors before each.

    Nothing is billed twice; what is billed and not done is known as uncertain or failed; what is uncertain stays so.
    """
    runs: list[Seen] = []
    for _ in range(3):
        async with open_bench(tmp_path, JOB, NAMED["stormy"], feed=FEED, seed=seed) as bench:
            runs.append(await bench.run())
    counts = [Counter(seen.statuses) for seen in runs]
    assert set(counts[-1]) <= SETTLED
    assert counts[0]["done"] <= counts[1]["done"] <= counts[2]["done"]
    assert counts[0]["uncertain"] <= counts[1]["uncertain"] <= counts[2]["uncertain"]
    assert set(bench.billed().values()) == {1}
    known = counts[-1]["done"] + counts[-1]["uncertain"] + counts[-1]["failed"] + counts[-1]["refused"]
    assert counts[-1]["done"] <= len(bench.ledger()) <= known
    assert runs[-1].code in (0, 1, 4)


async def test_what_is_uncertain_is_bought_again_on_order_only(tmp_path: Path) -> None:
    """Run after run leaves an uncertain request alone; `--fresh` buys it again, and then it is billed twice."""
    for code, status in ((4, "uncertain"), (4, "uncertain")):
        async with open_bench(tmp_path, step("jivox text"), (Fault("drop_after", times=1),)) as bench:
            seen = await bench.run()
        assert (seen.code, seen.statuses, len(bench.ledger())) == (code, [status], 1)
    async with open_bench(tmp_path, step("jivox text"), (Fault("drop_after", times=1),)) as bench:
        seen = await bench.run(engine=lambda shop, variants: shop.engine(variants, shop.conductor(), lambda _step: True))
    assert (seen.code, seen.statuses, list(bench.billed().values())) == (0, ["done"], [2])


@pytest.mark.parametrize(
    ("what", "fault", "status"),
    [
        ("sivi design", Fault("job_never_ends"), "queued"),
        ("placewise text", Fault("error", step="poll"), "queued"),
        ("sivi design", Fault("unknown_word"), "queued"),
        ("sivi design", Fault("error", step="poll", status=401), "queued"),
        ("jivox image", Fault("error", step="fetch"), "failed"),
        ("jivox image", Fault("corrupt_picture", step="fetch"), "failed"),
        ("sivi design", Fault("expired_link"), "failed"),
        ("jivox text", Fault("no_credit"), "waiting"),
        ("vyro picture", Fault("error", status=401), "waiting"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else value,
)
async def test_what_a_fault_held_up_is_done_when_it_has_passed(tmp_path: Path, what: str, fault: Fault, status: str) -> None:
    """What was bought is fetched by the next run, what was refused for now is bought then: once in all."""
    async with open_bench(tmp_path, step(what), (fault,)) as bench:
        assert (await bench.run()).statuses == [status]
        before = len(bench.ledger())
    async with open_bench(tmp_path, step(what)) as bench:
        seen = await bench.run()
    assert (seen.code, seen.statuses, len(bench.ledger())) == (0, ["done"], 1)
    assert before == (0 if status == "waiting" else 1)


async def test_one_lane_closes_and_the_others_finish(tmp_path: Path) -> None:
    """A vendor that rejects the key is not asked a second time; what does not need it is done."""
    steps = step("jivox text") + step("vyro picture").replace("it:", "other:")
    async with open_bench(tmp_path, steps, (Fault("error", vendor="jivox", status=401),), feed=FEED) as bench:
        seen = await bench.run()
    assert seen.code == 5
    assert Counter(seen.statuses) == {"done": 6, "waiting": 6}
    assert list(seen.ending.closed) == ["jivox"]


async def dial(bench: Bench, url: str) -> Seen:
    """A run in which Jivox lives at `url`."""
    vendors = {**bench.stage.vendors, "jivox": {**bench.stage.vendors["jivox"], "base_url": url}}
    return await Bench(bench.folder, bench.job, type(bench.stage)(url, bench.stage.key, vendors), bench.clock).run(patience=SHORT)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_never_left_is_tried_again_and_then_failed(tmp_path: Path, scheme: str) -> None:
    """A vendor that cannot be reached, or that speaks no TLS, was sent nothing: failed, not uncertain, and not billed."""
    async with open_bench(tmp_path, step("jivox text")) as bench, open_vendor(says()) as plain:
        port = closed_port() if scheme == "http" else plain.url.rpartition(":")[2]
        seen = await dial(bench, f"{scheme}://127.0.0.1:{port}")
        assert (seen.code, seen.statuses) == (1, ["failed"])
        assert {type(verdict) for verdict in seen.verdicts("submit")} == {Broken}
        assert len(seen.verdicts("submit")) > 1
        assert plain.hits == []


@pytest.fixture
async def trap() -> AsyncIterator[Vendor]:
    """A server that nobody with a key should ever call."""
    async with open_vendor(says(b'{"text": "caught"}')) as server:
        yield server


@pytest.mark.parametrize("where", ["submit", "poll", "fetch"])
@pytest.mark.parametrize("status", [301, 303, 307])
async def test_a_redirect_never_takes_a_key_along(tmp_path: Path, trap: Vendor, where: str, status: int) -> None:
    """A redirect to another port of this machine is followed at no step: nobody there hears of us."""
    fault = Fault("error", step=where, status=status, location=f"{trap.url}/v2", times=2)
    async with open_bench(tmp_path, step("sivi design"), (fault,)) as bench:
        await bench.run()
    assert trap.dials == 0
