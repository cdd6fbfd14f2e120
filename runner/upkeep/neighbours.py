"""Two jobs in one output folder: each run would retire the other's files and write its own results over the other's.

The manifest that lies there says which job wrote it. A job that was renamed, moved or given another folder since is no neighbour;
one whose file still says that name and still publishes here is.
"""

from __future__ import annotations

from runner.desk import output_of
from runner.edge.published import load_manifest
from runner.errors import Invalid, Usage
from runner.job.load import JobFile, ProjectFile, load_job


def refuse_neighbour(project_file: ProjectFile, job_file: JobFile) -> None:
    """Raise `Usage` if the job's output folder is another job's."""
    if neighbour := find_neighbour(project_file, job_file):
        raise Usage(neighbour)


def find_neighbour(project_file: ProjectFile, job_file: JobFile) -> str:
    """Which other job of the project the output folder belongs to, and what to do; empty where it is nobody else's."""
    output = output_of(project_file, job_file)
    told = (load_manifest(output) or {}).get("job")
    name, path = (told.get("name"), told.get("path")) if isinstance(told, dict) else (None, None)
    if not isinstance(path, str) or name == job_file.job.name:
        return ""
    try:
        other = load_job(project_file.place / path)
    except (Invalid, Usage):
        return ""
    if other.job.name != name or output_of(project_file, other) != output:
        return ""
    why = f"{output} is where job {name} ({path}) publishes, and two jobs in one folder take each other's files away"
    return f"{why}; give one of them another output.dir"
