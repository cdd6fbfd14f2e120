"""Looks of pictures that are known by name."""

from __future__ import annotations

from pathlib import Path

from runner.edge.blobs import Blobs
from runner.edge.looks import look_of
from runner.edge.sights import MOST_KNOWN, Looks
from tests.job.pictures import draw, saved


def test_a_picture_in_the_store_is_looked_at_once(tmp_path: Path) -> None:
    """What was seen is remembered, though the picture has gone since."""
    blobs = Blobs(tmp_path)
    blob = blobs.put(saved(draw(3)))
    looks = Looks(blobs)
    assert looks(blob.sha256) == look_of(draw(3))
    blobs.path(blob.sha256).unlink()
    assert looks(blob.sha256) == look_of(draw(3))
    assert Looks(blobs)(blob.sha256) is None


def test_an_animation_has_its_frames(tmp_path: Path) -> None:
    """The first is looked at, all are counted."""
    blobs = Blobs(tmp_path)
    blob = blobs.put(saved(draw(3), save_all=True, append_images=[draw(4), draw(5)]))
    look = Looks(blobs)(blob.sha256)
    assert look is not None
    assert (look.frames, look.dhash) == (3, look_of(draw(3)).dhash)


def test_what_is_no_picture_has_no_look(tmp_path: Path) -> None:
    """A text, half a picture, nothing at all."""
    blobs = Blobs(tmp_path)
    looks = Looks(blobs)
    assert looks(blobs.put(b"words").sha256) is None
    assert looks(blobs.put(saved(draw(3))[:300]).sha256) is None
    assert looks("0" * 64) is None


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The oldest is forgotten."""
    looks = Looks(Blobs(tmp_path))
    for number in range(MOST_KNOWN + 5):
        looks(f"{number:064x}")
    assert len(looks._known) == MOST_KNOWN
