"""Every fault at every step over real HTTP: the verdict, the status, the exit code and the bill are as the table says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.edge.intake import Patience
from runner.sandbox.behaviour import Fault
from tests.faults import table
from tests.faults.bench import LONG, SHORT, open_bench
from tests.faults.table import Case

WAITING = {"stall", "slow_drip"}
GRID = [
    *table.cases("submit", table.SUBMIT, table.ALL, *table.SUBMIT_CASES),
    *table.cases("submit", table.SUBMIT_SOME, ["jivox text"]),
    *table.cases("poll", table.POLL, table.POLLED, *table.POLL_CASES),
    *table.cases("fetch", table.FETCH, table.FETCHED, *table.FETCH_CASES),
]


def patience_for(fault: Fault) -> Patience:
    """Little, but only where the vendor keeps us waiting: a purchase that a busy machine answers late is no fault."""
    if fault.kind not in WAITING:
        return LONG
    return SHORT if fault.step == "submit" else replace(LONG, **{str(fault.step): SHORT.poll})


@pytest.mark.parametrize("case", GRID)
async def test_a_fault_ends_as_the_table_says(tmp_path: Path, case: Case) -> None:
    """What a fault means, how its request ends, the run's exit code and the vendors' bill are those of its row."""
    async with open_bench(tmp_path, case.job, (case.fault,)) as bench:
        seen = await bench.run(patience=patience_for(case.fault))
        words = seen.verdicts(case.fault.step)  # type: ignore[arg-type]
        assert (type(words[-1 if case.fault.kind == "job_fails" else 0]), seen.statuses, seen.code) == (
            case.word,
            [case.status],
            case.code,
        )
        assert len(bench.ledger()) == case.billed
