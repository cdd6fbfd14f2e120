"""Which reader reads what: the registry of formats, and telling a file's format from its name or its first bytes.

To add a format: one file with a reader, one line in READERS, its suffixes in SUFFIXES.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

import orjson

from runner.errors import Complaint, Invalid
from runner.feed.delimited import read_csv, read_tsv
from runner.feed.files import load_head, reading
from runner.feed.json_array import read_json
from runner.feed.json_lines import read_json_lines
from runner.feed.source import Blame, Member, Reader, Record, Source


def _read_merchant(member: Member, blame: Blame) -> Iterator[Record]:
    from runner.feed.merchant import read_merchant  # noqa: PLC0415 - parsers of XML are for feeds in XML

    return read_merchant(member, blame)


READERS: Final[Mapping[str, Reader]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "json": read_json,
    "jsonl": read_json_lines,
    "merchant": _read_merchant,
}
SUFFIXES: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "merchant",
    ".rss": "merchant",
    ".atom": "merchant",
    ".rdf": "merchant",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
EXTRAS: Final = ("parquet", "xlsx")
"""Formats we know by name and read only with an extra installed."""

MAGICS: Final = ((b"PAR1", "parquet"), (b"PK\x03\x04", "xlsx"), (b"<", "merchant"), (b"[", "json"))
TABULAR: Final = ("csv", "tsv")
WRAPPED: Final = re.compile(rb'\{\s*"[^"]*"\s*:\s*\[\s*\{')
HTML: Final = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
LEADING: Final = b"\xef\xbb\xbf \t\r\n"


def choose_reader(source: Source) -> Reader:
    """The one reader for all files of a feed. Raises Invalid where they differ, or none fits."""
    chosen = [(member, detect_format(member)) for member in source.members()]
    first, name = chosen[0]
    for member, other in chosen:
        if other != name:
            message = f"reads as {other}, but {first.name} as {name}; a feed has one format: name it with `format:`"
            raise member.invalid(1, message, path="feed.format")
    if name in EXTRAS:
        raise first.invalid(1, f"reading {name} needs: pip install adbatch[feeds]", path="feed.format")
    unused = [option for option in ("delimiter", "header_line") if getattr(source, option) is not None]
    if unused and name not in TABULAR:
        raise Invalid([Complaint(f"means nothing in a {name} feed; leave it out", f"feed.{option}") for option in unused])
    return READERS[name]


def detect_format(member: Member) -> str:
    """The format the source says, else the file name's, else the content's. Raises Invalid for a web page."""
    with reading(member):
        head = load_head(member).lstrip(LEADING)
    if HTML.match(head):
        raise member.invalid(1, "is a web page (HTML), not a feed; does its address ask for a login?", path="feed.path")
    if member.source.format != "auto":
        return member.source.format
    return SUFFIXES.get(_suffix(member.name)) or SUFFIXES.get(_suffix(member.path.name)) or sniff_format(head)


def sniff_format(head: bytes) -> str:
    """The format of these first bytes (without mark and space before them); what nothing else claims is CSV."""
    for magic, name in MAGICS:
        if head.startswith(magic):
            return name
    line = head.partition(b"\n")[0]
    if line.startswith(b"{"):
        return "json" if WRAPPED.match(head) or not _complete(line, head) else "jsonl"
    return "tsv" if line.count(b"\t") > line.count(b",") else "csv"


def _complete(line: bytes, head: bytes) -> bool:
    """Whether the first line is an object by itself, or too long to tell, as rows of JSONL may be."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return line == head
    return True


def _suffix(name: str) -> str:
    """`.csv` of `products.csv.gz` and of `https://shop.example/products.csv?lang=de`."""
    path = PurePosixPath((urlsplit(name).path if "://" in name else name).lower())
    return PurePosixPath(path.stem).suffix if path.suffix == ".gz" else path.suffix
