"""A workflow for GitHub Actions.

A runner there forgets everything, so the state comes from a cache and goes back into it, whatever became of the run. Runs of one
workflow queue up instead of overlapping. Keys are repository secrets. GitHub starts late when it is busy, mostly at the full hour,
and drops what it cannot start; nothing catches up but the next run. Syntax: docs.github.com, "Workflow syntax for GitHub Actions".
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Final

from runner.errors import EXITS, Usage
from runner.schedule.cron import delay_of, plain_fields, read_cron
from runner.schedule.scheduled import HELD, Scheduled, comment, exit_lines
from runner.schedule.yaml_text import write_yaml

ARCHIVE: Final = "adbatch-state.tar"
ALWAYS: Final = "always()"
SHORTEST: Final = 5
"""Minutes between two runs of a workflow at least."""
WHO: Final = "GitHub"


def write_github(scheduled: Scheduled) -> Mapping[str, str]:
    """The workflow. Raises `Usage` for what GitHub's cron cannot say, and for a name that its expressions would read."""
    cron = read_cron(scheduled.timetable.cron)
    later = delay_of(cron, scheduled.delay // 60)
    fields = plain_fields(cron, later, WHO)
    for name in (scheduled.inside(scheduled.job), scheduled.inside(scheduled.output), scheduled.folder):
        if "${{" in name or name.startswith("..") or "'" in scheduled.folder:
            raise Usage(f"{name}: a workflow cannot use this path; move it inside the repository, without ${{{{ in its name")
    how = f"commit it as .github/workflows/{scheduled.title}.yml on the default branch."
    about = comment(*scheduled.heading(how), *_about(scheduled, sorted(cron.minutes)), *exit_lines())
    return {f"{scheduled.title}.yml": about + write_yaml(_workflow(scheduled, fields))}


def _about(scheduled: Scheduled, minutes: list[int]) -> list[str]:
    names = [*scheduled.keys, *scheduled.key_files]
    keys = [f"Keys: repository secrets named {', '.join(names)}."] if names else []
    gaps = [after - before for before, after in pairwise(minutes)]
    often = ["GitHub runs no workflow more often than every 5 minutes."] if gaps and min(gaps) < SHORTEST else []
    return [
        *keys,
        *often,
        "The state (what was bought) is kept in a cache, which GitHub may drop after a week without a run. Commit results.jsonl",
        "with its files and run `adbatch adopt` to be safe from buying again, or set a budget in the job.",
        *scheduled.clock_change("a time that is skipped in spring comes as soon as there is a time again."),
    ]


def _workflow(scheduled: Scheduled, fields: str) -> dict[str, Any]:
    when: dict[str, Any] = {"cron": fields, "timezone": scheduled.timetable.zone}
    return {
        "name": scheduled.title,
        "on": {"schedule": [when], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "concurrency": {"group": scheduled.title, "cancel-in-progress": False},
        "jobs": {
            "refresh": {
                "runs-on": "ubuntu-latest",
                "timeout-minutes": 350,
                "defaults": _defaults(scheduled),
                "steps": _steps(scheduled),
            },
        },
    }


def _defaults(scheduled: Scheduled) -> dict[str, Any]:
    inside = {} if scheduled.folder == "." else {"working-directory": scheduled.folder}
    return {"run": {"shell": "bash", **inside}}


def _steps(scheduled: Scheduled) -> list[dict[str, Any]]:
    job, folder = scheduled.inside(scheduled.job), PurePosixPath(scheduled.folder)
    archive, output = str(folder / ARCHIVE), str(folder / scheduled.inside(scheduled.output))
    prefix = f"{scheduled.title}-"
    key = prefix + "${{ github.run_id }}-${{ github.run_attempt }}"
    put = f"adbatch export-state {shlex.quote(job)} --out {ARCHIVE}"
    there = f"{ALWAYS} && hashFiles('{archive}') != ''"
    upload = {"name": scheduled.title, "path": output, "if-no-files-found": "ignore"}
    return [
        {"uses": "actions/checkout@v6"},
        {"uses": "actions/setup-python@v6", "with": {"python-version": "3.13"}},
        {"name": "Install adbatch", "run": f"pip install adbatch=={scheduled.version}"},
        *_key_steps(scheduled),
        {
            "name": "Fetch the state",
            "uses": "actions/cache/restore@v5",
            "with": {"path": archive, "key": key, "restore-keys": prefix},
        },
        {"name": "Take the state in", "run": f"if [ -f {ARCHIVE} ]; then adbatch import-state {ARCHIVE}; rm {ARCHIVE}; fi"},
        {"name": "Refresh", **_environment(scheduled), "run": _run(job)},
        {"name": "Put the state together", "if": ALWAYS, "run": put},
        {"name": "Keep the state", "if": there, "uses": "actions/cache/save@v5", "with": {"path": archive, "key": key}},
        {"name": "Keep the results", "if": ALWAYS, "uses": "actions/upload-artifact@v7", "with": upload},
    ]


def _environment(scheduled: Scheduled) -> dict[str, Any]:
    return {"env": {name: f"${{{{ secrets.{name} }}}}" for name in scheduled.keys}} if scheduled.keys else {}


def _key_steps(scheduled: Scheduled) -> list[dict[str, Any]]:
    """A key that the project file reads from a file is put there."""
    steps = []
    for name, path in scheduled.key_files.items():
        put = f'printf %s "$KEY" | sudo install -D -m 600 -o "$USER" /dev/stdin {shlex.quote(path)}'
        steps.append({"name": f"Put {name} in its place", "env": {"KEY": f"${{{{ secrets.{name} }}}}"}, "run": put})
    return steps


def _run(job: str) -> str:
    """The run, and an annotation where a person should look: money first."""
    told = {4: "error", 5: "error", 6: "warning"}
    cases = [f'  {code}) echo "::{level} title=adbatch::{EXITS[code]}" ;;' for code, level in told.items()]
    held = f'  {HELD}) echo "::notice title=adbatch::{EXITS[HELD]}"; code=0 ;;'
    return "\n".join(
        ["code=0", f"adbatch run {shlex.quote(job)} || code=$?", "case $code in", *cases, held, "esac", 'exit "$code"', ""]
    )
