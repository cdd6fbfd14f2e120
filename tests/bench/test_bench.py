"""The bench itself: it measures what it says, with numbers so small that they prove nothing about speed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.bench.__main__ import ALL, Row
from tests.bench.measure import measure
from tests.bench.peers import PEERS, Errand, Peer, run_peer
from tests.bench.rounds import run_ours, run_raw
from tests.bench.scenarios import PACE, THROUGHPUT, write_prompts
from tests.bench.vendor import SIGNATURE, fullest, make_picture


@pytest.mark.parametrize(
    ("moments", "span", "most"),
    [
        ([], 1.0, 0),
        ([1.0], 1.0, 1),
        ([0.0, 0.5, 0.99, 1.0], 1.0, 3),
        ([0.0, 0.1, 5.0, 5.1, 5.2], 1.0, 3),
        ([0.0, 1.0, 2.0], 1.0, 1),
    ],
)
def test_the_fullest_span_is_found(moments: list[float], span: float, most: int) -> None:
    """The most that lie in any half-open span, wherever it begins."""
    assert fullest(moments, span) == most


def test_a_command_is_measured_with_its_children(tmp_path: Path) -> None:
    """CPU, memory and exit code are of the command and of what it waited for."""
    child = "b = bytearray(80_000_000); sum(range(2_000_000))"
    cost = measure(
        [sys.executable, "-c", f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {child!r}]) + 3)"],
        tmp_path,
    )
    assert (cost.code, cost.wall > 0, cost.cpu > 0.02, cost.peak > 80) == (3, True, True, True)


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """After the longest time it may take, a command is killed, and its exit code says so."""
    assert measure([sys.executable, "-c", "import signal; signal.pause()"], tmp_path, longest=0.2).code == -signal.SIGKILL


def test_pictures_are_real_and_different() -> None:
    """A picture has its signature, and what stands between its two parts makes each another file."""
    before, after = make_picture(4)
    assert before.startswith(SIGNATURE)
    assert after.endswith(b"IEND\xaeB`\x82")


def test_both_sides_make_the_same_calls(tmp_path: Path) -> None:
    """Ours and the bare client ask the vendor as often, and ours leaves a line for each."""
    scenario = replace(THROUGHPUT["chat"], vendor={})
    write_prompts(tmp_path / "prompts.jsonl", 20)
    ours, raw = run_ours(scenario, tmp_path / "ours", 20), run_raw(scenario, tmp_path / "raw", tmp_path / "prompts.jsonl")
    assert ours.told["calls"] == raw.told["calls"] == {"submit": 20}
    lines = [path.read_text("utf-8").count("\n") for path in (tmp_path / "ours/out/results.jsonl", tmp_path / "raw/out.jsonl")]
    assert lines == [20, 20]


@pytest.mark.parametrize(
    ("title", "environment", "said"),
    [
        ("OpenAI cookbook", {}, "not here; COOKBOOK (the script), with BENCH_COOKBOOK_PYTHON, names it"),
        ("litellm", {"BENCH_LITELLM": "/nowhere/python"}, "no program: /nowhere/python"),
    ],
)
def test_a_peer_that_is_absent_is_told_as_such(title: str, environment: dict[str, str], said: str, tmp_path: Path) -> None:
    """What is not here, or is named and not there, is a sentence and no figure."""
    assert run_peer(PEERS[title], THROUGHPUT["chat"], tmp_path / "peer", tmp_path / "prompts.jsonl", environment) == said


ASK: Final = """
import json, sys, urllib.request
url, prompts, most = sys.argv[1:]
for row in open(prompts).readlines()[:int(most)]:
    urllib.request.urlopen(url + "/v1/chat/completions", json.dumps({"prompt": json.loads(row)["prompt"]}).encode()).read()
print("tired")
"""


@pytest.mark.parametrize(("most", "said"), [(3, None), (2, "2 of 3 done, exit 0: tired")])
def test_a_peer_is_counted_by_the_vendor(most: int, said: str | None, tmp_path: Path) -> None:
    """A peer that leaves prompts out is no figure, whatever its exit code; it says how far it came, and its last words."""

    def command(errand: Errand, environment: Mapping[str, str]) -> list[str]:
        return [errand.program, "-c", ASK, errand.url, str(errand.prompts), str(most)]

    write_prompts(tmp_path / "prompts.jsonl", 3)
    peer = Peer(1, "nothing", lambda environment: sys.executable, command)
    done = run_peer(peer, replace(THROUGHPUT["chat"], vendor={}), tmp_path / "peer", tmp_path / "prompts.jsonl", {})
    assert (done if isinstance(done, str) else done.told["calls"]) == (said or {"submit": 3})


def test_a_limit_is_counted_by_the_vendor(tmp_path: Path) -> None:
    """What it refuses, and the most in any span, is told; our declared limit is kept."""
    scenario = replace(PACE["limit-50-1s"], vendor={"limit": 50, "span": 1.0})
    told = run_ours(scenario, tmp_path / "ours", 60).told
    assert (told["calls"], told["refused"], told["fullest"]["1"] <= 50) == ({"submit": 60}, 0, True)


def test_every_scenario_has_its_row() -> None:
    """The table names each once, and says plainly what is not reached."""
    assert {"chat", "chat-saved", "pictures", "queue", "peers", "scale", "growth", "start"} <= ALL.keys()
    assert str(Row("chat", "fast", "slow", False)).endswith("| **no** |")
