from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Invalid
from runner.feed.formats import READERS, SUFFIXES, choose_reader, detect_format, sniff_format
from runner.feed.source import Source

Feed = Callable[..., Source]


def fault(source: Source) -> str:
    """Why no reader fits."""
    with pytest.raises(Invalid) as raised:
        choose_reader(source)
    return "; ".join(complaint.message for complaint in raised.value.complaints)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_the_name_tells_the_format(feed: Feed, suffix: str) -> None:
    """Every known suffix counts, in any case, before `.gz`, and in an address with a query."""
    for name in (f"a{suffix}", f"a.b{suffix.upper()}", f"a{suffix}.gz"):
        assert detect_format(feed(name, "?").members()[0]) == SUFFIXES[suffix]
    address = replace(feed("blob", "?"), names=(f"https://shop.example/feeds/all{suffix}?lang=de&v=1.0",))
    assert detect_format(address.members()[0]) == SUFFIXES[suffix]


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"", "csv"),
        (b"id,title\n1,a\tb\n", "csv"),
        (b"id\ttitle\n", "tsv"),
        (b"<?xml version='1.0'?>", "merchant"),
        (b"<rss>", "merchant"),
        (b'[{"id": 1}]', "json"),
        (b'{"id": 1}\n{"id": 2}\n', "jsonl"),
        (b'{"id": 1}', "jsonl"),
        (b'{"id": "' + b"x" * 4000, "jsonl"),
        (b'{\n "products": [', "json"),
        (b'{"products": [{"id": 1}, {"id": 2', "json"),
        (b'{ "products" : [ {"id": 1}]}', "json"),
        (b"PAR1\x15\x04", "parquet"),
        (b"PK\x03\x04\x14", "xlsx"),
    ],
)
def test_the_first_bytes_tell_the_format(feed: Feed, head: bytes, format: str) -> None:
    """A file without a telling name is known by its content, compressed or not, behind a mark or spaces."""
    assert sniff_format(head) == format
    for content in (head, b"\xef\xbb\xbf\r\n" + head, gzip.compress(head)):
        assert detect_format(feed("snapshot", content).members()[0]) == format


def test_the_job_has_the_last_word(feed: Feed) -> None:
    """A format the job names is not questioned."""
    assert detect_format(feed("a.csv", "[]", format="json").members()[0]) == "json"
    for name, reader in READERS.items():
        assert choose_reader(feed("a.txt", "?", format=name)) is reader


@pytest.mark.parametrize("page", ["<!doctype html><p>Sign in", "\n<!DOCTYPE HTML PUBLIC>", "<html lang=de>", "<HTML>"])
def test_a_web_page_is_no_feed(feed: Feed, page: str) -> None:
    """A login page saved as a feed is recognised whatever its name says."""
    for options in ({}, {"format": "csv"}):
        assert fault(feed("a.csv", page, **options)) == "is a web page (HTML), not a feed; does its address ask for a login?"


@pytest.mark.parametrize("name", ["parquet", "xlsx"])
def test_formats_of_an_extra_say_what_to_install(feed: Feed, name: str) -> None:
    """Parquet and Excel are known by name and answered with the remedy."""
    assert fault(feed(f"a.{name}", "?")) == f"reading {name} needs: pip install adbatch[feeds]"


def test_all_files_have_one_format(feed: Feed) -> None:
    """A glob that catches a CSV and a JSON file is refused, naming both."""
    first, second = feed("a.csv", "id\n"), feed("b.json", "[]")
    both = Source(first.files + second.files, ("a.csv", "b.json"))
    assert fault(both) == "reads as json, but a.csv as csv; a feed has one format: name it with `format:`"


@pytest.mark.parametrize(
    ("options", "count"), [({"delimiter": ";"}, 1), ({"header_line": 2}, 1), ({"delimiter": ";", "header_line": 2}, 2), ({}, 0)]
)
def test_options_of_tables_are_refused_elsewhere(feed: Feed, options: dict[str, Any], count: int) -> None:
    """A delimiter or header line means nothing in JSON, and silence would hide a misunderstanding."""
    choose_reader(feed("a.csv", "id\n", **options))
    if count:
        assert fault(feed("a.json", "[]", **options)).count("means nothing in a json feed; leave it out") == count
    else:
        choose_reader(feed("a.json", "[]", **options))


def test_an_absent_file_is_a_complaint(tmp_path: Path) -> None:
    """Looking at a file that is not there is the job's mistake."""
    assert "cannot be read: No such file or directory" in fault(Source((tmp_path / "absent",)))
