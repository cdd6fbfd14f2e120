"""Where the page finds its pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from runner.edge.blobs import Blobs
from runner.errors import OurSide
from runner.report.pictures import Pictures
from tests.report.runs import picture

DATA = picture()
DIGEST = hashlib.sha256(DATA).hexdigest()


def chunk(**part: Any) -> dict[str, Any]:
    """A chunk with one part."""
    told = {"kind": "picture", "digest": DIGEST, "type": "image/png", "path": "a b/50%#.png", **part}
    return {"variants": [{"steps": {"scene": {"parts": [told]}}}]}


def placed(pictures: Pictures, **part: Any) -> tuple[str | None, str | None]:
    """Thumbnail and address of the part."""
    given = chunk(**part)
    with pictures:
        pictures.place(given)
    found = given["variants"][0]["steps"]["scene"]["parts"][0]
    return found.get("thumb"), found.get("href")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with the picture under a name that wants escaping."""
    path = tmp_path / "out/a b/50%#.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    return tmp_path / "out"


def test_a_published_picture_is_linked(output: Path) -> None:
    """Its name is escaped, and nothing is copied."""
    thumb, href = placed(Pictures(output, None, output / "report", copies=False))
    assert href == "../a%20b/50%25%23.png"
    assert thumb == f"thumbs/{DIGEST[:2]}/{DIGEST}.webp"
    assert (output / "report" / str(thumb)).is_file()
    assert not (output / "report/files").exists()


def test_a_gallery_of_its_own_has_copies(output: Path, tmp_path: Path) -> None:
    """The whole pictures come along, named by content."""
    _, href = placed(Pictures(output, None, tmp_path / "mail", copies=True))
    assert href == f"files/{DIGEST[:2]}/{DIGEST}.png"
    assert (tmp_path / "mail" / str(href)).read_bytes() == DATA


def test_what_is_published_nowhere_comes_from_the_store(output: Path, tmp_path: Path) -> None:
    """A picture that failed its check, or is not approved, is copied, and goes with the next gallery that does not show it."""
    blobs = Blobs(tmp_path / "blobs")
    blobs.put(DATA)
    _, href = placed(Pictures(output, blobs, output / "report", copies=False), path=None)
    assert (output / "report" / str(href)).read_bytes() == DATA
    Pictures(output, blobs, output / "report", copies=False).forget()
    assert not list((output / "report").glob("*/??/*"))


def test_a_single_file_carries_the_bytes_once(output: Path) -> None:
    """Thumbnails always, whole pictures if they are wanted; each once, however many variants show it."""
    pictures = Pictures(output, None, None, copies=True)
    assert placed(pictures) == (f"#thumb-{DIGEST}", f"#whole-{DIGEST}")
    assert {name: told.partition(",")[0] for name, told in pictures.inlined.items()} == {
        f"thumb-{DIGEST}": "data:image/webp;base64",
        f"whole-{DIGEST}": "data:image/png;base64",
    }
    assert placed(Pictures(output, None, None, copies=False))[1] is None


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a//b.png", ""])
def test_no_path_leads_out_of_the_folder(output: Path, path: str) -> None:
    """Whatever results.jsonl says, only files below the output folder are shown."""
    (output.parent / "secret.png").write_bytes(DATA)
    assert placed(Pictures(output, None, output / "report", copies=True), path=path) == (None, None)


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "application/pdf"])
def test_only_pictures_and_videos_are_shown(output: Path, media_type: str) -> None:
    """A kind that could hold a script gets no address."""
    assert placed(Pictures(output, None, output / "report", copies=True), type=media_type) == (None, None)


def test_a_disk_that_fails_is_told(output: Path, tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/files").write_text("in the way")
    with pytest.raises(OurSide, match="cannot be written"):
        placed(Pictures(output, None, tmp_path / "mail", copies=True))
