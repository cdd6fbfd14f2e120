"""`adbatch schema`: the JSON Schema of job and project files, for editors, and of plans and differences."""

from __future__ import annotations

import click


@click.command()
@click.argument("which", type=click.Choice(["job", "project", "vendor", "plan", "diff"]), default="job")
def command(which: str) -> None:
    """Print the JSON Schema of a job (or project) file, of a vendor's description, or of what plan or diff print with --json.

    Editors that use yaml-language-server read it from a first line such as
    `# yaml-language-server: $schema=job.schema.json`.
    """
    from runner.cli.render import give
    from runner.comparison.comparing import diff_schema_text
    from runner.job.schema import job_schema_text, project_schema_text, vendor_schema_text
    from runner.planning.forecast import plan_schema_text

    files = {"job": job_schema_text, "project": project_schema_text, "vendor": vendor_schema_text}
    texts = {**files, "plan": plan_schema_text, "diff": diff_schema_text}
    give(texts[which]().rstrip("\n"))
