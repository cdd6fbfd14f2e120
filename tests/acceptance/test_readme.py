"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from runner.cli import VERBS, adbatch
from tests.acceptance.conftest import ROOT, Project, copy_project


def readme_job(folder: Path) -> tuple[Project, str]:
    """A copy of this project with the README's job in it, and the README."""
    project = copy_project(folder, "adbatch.yaml", "templates", "examples/feeds")
    text = (ROOT / "README.md").read_text("utf-8")
    [job] = re.findall(r"```yaml\n(# yaml-language-server.*?)```", text, re.DOTALL)
    (folder / "jobs").mkdir()
    (folder / "jobs/mugs.yaml").write_text(job, "utf-8")
    return project, text


def test_the_job_of_the_readme_is_right(tmp_path: Path) -> None:
    """It passes its check as it stands."""
    project, _ = readme_job(tmp_path)
    assert "headline" in project.adbatch("check", "jobs/mugs.yaml").stdout


def test_the_mistake_of_the_readme_is_told_as_shown(tmp_path: Path) -> None:
    """The misspelt field gives the very lines the README shows."""
    project, text = readme_job(tmp_path)
    [shown] = re.findall(r"```\n(jobs/mugs\.yaml:.*?)```", text, re.DOTALL)
    wrong = re.search(r"\| ( +with: .*)", shown)
    assert wrong is not None
    path = tmp_path / "jobs/mugs.yaml"
    lines = [wrong.group(1) if "steps.cutout.file" in line else line for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert project.adbatch("check", "jobs/mugs.yaml", expect=2).stderr.startswith(shown)


def test_every_verb_and_option_of_the_readme_exists() -> None:
    """The table of verbs lists the command's own verbs, and every option it names is one."""
    section = (ROOT / "README.md").read_text("utf-8").split("## The command")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `adbatch ([\w-]+)(.*)$", section, re.MULTILINE))
    assert list(rows) == list(VERBS)
    for name, row in rows.items():
        verb = adbatch.get_command(adbatch.make_context("adbatch", [name], resilient_parsing=True), name)
        assert verb is not None
        known = {option for parameter in verb.params for option in parameter.opts}
        assert set(re.findall(r"`(--[a-z-]+)", row)) <= known, name
