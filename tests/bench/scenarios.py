"""The scenarios: what is asked of whom, how much of it, and what the measurements must come to.

Each is a job of its own beside the vendor of `vendor.py`; where there is a bare client to compare with, it makes the same calls.
The goals are those of the table in README.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FILLER: Final = "The quick brown fox jumps over the lazy dog while the band plays on and on and nobody minds at all. " * 5
PROMPT: Final = "Headline in English for {{ row.title }}: {{ row.text }}"
CHAT: Final = f'use: house/chat\n    with: {{prompt: "{PROMPT}", model: bench}}'
PICTURE: Final = f'use: jivox/image\n    with: {{prompt: "{PROMPT}", width: 256, height: 256}}'
QUEUED: Final = f'use: bfl/generate\n    with: {{prompt: "{PROMPT}", model: flux-dev}}'
SAVE: Final = '\n    save: "{{ row.id }}"'
MATRIX: Final = "matrix: {cell: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\n"
CELLS: Final = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table. `count` is how many requests a quick run makes, `full` how many a full one.

    `step` and `top` are YAML of the job, `limits` of the lane; `vendor` are the vendor's settings, `raw` the bare client's work.
    """

    goal: str
    count: int
    full: int
    step: str
    limits: str = "{rate: [], concurrent: 100, queued: 1000000}"
    vendor: Mapping[str, float] = field(default_factory=dict)
    raw: str | None = None
    top: str = ""


THROUGHPUT: Final[Mapping[str, Scenario]] = {
    "chat": Scenario("≥ 0.65 × raw requests/s, ≤ 1.8 × raw CPU", 4_000, 10_000, CHAT, vendor={"latency": 0.02}, raw="chat"),
    "chat-saved": Scenario("≥ 0.50 × raw requests/s", 3_000, 10_000, CHAT + SAVE, vendor={"latency": 0.02}, raw="chat"),
    "pictures": Scenario("≥ 0.5 × raw pictures/s", 500, 2_000, PICTURE, raw="picture"),
}
"""Beside the bare client, in turns."""

PACE: Final[Mapping[str, Scenario]] = {
    "queue": Scenario("≥ 1,200 exchanges/s, ≤ 150 MB", 3_000, 20_000, QUEUED, vendor={"latency": 0.05, "side": 16}),
    "limit-50-1s": Scenario(
        "≥ 0.99 of the limit, never more, no 429", 500, 3_000, CHAT, "{rate: [50/1s]}", {"limit": 50, "span": 1.0}
    ),
    "limit-600-1m": Scenario(
        "≥ 0.99 of the limit, never more, no 429", 660, 3_000, CHAT, "{rate: [600/1m]}", {"limit": 600, "span": 60.0}
    ),
    "hidden-limit": Scenario(
        "≥ 0.92 of what is allowed, < 1 % 429 after 10 s",
        1_500,
        3_000,
        CHAT,
        "{rate: [], tokens: []}",
        {"limit": 50, "span": 1.0, "latency": 0.1},
    ),
}
"""Against what the vendor counts."""

SCALE: Final = Scenario("check < 60 s, plan < 90 s, run < 60 s for 1,000,000 variants; ≤ 400 MB", 2_000, 100_000, CHAT, top=MATRIX)
"""Ten variants a request: all of it is bought first, and then looked at."""
GROWTH: Final = Scenario("memory of ten times the requests ≤ 1.2 ×", 3_000, 10_000, CHAT)
"""Three thousand fill the window of variants in flight."""


def write_project(folder: Path, scenario: Scenario, url: str, rows: int) -> None:
    """A project in `folder` with a feed of so many rows, the job, and the vendor's accounts."""
    folder.mkdir(parents=True)
    lane = f"key: {{env: BENCH_KEY}}, limits: {scenario.limits}"
    accounts = (
        f'  house: {{kind: openai, base_url: "{url}/v1", {lane}}}\n'
        f'  jivox: {{account: "1", base_url: "{url}", {lane}}}\n'
        f'  bfl: {{base_url: "{url}", {lane}}}\n'
    )
    (folder / "adbatch.yaml").write_text(f"version: 1\nproviders:\n{accounts}", "utf-8")
    head = "version: 1\nname: bench\nfeed: {path: feed.csv, key: id}\noutput: {dir: out}\n"
    (folder / "job.yaml").write_text(f"{head}{scenario.top}steps:\n  made:\n    {scenario.step}\n", "utf-8")
    with (folder / "feed.csv").open("w", encoding="utf-8") as feed:
        feed.write("id,title,text\n")
        feed.writelines(f"r{number},Thing {number},{FILLER[:420]}\n" for number in range(rows))


def write_prompts(path: Path, rows: int) -> None:
    """What the bare client and the peers ask: the same prompts as lines of JSON."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            prompt = f"Headline in English for Thing {number}: {FILLER[:420]}"
            file.write(json.dumps({"id": f"r{number}", "prompt": prompt}) + "\n")
