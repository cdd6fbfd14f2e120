"""What git says of the project: the commit it stands on, so that a manifest can be traced to it, and what another commit holds.

Git is asked, never trusted with our run: it takes no lock, shows no prompt and no pager, runs no hook and no monitor of the
repository's, and a revision cannot be taken for an option. Without git there is nothing to say, and that is all.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from runner.errors import OurSide, Usage
from runner.frozen import frozen

SECONDS: Final = 10.0
PIECE: Final = 1 << 20
ELSEWHERE: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
"""Variables git sets for its hooks (githooks(5)); a run started by a hook of another repository must not see them."""

COMMAND: Final = ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs")
QUIET: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


@frozen
class Revision:
    """The commit (hex) the work tree stands on, and whether tracked files differ from it."""

    commit: str
    dirty: bool


@frozen
class Entry:
    """A file of a commit: its mode as git writes it (100644, 100755, 120000 a link, 160000 a submodule), its object, its path."""

    mode: str
    object: str
    path: str


def read_revision(folder: Path) -> Revision | None:
    """The revision of the work tree around `folder`; None without git, outside a work tree, or before the first commit."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Revision(commit.decode("ascii").strip(), changed is None or bool(changed.strip()))


class Repository:
    """The repository around `folder`, read through its objects alone: neither work tree nor index is looked at or touched.

    Raises `Usage` where there is no git or no repository.
    """

    def __init__(self, folder: Path) -> None:
        self.top = Path(os.fsdecode(_ask(folder, "rev-parse", "--show-toplevel")).removesuffix("\n"))

    @property
    def objects(self) -> Path:
        """The folder git keeps its own in, shared by all work trees."""
        return (self.top / os.fsdecode(_ask(self.top, "rev-parse", "--git-common-dir")).removesuffix("\n")).resolve()

    def commit(self, rev: str) -> str:
        """The commit (hex) that `rev` means: a branch, a tag, `HEAD~2`, a hash. Raises `Usage` where it means none."""
        found = _git(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        if not rev or found is None:
            raise Usage(f"{self.top} has no revision {rev!r}; fetch it, or look for its name with: git log --oneline --all")
        return found.decode("ascii").strip()

    def entries(self, commit: str, folder: str = "") -> list[Entry]:
        """Every file below `folder` (relative to the top, with `/`), by paths relative to that folder."""
        listed = _ask(self.top, "ls-tree", "-r", "-z", "--full-tree", f"{commit}:{folder}")
        return [_entry(line) for line in listed.split(b"\0") if line]

    def find(self, commit: str, paths: Sequence[str]) -> set[str]:
        """Which of these paths (relative to the top) are files of the commit."""
        listed = _ask(self.top, "ls-tree", "-z", "--full-tree", commit, "--", *paths)
        return {entry.path for entry in (_entry(line) for line in listed.split(b"\0") if line) if entry.mode.startswith("100")}

    @contextmanager
    def open_objects(self) -> Iterator[Objects]:
        """The repository's objects, by one process that answers until the block ends."""
        command = [*COMMAND, "-C", str(self.top), "cat-file", "--batch"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ()) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield Objects(process.stdin, process.stdout)
            finally:
                process.kill()


class Objects:
    """Objects as git stored them: no filter, no line ends changed, no program of the user's configuration between."""

    def __init__(self, ask: IO[bytes], answer: IO[bytes]) -> None:
        self._ask, self._answer = ask, answer

    def copy(self, name: str, target: IO[bytes]) -> int:
        """Write the object called `name` (hex) to `target`; returns its size in bytes. Raises `OurSide` where it is missing."""
        try:
            self._ask.write(name.encode("ascii") + b"\n")
            self._ask.flush()
            told = self._answer.readline().split()
        except OSError as error:
            raise OurSide(f"git stopped answering ({error.strerror}); run: git fsck") from error
        if len(told) != 3:
            raise OurSide(f"git has no object {name}; is this a partial or a damaged clone? run: git fsck, or fetch it")
        left = size = int(told[2])
        while left:
            piece = self._answer.read(min(left, PIECE))
            if not piece:
                raise OurSide(f"git ended within object {name}; run: git fsck")
            target.write(piece)
            left -= len(piece)
        self._answer.read(1)
        return size


def _entry(line: bytes) -> Entry:
    head, _, path = line.partition(b"\t")
    mode, _, name = head.decode("ascii").split(" ")
    return Entry(mode, name, os.fsdecode(path))


def _environ() -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in ELSEWHERE}, **QUIET}


def _git(folder: Path, *words: str) -> bytes | None:
    """What git prints, None where it cannot say."""
    try:
        return _run(folder, *words)
    except (OSError, subprocess.SubprocessError):
        return None


def _ask(folder: Path, *words: str) -> bytes:
    """What git prints. Raises `Usage` with what it complains of."""
    try:
        return _run(folder, *words)
    except FileNotFoundError:
        raise Usage("git is not installed; --rev reads commits with it") from None
    except subprocess.CalledProcessError as error:
        complaint = error.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise Usage(f"{folder}: git says: {complaint}") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise Usage(f"{folder}: git does not answer ({error})") from error


def _run(folder: Path, *words: str) -> bytes:
    command = [*COMMAND, "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, timeout=SECONDS, check=True, env=_environ()).stdout
