"""What git says of the project, so that a manifest can be traced to a commit. Without git there is nothing to say."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECONDS: Final = 10.0
ELSEWHERE: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
"""Variables git sets for its hooks (githooks(5)); a run started by a hook of another repository must not see them."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit (hex) the work tree stands on, and whether tracked files differ from it."""

    commit: str
    dirty: bool


def read_revision(folder: Path) -> Revision | None:
    """The revision of the work tree around `folder`; None without git, outside a work tree, or before the first commit."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Revision(commit.decode("ascii").strip(), changed is None or bool(changed.strip()))


def _git(folder: Path, *words: str) -> bytes | None:
    """What git prints, None where it cannot say. No lock is taken and no prompt shown."""
    ours = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    quiet = {**ours, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=SECONDS, check=False, env=quiet)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
