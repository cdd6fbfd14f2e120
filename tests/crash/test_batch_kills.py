"""Runs whose requests go by batch, killed around the purchase: while their file fills, when it is there, when the batch is made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from tests.crash.harness import KILLED, Forge, Sandbox, statuses
from tests.projects import write_project

STEPS: Final = '  copy: {use: openai/chat, lane: batch, with: {prompt: "For {{ row.title }}", model: gpt-4.1-mini}}\n'
FEED: Final = "id,title\n" + "".join(f"r{number},Thing {number}\n" for number in range(5))
ANSWERS: Final = ("--latency", "150", "--queue", "500")
"""So that there is a moment between what the vendor has done and what the run has heard of it: in it the kill falls."""


def is_planned(project: Path) -> bool:
    """Whether the journal on the disk knows of requests; their file is being filled then."""
    return any(b"gpt-4.1-mini" in log.read_bytes() for log in (project / ".adbatch").rglob("*.db-wal"))


def test_a_batch_is_bought_once_whenever_its_run_is_killed(tmp_path: Path) -> None:
    """Before its file is complete, once the file is uploaded, once the batch is made: the next run leaves nobody in doubt."""
    vendors = tmp_path / "vendors"

    def has(kind: str) -> bool:
        return any((vendors / "batches").glob(f"{kind}?*.json"))

    with Forge(tmp_path / "log") as forge, Sandbox(vendors, *ANSWERS) as sandbox:
        (tmp_path / "job").mkdir()
        job = write_project(tmp_path / "job", STEPS, project="version: 1\n", feed=FEED)
        moments = (lambda: is_planned(tmp_path / "job"), lambda: has("file"), lambda: has("batch"))
        assert [forge.run(job, sandbox.stage, kill_at=moment) for moment in moments] == [KILLED] * 3
        assert forge.run(job, sandbox.stage) == 0, forge.log.read_text("utf-8")
        bills = Counter(bill["digest"] for bill in sandbox.bills())
    assert [status for _, status in statuses(tmp_path / "job").values()] == ["done"] * 5
    assert list(bills.values()) == [1] * 5
