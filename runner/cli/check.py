"""`adbatch check`: everything that can be known without the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.job.check import Checked


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(jobs: tuple[Path, ...]) -> int:
    """Read jobs, templates and feeds, render and check every row; send nothing.

    Exit 0 if all is well, 2 with every mistake listed.
    """
    from runner.cli.render import give, tell_failure
    from runner.errors import AdbatchError
    from runner.inspection import check_job

    code = 0
    for path in jobs:
        try:
            give(f"{path}: {_told(check_job(path))}")
        except AdbatchError as failure:
            tell_failure(failure)
            code = max(code, failure.exit_code)
    return code


def _told(checked: Checked | None) -> str:
    if checked is None:
        return "no mistake in the job; its feed is at an address, so its rows are checked when it runs"
    requests = ", ".join(f"{count} {step}" for step, count in checked.requests.items())
    return f"{checked.rows} rows, {checked.variants} variants, requests: {requests}"
