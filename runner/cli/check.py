"""`adbatch check`: everything that can be known without the network."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(jobs: tuple[Path, ...]) -> int:
    """Read jobs, templates and feeds, render and check every row; send nothing.

    Exit 0 if all is well, 2 with every mistake listed.
    """
    from runner.cli.render import give, tell_failure
    from runner.errors import Invalid
    from runner.workflow import check_job

    code = 0
    for path in jobs:
        try:
            census = check_job(path)
        except Invalid as mistakes:
            tell_failure(mistakes)
            code = mistakes.exit_code
        else:
            requests = ", ".join(f"{count} {step}" for step, count in census.requests.items())
            give(f"{path}: {census.rows} rows, {census.variants} variants, requests: {requests}")
    return code
