"""A feed's bytes and text: gzip undone, decoded, in lines of bounded length, with the place named where that fails.

Whether a file is gzip is told by its first two bytes and not by its name: servers undo the compression of a `.gz` on the way, and a
snapshot may have any name. Lines end in LF, CRLF or CR alone (old Mac exports), mixed as they come.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TextIO

from runner.errors import Invalid, OurSide
from runner.feed.source import ROW_CAP, Member

GZIP_MAGIC: Final = b"\x1f\x8b"
HEAD: Final = 4096


def load_bytes(member: Member) -> gzip.GzipFile | io.BufferedReader:
    """The file's bytes, decompressed where it is gzip. The caller closes it."""
    with member.path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    return gzip.open(member.path, "rb") if packed else member.path.open("rb")


def load_text(member: Member, errors: str = "strict", *, in_lines: bool = True) -> TextIO:
    """The file's text with its line ends as they are. The caller closes it.

    Reading it raises Invalid at a NUL, which no text feed has, and at a line longer than ROW_CAP where the format is one of lines
    (`in_lines`). With `errors` other than `strict`, for a second look at a bad file, nothing is checked.
    """
    encoding = text_encoding(member.source.encoding)
    stream = load_bytes(member)
    if errors == "strict":
        return io.TextIOWrapper(_Checked(member, stream, in_lines), encoding, newline="")
    return io.TextIOWrapper(stream, encoding, errors, newline="")


class _Checked(io.BufferedIOBase):
    """A text file's bytes, looked over a chunk at a time: a look at each line would cost as much as reading it."""

    def __init__(self, member: Member, stream: gzip.GzipFile | io.BufferedReader, in_lines: bool) -> None:
        self._member = member
        self._stream = stream
        self._in_lines = in_lines
        self._wide = codecs.lookup(text_encoding(member.source.encoding)).name.startswith(("utf-16", "utf-32"))
        self._lines = 0
        self._since_end = 0

    @property
    def name(self) -> str:
        """What people know the file by."""
        return self._member.name

    def readable(self) -> bool:
        """Always."""
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """The next chunk, which is all that reading lines or stretches of text asks for."""
        chunk = self._stream.read1(size)
        if not self._wide and b"\0" in chunk:
            line, column = _find(self._member, "\0")
            remedy = _advise(self._member, "the file is not text, or it needs `encoding: utf-16`")
            raise self._member.invalid(line, f"holds a NUL byte: {remedy}", column)
        if b"\n" in chunk or b"\r" in chunk:
            self._lines += chunk.count(b"\n")
            self._since_end = 0
        else:
            self._since_end += len(chunk)
            if self._since_end > ROW_CAP and self._in_lines:
                message = f"this line has more than {ROW_CAP >> 20} MiB; is this a feed of the format said?"
                raise self._member.invalid(self._lines + 1, message)
        return chunk

    def close(self) -> None:
        """Close the file below."""
        self._stream.close()
        super().close()


def load_head(member: Member) -> bytes:
    """The first few kilobytes, decompressed."""
    with load_bytes(member) as file:
        return file.read(HEAD)


def text_encoding(option: str | None) -> str:
    """The codec to use: a byte order mark is never part of the text, also where the user wrote plain `utf-8`."""
    if option is None or codecs.lookup(option).name == "utf-8":
        return "utf-8-sig"
    return option


@contextmanager
def reading(member: Member) -> Iterator[None]:
    """What can go wrong with any file while it is read, put into words."""
    try:
        yield
    except UnicodeError as error:
        raise _undecodable(member, error) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise member.invalid(1, f"is a damaged or cut-off gzip file ({error}); fetch it again") from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise member.invalid(1, f"cannot be read: {error.strerror}; check `path`", path="feed.path") from error
    except OSError as error:
        raise OurSide(f"{member.name}: reading failed: {error.strerror or error}; check the disk") from error


def load_line(member: Member, number: int) -> str:
    """Line `number` for people to look at: unreadable bytes are shown as such, an absent line is empty, an endless one cut."""
    with load_text(member, "backslashreplace") as file:
        return next((piece for line, _, piece in _read_pieces(file) if line == number), "")


def _read_pieces(file: TextIO) -> Iterator[tuple[int, int, str]]:
    """The lines, very long ones in pieces: each with its 1-based line and how many characters of the line came before."""
    line, before = 1, 0
    for piece in iter(partial(file.readline, ROW_CAP), ""):
        yield line, before, piece
        ended = piece.endswith(("\n", "\r"))
        line, before = line + ended, 0 if ended else before + len(piece)


def _undecodable(member: Member, error: UnicodeError) -> Invalid:
    """The complaint about bytes that are not text, found by a second look: the decoder itself counts from its last chunk."""
    encoding = member.source.encoding or "utf-8"
    line, column = _find(member)
    remedy = _advise(member, "if it was saved in another encoding, say so: `encoding: latin-1`")
    what = f"byte 0x{error.object[error.start]:02X} is not {encoding}" if isinstance(error, UnicodeDecodeError) else str(error)
    return member.invalid(line, f"{what}; {remedy}", column, path="feed.encoding")


def _advise(member: Member, otherwise: str) -> str:
    """What to do about unreadable bytes: a mark at the beginning tells UTF-16."""
    marked = load_head(member)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "it was saved as UTF-16, write `encoding: utf-16`" if marked else otherwise


def _find(member: Member, character: str = "") -> tuple[int, int]:
    """Line and column of the first such character, or of the first byte that does not decode.

    (1, 1) where it cannot be told: encodings of several bytes have no way to step over a broken one.
    """
    with load_text(member, "surrogateescape") as file:
        try:
            for line, before, piece in _read_pieces(file):
                if character in piece if character else not piece.isascii():
                    found = (at for at, sign in enumerate(piece, 1) if sign == character or "\udc80" <= sign <= "\udcff")
                    if at := next(found, 0):
                        return line, before + at
        except UnicodeError:
            return 1, 1
    return 1, 1
