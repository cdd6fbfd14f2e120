"""`adbatch check`: everything that can be known without the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.decisions import Decision
    from runner.job.check import Checked


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(jobs: tuple[Path, ...]) -> int:
    """Read jobs, templates and feeds, render and check every row; send nothing. A decisions.yaml is read as what it is.

    Exit 0 if all is well, 2 with every mistake listed.
    """
    from runner.cli.render import give, tell_failure
    from runner.decisions import load_decisions
    from runner.errors import AdbatchError
    from runner.inspection import check_job
    from runner.records import DECISIONS

    code = 0
    for path in jobs:
        try:
            told = _counted(load_decisions(path)) if path.name == DECISIONS and path.exists() else _told(check_job(path))
            give(f"{path}: {told}")
        except AdbatchError as failure:
            tell_failure(failure)
            code = max(code, failure.exit_code)
    return code


def _counted(decided: Sequence[Decision]) -> str:
    approved = sum(decision.decision == "approved" for decision in decided)
    return f"{approved} approved, {len(decided) - approved} rejected"


def _told(checked: Checked | None) -> str:
    if checked is None:
        return "no mistake in the job; its feed is at an address, so its rows are checked when it runs"
    requests = ", ".join(f"{count} {step}" for step, count in checked.requests.items())
    return f"{checked.rows} rows, {checked.variants} variants, requests: {requests}"
