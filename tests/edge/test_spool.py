"""Pages come back as they were written, and nothing is left of them."""

from __future__ import annotations

import os

import pytest

from runner.edge.spool import Spool
from runner.errors import OurSide


def test_pages_come_back_as_they_were_written(tmp_path):
    """In any order, as often as wanted, and an empty one too."""
    pages = [b"one", b"", os.urandom(200_000)]
    with Spool(tmp_path) as spool:
        assert all(spool.append(page) for page in pages)
        assert len(spool) == 3
        assert [spool.read(number) for number in (2, 0, 1, 0)] == [pages[2], pages[0], pages[1], pages[0]]


def test_nobody_sees_the_file(tmp_path):
    """It has no name while it is used, so nothing is left of it however the process ends."""
    with Spool(tmp_path) as spool:
        assert list(tmp_path.iterdir()) == []
        assert spool.append(b"page")
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_no_more_than_there_is_room_for(tmp_path):
    """A page that does not fit is refused, a smaller one may still be kept, and those before are unharmed."""
    with Spool(tmp_path, room=10) as spool:
        assert [spool.append(page) for page in (b"123456", b"12345", b"1234", b"1")] == [True, False, True, False]
        assert [spool.read(number) for number in range(len(spool))] == [b"123456", b"1234"]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    """Whoever appends is told and does without; there is no error."""
    with Spool(tmp_path / "missing") as spool:
        assert not spool.append(b"page")
        assert len(spool) == 0


def test_a_page_that_is_cut_is_told(tmp_path):
    """A disk that lost what was written is our side's trouble, never a page that looks right."""
    with Spool(tmp_path) as spool:
        assert spool.append(b"page")
        os.ftruncate(spool._file, 2)
        with pytest.raises(OurSide, match="check the disk"):
            spool.read(0)
