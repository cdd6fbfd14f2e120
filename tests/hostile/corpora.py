r"""The corpora of this folder, read from their files: one entry a line, odd characters written as `\x..`, `\u....` or `\n`."""

from __future__ import annotations

import re
from pathlib import Path

ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([tnr\\]))")
SHORT = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def read_corpus(name: str) -> list[str]:
    """The entries of `name`.txt, without its comments (`# …`) and empty lines."""
    lines = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    return [ESCAPE.sub(_character, line) for line in lines if line and not line.startswith("# ")]


def _character(found: re.Match[str]) -> str:
    byte, unit, letter = found.groups()
    return SHORT[letter] if letter else chr(int(byte or unit, 16))


def long_paths() -> list[str]:
    """Names and ways that are too long for some file system, in letters of one to four bytes."""
    letters = ("x", "é", "商", "🎉x", "e\u0301", "../", "/", "a/", "\\", ". ", "CON.")
    return [letter * size for letter in letters for size in (60, 128, 255, 256, 1100)]
