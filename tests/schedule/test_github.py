"""A workflow that GitHub would take: parsed by PyYAML and held against the documented syntax."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.errors import Usage
from runner.schedule.github import write_github
from tests.schedule.samples import KEYS, scheduled
from tests.schemas import misfits

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
STEP = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "if": TEXT,
        "uses": {"type": "string", "pattern": "^[a-z]+/[a-z/-]+@v[0-9]+$"},
        "run": TEXT,
        "with": TEXTS,
        "env": TEXTS,
    },
}
RUN = {"type": "object", "properties": {"shell": TEXT, "working-directory": TEXT}}
JOB = {
    "type": "object",
    "properties": {
        "runs-on": TEXT,
        "timeout-minutes": {"type": "integer"},
        "defaults": {"type": "object", "properties": {"run": RUN}},
        "steps": {"type": "array", "items": STEP},
    },
    "required": ["runs-on", "steps"],
}
TIME = {
    "type": "object",
    "properties": {"cron": {"type": "string", "pattern": r"^[-0-9*/,]+( [-0-9*/,]+){4}$"}, "timezone": TEXT},
    "required": ["cron"],
}
WORKFLOW = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "on": {
            "type": "object",
            "properties": {"schedule": {"type": "array", "items": TIME}, "workflow_dispatch": {"type": "object"}},
        },
        "permissions": TEXTS,
        "concurrency": {"type": "object", "properties": {"group": TEXT, "cancel-in-progress": {"type": "boolean"}}},
        "jobs": {"type": "object", "additionalProperties": JOB},
    },
    "required": ["on", "jobs"],
}
"""From docs.github.com, "Workflow syntax for GitHub Actions", as far as ours is written."""


def workflow(**more: Any) -> dict[str, Any]:
    """The workflow of a scheduled job, as a YAML 1.1 parser reads it."""
    [text] = write_github(scheduled(**more)).values()
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def steps(**more: Any) -> list[dict[str, Any]]:
    """The workflow's steps."""
    read: list[dict[str, Any]] = workflow(**more)["jobs"]["refresh"]["steps"]
    return read


@pytest.mark.parametrize("more", [{}, KEYS, {"cron": "0 6 1,15 * MON", "zone": "Europe/Berlin", "repository": Path("/srv")}])
def test_it_is_a_workflow(more: dict[str, Any]) -> None:
    """Every key is one of GitHub's, `on` is no boolean, and no value is of another type than it should be."""
    assert list(misfits(workflow(**more), WORKFLOW)) == []


def test_runs_queue_up() -> None:
    """Runs of one job do not overlap, and a newer one does not end the one at work."""
    assert workflow()["concurrency"] == {"group": "adbatch-offers", "cancel-in-progress": False}


def test_times_are_in_the_jobs_zone() -> None:
    """The zone is said, UTC too, and the minute is moved within the jitter."""
    [time] = workflow(zone="Europe/Berlin", jitter=120)["on"]["schedule"]
    assert time["timezone"] == "Europe/Berlin"
    assert re.fullmatch(r"1[567] 5 \* \* \*", time["cron"])
    assert workflow()["on"]["schedule"][0]["timezone"] == "UTC"


def test_keys_are_secrets_of_the_repository() -> None:
    """Keys are in the environment of the one step that needs them, by reference; a key file is filled from a secret."""
    named = {step.get("name"): step for step in steps(**KEYS)}
    assert named["Refresh"]["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in KEYS["keys"]}
    assert [name for name, step in named.items() if "env" in step] == ["Put PLACEWISE_KEY in its place", "Refresh"]
    assert "/run/secrets/placewise" in named["Put PLACEWISE_KEY in its place"]["run"]


def test_the_state_comes_from_a_cache_and_goes_back() -> None:
    """It is fetched by prefix and kept under a key of its own whatever became of the run; results are kept as well."""
    named = {step.get("name"): step for step in steps()}
    fetched, kept = named["Fetch the state"]["with"], named["Keep the state"]["with"]
    assert fetched["key"] == kept["key"]
    assert fetched["key"].startswith(fetched["restore-keys"])
    assert fetched["path"] == kept["path"] == "adbatch-state.tar"
    assert named["Keep the state"]["if"].startswith("always()")
    assert named["Put the state together"]["run"] == "adbatch export-state jobs/offers.yaml --out adbatch-state.tar"
    assert named["Keep the results"]["with"]["path"] == "out/offers"


def test_a_project_inside_a_repository() -> None:
    """Commands run in the project's folder; paths of actions are the repository's."""
    read = workflow(repository=Path("/srv"))["jobs"]["refresh"]
    assert read["defaults"]["run"]["working-directory"] == "offers"
    paths = [step["with"]["path"] for step in read["steps"] if "path" in step.get("with", {})]
    assert paths == ["offers/adbatch-state.tar", "offers/adbatch-state.tar", "offers/out/offers"]


@pytest.mark.parametrize(
    ("code", "ends", "told"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (4, 4, "::error title"),
        (5, 5, "::error title"),
        (6, 6, "::warning title"),
        (75, 0, "::notice title"),
    ],
)
def test_the_refresh_ends_as_the_run_does(code: int, ends: int, told: str, tmp_path: Path) -> None:
    """The script, run by bash as GitHub runs it: money is annotated, a run that is held is no failure."""
    fake = tmp_path / "adbatch"
    fake.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    fake.chmod(0o755)
    script = next(step["run"] for step in steps() if step.get("name") == "Refresh")
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(argv, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (ends, "run jobs/offers.yaml")
    assert told in done.stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"cron": "0 6 * * 5L"}, "which GitHub does not know"),
        ({"job": Path("/srv/offers/jobs/${{ github.token }}.yaml")}, "a workflow cannot use this path"),
        ({"output": Path("/srv/out")}, "a workflow cannot use this path"),
    ],
)
def test_what_it_cannot_say(more: dict[str, Any], told: str) -> None:
    """Words GitHub's cron does not know, and paths that its expressions would read or that lie outside, are refused."""
    with pytest.raises(Usage, match=told):
        write_github(scheduled(**more))


def test_too_often_is_said() -> None:
    """GitHub starts nothing more often than every five minutes."""
    [text] = write_github(scheduled("*/2 * * * *")).values()
    assert "no workflow more often than every 5 minutes" in text
