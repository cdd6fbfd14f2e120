"""`adbatch schema`: the JSON Schema of job and project files, for editors, and of plans."""

from __future__ import annotations

import click


@click.command()
@click.argument("which", type=click.Choice(["job", "project", "vendor", "plan"]), default="job")
def command(which: str) -> None:
    """Print the JSON Schema of a job (or project) file, of a vendor's description, or of what `adbatch plan --json` prints.

    Editors that use yaml-language-server read it from a first line such as
    `# yaml-language-server: $schema=job.schema.json`.
    """
    from runner.cli.render import give
    from runner.job.schema import job_schema_text, project_schema_text, vendor_schema_text
    from runner.planning.forecast import plan_schema_text

    texts = {"job": job_schema_text, "project": project_schema_text, "vendor": vendor_schema_text, "plan": plan_schema_text}
    give(texts[which]().rstrip("\n"))
