"""Other people's batch runners, reported where they are installed: none is needed, and none is part of this project.

Each is a probe (is it here?) and a command that asks the vendor for every prompt. `{url}`, `{prompts}` and `{at_once}` are filled
in; what a peer got done is counted by the vendor.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

LITELLM: Final = """
import asyncio, json, sys, litellm
url, prompts, at_once = sys.argv[1:4]
async def main():
    gate = asyncio.Semaphore(int(at_once))
    async def one(row):
        async with gate:
            await litellm.acompletion(model="openai/bench", api_base=url + "/v1", api_key="test-key",
                                      messages=[{"role": "user", "content": row["prompt"]}])
    await asyncio.gather(*(one(json.loads(line)) for line in open(prompts)))
asyncio.run(main())
"""
CURATOR: Final = """
import json, os, sys
os.environ.update(TELEMETRY_ENABLED="0", CURATOR_DISABLE_CACHE="1")
from bespokelabs import curator
url, prompts, at_once = sys.argv[1:4]
llm = curator.LLM(model_name="bench", backend="openai", backend_params={"base_url": url + "/v1", "api_key": "test-key",
    "max_concurrent_requests": int(at_once), "max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**9})
llm([json.loads(line)["prompt"] for line in open(prompts)])
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A runner: whether it is here, what has to lie in its folder, its command, and how many times as fast we mean to be."""

    goal: float
    is_here: Callable[[], bool]
    command: Sequence[str]
    prepare: Callable[[Path, str, Path], None] = lambda folder, url, prompts: None


def _cookbook(folder: Path, url: str, prompts: Path) -> None:
    with prompts.open(encoding="utf-8") as source, (folder / "requests.jsonl").open("w", encoding="utf-8") as target:
        for line in source:
            body = {"model": "bench", "messages": [{"role": "user", "content": json.loads(line)["prompt"]}]}
            target.write(json.dumps(body) + "\n")


def _promptfoo(folder: Path, url: str, prompts: Path) -> None:
    provider = {"id": "openai:chat:bench", "config": {"apiBaseUrl": f"{url}/v1", "apiKey": "test-key"}}
    with prompts.open(encoding="utf-8") as source:
        tests = [{"vars": {"prompt": json.loads(line)["prompt"]}} for line in source]
    config = {"providers": [provider], "prompts": ["{{prompt}}"], "tests": tests}
    (folder / "promptfooconfig.json").write_text(json.dumps(config), "utf-8")


PEERS: Final[Mapping[str, Peer]] = {
    "OpenAI cookbook (script named by COOKBOOK)": Peer(
        4,
        lambda: bool(os.environ.get("COOKBOOK")),
        (
            *(sys.executable, os.environ.get("COOKBOOK", ""), "--requests_filepath", "requests.jsonl"),
            *("--save_filepath", "out.jsonl", "--request_url", "{url}/v1/chat/completions", "--api_key", "test-key"),
            *("--max_requests_per_minute", "1000000000", "--max_tokens_per_minute", "1000000000000"),
        ),
        _cookbook,
    ),
    "curator": Peer(
        8, lambda: find_spec("bespokelabs") is not None, (sys.executable, "-c", CURATOR, "{url}", "{prompts}", "{at_once}")
    ),
    "litellm": Peer(
        12, lambda: find_spec("litellm") is not None, (sys.executable, "-c", LITELLM, "{url}", "{prompts}", "{at_once}")
    ),
    "promptfoo": Peer(
        12,
        lambda: shutil.which("promptfoo") is not None,
        ("promptfoo", "eval", "-c", "promptfooconfig.json", "-j", "{at_once}", "--no-cache", "--no-table", "--no-write"),
        _promptfoo,
    ),
}
