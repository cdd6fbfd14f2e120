"""Keys that were written into a file: refused before anything else of the file is read, and never repeated.

Two signs tell a key: a beginning that only keys have (`sk-…`, `AKIA…`, `ghp_…`), wherever it stands, a comment included; or a long
run of random characters under a name such as `api_key`. The text is searched, not its values, so no other mistake of the file can
quote what was found first. Digests, colours, addresses and names of variables are no keys.

The shapes are those that scanners for leaked keys look for (gitleaks, detect-secrets, GitHub's secret scanning).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from runner.errors import Complaint, Place

REMEDY: Final = (
    "take it out, have the vendor replace it if this file was ever shared, and write {env: NAME} or {file: PATH} instead"
)

_MARKED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|vk|rk)[-_](?:[a-z]{2,10}[0-9]{0,2}[-_]){0,2}(?=[A-Za-z_]{0,60}[0-9])[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|gh[opusr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|r8_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_.-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r")"
)
"""What begins as only keys do. Behind `sk-` must stand a digit, or it might be the name of a product."""

_NAMED: Final = re.compile(
    r"""(?<![A-Za-z])(?:api|access|private|secret|auth)?(?:key|token|secret|password|passwd|authorization|credentials?)"""
    r"""["']?[ \t]*[:=][ \t]*["']?(?:(?:Bearer|Basic|Token)[ \t]+)?(?P<value>[A-Za-z0-9+/_=.-]{20,})""",
    re.IGNORECASE,
)
_SIGNS: Final = (
    *(f"{name}{dash}" for name in ("sk", "vk", "rk") for dash in "-_"),
    *(f"gh{sort}_" for sort in "opusr"),
    *("AKIA", "ASIA", "github_pat_", "glpat-", "xox", "AIza", "hf_", "r8_", "eyJ", "-----BEGIN"),
)
"""Without any of these a text holds nothing of `_MARKED`: looking for plain texts is ten times as fast."""
_NAMES: Final = ("key", "token", "ecret", "word", "wd", "author", "cred")
"""The same for `_NAMED`, in lower case, and of each name a part without s and i, which `re` takes for foreign letters too."""
_NUMBER: Final = re.compile(r"[0-9a-fA-F]{32,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUN: Final = re.compile(r"[A-Za-z0-9+/]{20,}")
_MIXED: Final = (re.compile("[0-9]"), re.compile("[a-z]"), re.compile("[A-Z]"))


def find_literals(text: str, file: str) -> list[Complaint]:
    """A complaint for every line of `text` that seems to hold a key, its place told and the key starred out."""
    if not (_has_sign(text) and _MARKED.search(text)) and not (_has_name(text) and _NAMED.search(text)):
        return []
    lines = enumerate(text.splitlines(), 1)
    return [
        _complaint(Place(file, number, spans[0][0] + 1, _star(line, spans))) for number, line in lines if (spans := _spans(line))
    ]


def _has_sign(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def _has_name(text: str) -> bool:
    low = text.lower()
    return any(name in low for name in _NAMES)


def _spans(line: str) -> list[tuple[int, int]]:
    return sorted([*(match.span() for match in _MARKED.finditer(line)), *_named_spans(line)])


def _named_spans(line: str) -> Iterator[tuple[int, int]]:
    for match in _NAMED.finditer(line):
        if _looks_random(match["value"]):
            yield match.span("value")


def _looks_random(value: str) -> bool:
    """A long hexadecimal number, a UUID, or twenty characters of base64 in a row, of all three sorts."""
    runs = _RUN.findall(value)
    return bool(_NUMBER.search(value)) or any(all(kind.search(run) for kind in _MIXED) for run in runs)


def _star(line: str, spans: list[tuple[int, int]]) -> str:
    for first, last in spans:
        line = line[:first] + "*" * (last - first) + line[last:]
    return line


def _complaint(place: Place) -> Complaint:
    return Complaint(f"this looks like a key, and a key is never written into a file; {REMEDY}", "", place)
