"""No file of a vendor does more than take its place or be refused: bounded in time and memory, never active in a browser."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.inputs import InputFiles
from runner.edge.media import Bad, Media, inspect
from runner.results import EXTENSIONS
from tests.hostile.memory import growth
from tests.hostile.pace import slowness
from tests.hostile.pictures import FORMATS, bombs, box, damaged, draw, dressed, film, plain

ACTIVE = {"svg", "html", "htm", "xhtml", "xml", "pdf", "js", "swf", "mht", "hta"}
SECONDS = 2.0
BOMBS, DRESSED, DAMAGED = bombs(), dressed(), damaged()


def look(folder: Path, data: bytes) -> Media | Bad:
    """Inspect `data` as a file without a telling name."""
    path = folder / "file"
    path.write_bytes(data)
    return inspect(path)


def test_the_corpus_is_as_large_as_it_was_meant_to_be() -> None:
    """A hundred files at the least, of each kind some."""
    assert len(BOMBS) >= 20
    assert len(DRESSED) >= 30
    assert len(DAMAGED) >= 100


def test_nothing_published_is_active() -> None:
    """The extensions there are hold nothing that a browser would run."""
    assert not ACTIVE & set(EXTENSIONS.values())


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_goes_off(tmp_path: Path, name: str) -> None:
    """Each is refused within two seconds of work and 250 MB, which is what the largest honest picture takes."""
    data = BOMBS[name]()
    began = time.thread_time()
    with growth() as grown:
        found = look(tmp_path, data)
    assert isinstance(found, Bad)
    assert time.thread_time() - began < SECONDS * slowness()
    assert grown.bytes < 250 << 20


@pytest.mark.parametrize("name", DRESSED)
def test_nothing_is_taken_for_what_it_is_not(tmp_path: Path, name: str) -> None:
    """A stranger is refused in words; a picture with something hidden in it stays a picture, with its own extension."""
    found = look(tmp_path, DRESSED[name]())
    if isinstance(found, Media):
        assert name.startswith(("page after a ", "zip after a ", "a page in a "))
        assert EXTENSIONS[found.media_type] == found.ext
        assert found.ext not in ACTIVE
    else:
        assert found.why
        assert "<script" not in found.why


@pytest.mark.parametrize("name", ["page", "svg", "xml", "pdf", "zip", "json", "script"])
@pytest.mark.parametrize("ext", ["png", "jpg", "svg", "html"])
def test_no_file_of_the_project_is_sent_as_a_picture_it_is_not(tmp_path: Path, name: str, ext: str) -> None:
    """An input picture that is none is refused by its content, whatever it is called."""
    (tmp_path / f"in.{ext}").write_bytes(DRESSED[name]())
    with pytest.raises(ValueError, match="is not a picture"):
        InputFiles(tmp_path, tmp_path)(f"in.{ext}")


def test_damaged_files_are_refused_or_whole(tmp_path: Path) -> None:
    """Hundreds of cuts and flips: refused in words or decoded to the end, never an exception; what is cut is never whole."""
    began = time.thread_time()
    with growth() as grown:
        for name, make in DAMAGED.items():
            found = look(tmp_path, make())
            assert isinstance(found, Bad) or " cut at " not in name, name
            assert not isinstance(found, Bad) or found.why
    assert time.thread_time() - began < 20
    assert grown.bytes < 250 << 20


@pytest.mark.parametrize("decoder", FORMATS)
def test_honest_pictures_pass(tmp_path: Path, decoder: str) -> None:
    """Positive control: small and large, still and moving, long banners and plain ones."""
    assert isinstance(look(tmp_path, draw(decoder, (970, 90))), Media)
    assert isinstance(look(tmp_path, plain(decoder, (2000, 1500))), Media)
    assert isinstance(look(tmp_path, film()), Media)
    if decoder != "JPEG":
        assert isinstance(look(tmp_path, draw(decoder, (30, 25), 12)), Media)


def test_a_film_may_come_in_pieces(tmp_path: Path) -> None:
    """Positive control: a fragmented film has hundreds of boxes."""
    assert isinstance(look(tmp_path, film() + (box(b"moof", bytes(8)) + box(b"mdat", bytes(8))) * 900), Media)


def test_large_pictures_wait_for_each_other(tmp_path: Path) -> None:
    """Eight large pictures at once take the memory of hardly more than one."""
    blobs = Blobs(tmp_path / "blobs")
    size = (3600, 3600)
    data = plain("PNG", size)
    paths = [blobs.path(blobs.put(data + bytes(number)).sha256) for number in range(1, 9)]
    with growth() as grown, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(inspect, paths))
    assert all(isinstance(each, Media) for each in found)
    assert grown.bytes < 3 * size[0] * size[1] * 3
