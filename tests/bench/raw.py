"""The bare client that is the measure: aiohttp as anyone would write it, a pool of workers, and a line of JSON per answer.

It knows no feed, no template, no journal, no limit and no retry. `python -m tests.bench.raw SCENARIO URL PROMPTS OUT --at-once N`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import orjson

HEADERS: Final = {"Authorization": "Bearer test-key", "Content-Type": "application/json"}
One: TypeAlias = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def chat(session: aiohttp.ClientSession, url: str, folder: Path) -> One:
    """A text for a prompt."""

    async def ask(row: dict[str, Any]) -> dict[str, Any]:
        data = orjson.dumps({"model": "bench", "messages": [{"role": "user", "content": row["prompt"]}]})
        async with session.post(f"{url}/v1/chat/completions", data=data, headers=HEADERS) as response:
            assert response.status == 200
            return {"id": row["id"], "text": orjson.loads(await response.read())["choices"][0]["message"]["content"]}

    return ask


def picture(session: aiohttp.ClientSession, url: str, folder: Path) -> One:
    """A picture for a prompt: its address, then its bytes, then a file."""

    async def ask(row: dict[str, Any]) -> dict[str, Any]:
        data = orjson.dumps({"prompt": row["prompt"], "width": 256, "height": 256})
        async with session.post(f"{url}/accounts/1/imageGen", data=data, headers=HEADERS) as response:
            assert response.status == 200
            link = orjson.loads(await response.read())["imageUrl"]
        path = folder / f"{row['id']}.png"
        async with session.get(link) as response:
            with path.open("wb") as file:
                async for piece in response.content.iter_any():
                    file.write(piece)
        return {"id": row["id"], "path": str(path)}

    return ask


KINDS: Final = {"chat": chat, "picture": picture}


async def work(kind: str, url: str, prompts: Path, out: Path, at_once: int) -> None:
    """Ask for every prompt, so many at once, and write a line for each answer as it comes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = (orjson.loads(line) for line in prompts.open("rb"))
    with out.open("wb") as file:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
            ask = KINDS[kind](session, url, out.parent)

            async def worker(rows: Iterator[dict[str, Any]]) -> None:
                for row in rows:
                    file.write(orjson.dumps(await ask(row), option=orjson.OPT_APPEND_NEWLINE))

            await asyncio.gather(*(worker(rows) for _ in range(at_once)))


def main() -> None:
    """Read the command line and work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("url")
    parser.add_argument("prompts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--at-once", type=int, default=100)
    asyncio.run(work(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
