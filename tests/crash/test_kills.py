"""Runs killed at random moments: nothing is billed twice, nothing is lost, and what is left is what peace would have left."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.crash.harness import ENDED, Sweep, faults_of, make_job, open_sweep, read_ledger

KILLS: Final = 1_000 if os.environ.get("ADBATCH_SOAK") else 100
SEED: Final = int(os.environ.get("ADBATCH_SEED", "1"))
"""Another seed is another sequence of moments and jobs; a failure names the job's."""


SLOW: Final = ("--latency", "60", "--queue", "60")
"""Answers slow enough that a kill most often finds some on their way."""


def sweep_until(sweep: Sweep, kills: int, first: int = 0) -> None:
    """Ruin job after job until so many runs have been killed."""
    seed = first
    while sweep.kills < kills:
        sweep.ruin(seed, at_bills=seed % 4 == 0)
        seed += 1


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_runs_buy_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    """After 100 SIGKILLs at random moments nothing is billed twice, every bill has its result, and the files are as in peace."""
    with open_sweep(tmp_path, SEED) as sweep:
        sweep_until(sweep, KILLS, SEED * 10_000)
    assert not sweep.faults
    assert sweep.billed > KILLS
    assert sweep.uncertain < sweep.billed


@pytest.mark.parametrize("plant", ["bought_again", "journaled_late"])
def test_the_harness_catches_planted_mistakes(tmp_path: Path, plant: str) -> None:
    """Runs that buy again what is uncertain, or that write down a purchase only after it has left, do not pass the same sweep.

    They are killed when the vendor has just billed: of random moments it may take hundreds to meet the mistake.
    """
    with open_sweep(tmp_path, SEED, f"tests.crash.plants:{plant}", SLOW) as sweep:
        for seed in range(20_000, 20_030):
            if not sweep.faults:
                sweep.ruin(seed, most=2, at_bills=True)
    assert any(re.search(r"billed \d+ times for one request", fault) for fault in sweep.faults)


def test_the_command_itself_can_be_killed(tmp_path: Path) -> None:
    """`adbatch run --sandbox`, killed with its vendors still up, is run again: the next one waits for them to end and finishes."""
    job = make_job(tmp_path / "victim", 77, 3, ("headline", "cutout", "teaser"))
    root, dice = job.parent.parent, random.Random(77)
    command = [sys.executable, "-m", "runner.cli", "run", str(job), "--sandbox", "--quiet"]
    code = -signal.SIGKILL
    for patience in (dice.uniform(1.0, 1.8), dice.uniform(1.0, 1.8), 60.0):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    assert code in ENDED
    peaceful = make_job(tmp_path / "peace", 77, 3, ("headline", "cutout", "teaser"))
    subprocess.run([*command[:4], str(peaceful), "--sandbox", "--quiet"], check=True, capture_output=True)
    assert not list(faults_of(root, peaceful.parent.parent, read_ledger(root / ".adbatch/sandbox/vendors/ledger.jsonl")))
