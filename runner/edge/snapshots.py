"""Feeds, held still: a run reads a copy named by its content, so a feed rewritten in the middle of it changes nothing.

A feed is a file, a glob or an https address. Each file is copied into the state folder as `<sha256><suffix>` while it is hashed;
the name for messages stays the one the user knows. Local feeds must lie below one of the allowed folders (the project, usually),
links resolved: the rows of a job from a pull request are sent to vendors, so it must not name `/etc/passwd` or a key file. A link
that answers with an HTML page and status 200 is a login page, not a feed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from runner.edge.blobs import Sink
from runner.edge.inputs import LFS
from runner.errors import Complaint, Invalid, OurSide
from runner.frozen import frozen
from runner.records import Blob, NoAnswer, Reply

PIECE: Final = 1 << 20
MOST_FILES: Final = 10_000
MOST_SHOWN: Final = 200
_SUFFIX: Final = re.compile(r"(?:\.[a-z0-9]{1,8})?(?:\.gz)?", re.IGNORECASE)
_TYPES: Final[Mapping[str, str]] = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/rss+xml": ".xml",
    "application/atom+xml": ".xml",
    "application/rdf+xml": ".xml",
}
"""What a media type says about a link whose path has no telling suffix."""

Download: TypeAlias = Callable[[str, Sink], Awaitable[Reply]]
"""`Transport.download`: a URL into a sink, as an `Answer` with `blob` where it was 2xx."""


@frozen
class Snapshot:
    """Copies of a feed's files in the state folder.

    `names` are what messages call them, in the same order. `sha256` is that of the one file, or of the list of all their digests
    (one in hex a line) where there are several; `size` counts the bytes of all. `origin` keeps `url`, `etag` and `last-modified`
    of a download.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    sha256: str
    size: int
    origin: Mapping[str, str] = field(default_factory=dict)


async def take_snapshot(spec: str, base: Path, allowed: Sequence[Path], feeds: Path, download: Download) -> Snapshot:
    """Copy what `spec` names, relative to the folder `base`, into `feeds`.

    Raises `Invalid` where there is nothing, or nothing that may be read; `OurSide` when the disk fails.
    """
    if "://" in spec:
        return await _download(spec, feeds, download)
    return await asyncio.to_thread(_copy_all, spec, base, allowed, feeds)


def find_files(spec: str, base: Path, allowed: Sequence[Path]) -> list[Path]:
    """The files that a path or a glob means, sorted by name. Raises `Invalid` as `take_snapshot` does."""
    try:
        return _find(spec, base, allowed)
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, a NUL character, a folder that is closed
        raise _invalid(f"{spec[:MOST_SHOWN]} cannot be looked for ({getattr(error, 'strerror', None) or error})") from error


def _find(spec: str, base: Path, allowed: Sequence[Path]) -> list[Path]:
    exact = base / spec
    paths = [exact] if exact.exists() else sorted(_glob(spec, base))
    files = [path for path in paths if path.is_file()]
    if not files:
        what = "is a folder; name its files, as in " + posixpath.join(spec, "*.csv") if exact.is_dir() else "matches no file"
        raise _invalid(f"{spec} {what} (looked in {base})")
    if len(files) > MOST_FILES:
        raise _invalid(f"{spec} matches {len(files)} files; at most {MOST_FILES} are read")
    fences = [fence.resolve() for fence in allowed]
    for path in files:
        if not any(path.resolve().is_relative_to(fence) for fence in fences):
            raise _invalid(
                f"{path} lies outside {fences[0]}; a feed is read from inside the project: move it there or use https://"
            )
    return files


def _glob(spec: str, base: Path) -> Iterator[Path]:
    parts = PurePosixPath(spec).parts
    plain = next((index for index, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    if plain == len(parts):
        return iter(())
    return base.joinpath(*parts[:plain]).glob("/".join(parts[plain:]))


def _copy_all(spec: str, base: Path, allowed: Sequence[Path], feeds: Path) -> Snapshot:
    files = find_files(spec, base, allowed)
    copies = [_copy(path, feeds) for path in files]
    names = tuple(spec if path == base / spec else os.path.relpath(path, base) for path in files)
    return _snapshot([path for path, _ in copies], names, [blob for _, blob in copies])


def _copy(path: Path, feeds: Path) -> tuple[Path, Blob]:
    suffix = _suffix(path.name)
    try:
        with path.open("rb") as file, Sink(feeds, lambda sha256: feeds / f"{sha256}{suffix}") as sink:
            while piece := file.read(PIECE):
                if sink.size == 0 and piece.startswith(LFS):
                    raise _invalid(f"{path.name} is a Git LFS pointer, not the feed itself; run: git lfs pull")
                sink.write(piece)
            blob = sink.finish()
    except OSError as error:
        raise OurSide(f"{path}: the feed cannot be read ({error.strerror})") from error
    return feeds / f"{blob.sha256}{suffix}", blob


async def _download(url: str, feeds: Path, download: Download) -> Snapshot:
    try:
        name = posixpath.basename(unquote(urlsplit(url).path)) or url
    except ValueError as error:
        raise _invalid(f"{_shown(url)}: not a URL ({error})") from error
    suffix = _suffix(name)
    with Sink(feeds, feeds.joinpath) as sink:
        reply = await download(url, sink)
    if isinstance(reply, NoAnswer):
        raise _invalid(f"{_shown(url)}: the feed could not be downloaded: {reply.why}")
    if not 200 <= reply.status < 300 or reply.blob is None:
        raise _invalid(f"{_shown(url)}: the feed's server answered {reply.status}")
    path = feeds / reply.blob.sha256
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if _is_page(reply.body):
        path.unlink(missing_ok=True)
        raise _invalid(f"{_shown(url)}: an HTML page came instead of a feed; does the link need a login?")
    if suffix not in _known_suffixes():
        suffix = _TYPES.get(media_type, "")
    path = await asyncio.to_thread(path.replace, path.with_name(path.name + suffix))
    told = {"url": _shown(url)} | {key: reply.headers[key] for key in ("etag", "last-modified") if key in reply.headers}
    return _snapshot([path], (_shown(url),), [reply.blob], told)


def _snapshot(files: list[Path], names: tuple[str, ...], blobs: list[Blob], origin: Mapping[str, str] | None = None) -> Snapshot:
    digests = [blob.sha256 for blob in blobs]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    return Snapshot(tuple(files), names, whole, sum(blob.size for blob in blobs), origin or {})


def _suffix(name: str) -> str:
    """The ending that tells a format, lower case, with `.gz` after it where it is there: `.csv`, `.xml.gz`."""
    endings = "".join(Path(name).suffixes[-2:] if name.lower().endswith(".gz") else Path(name).suffixes[-1:]).lower()
    return endings if _SUFFIX.fullmatch(endings) else ""


def _known_suffixes() -> set[str]:
    plain = {*_TYPES.values(), ".rss", ".atom", ".rdf", ".txt", ".parquet", ".xlsx", ".ndjson"}
    return plain | {f"{suffix}.gz" for suffix in plain} | {".gz"}


def _is_page(head: bytes) -> bool:
    return head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def _shown(url: str) -> str:
    """The URL without its query, which may hold a key."""
    return url.partition("?")[0]


def _invalid(message: str) -> Invalid:
    return Invalid([Complaint(message, "feed.path")])
