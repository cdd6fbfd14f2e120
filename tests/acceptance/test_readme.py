"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from runner.causes import Cause, advise
from runner.cli import VERBS, adbatch
from runner.cli.closing import advice_line, report_lines
from runner.cli.init import starter_files
from runner.job.document import read_document
from runner.providers.registry import PROVIDERS
from runner.workflow import Order, run_job
from tests.acceptance.conftest import ROOT, Project, copy_project
from tests.projects import Listener, open_stage_here

EXAMPLES: Final = sorted((ROOT / "examples").glob("*/README.md"))
PAGES: Final = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"examples/{path.parent.name}/README.md" for path in EXAMPLES))


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


def page(name: str) -> str:
    """The text of a page of ours."""
    return (ROOT / name).read_text("utf-8")


def test_the_table_of_vendors_is_the_registry() -> None:
    """Every vendor is listed with all its operations and the variables its keys are in, and nothing else is."""
    section = page("README.md").split("\n## Vendors\n")[1].split("\n## ")[0]
    listed = {}
    for row in re.findall(r"^\| .*`\w+/.*$", section, re.MULTILINE):
        _, _, operations, keys, _ = row.split("|")
        first, *rest = re.findall(r"`([\w/-]+)`", operations)
        name, _, operation = first.partition("/")
        listed[name] = ([operation, *rest], re.findall(r"`(\w+)`", keys))
    assert listed == {name: (list(vars(vendor)["OPERATIONS"]), list(vendor.KEYS.values())) for name, vendor in PROVIDERS.items()}


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_exists(name: str) -> None:
    """Each `adbatch VERB` in a block of commands is a verb, and each option beside it is one of its options."""
    blocks = re.findall(r"^```(?:console|sh)\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^(?:\$ )?adbatch ([\w-]+)([^|#\n]*)", "".join(blocks), re.MULTILINE)
    for verb, words in commands:
        found = adbatch.get_command(adbatch.make_context("adbatch", [verb], resilient_parsing=True), verb)
        assert found is not None, verb
        known = {option for parameter in found.params for option in parameter.opts}
        known |= {option for child in getattr(found, "commands", {}).values() for each in child.params for option in each.opts}
        assert set(re.findall(r"(?<!\S)(--[a-z-]+)", words)) <= known, f"{verb}{words}"


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    """A link within the repository names a file or folder that is there, and an anchor is a heading of its page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            whole = (ROOT / name).parent / path if path else ROOT / name
            assert whole.exists(), target
            assert not anchor or anchor in anchors(whole.read_text("utf-8")), target


async def test_the_first_five_minutes_are_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The starting project's first run ends with the very lines shown, and the variant that is shown exists."""
    monkeypatch.chdir(tmp_path)
    section = page("README.md").split("\n## Five minutes\n")[1].split("\n## ")[0]
    for path, text in starter_files():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    async with open_stage_here(tmp_path / ".adbatch") as stage:
        report = await run_job(Order(Path("jobs/first.yaml"), sandbox=True, stage=stage, report=True), Listener())
    [shown] = re.findall(r"^```\n(variants: .*?)^```", section, re.MULTILINE | re.DOTALL)
    timeless = [re.sub(r"after .*", "after …", line) for line in (*report_lines(report), *shown.splitlines())]
    assert timeless[: len(timeless) // 2] == timeless[len(timeless) // 2 :]
    [key] = re.findall(r'adbatch show jobs/first.yaml "([^"]+)"', section)
    assert key in {line["key"] for line in Project(tmp_path).results("out/first")}


def test_the_refusal_of_the_readme_is_told_as_shown(tmp_path: Path) -> None:
    """The grouped refusal stands at the field of the README's job that it names, with what to do."""
    _, text = readme_job(tmp_path)
    [shown] = re.findall(r"^  (37 refused by .*)$", text, re.MULTILINE)
    document = read_document((tmp_path / "jobs/mugs.yaml").read_text("utf-8"), "jobs/mugs.yaml")
    cause = Cause("scene", "refused", "422: the prompt was not accepted", "vyro", count=37)
    assert [advice_line(advice) for advice in advise([cause], document, "jobs/mugs.yaml")] == [shown]
