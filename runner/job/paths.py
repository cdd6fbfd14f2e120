"""Output paths: one allowlist, so that every path works on every file system and none leads out of the output folder.

Text from a feed ends up in paths. What a path may hold is therefore listed, not what it may not: letters, marks and digits of any
script (NFC), spaces and ``-_.()'&,+@``; anything else becomes ``-``, one for one. A leading dot becomes ``-`` too: hidden names are
ours (`.adbatch`, `.retired`). Names that Windows reserves (https://learn.microsoft.com/windows/win32/fileio/naming-a-file) get a
``-``. Cutting a long name appends a digest of the whole, so two long names stay two.

Cleaning merges names (`a:b` and `a?b` are both `a-b`); that two results never meet on one path is checked over the whole plan, by
`fold`, before anything is sent.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

SEGMENT_BYTES: Final = 239
"""File systems take 255 bytes a name; 16 stay free for what is appended later, `-9999` and an extension."""
PATH_BYTES: Final = 1008
"""A whole path takes 1024 bytes, less the same 16."""

PLAIN: Final = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_\-()'&,+@ ]{0,100}(?<! )")
FOREIGN: Final = re.compile(r"[^\w \-.()'&,+@]")
RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?=\.|$)", re.IGNORECASE)
TAKEN: Final = re.compile(r"(?:^results\.jsonl|^manifest\.json|\.(?:avif|gif|jpg|json|mp4|png|txt|webp))$")
"""What a folder is not called, folded: the files we write ourselves, and whatever a file gets that is published beside it."""
OUR_STEMS: Final = frozenset({"manifest", "provenance.intoto"})
"""What a file at the top of the output folder is not called, folded, before its extension: with `.json` it would be ours."""
OURS: Final = "report"
"""What a folder at the top of the output folder is not called, folded: the gallery is there."""
INVISIBLE: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def clean_segment(text: str) -> str:
    """`text` as one name of a path: never empty, never `.` or `..`, at most 239 bytes of UTF-8. Cleaning again changes nothing."""
    if PLAIN.fullmatch(text) and not RESERVED.match(text):
        return text
    name = FOREIGN.sub(_mark_or_dash, INVISIBLE.sub("-", unicodedata.normalize("NFC", text)))
    name = name.strip(" ").rstrip(". ")
    if not name:
        return "-"
    if name.startswith("."):
        name = "-" + name[1:]
    return _cut(RESERVED.sub(r"\1-", name, count=1) if RESERVED.match(name) else name, SEGMENT_BYTES)


def clean_folder(text: str, top: bool = True) -> str:
    """`text` as the name of a folder: never one that a file of ours has or may get, so that no file is in the way of a folder.

    `top` says that it lies in the output folder itself, where one name more is ours.
    """
    name = clean_segment(text)
    folded = fold(name)
    return f"{name}-" if TAKEN.search(folded) or (top and folded == OURS) else name


def clean_path(text: str) -> str:
    """`text` as a relative path: each part between slashes cleaned, empty parts left out, at most 1008 bytes of UTF-8."""
    *folders, name = [part for part in text.split("/") if part.strip()] or [""]
    cleaned = [clean_folder(part, place == 0) for place, part in enumerate(folders)]
    stem = clean_segment(name)
    if not cleaned and fold(stem) in OUR_STEMS:
        stem = f"{stem}-"
    return _cut("/".join([*cleaned, stem]), PATH_BYTES)


def fold(path: str) -> str:
    """The name under which two paths are the same file on some file system: NFC and case-folded (ß is ss, K is k)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _mark_or_dash(match: re.Match[str]) -> str:
    """Combining marks belong to their letters (a Hindi or Thai word is unreadable without); the rest is not on the list."""
    char = match.group()
    return char if unicodedata.category(char) in {"Mn", "Mc"} else "-"


def _cut(name: str, most: int) -> str:
    """`name` within `most` bytes, at a character boundary, a digest of the whole at the end where something was cut."""
    data = name.encode()
    if len(data) <= most:
        return name
    digest = hashlib.sha256(data).hexdigest()[:8]
    kept = data[: most - 9].decode("utf-8", "ignore").rstrip(" ./")
    return f"{kept}-{digest}"
