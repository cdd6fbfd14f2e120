"""The harness that executes READMEs: it must be able to fail, and to say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.walkthrough import read_walkthrough, walk

FENCE = "```"


def readme(folder: Path, *lines: str, mark: str = "console") -> Path:
    """A README with these lines in one block."""
    path = folder / "README.md"
    path.write_text("\n".join(["# Title", "", f"{FENCE}{mark}", *lines, FENCE, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "lines",
    [
        ["$ echo one two", "one two"],
        ["$ echo one two", "one …"],
        ["$ printf 'a\\nb\\nc\\n'", "…", "c"],
        ["$ printf 'a\\nb\\nc\\n'", "a", "…"],
        ["$ true"],
        ["$ true", "…"],
        ["$ mkdir inner", "$ cd inner", "$ basename $PWD", "inner"],
        ["$ cat > note <<'END'", "> a $x", "> END", "$ cat note", "a $x"],
        ["$ echo wrong >&2; false", "wrong", "$ echo $?", "1"],
        ["$ echo $HOME $GIT_AUTHOR_NAME", "…/home Reader"],
    ],
)
def test_what_is_true_passes(lines: list[str], tmp_path: Path) -> None:
    """Output, `…`, folders, heredocs and exit codes are taken as the harness says."""
    assert walk(readme(tmp_path, *lines), tmp_path, tmp_path / "home") == sum(line.startswith("$ ") for line in lines)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["$ echo one", "two"], "README.md:4: $ echo one\nprinted\none\n\nand the text says\ntwo"),
        (["$ echo one"], "printed\none"),
        (["$ true", "one"], "and the text says\none"),
        (["$ false"], "ended with 1"),
        (["$ echo a.b", "a.c"], "a.b"),
        (["$ echo axb", "a.b"], "axb"),
        (["$ printf 'a\\nb\\n'", "a…"], "printed\na\nb"),
        (["$ false", "$ echo $?", "0"], "README.md:5: $ echo $?\nprinted\n1"),
    ],
)
def test_what_is_not_true_is_told_with_its_line(lines: list[str], told: str, tmp_path: Path) -> None:
    """A difference or an unannounced failure names the README's line and shows both texts."""
    with pytest.raises(AssertionError) as wrong:
        walk(readme(tmp_path, *lines), tmp_path, tmp_path / "home")
    assert told in str(wrong.value)


def test_only_console_blocks_are_executed(tmp_path: Path) -> None:
    """What is marked otherwise is for people."""
    assert read_walkthrough(readme(tmp_path, "$ rm -rf somewhere", mark="sh").read_text("utf-8")) == []
