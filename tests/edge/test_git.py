"""What git says of the project, asked of real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.edge.git import ELSEWHERE, Repository, Revision, read_revision
from runner.errors import Usage

WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    """What git prints, as a person would run it there."""
    done = subprocess.run(["git", "-C", str(folder), *WHO, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path) -> str:
    """A repository with one commit of `job.yaml`; returns the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    (folder / "job.yaml").write_text("name: small\n")
    git(folder, "add", "job.yaml")
    git(folder, "commit", "--quiet", "--message", "a job")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever repository the temporary folder lies in, git looks no further up than this test's."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def test_a_clean_work_tree_is_its_commit(tmp_path: Path) -> None:
    """With nothing changed the revision is the commit alone."""
    commit = make_repository(tmp_path)
    assert read_revision(tmp_path) == Revision(commit, dirty=False)
    assert len(commit) == 40


def test_a_folder_inside_speaks_of_the_whole(tmp_path: Path) -> None:
    """A job in a subfolder is traced to the repository around it, also where another file of it changed."""
    commit = make_repository(tmp_path)
    (tmp_path / "jobs").mkdir()
    assert read_revision(tmp_path / "jobs") == Revision(commit, dirty=False)
    (tmp_path / "job.yaml").write_text("name: other\n")
    assert read_revision(tmp_path / "jobs") == Revision(commit, dirty=True)


@pytest.mark.parametrize("change", ["edit", "remove", "stage", "mode"])
def test_a_tracked_file_that_differs_makes_it_dirty(tmp_path: Path, change: str) -> None:
    """Edited, removed, staged or made executable: what ran is not what was committed."""
    commit, path = make_repository(tmp_path), tmp_path / "job.yaml"
    if change == "remove":
        path.unlink()
    elif change == "mode":
        path.chmod(0o755)
    else:
        path.write_text("name: other\n")
        if change == "stage":
            git(tmp_path, "add", "job.yaml")
    assert read_revision(tmp_path) == Revision(commit, dirty=True)


def test_untracked_files_are_not_dirt(tmp_path: Path) -> None:
    """Results and state that lie in the work tree do not make it differ from its commit."""
    commit = make_repository(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").write_text("{}\n")
    assert read_revision(tmp_path) == Revision(commit, dirty=False)


def test_dirt_goes_with_a_commit(tmp_path: Path) -> None:
    """Once committed the work tree is clean again, at another commit."""
    before = make_repository(tmp_path)
    (tmp_path / "job.yaml").write_text("name: other\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "another")
    after = read_revision(tmp_path)
    assert after is not None
    assert not after.dirty
    assert after.commit == git(tmp_path, "rev-parse", "HEAD") != before


def test_a_detached_head_is_a_commit_too(tmp_path: Path) -> None:
    """Continuous integration checks out commits, not branches."""
    commit = make_repository(tmp_path)
    git(tmp_path, "checkout", "--quiet", "--detach")
    assert read_revision(tmp_path) == Revision(commit, dirty=False)


def test_names_outside_ascii_do_no_harm(tmp_path: Path) -> None:
    """A changed file whose name is not even UTF-8 makes the work tree dirty and nothing worse."""
    make_repository(tmp_path)
    name = os.fsencode(tmp_path) + b"/b\xfccher.csv"
    with open(name, "wb") as file:  # noqa: PTH123 - a Path is text
        file.write(b"id\n")
    git(tmp_path, "config", "core.quotePath", "false")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "books")
    with open(name, "ab") as file:  # noqa: PTH123 - a Path is text
        file.write(b"1\n")
    found = read_revision(tmp_path)
    assert found is not None
    assert found.dirty


def test_outside_a_work_tree_there_is_nothing_to_say(tmp_path: Path) -> None:
    """A folder without git, one that is not there, and a file have no revision."""
    (tmp_path / "file").write_text("x")
    assert [read_revision(place) for place in (tmp_path, tmp_path / "none", tmp_path / "file")] == [None, None, None]


def test_before_the_first_commit_there_is_nothing_to_say(tmp_path: Path) -> None:
    """A repository without a commit has no revision yet."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "job.yaml").write_text("name: small\n")
    git(tmp_path, "add", "job.yaml")
    assert read_revision(tmp_path) is None


def test_a_broken_repository_is_no_failure(tmp_path: Path) -> None:
    """A run is not stopped because git is in trouble."""
    make_repository(tmp_path)
    (tmp_path / ".git" / "HEAD").write_text("nonsense\n")
    assert read_revision(tmp_path) is None


def test_an_index_that_cannot_be_read_counts_as_dirty(tmp_path: Path) -> None:
    """Where the commit is known but not whether anything differs, clean is not claimed."""
    commit = make_repository(tmp_path)
    (tmp_path / ".git" / "index").write_bytes(b"nonsense")
    assert read_revision(tmp_path) == Revision(commit, dirty=True)


def test_without_git_there_is_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no git runs jobs all the same."""
    make_repository(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_revision(tmp_path) is None


def test_a_hook_of_another_repository_does_not_answer_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a git hook starts is traced to its own repository, whatever the hook's environment says."""
    ours, theirs = make_repository(tmp_path / "ours"), tmp_path / "theirs"
    make_repository(theirs)
    (theirs / "job.yaml").write_text("name: theirs\n")
    for name in ELSEWHERE - {"GIT_PREFIX"}:
        monkeypatch.setenv(name, str(theirs / ".git"))
    assert read_revision(tmp_path / "ours") == Revision(ours, dirty=False)
    assert read_revision(tmp_path) is None


def test_asking_changes_nothing(tmp_path: Path) -> None:
    """The index keeps its bytes even where git would like to note that a touched file is still the same."""
    commit = make_repository(tmp_path)
    os.utime(tmp_path / "job.yaml", (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    assert read_revision(tmp_path) == Revision(commit, dirty=False)
    assert (tmp_path / ".git" / "index").read_bytes() == index


def test_somebody_elses_lock_is_not_waited_for(tmp_path: Path) -> None:
    """Another git at work, holding the index, is no obstacle."""
    commit = make_repository(tmp_path)
    (tmp_path / ".git" / "index.lock").touch()
    assert read_revision(tmp_path) == Revision(commit, dirty=False)


def test_a_repository_knows_its_commits(tmp_path: Path) -> None:
    """A branch, a tag, an ancestor and a short hash all mean commits; what the work tree holds does not matter."""
    first = make_repository(tmp_path)
    git(tmp_path, "tag", "--annotate", "v1", "--message", "one")
    (tmp_path / "job.yaml").write_text("name: other\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "another")
    repository = Repository(tmp_path)
    assert [repository.commit(rev) for rev in ("v1", "HEAD~1", first[:10])] == [first] * 3
    assert repository.commit("HEAD") == git(tmp_path, "rev-parse", "HEAD")
    assert repository.find(first, ["job.yaml", "adbatch.yaml", "*.yaml"]) == {"job.yaml"}
    assert [entry.path for entry in repository.entries(first)] == ["job.yaml"]


@pytest.mark.parametrize("rev", ["", "none", "--help", "--output=/tmp/x", "HEAD:job.yaml", "HEAD^{tree}", "a b", "-h"])
def test_what_is_no_commit_is_refused(tmp_path: Path, rev: str) -> None:
    """A revision nobody knows, a file, or what would be an option is a mistake of the command line."""
    make_repository(tmp_path)
    with pytest.raises(Usage, match="has no revision"):
        Repository(tmp_path).commit(rev)


def test_outside_a_repository_there_are_no_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, and no git, are told as such."""
    with pytest.raises(Usage, match="not a git repository"):
        Repository(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Usage, match="git is not installed"):
        Repository(tmp_path)


def test_a_name_that_looks_like_an_option_is_a_path(tmp_path: Path) -> None:
    """Files are asked for by name alone."""
    make_repository(tmp_path)
    (tmp_path / "-r").write_text("x")
    git(tmp_path, "add", "--", "-r")
    git(tmp_path, "commit", "--quiet", "--message", "odd")
    assert Repository(tmp_path).find("HEAD", ["-r", ":(top)job.yaml"]) == {"-r"}


def test_a_repository_s_monitor_is_not_run(tmp_path: Path) -> None:
    """A program that the repository's configuration names is not started by our asking."""
    commit = make_repository(tmp_path)
    (tmp_path / "monitor").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "monitor").chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(tmp_path / "monitor"))
    assert read_revision(tmp_path) == Revision(commit, dirty=False)
    assert not (tmp_path / "ran").exists()
