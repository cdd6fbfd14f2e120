"""Whole jobs through vendors that a project describes itself: the same results as through those written in Python."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from runner.desk import load_files, open_desk
from runner.edge.journal import Journal
from runner.edge.outputs import read_results
from runner.errors import Invalid
from runner.facts import Answered
from runner.verdicts import Done
from runner.workflow import Order, Report, run_job
from tests.acceptance.conftest import ROOT, copy_project
from tests.acceptance.walkthrough import walk
from tests.crash.forge import hurry
from tests.projects import COPY, MEDIUM, Listener, billed, open_stage_here, said, write_project

STEPS: Final = (
    COPY
    + MEDIUM
    + """\
  banner:
    use: jivox/image
    with: {prompt: "{{ row.title }}", width: 300, height: 250}
    save: "{{ row.id }}/banner"
  cutout:
    use: jivox/remove-background
    with: {image: "{{ steps.banner.file }}"}
    save: "{{ row.id }}/cutout"
  upscaled:
    use: vyro/upscale
    with: {image: "{{ steps.cutout.file }}"}
    save: "{{ row.id }}/upscaled"
  film:
    use: vyro/text-to-video
    with: {prompt: "{{ row.title }}", style: fast-svd}
    save: "{{ row.id }}/film"
  ad:
    use: sivi/design
    with: {prompt: "{{ row.title }}", type: displayAds, subtype: displayAds-inline-rectangle, numOfVariants: 2}
    save: "{{ row.id }}/ad"
  ideas:
    use: sivi/content
    with: {prompt: "{{ row.title }}", type: displayAds, subtype: displayAds-inline-rectangle}
    save: "{{ row.id }}/ideas"
  slogan:
    use: placewise/text
    with: {prompt: "a slogan for {{ row.title }}"}
    save: "{{ row.id }}/slogan"
  teaser:
    use: placewise/image
    with: {prompt: "{{ row.title }}", photorealistic: false}
    save: "{{ row.id }}/teaser"
"""
)
WRITTEN: Final = 'version: 1\nproviders:\n  jivox: {account: "1042"}\n  placewise: {club: mall}\n'
DESCRIBED: Final = """\
version: 1
providers:
  jivox: {describe: vendors/jivox.yaml, account: "1042"}
  vyro: {describe: vendors/vyro.yaml}
  sivi: {kind: http, describe: vendors/sivi.yaml}
  placewise: {describe: vendors/placewise.yaml, club: mall, poll_path: /ml/tasks}
"""


def write_all(folder: Path, project: str) -> Path:
    """The job that asks everybody, in a folder of its own, with the examples' descriptions beside it."""
    shutil.copytree(ROOT / "examples/http-vendors/vendors", folder / "vendors")
    return write_project(folder, STEPS, project=project, feed="id,title\nmug,Mug\n")


async def test_a_described_vendor_makes_the_very_same(tmp_path: Path) -> None:
    """Under the same names, results.jsonl is the same to the byte, and the vendors bill the same."""
    one, two = write_all(tmp_path / "written", WRITTEN), write_all(tmp_path / "described", DESCRIBED)
    await run(one)
    report = await run(two)
    assert report.told.exit_code == 0
    assert (two.parent / "out/results.jsonl").read_bytes() == (one.parent / "out/results.jsonl").read_bytes()
    vendors = ".adbatch/sandbox/vendors"
    assert billed(two.parent / vendors) == billed(one.parent / vendors)
    assert sorted(report.manifest["vendors"]) == [f"vendors/{name}.yaml" for name in ("jivox", "placewise", "sivi", "vyro")]


MORE: Final = """\
  scene:
    use: fal/flux
    with: {prompt: "{{ row.title }}", image_size: {width: 64, height: 64}, num_images: 2}
  line:
    use: chat/headline
    with: {prompt: "For {{ row.title }}", max_tokens: 60}
"""


def tokens_of(job: Path) -> list[int]:
    """What the vendors counted, of each answer that had a result."""
    with Journal.open(next(job.parent.rglob("journal.db")), "sandbox") as journal:
        answers = [fact.verdict for fact in journal.facts() if isinstance(fact, Answered)]
    return [verdict.used for verdict in answers if isinstance(verdict, Done)]


async def test_a_result_asked_for_elsewhere_and_tokens_counted(tmp_path: Path) -> None:
    """The example's queue is followed from its state to its result; its chat keeps to tokens, settled by what the vendor counts."""
    shutil.copytree(ROOT / "examples/http-vendors/vendors", tmp_path / "vendors")
    project = "version: 1\nproviders: {fal: {describe: vendors/fal.yaml}, chat: {describe: vendors/chat.yaml}}\n"
    path = write_project(tmp_path, MORE, project=project, feed="id,title\nmug,Mug\n")
    assert (await run(path)).told.exit_code == 0
    [line] = read_results(tmp_path / "out/results.jsonl")
    assert len(line["steps"]["scene"]["files"]) == 2
    assert [used for used in tokens_of(path) if used]


ACME: Final = """\
name: acme
doc: https://acme.example/docs
base_url: https://api.acme.example/v2
sandbox: jivox
secrets: {key: {env: ACME_KEY, header: jvx_apikey}}
operations:
  copy:
    summary: copy
    gives: text
    path: /accounts/1042/textGen
    fields: {prompt: {type: string, maxLength: 40}}
    required: [prompt]
    answer: {text: text}
"""
ASKS: Final = '  copy:\n    use: acme/copy\n    with: {prompt: "For {{ row.title }}"}\n'
OURS: Final = "version: 1\nproviders: {acme: {describe: vendors/acme.yaml}}\n"


def write_acme(folder: Path, vendor: str = ACME, project: str = OURS) -> Path:
    """A small project that describes one vendor, and its job."""
    (folder / "vendors").mkdir(exist_ok=True)
    (folder / "vendors/acme.yaml").write_text(vendor, "utf-8")
    return write_project(folder, ASKS, project=project)


async def run(path: Path) -> Report:
    """The job on a stage in this process, with time in a hurry: polls that are seconds apart are not waited for."""
    async with open_stage_here(path.parent / ".adbatch/sandbox/vendors", queue=0.01) as stage:
        return await run_job(Order(path, sandbox=True, stage=stage), Listener(), hurry())


async def test_an_edited_description_buys_nothing_anew(tmp_path: Path) -> None:
    """A request is what it asks for; the description only says how. But a rule that it gains holds for the next run."""
    path = write_acme(tmp_path)
    assert (await run(path)).told.exit_code == 0
    write_acme(tmp_path, ACME.replace("summary: copy", "summary: advertising copy"))
    report = await run(path)
    assert (report.told.exit_code, report.told.ending.reused["acme"]) == (0, 2)
    assert billed(tmp_path / ".adbatch/sandbox/vendors").total() == 2
    write_acme(tmp_path, ACME.replace("maxLength: 40", "maxLength: 4"))
    with pytest.raises(Invalid, match="at most 4 are allowed"):
        await run(path)


async def test_what_nobody_plays_is_not_asked_in_the_sandbox(tmp_path: Path) -> None:
    """Without an emulated vendor there is nobody to ask, and nothing leaves."""
    path = write_acme(tmp_path, ACME.replace("sandbox: jivox\n", ""))
    with pytest.raises(Invalid) as mistakes:
        await run(path)
    assert "the sandbox has no http" in str(said(mistakes.value))


@pytest.mark.parametrize(
    ("project", "told"),
    [
        (
            OURS.replace("vendors/acme", "../acme"),
            "adbatch.yaml:2:30 providers.acme.describe: ../acme.yaml lies outside the project's folder",
        ),
        (OURS.replace("vendors/acme", "/etc/passwd"), "lies outside the project's folder"),
        (OURS.replace("acme.yaml", "acne.yaml"), "did you mean"),
        (OURS.replace("describe: vendors/acme.yaml", "kind: http"), "needs describe"),
        (OURS.replace("{describe", "{kind: jivox, describe"), "what has a description is of kind http"),
        (OURS.replace("acme.yaml}", "acme.yaml, plan: x}"), "providers.acme.plan: not an option of acme"),
        (OURS.replace("acme.yaml}", "acme.yaml, token: {env: X}}"), "not a secret of acme"),
    ],
)
def test_mistakes_of_the_project_are_told_there(tmp_path: Path, project: str, told: str) -> None:
    """A description lies in the project's folder, and an account sets what the description declares."""
    path = write_acme(tmp_path, project=project)
    with pytest.raises(Invalid) as mistakes:
        open_desk(load_files(path))
    assert any(told in each for each in said(mistakes.value)), said(mistakes.value)


def test_mistakes_of_a_description_are_told_with_those_of_the_job(tmp_path: Path) -> None:
    """Each in its own file, all at once."""
    path = write_acme(tmp_path, ACME.replace("gives: text", "gives: file"))
    path.write_text(path.read_text("utf-8").replace("steps:", "stpes:"), "utf-8")
    with pytest.raises(Invalid) as mistakes:
        load_files(path)
    told = said(mistakes.value)
    assert {line.split(":")[0] for line in told} == {"acme.yaml", "job.yaml"}
    assert any(line.startswith("acme.yaml:9:12 operations.copy.gives: file is found by nothing") for line in told)


def test_the_walk_through_shows_what_happens(tmp_path: Path) -> None:
    """Every line of the example's README is executed in a copy of it, and prints what stands there."""
    copy_project(tmp_path, "examples/http-vendors")
    folder = ROOT / "examples/http-vendors"
    assert walk(folder / "README.md", tmp_path / "examples/http-vendors", tmp_path / "home") > 5
