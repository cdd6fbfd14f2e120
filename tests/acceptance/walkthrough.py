"""A README that is executed line by line: what it shows is what happens.

Only fenced blocks that are marked `console` count. In them

- a line that begins with `$ ` is a command, and lines below it that begin with `> ` continue it (a heredoc, say);
- all other lines up to the next command are what it prints, stdout and stderr together; without such lines it prints nothing;
- `…` stands for any text: within a line for any characters, alone on a line for any number of lines, none included;
- a command ends with 0, unless the next command is `echo $?`: then its end is what that prints.

Every command runs in bash, in the folder where the one before it ended (so `cd` works), without a terminal, without the network's
or git's user settings, and with the `adbatch` of this environment. Variables do not outlive their command. Blocks marked otherwise
(`sh`, `yaml`) are read by people alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ANYTHING: Final = "…"
ASKS_FOR_CODE: Final = "echo $?"
PATIENCE: Final = 100.0
"""Seconds a command may take."""
PASSED: Final = ("LANG", "TMPDIR", "COVERAGE_PROCESS_START", "PYTHONPATH")
"""What a command may know of the environment of the tests."""


@dataclass(slots=True)
class Shown:
    """A command of the README, the line it stands in, and what it is said to print."""

    line: int
    command: str
    output: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the output has to match, line by line."""
        lines = ["(?:.*\n)*" if line.strip() == ANYTHING else _line(line) for line in self.output]
        return re.compile("".join(lines))


def _line(line: str) -> str:
    return ".*".join(map(re.escape, line.rstrip().split(ANYTHING))) + "\n"


def read_walkthrough(text: str) -> list[Shown]:
    """The commands of a README, in order."""
    shown: list[Shown] = []
    for number, line in _lines_of_blocks(text):
        if line.startswith("$ "):
            shown.append(Shown(number, line[2:]))
        elif not shown:
            raise AssertionError(f"line {number}: output before the first command")
        elif line.startswith("> ") and not shown[-1].output:
            shown[-1].command += "\n" + line[2:]
        else:
            shown[-1].output.append(line)
    return shown


def _lines_of_blocks(text: str) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = not inside and line.strip() == "```console"
        elif inside:
            yield number, line


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command of a README finds set: a home of its own, a git identity, UTC, no colours, no key."""
    identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in IDENTITY.items()}
    kept = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {
        **kept,
        **identity,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "init.defaultBranch",
        "GIT_CONFIG_VALUE_0": "main",
        "GIT_PAGER": "cat",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "COLUMNS": "132",
        **(more or {}),
    }


IDENTITY: Final = {"NAME": "Reader", "EMAIL": "reader@example.com", "DATE": "2026-01-05T06:00:00Z"}


def walk(readme: Path, folder: Path, home: Path, more: Mapping[str, str] | None = None) -> int:
    """Execute the README's commands, beginning in `folder`, and compare what they print; returns how many there were.

    `more` are further variables. Raises `AssertionError` naming the README's line, with both texts.
    """
    shown = read_walkthrough(readme.read_text("utf-8"))
    home.mkdir(parents=True, exist_ok=True)
    environ, code = environment(home, more), 0
    for place, each in enumerate(shown):
        folder, code, printed = _execute(each.command, folder, code, environ, home / ".pwd")
        asked = place + 1 < len(shown) and shown[place + 1].command.strip() == ASKS_FOR_CODE
        where = f"{readme.name}:{each.line}: $ {each.command}"
        assert code == 0 or asked, f"{where}\nended with {code} and printed\n{printed}"
        told = f"{where}\nprinted\n{printed}\nand the text says\n" + "\n".join(each.output)
        assert each.pattern.fullmatch(printed), told
    return len(shown)


def _execute(command: str, folder: Path, before: int, environ: Mapping[str, str], note: Path) -> tuple[Path, int, str]:
    """Where the command ended, how, and what it printed. `before` is how the last one ended, for `$?`."""
    script = f"exec 2>&1\n(exit {before})\n{command}\ncode=$?; pwd > '{note}'; exit $code\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    printed = "\n".join(line.rstrip() for line in done.stdout.decode().splitlines())
    return Path(note.read_text("utf-8").strip()), done.returncode, printed + "\n" if printed else ""
