"""Finished pictures are made once, found again, and made again where they are lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher, derived
from runner.edge.makings import TABLE
from runner.edge.remaking import remake
from runner.job.finishing import GENERATED, Finishing, Unfinished
from runner.records import Artifact

WISH = Finishing(width=20, height=10, format="jpeg", source_type=GENERATED)


def bought(blobs: Blobs) -> Artifact:
    """A picture in the store."""
    target = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(target, "PNG")
    blob = blobs.put(target.getvalue())
    return Artifact("file", None, None, blob.sha256, blob.size, "image/png", 40, 40)


def test_a_picture_is_finished_once(tmp_path: Path) -> None:
    """What was made is measured, tells what it was made of, and is known to the next finisher without decoding."""
    blobs = Blobs(tmp_path / "blobs")
    source, finisher = bought(blobs), Finisher(blobs)
    assert not finisher.knows([source], WISH)
    [made] = finisher([source], WISH)
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 20, 10)
    assert made.made is not None
    assert (made.made.source, made.made.source_type) == (source.sha256, GENERATED)
    later = Finisher(blobs)
    assert later.knows([source], WISH)
    assert later([source], WISH) == (made,)
    assert list(derived(blobs)) == [(made.sha256, source.sha256)]


def test_what_is_lost_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    """Neither the finished blob nor the note of it is anything but a shortcut."""
    blobs = Blobs(tmp_path / "blobs")
    source = bought(blobs)
    [made] = Finisher(blobs)([source], WISH)
    data = blobs.read(str(made.sha256))
    blobs.path(str(made.sha256)).unlink()
    blobs.lately.take(str(made.sha256))
    [again] = Finisher(blobs)([source], WISH)
    assert (again, blobs.read(str(again.sha256))) == (made, data)
    (tmp_path / "finished" / TABLE).write_bytes(b"torn")
    assert Finisher(blobs)([source], WISH) == (made,)


def test_words_and_what_is_not_here_stay_as_they_are(tmp_path: Path) -> None:
    """Only files whose bytes are in the store are finished."""
    finisher = Finisher(Blobs(tmp_path / "blobs"))
    told = (Artifact("text", text="a"), Artifact("file", sha256="0" * 64))
    assert finisher(told, WISH) == told
    assert not (tmp_path / "finished").exists()


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    """What cannot be decoded raises in words."""
    blobs = Blobs(tmp_path / "blobs")
    blob = blobs.put(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    with pytest.raises(Unfinished):
        Finisher(blobs)([Artifact("file", sha256=blob.sha256, size=blob.size)], WISH)


def test_many_are_finished_as_each_alone(tmp_path: Path) -> None:
    """Marks of a lot, one picture asked for twice, a broken one and one of another size: each gets what it would get by itself."""
    blobs, mark = Blobs(tmp_path / "blobs"), Finishing(source_type=GENERATED)
    source = bought(blobs)
    broken = blobs.put(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    text = Artifact("text", text="a")
    many = [
        ([source], mark),
        ([text, source], mark),
        ([Artifact("file", sha256=broken.sha256, size=broken.size)], WISH),
        ([source], WISH),
    ]
    made = Finisher(blobs).finish_all(many)
    assert isinstance(made[2], str)
    assert [made[1][0], made[1][1:]] == [text, made[0]]
    elsewhere = Blobs(tmp_path / "other" / "blobs")
    elsewhere.put(blobs.read(str(source.sha256)))
    other = Finisher(elsewhere)
    assert [made[0], made[3]] == [other([source], mark), other([source], WISH)]
    marked = made[0][0]
    assert isinstance(marked, Artifact)
    assert (marked.width, marked.height) == (40, 40)
    assert not blobs.has(str(marked.sha256))
    assert len(remake(blobs, marked)) == marked.size
