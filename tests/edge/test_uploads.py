"""A file that is written as it will be sent."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.uploads import Upload
from runner.records import Part

LINE = b'{"custom_id":"a","body":{"prompt":"Gr\xc3\xb6\xc3\x9fe"}}\n'


def test_it_is_the_form_a_browser_would_send(tmp_path: Path) -> None:
    """Text parts first, then the file with every line as it was given; another parser reads the same."""
    blobs = Blobs(tmp_path / "blobs")
    upload = Upload(blobs, [Part("purpose", "batch")])
    for number in range(20_000):
        upload.write(b'{"n":%d}\n' % number)
    upload.write(LINE)
    body = upload.finish()
    data = blobs.read(body.sha256)
    told = message_from_bytes(f"Content-Type: {body.content_type}\r\n\r\n".encode() + data, policy=policy.HTTP)
    purpose, file = told.iter_parts()
    assert (purpose.get_param("name", header="content-disposition"), purpose.get_content().strip()) == ("purpose", "batch")
    assert (file.get_param("name", header="content-disposition"), file.get_filename()) == ("file", "batch.jsonl")
    lines = file.get_payload(decode=True)
    assert isinstance(lines, bytes)
    assert lines.splitlines()[0] == b'{"n":0}'
    assert lines.endswith(b'{"n":19999}\n' + LINE)
    assert upload.size == len(lines)


def test_lines_wait_on_the_disk_not_in_memory(tmp_path: Path) -> None:
    """What is more than a piece is written at once."""
    upload = Upload(Blobs(tmp_path), [])
    for _ in range(40):
        upload.write(b"{" + b" " * 100_000 + b"}\n")
    (torn,) = tmp_path.glob(".torn-*")
    assert torn.stat().st_size > 3_500_000
    upload.abort()
    assert list(tmp_path.iterdir()) == []


def test_what_was_sent_is_forgotten(tmp_path: Path) -> None:
    """The file is made of requests that are all kept elsewhere; to forget it twice is harmless."""
    blobs = Blobs(tmp_path)
    upload = Upload(blobs, [])
    body = upload.finish()
    assert blobs.has(body.sha256)
    upload.discard(body)
    upload.discard(body)
    assert not blobs.has(body.sha256)


def test_two_files_never_share_a_boundary(tmp_path: Path) -> None:
    """Nor could a line be taken for one: JSON begins with no dash."""
    one, two = (Upload(Blobs(tmp_path), []).finish().content_type for _ in range(2))
    assert one != two
    assert len(one.partition("boundary=")[2]) <= 70


def test_nothing_is_added_after_the_end(tmp_path: Path) -> None:
    """A finished file stays as it was sent."""
    upload = Upload(Blobs(tmp_path), [])
    upload.finish()
    with pytest.raises(ValueError, match="has ended"):
        upload.write(b"x" * 300_000)
