"""Other people's batch runners beside ours: none is needed, and none is part of this project.

A peer lives where its user wants it: a variable of the environment names its interpreter or program, else it is looked for here. It
runs as a process of its own, is told the vendor's address, the prompts and how many at once, and keeps its answers in a file, as
ours does. What it got done is counted by the vendor. Telemetry is off, and what it would still ask of the world by https ends at a
proxy that is not there; the vendor is reached by http and is not slowed by that.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.bench.measure import measure
from tests.bench.rounds import Round, ask_vendor, make_way, open_vendor
from tests.bench.scenarios import Scenario

AT_ONCE: Final = 100
LONGEST: Final = 300.0
"""Seconds after which a peer is stopped; what it has done by then is told."""
NOWHERE: Final = "http://127.0.0.1:9"
QUIET: Final[Mapping[str, str]] = {
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), NOWHERE),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
    **dict.fromkeys(("DO_NOT_TRACK", "NO_COLOR", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
    **dict.fromkeys(("CURATOR_DISABLE_CACHE", "CURATOR_DISABLE_RICH_DISPLAY"), "1"),
    **dict.fromkeys(("PROMPTFOO_DISABLE_TELEMETRY", "PROMPTFOO_DISABLE_UPDATE", "PROMPTFOO_DISABLE_SHARING"), "1"),
    **dict.fromkeys(("PROMPTFOO_DISABLE_DEBUG_LOG", "PROMPTFOO_DISABLE_ERROR_LOG"), "1"),  # with them it can crash at its end
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_CONFIG_DIR": "home",
    "CURATOR_CACHE_DIR": "cache",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TELEMETRY_ENABLED": "false",
    "OPENAI_API_KEY": "test-key",
    "PYTHONDONTWRITEBYTECODE": "",
}

COOKBOOK: Final = """
import asyncio, importlib.util, sys
script, url = sys.argv[1:]
spec = importlib.util.spec_from_file_location("cookbook", script)
cookbook = sys.modules["cookbook"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cookbook)
cookbook.api_endpoint_from_url = lambda url: "chat/completions"  # its own knows https only
asyncio.run(cookbook.process_api_requests_from_file(
    requests_filepath="requests.jsonl", save_filepath="out.jsonl", request_url=url + "/v1/chat/completions", api_key="test-key",
    max_requests_per_minute=1e9, max_tokens_per_minute=1e12, token_encoding_name="cl100k_base", max_attempts=5, logging_level=40))
"""
LITELLM: Final = """
import asyncio, json, sys, litellm
url, prompts, at_once = sys.argv[1:]

async def main():
    gate = asyncio.Semaphore(int(at_once))
    with open(prompts) as rows, open("out.jsonl", "w") as out:
        async def one(row):
            async with gate:
                answer = await litellm.acompletion(model="openai/bench", api_base=url + "/v1", api_key="test-key",
                                                   messages=[{"role": "user", "content": row["prompt"]}])
            out.write(json.dumps({"id": row["id"], "text": answer.choices[0].message.content}) + "\\n")
        await asyncio.gather(*(one(json.loads(row)) for row in rows))

asyncio.run(main())
"""
CURATOR: Final = """
import json, sys
from bespokelabs import curator
url, prompts, at_once = sys.argv[1:]
llm = curator.LLM(model_name="bench", backend="openai", backend_params={
    "base_url": url + "/v1", "api_key": "test-key", "max_concurrent_requests": int(at_once),
    "max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**12})
with open(prompts) as rows:
    llm([json.loads(row)["prompt"] for row in rows])
"""

Environment: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Errand:
    """What a peer is asked: by which program, in which folder, of which vendor, for which prompts (lines of JSON)."""

    program: str
    folder: Path
    url: str
    prompts: Path

    def rows(self) -> Iterator[Any]:
        """The prompts, read: `id` and `prompt`."""
        with self.prompts.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


@dataclass(frozen=True, slots=True)
class Peer:
    """A runner: how many times as fast we mean to be, what names it, where it is (None: not here), and its command.

    `command` also lays into the folder what the peer reads.
    """

    goal: float
    named_by: str
    find: Callable[[Environment], str | None]
    command: Callable[[Errand, Environment], list[str]]


def run_peer(peer: Peer, scenario: Scenario, folder: Path, prompts: Path, environment: Environment) -> Round | str:
    """One run in an empty `folder` beside a fresh vendor; a sentence where it is not here, ended badly or left prompts out."""
    program = peer.find(environment)
    if program is None:
        return f"not here; {peer.named_by} names it"
    if shutil.which(program) is None:
        return f"no program: {program}"
    make_way(folder)
    folder.mkdir(parents=True)
    with open_vendor(scenario.vendor) as url:
        errand = Errand(program, folder, url, prompts)
        wanted = sum(1 for _ in errand.rows())
        cost = measure(peer.command(errand, environment), folder, QUIET, LONGEST)
        told = ask_vendor(url)
    done = told["calls"].get("submit", 0)
    if cost.code or done < wanted:
        return f"{done:,} of {wanted:,} done, exit {cost.code}: {_last_words(folder / 'said.log')}"
    return Round(cost, told)


def _last_words(log: Path) -> str:
    """The last line that begins with the name of an error, else the last line."""
    said = log.read_text("utf-8", "replace")
    lines = re.findall(r"^[\w.]*Error\b.*", said, re.MULTILINE) or re.findall(r".+", said)
    return lines[-1][:200] if lines else "nothing said"


def _python(named_by: str, package: str) -> Callable[[Environment], str | None]:
    """An interpreter that is named, else this one if it has the package."""
    return lambda environment: environment.get(named_by) or (sys.executable if find_spec(package) else None)


def _script(code: str) -> Callable[[Errand, Environment], list[str]]:
    return lambda errand, environment: [errand.program, "-c", code, errand.url, str(errand.prompts), str(AT_ONCE)]


def _cookbook(errand: Errand, environment: Environment) -> list[str]:
    """It takes whole requests, and has no setting of how many at once: it begins one a millisecond."""
    bodies = ({"model": "bench", "messages": [{"role": "user", "content": row["prompt"]}]} for row in errand.rows())
    (errand.folder / "requests.jsonl").write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")
    return [errand.program, "-c", COOKBOOK, str(Path(environment["COOKBOOK"]).absolute()), errand.url]


def _promptfoo(errand: Errand, environment: Environment) -> list[str]:
    provider = {"id": "openai:chat:bench", "config": {"apiBaseUrl": f"{errand.url}/v1", "apiKey": "test-key"}}
    config = {
        "providers": [provider],
        "prompts": ["{{prompt}}"],
        "tests": [{"vars": {"prompt": row["prompt"]}} for row in errand.rows()],
    }
    (errand.folder / "config.json").write_text(json.dumps(config), "utf-8")
    plain = ("--no-cache", "--no-table", "--no-progress-bar", "--no-write")
    return [errand.program, "eval", "-c", "config.json", "-o", "out.json", "-j", str(AT_ONCE), *plain]


PEERS: Final[Mapping[str, Peer]] = {
    "OpenAI cookbook": Peer(
        4,
        "COOKBOOK (the script), with BENCH_COOKBOOK_PYTHON,",
        lambda environment: environment.get("BENCH_COOKBOOK_PYTHON", sys.executable) if environment.get("COOKBOOK") else None,
        _cookbook,
    ),
    "curator": Peer(8, "BENCH_CURATOR", _python("BENCH_CURATOR", "bespokelabs"), _script(CURATOR)),
    "litellm": Peer(12, "BENCH_LITELLM", _python("BENCH_LITELLM", "litellm"), _script(LITELLM)),
    "promptfoo": Peer(
        12,
        "BENCH_PROMPTFOO",
        lambda environment: environment.get("BENCH_PROMPTFOO") or shutil.which("promptfoo"),
        _promptfoo,
    ),
}
