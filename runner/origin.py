"""Where a run's job comes from: the work tree as it is, or the project as some commit holds it.

A commit's files are written to a private folder for the length of the run, so job, project file, templates, feed and pictures are
all of one revision, and edits in the work tree are neither read nor disturbed. State and results belong to the project itself: the
same commit run twice buys nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Protocol

from runner.desk import load_files
from runner.edge.commits import write_commit
from runner.edge.git import Repository, Revision, read_revision
from runner.errors import Usage
from runner.fields import suggest
from runner.frozen import frozen
from runner.job.load import PROJECT_FILE, JobFile, ProjectFile, load_copy


class Origin(Protocol):
    """A job and its project, wherever they are."""

    def load(self) -> tuple[ProjectFile, JobFile]:
        """Both files, read now. Raises `Invalid` with their mistakes, `Usage` where one cannot be read."""

    def revision(self) -> Revision | None:
        """The commit they stand for, None without git."""


@frozen
class WorkTree:
    """The files as they lie there."""

    path: Path

    def load(self) -> tuple[ProjectFile, JobFile]:
        """Both files, read now."""
        return load_files(self.path)

    def revision(self) -> Revision | None:
        """The commit of the work tree around the job, and whether it was edited since."""
        return read_revision(self.path.parent)


@frozen
class Committed:
    """The files of one commit: `path` is the job's copy, below `root`; the project they are of lies at `home`."""

    path: Path
    shown: str
    root: Path
    home: Path
    commit: str

    def load(self) -> tuple[ProjectFile, JobFile]:
        """Both files; they cannot change."""
        return load_copy(self.path, self.shown, self.root, self.home)

    def revision(self) -> Revision | None:
        """The commit itself, which nobody can have edited."""
        return Revision(self.commit, dirty=False)


@contextmanager
def open_origin(path: Path, rev: str | None = None) -> Iterator[Origin]:
    """The job at `path` in the work tree, or as `rev` has it, while the block lasts.

    Raises `Usage` where there is no repository, no such revision, or no such job in it.
    """
    if rev is None:
        yield WorkTree(path)
        return
    place = path.parent.resolve() / path.name
    repository = Repository(next(folder for folder in place.parents if folder.is_dir()))
    commit, top = repository.commit(rev), repository.top.resolve()
    name = place.relative_to(top).as_posix()
    folder = _project_folder(repository, commit, name, rev)
    with TemporaryDirectory(prefix="adbatch-") as room:
        root = Path(room).resolve() / "project"
        root.mkdir(0o700)
        write_commit(repository, commit, folder, root)
        inside = PurePosixPath(name).relative_to(folder or ".")
        yield Committed(root / inside, f"{rev}:{name}", root, top / folder, commit)


def _project_folder(repository: Repository, commit: str, name: str, rev: str) -> str:
    """The folder, relative to the top, of the project that the job belongs to in this commit. Raises `Usage` without the job."""
    folders = [parent.as_posix().removeprefix(".") for parent in PurePosixPath(name).parents]
    marks = {f"{folder}/{PROJECT_FILE}".lstrip("/"): folder for folder in folders}
    found = repository.find(commit, [name, *marks])
    if name not in found:
        known = [entry.path for entry in repository.entries(commit) if entry.path.endswith((".yaml", ".yml"))]
        raise Usage(f"{rev} has no file {name}{suggest(name, known)}")
    return next((folder for mark, folder in marks.items() if mark in found), "")
