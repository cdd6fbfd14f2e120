"""A job comes from the work tree or from a commit; a commit's run reads nothing of the work tree and leaves it alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.edge.git import Revision
from runner.edge.rehearsal import Stage
from runner.errors import Invalid, Usage
from runner.origin import open_origin
from runner.workflow import Order, Report, run_job
from tests.edge.test_git import git
from tests.projects import PROJECT, Listener, billed, open_stage_here, said

JOB = """\
version: 1
name: small
feed: {path: ../feeds/*.csv}
output: {dir: ../out}
steps:
  copy:
    use: jivox/text
    with: {prompt: {template: copy.j2}}
    save: "{{ row.id }}/copy"
  cut:
    use: vyro/remove-background
    with: {image: "../feeds/{{ row.picture }}"}
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git looks no further up than this test's folder."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The emulated vendors, outside the repository."""
    async with open_stage_here(tmp_path / "vendors") as stage:
        yield stage


def commit(folder: Path, message: str) -> str:
    """Commit all there is; the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def make(top: Path, inside: str = "") -> Path:
    """A repository with a project in it (in the folder `inside`); the job's path."""
    root = top / inside
    for name in ("jobs", "feeds", "templates"):
        (root / name).mkdir(parents=True)
    (root / "adbatch.yaml").write_text(PROJECT)
    (root / "jobs" / "job.yaml").write_text(JOB)
    (root / "templates" / "copy.j2").write_text("Headline for {{ row.title }}")
    (root / "feeds" / "a.csv").write_text("id,title,picture\nmug,Mug,mug.png\n")
    Image.new("RGB", (64, 64), "red").save(root / "feeds" / "mug.png")
    (top / ".gitignore").write_text("out/\n.adbatch/\n")
    git(top, "init", "--quiet")
    commit(top, "first")
    return root / "jobs" / "job.yaml"


async def play(path: Path, stage: Stage, **more: Any) -> Report:
    """Run the job."""
    return await run_job(Order(path, sandbox=True, stage=stage, **more), Listener())


async def test_the_committed_job_runs_whatever_was_edited(tmp_path: Path, stage: Stage) -> None:
    """Job, template, feed and picture are the commit's; state and outputs are the project's; git sees no difference afterwards."""
    path = make(tmp_path / "shop")
    root = tmp_path / "shop"
    first = await play(path, stage)
    results, paid = (root / "out" / "results.jsonl").read_bytes(), billed(tmp_path / "vendors")
    path.write_text(JOB.replace("copy:", "copied:"))
    (root / "templates" / "copy.j2").unlink()
    (root / "feeds" / "a.csv").write_text("id,title,picture\nhat,Hat,none.png\n")
    (root / "feeds" / "mug.png").write_bytes(b"nonsense")
    git(root, "add", "templates")
    before = git(root, "status", "--porcelain")
    report = await play(path, stage, rev="HEAD")
    assert report.told.exit_code == 0
    assert git(root, "status", "--porcelain") == before
    assert (root / "out" / "results.jsonl").read_bytes() == results
    assert billed(tmp_path / "vendors") == paid
    assert report.output == root / "out"
    assert report.manifest["git"] == {"commit": git(root, "rev-parse", "HEAD"), "dirty": False}
    same = ("job", "project", "templates", "feed")
    assert {name: report.manifest[name] for name in same} == {name: first.manifest[name] for name in same}


async def test_a_file_that_is_gone_from_the_work_tree_runs_too(tmp_path: Path, stage: Stage) -> None:
    """Job, folder and all may have been deleted since; an older commit is asked for by any name."""
    path = make(tmp_path / "shop")
    git(tmp_path / "shop", "tag", "v1")
    shutil.rmtree(path.parent)
    commit(tmp_path / "shop", "no jobs")
    report = await play(path, stage, rev="v1")
    assert report.told.exit_code == 0
    provenance = json.loads((tmp_path / "shop" / "out" / "provenance.intoto.json").read_text())
    made = provenance["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert made[0]["name"] == "job jobs/job.yaml"
    assert made[-1]["digest"] == {"gitCommit": git(tmp_path / "shop", "rev-parse", "v1")}


def test_a_project_may_be_a_part_of_a_repository(tmp_path: Path) -> None:
    """State and results belong to the project's own folder, in the middle of a repository."""
    path = make(tmp_path / "mono", "teams/shop")
    with open_origin(path, "HEAD") as origin:
        project_file, job_file = origin.load()
        assert project_file.place == tmp_path / "mono" / "teams" / "shop"
        assert (project_file.root / "templates" / "copy.j2").is_file()
        assert job_file.path.is_relative_to(project_file.root)
        assert not project_file.root.is_relative_to(tmp_path)
        copy = project_file.root
    assert not copy.exists()


def test_the_work_tree_is_itself(tmp_path: Path) -> None:
    """Without a revision the files are those that lie there, and the revision says whether they were edited."""
    path = make(tmp_path / "shop")
    with open_origin(path) as origin:
        assert origin.load()[1].path == path
        assert origin.revision() == Revision(git(tmp_path / "shop", "rev-parse", "HEAD"), dirty=False)
        path.write_text("nonsense")
        assert origin.revision() == Revision(git(tmp_path / "shop", "rev-parse", "HEAD"), dirty=True)


def test_a_commit_without_a_project_file_has_defaults(tmp_path: Path) -> None:
    """The project is then the whole repository, whatever lies in the work tree now."""
    path = make(tmp_path / "shop", "inside")
    (tmp_path / "shop" / "inside" / "adbatch.yaml").unlink()
    commit(tmp_path / "shop", "no project file")
    (tmp_path / "shop" / "inside" / "adbatch.yaml").write_text("nonsense: [")
    with open_origin(path, "HEAD") as origin:
        project_file, _ = origin.load()
        assert (project_file.document, project_file.place) == (None, tmp_path / "shop")


@pytest.mark.parametrize(
    ("rev", "name", "why"),
    [
        ("none", "jobs/job.yaml", "has no revision 'none'"),
        ("HEAD", "jobs/jbo.yaml", r"HEAD has no file jobs/jbo\.yaml; did you mean jobs/job\.yaml\?"),
        ("HEAD", "jobs", "HEAD has no file jobs"),
        ("--upload-pack=x", "jobs/job.yaml", "has no revision"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, rev: str, name: str, why: str) -> None:
    """An unknown revision, and a job the commit does not have."""
    make(tmp_path / "shop")
    with pytest.raises(Usage, match=why), open_origin(tmp_path / "shop" / name, rev):
        pass


def test_outside_a_repository_there_are_no_revisions(tmp_path: Path) -> None:
    """A folder without git is told as such."""
    with pytest.raises(Usage, match="git says: not a git repository"), open_origin(tmp_path / "job.yaml", "HEAD"):
        pass


def test_mistakes_name_the_revision(tmp_path: Path) -> None:
    """A mistake in a committed job has its place in that commit's file."""
    path = make(tmp_path / "shop")
    path.write_text(JOB.replace("use: jivox", "ues: jivox"))
    commit(tmp_path / "shop", "wrong")
    with open_origin(path, "HEAD") as origin, pytest.raises(Invalid) as wrong:
        origin.load()
    place = wrong.value.complaints[0].place
    assert place is not None
    assert (place.file, place.line) == ("HEAD:jobs/job.yaml", 7)
    assert said(wrong.value)


async def test_a_pointer_is_not_a_picture(tmp_path: Path, stage: Stage) -> None:
    """A needed file that Git LFS keeps elsewhere is told as such, with the remedy."""
    path = make(tmp_path / "shop")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 7\n"
    (tmp_path / "shop" / "feeds" / "mug.png").write_text(pointer)
    commit(tmp_path / "shop", "large")
    with pytest.raises(Invalid, match="is a Git LFS pointer, not the picture itself; run: git lfs pull"):
        await play(path, stage, rev="HEAD")
    (tmp_path / "shop" / "feeds" / "a.csv").write_text(pointer)
    with pytest.raises(Invalid, match="is a Git LFS pointer, not the feed itself"):
        await play(path, stage)
