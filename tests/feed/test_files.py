from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import Complaint, Invalid, OurSide
from runner.feed.files import load_bytes, load_head, load_line, load_text, reading, text_encoding
from runner.feed.source import ROW_CAP, Source

Feed = Callable[..., Source]


def read(source: Source) -> list[str]:
    """All lines of the feed's first file, or Invalid in words."""
    member = source.members()[0]
    with reading(member), load_text(member) as file:
        return list(file)


def fault(source: Source) -> Complaint:
    """What is wrong with the text of the feed's first file."""
    with pytest.raises(Invalid) as raised:
        read(source)
    [complaint] = raised.value.complaints
    return complaint


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a"])
def test_gzip_is_told_by_content_whatever_the_name(feed: Feed, name: str) -> None:
    """A compressed file is read under any name, and an uncompressed one under a name that says gzip."""
    for content in (b"id\n1\n", gzip.compress(b"id\n1\n", mtime=0)):
        member = feed(name, content).members()[0]
        with load_bytes(member) as file:
            assert file.read() == b"id\n1\n"
        assert load_head(member) == b"id\n1\n"


def test_lines_end_in_lf_crlf_or_cr_alone(feed: Feed) -> None:
    """All three ends make lines, also mixed in one file, and are kept."""
    assert read(feed("a", b"a\nb\r\nc\rd")) == ["a\n", "b\r\n", "c\r", "d"]


@pytest.mark.parametrize("encoding", [None, "utf-8", "UTF8", "utf-8-sig"])
def test_a_byte_order_mark_is_never_text(feed: Feed, encoding: str | None) -> None:
    """UTF-8 with a mark reads like UTF-8 without, also where the job says plain utf-8."""
    assert read(feed("a", b"\xef\xbb\xbfid\n", encoding=encoding)) == ["id\n"]


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "Käse"), ("cp1251", "Сыр"), ("utf-16", "Käse Сыр"), ("utf-16-le", "ab")]
)
def test_other_encodings_are_read_when_named(feed: Feed, encoding: str, text: str) -> None:
    """The option decides, and the zero bytes of UTF-16 are no NULs."""
    assert read(feed("a", text.encode(encoding), encoding=encoding)) == [text]
    assert text_encoding(encoding) == encoding


@pytest.mark.parametrize("before", [b"", b"x" * 9000 + b"\r\n", b"a\rb\nc\r\n" * 3000])
def test_a_byte_that_does_not_decode_is_found(feed: Feed, before: bytes) -> None:
    """The complaint names line, column, byte and remedy, wherever the decoder's chunks end."""
    complaint = fault(feed("a.csv", before + "é,".encode() + b"K\xe4se\n"))
    assert complaint.place is not None
    assert complaint.place.line == len(before.decode().splitlines()) + 1
    assert complaint.place.column == 4
    assert complaint.path == "feed.encoding"
    assert complaint.message == "byte 0xE4 is not utf-8; if it was saved in another encoding, say so: `encoding: latin-1`"


def test_utf_16_is_recognised_by_its_mark(feed: Feed) -> None:
    """A UTF-16 file read as UTF-8 is told from a latin-1 one."""
    complaint = fault(feed("a.csv", "id\n1\n".encode("utf-16")))
    assert complaint.message.endswith("it was saved as UTF-16, write `encoding: utf-16`")


def test_a_broken_byte_in_a_wide_encoding_has_no_place(feed: Feed) -> None:
    """Where no second look can step over the byte, the complaint stands at the file's beginning."""
    complaint = fault(feed("a.csv", "id\n".encode("utf-16") + b"\x00\xd8\x41\x00", encoding="utf-16"))
    assert complaint.place is not None
    assert (complaint.place.line, complaint.place.column) == (1, 1)
    assert "is not utf-16" in complaint.message


@pytest.mark.parametrize(("encoding", "words"), [("utf-16", "does not start with BOM"), ("punycode", "Invalid")])
def test_a_codec_that_fails_in_its_own_way_is_a_complaint(feed: Feed, encoding: str, words: str) -> None:
    """Codecs have errors without a byte to point at; these end in words too."""
    complaint = fault(feed("a.csv", "id,b\n1,2\n", encoding=encoding))
    assert words in complaint.message
    assert complaint.path == "feed.encoding"


def test_a_byte_far_along_an_endless_line_is_found(feed: Feed) -> None:
    """In a minified document the column is counted over all of its one line."""
    member = feed("a.json", b"[" + b" " * (ROW_CAP + 10) + b"\xe4\n]").members()[0]
    with pytest.raises(Invalid) as raised, reading(member), load_text(member, in_lines=False) as file:
        list(iter(lambda: file.read(1 << 20), ""))
    place = raised.value.complaints[0].place
    assert place is not None
    assert (place.line, place.column) == (1, ROW_CAP + 12)


@pytest.mark.parametrize("content", [b"id\n1\n2\x003\n", gzip.compress(b"id\n1\n2\x003\n", mtime=0)])
def test_a_nul_byte_is_found(feed: Feed, content: bytes) -> None:
    """A NUL is named by line and column, in plain and compressed files."""
    complaint = fault(feed("a.csv", content))
    assert complaint.place is not None
    assert (complaint.place.line, complaint.place.column) == (3, 2)
    assert complaint.message.startswith("holds a NUL byte")


def test_a_line_without_end_is_refused_before_it_fills_the_memory(feed: Feed) -> None:
    """Even a small gzip file that unfolds into one endless line is stopped at the cap."""
    bomb = gzip.compress(b"id\n" + b"x" * (ROW_CAP + 100_000), mtime=0)
    assert len(bomb) < 100_000
    complaint = fault(feed("a.csv", bomb))
    assert complaint.place is not None
    assert complaint.place.line == 2
    assert complaint.message == "this line has more than 8 MiB; is this a feed of the format said?"


@pytest.mark.parametrize("cut", [20, -9])
def test_a_cut_off_gzip_says_so(feed: Feed, cut: int) -> None:
    """A download that ended early is no traceback."""
    packed = gzip.compress(b"".join(b"%d,mug\n" % number for number in range(5000)))
    assert "is a damaged or cut-off gzip file" in fault(feed("a.csv.gz", packed[:cut])).message


def test_a_damaged_gzip_says_so(feed: Feed) -> None:
    """Flipped bytes inside the stream are found."""
    packed = bytearray(gzip.compress(b"".join(b"%d,mug\n" % number for number in range(5000))))
    packed[200:210] = b"\xff" * 10
    assert "is a damaged or cut-off gzip file" in fault(feed("a.csv.gz", bytes(packed))).message


def test_an_absent_file_and_a_folder_are_complaints(tmp_path: Path) -> None:
    """What `path` names must be a file."""
    for path in (tmp_path / "absent.csv", tmp_path):
        complaint = fault(Source((path,)))
        assert complaint.path == "feed.path"
        assert "cannot be read" in complaint.message


def test_a_failing_disk_is_our_side(feed: Feed) -> None:
    """An error of the machine is not called a mistake of the feed."""
    member = feed("a.csv", "id\n").members()[0]
    with pytest.raises(OurSide, match=r"a\.csv: reading failed: Input/output error; check the disk"), reading(member):
        raise OSError(5, "Input/output error")


def test_a_line_can_be_looked_up(feed: Feed) -> None:
    """The line of a bad file is shown with its unreadable bytes as escapes; beyond the end there is none."""
    member = feed("a.csv", b"a\nK\xe4se\n").members()[0]
    assert load_line(member, 2) == "K\\xe4se\n"
    assert load_line(member, 9) == ""


def test_files_are_closed_with_their_text(feed: Feed) -> None:
    """Closing the text closes what lies below it, compressed or not."""
    for content in (b"id\n", gzip.compress(b"id\n", mtime=0)):
        file = load_text(feed("a", content).members()[0])
        assert isinstance(file, io.TextIOWrapper)
        assert file.buffer.name == "a"
        file.close()
        assert file.buffer.closed


def test_a_tar_is_not_taken_for_text(feed: Feed, tmp_path: Path) -> None:
    """An archive given as a feed is refused for its NULs, not read as a strange CSV."""
    (tmp_path / "inner.csv").write_text("id\n1\n")
    with tarfile.open(tmp_path / "feed.tar", "w") as archive:
        archive.add(tmp_path / "inner.csv", "inner.csv")
    assert "NUL byte" in fault(Source((tmp_path / "feed.tar",))).message
