"""The harnesses: each runs a small job made of given parts and says what it finds wrong, nothing if all is well."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from PIL import Image

from runner.errors import Invalid
from runner.sandbox.behaviour import Fault
from tests.edge.conftest import open_vendor, says
from tests.faults.bench import SHORT, Bench, Seen, open_bench
from tests.faults.table import ENVELOPE, STEPS
from tests.planted.mistakes import LogsHeaders, Parts
from tests.projects import KEY

FEED: Final = "id,title\nmug,Mug\nhat,Hat\n"
EIGHT: Final = "id,title\n" + "".join(f"r{number},Thing {number}\n" for number in range(8))


def step(what: str) -> str:
    """A job of one step."""
    return f"  it:\n    {STEPS[what]}\n"


@asynccontextmanager
async def opened(parts: Parts, folder: Path, what: str, *faults: Fault, **more: Any) -> Any:
    """A bench of the kind the parts name."""
    async with open_bench(folder, step(what), faults, **more) as bench:
        yield parts.bench(**{spec.name: getattr(bench, spec.name) for spec in fields(bench)})


async def go(parts: Parts, bench: Bench, requests: int | None = None) -> Seen:
    """A run made of the parts."""
    return await bench.run(parts.engine(requests), kind=parts.carrier)


def billed_twice(bench: Bench) -> Iterator[str]:
    """What the vendors' ledger has more than once."""
    return (f"{digest[:8]} was billed {count} times" for digest, count in bench.billed().items() if count > 1)


async def buy_once(parts: Parts, folder: Path, *faults: Fault) -> list[str]:
    """One run under faults after which a vendor has billed; nothing may be billed twice."""
    async with opened(parts, folder, "jivox text", *faults) as bench:
        await go(parts, bench)
        return list(billed_twice(bench))


async def server_errors(parts: Parts, folder: Path) -> list[str]:
    """A 500 for what was accepted all the same."""
    return await buy_once(parts, folder, Fault("error_after", status=500, times=2))


async def lost_answers(parts: Parts, folder: Path) -> list[str]:
    """A connection that breaks after acceptance."""
    return await buy_once(parts, folder, Fault("drop_after", times=1))


async def wait_until_billed(bench: Bench) -> None:
    """Return once a vendor has accepted something."""
    for _ in range(2000):
        if bench.ledger():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nothing was bought within ten seconds")


async def crash(parts: Parts, folder: Path) -> list[str]:
    """A run that is killed while the vendor, who has billed, is silent; and the run after it."""
    async with opened(parts, folder, "jivox text", Fault("stall", times=1)) as bench:
        run = asyncio.ensure_future(go(parts, bench))
        await wait_until_billed(bench)
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        await go(parts, bench)
        return list(billed_twice(bench))


async def parked_jobs(parts: Parts, folder: Path) -> list[str]:
    """A job that is still queued when its run ends; the next run must find it again."""
    async with opened(parts, folder, "placewise text", Fault("job_never_ends")) as bench:
        await go(parts, bench)
    async with opened(parts, folder, "placewise text") as bench:
        seen = await go(parts, bench)
        return [f"billed, and {status}" for status in seen.statuses if status != "done"] + list(billed_twice(bench))


async def envelopes(parts: Parts, folder: Path) -> list[str]:
    """A success by HTTP whose envelope says the opposite: nobody can tell, so it is uncertain."""
    fault = Fault("broken_json", step="submit", body=ENVELOPE % (422, "no"))
    async with opened(parts, folder, "sivi design", fault) as bench:
        seen = await go(parts, bench)
        return [f"it is {status}" for status in seen.statuses if status != "uncertain"]


async def retry_after(parts: Parts, folder: Path) -> list[str]:
    """Whatever stands in Retry-After, the run goes on, and nothing waits longer than an hour."""
    wrong: list[str] = []
    for number, text in enumerate(("3", "²", "Wed, 21 Oct 2015 07:28:00")):
        async with opened(parts, folder / str(number), "jivox text", Fault("busy", times=1, retry_after=text)) as bench:
            began = bench.clock.now()
            try:
                seen = await go(parts, bench)
            except ValueError as error:
                wrong.append(f"Retry-After: {text} ended the run: {error}")
                continue
            wrong += [f"Retry-After: {text} ended in {status}" for status in seen.statuses if status != "done"]
            wrong += [f"Retry-After: {text} took an hour"] if bench.clock.now() - began > 3700 else []
    return wrong


async def budget(parts: Parts, folder: Path) -> list[str]:
    """Eight requests that may all leave at once, and money for two."""
    async with opened(parts, folder, "jivox text", feed=EIGHT) as bench:
        await go(parts, bench, requests=2)
        bought = len(bench.ledger())
        return [] if bought == 2 else [f"{bought} were bought for a budget of 2"]


async def redirects(parts: Parts, folder: Path) -> list[str]:
    """A vendor that sends us elsewhere: whoever is there must not see the key."""
    async with open_vendor(says(b'{"text": "caught"}')) as trap:
        fault = Fault("error", step="submit", status=307, location=f"{trap.url}/v2")
        async with opened(parts, folder, "jivox text", fault) as bench:
            await go(parts, bench)
        return [f"{hit.line} came with the key" for hit in trap.hits if KEY.encode() in hit.head + hit.body]


async def leaks(parts: Parts, folder: Path) -> list[str]:
    """After a run that fails, no file of the project holds the key in any spelling."""
    async with opened(parts, folder, "jivox text", Fault("html200")) as bench:
        LogsHeaders.log = folder / "debug.log"
        await go(parts, bench)
    return files_with(folder, KEY.encode(), base64.b64encode(KEY.encode()).rstrip(b"="))


def files_with(folder: Path, *spellings: bytes) -> list[str]:
    """The files below `folder` that hold one of the spellings."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [str(path.relative_to(folder)) for path in files if any(text in path.read_bytes() for text in spellings)]


async def hits(parts: Parts, folder: Path) -> list[str]:
    """A poll on a connection that breaks: the vendor is called as often as the journal says."""
    async with opened(parts, folder, "placewise text", Fault("drop_before", step="poll", times=3)) as bench:
        seen = await go(parts, bench)
        polls = sum(1 for fact in seen.facts if getattr(fact, "step", "") == "poll" and hasattr(fact, "attempt"))
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession() as session, session.get(f"{bench.stage.url}/calls", headers=headers) as response:
            called = sum(line["count"] for line in await response.json() if line["step"] == "poll")
        return [] if called == polls else [f"{called} polls came for {polls} that were sent"]


class Rebinding(AbstractResolver):
    """A name server that says another address each time it is asked: a public one first, then this machine."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The next answer."""
        self.asked += 1
        address = "93.184.215.14" if self.asked == 1 else "127.0.0.1"
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to close."""


async def rebinding(parts: Parts, folder: Path) -> list[str]:
    """A name that was public when it was looked up, and is this machine when it is dialled."""
    guard, names = parts.guard(), Rebinding()
    async with open_vendor(says()) as inside:
        port = int(inside.url.rpartition(":")[2])
        assert (await names.resolve("cdn.example", port))[0]["host"] == "93.184.215.14"
        connector = aiohttp.TCPConnector(resolver=names, socket_factory=guard.open_public)
        async with aiohttp.ClientSession(connector=connector, timeout=SHORT.of("fetch")) as session:
            with suppress(aiohttp.ClientError):
                await session.get(f"http://cdn.example:{port}/1.png")
        return [f"{inside.dials} dials reached this machine"] if inside.dials else []


async def pictures(parts: Parts, folder: Path) -> list[str]:
    """Downloads that are cut in half: whatever is published decodes to its last line."""
    async with opened(parts, folder, "sivi design", Fault("corrupt_picture", part=0.6)) as bench:
        await go(parts, bench)
    return [path.name for path in sorted((folder / "out").rglob("*.jp*g")) if not decodes(path)]


def decodes(path: Path) -> bool:
    """Whether every pixel of the picture is there."""
    try:
        with Image.open(path) as picture:
            picture.load()
    except OSError:
        return False
    return True


async def empty_feed(parts: Parts, folder: Path) -> list[str]:
    """A feed that is empty one morning retires nothing."""
    async with opened(parts, folder, "jivox text", feed=FEED) as bench:
        await go(parts, bench)
    before = (folder / "out" / "results.jsonl").read_bytes()
    async with opened(parts, folder, "jivox text", feed="id,title\n") as bench:
        with suppress(Invalid):
            await go(parts, bench)
    return [] if (folder / "out" / "results.jsonl").read_bytes() == before else ["the results of yesterday are gone"]


async def double_keys(parts: Parts, folder: Path) -> list[str]:
    """Two rows with one key: either both are in the results, or the run says what is wrong."""
    async with opened(parts, folder, "jivox text", feed="id,title\nmug,Mug\nmug,Hat\n") as bench:
        try:
            seen = await go(parts, bench)
        except Invalid:
            return []
        return [] if len(seen.lines) == 2 else [f"of 2 rows {len(seen.lines)} are in the results, and nobody said why"]
