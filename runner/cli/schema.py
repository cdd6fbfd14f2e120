"""`adbatch schema`: the JSON Schema of job and project files, for editors."""

from __future__ import annotations

import click


@click.command()
@click.argument("which", type=click.Choice(["job", "project"]), default="job")
def command(which: str) -> None:
    """Print the JSON Schema of a job (or project) file.

    Editors that use yaml-language-server read it from a first line such as
    `# yaml-language-server: $schema=job.schema.json`.
    """
    from runner.cli.render import give
    from runner.job.schema import job_schema_text, project_schema_text

    give((job_schema_text() if which == "job" else project_schema_text()).rstrip("\n"))
