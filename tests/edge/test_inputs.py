"""Input pictures of the project: found from the job, kept inside the project, held as they were hashed."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.inputs import MOST_BYTES, InputFiles
from runner.errors import OurSide


def draw(color: str = "red", kind: str = "PNG") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), color).save(file, kind)
    return file.getvalue()


def name_of(data: bytes) -> str:
    """How a plan calls these bytes."""
    return f"blob:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose job lies in `jobs/` and whose picture lies in `pictures/`, with a picture beside the project too."""
    root = tmp_path / "project"
    for folder in (root / "jobs", root / "pictures"):
        folder.mkdir(parents=True)
    (root / "pictures" / "mug.png").write_bytes(draw())
    (tmp_path / "secret.png").write_bytes(draw("black"))
    return root


@pytest.fixture
def files(project: Path) -> InputFiles:
    """The project's pictures as its job names them, hashed only."""
    return InputFiles(project / "jobs", project)


@pytest.mark.parametrize(
    "path", ["../pictures/mug.png", "./../pictures/mug.png", "..//pictures/../pictures/mug.png", "../../project/pictures/mug.png"]
)
def test_a_path_is_relative_to_the_job(files: InputFiles, path: str) -> None:
    """However it is spelled, a path from the job's folder into the project gives the sha256 of the file's bytes."""
    assert files(path) == name_of(draw())


def test_an_absolute_path_inside_the_project_is_taken(files: InputFiles, project: Path) -> None:
    """What counts is where the file lies."""
    assert files(str(project / "pictures" / "mug.png")) == name_of(draw())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_every_kind_of_picture_is_taken(files: InputFiles, project: Path, kind: str) -> None:
    """By its content; the name may say anything."""
    (project / "jobs" / "picture.dat").write_bytes(draw(kind=kind))
    assert files("picture.dat") == name_of(draw(kind=kind))


def test_the_same_bytes_have_the_same_name(files: InputFiles, project: Path) -> None:
    """A request is what the picture contains, not where it lies."""
    (project / "jobs" / "copy.png").write_bytes(draw())
    (project / "jobs" / "other.png").write_bytes(draw("blue"))
    assert files("copy.png") == files("../pictures/mug.png") != files("other.png")


@pytest.mark.parametrize("path", ["../../secret.png", "../pictures/../../secret.png", "OUTSIDE", "/etc/passwd", "/", "../.."])
def test_nothing_outside_the_project_is_taken(files: InputFiles, project: Path, path: str) -> None:
    """No path leads out, whether there is a file or not; the message says where the picture must be."""
    asked = path.replace("OUTSIDE", str(project.parent / "secret.png"))
    with pytest.raises(ValueError, match=r"lies outside the project folder .*/project; copy the picture into the project"):
        files(asked)


def test_no_link_leads_out(files: InputFiles, project: Path) -> None:
    """A link to a file or folder outside is refused, one that stays inside is followed."""
    (project / "jobs" / "file.png").symlink_to(project.parent / "secret.png")
    (project / "jobs" / "folder").symlink_to(project.parent)
    (project / "jobs" / "inside.png").symlink_to("../pictures/mug.png")
    for path in ("file.png", "folder/secret.png", "folder/project/../secret.png"):
        with pytest.raises(ValueError, match="lies outside the project"):
            files(path)
    assert files("inside.png") == files("folder/project/pictures/mug.png") == name_of(draw())


def test_the_project_may_be_reached_through_a_link(project: Path) -> None:
    """A project whose own folder is a link is still one place."""
    link = project.parent / "link"
    link.symlink_to(project)
    assert InputFiles(link / "jobs", link)("../pictures/mug.png") == name_of(draw())
    assert InputFiles(link / "jobs", project)("../pictures/mug.png") == name_of(draw())


@pytest.mark.parametrize("path", ["none.png", "", ".", "../pictures", "mug\0.png", "loop.png", "loop.png/a", "\ud800"])
def test_what_is_no_file_is_said_to_be_none(files: InputFiles, project: Path, path: str) -> None:
    """Missing, a folder, a circle of links or a name no file can have: the message shows the path and what it is relative to."""
    (project / "jobs" / "loop.png").symlink_to("loop.png")
    with pytest.raises(ValueError, match=r"there is no file .* in .*/project/jobs; a path is relative to the job file"):
        files(path)


@pytest.mark.parametrize("path", ["x" * 300, "data:image/png;base64," + "A" * 5000, "A whole text, not a path. " * 100])
def test_a_text_in_a_paths_place_is_no_crash(files: InputFiles, path: str) -> None:
    """What is far too long for a file name is refused like any other missing file, and shown in part."""
    with pytest.raises(ValueError, match="there is no file '") as wrong:
        files(path)
    assert path not in str(wrong.value)
    assert "…'" in str(wrong.value)


def test_a_pipe_is_no_picture(files: InputFiles, project: Path) -> None:
    """Reading one would wait for ever."""
    os.mkfifo(project / "jobs" / "pipe.png")
    with pytest.raises(ValueError, match=r"there is no file 'pipe\.png'"):
        files("pipe.png")


@pytest.mark.parametrize(
    "data", [b"", b"KEY=test-key\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG", b"<html>"]
)
def test_what_is_no_picture_is_not_taken(project: Path, data: bytes) -> None:
    """No job can have a vendor sent the project's other files, whatever they are called; nothing is stored of them."""
    (project / "jobs" / "picture.png").write_bytes(data)
    store = Blobs(project.parent / "blobs")
    with pytest.raises(ValueError, match=r"'picture\.png' is not a picture \(a JPEG, PNG, GIF, WebP or AVIF file\)"):
        InputFiles(project / "jobs", project, store)("picture.png")
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize(("size", "taken"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_a_picture_may_be_large_but_not_too_large(files: InputFiles, project: Path, size: int, taken: bool) -> None:
    """25 MiB are taken, one byte more is not, however the file claims to be a picture."""
    path = project / "jobs" / "large.png"
    path.write_bytes(draw())
    os.truncate(path, size)
    if taken:
        assert files("large.png") == name_of(path.read_bytes())
    else:
        with pytest.raises(ValueError, match=r"'large\.png' has more than 25600 KiB; make the picture smaller"):
            files("large.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_our_side(files: InputFiles, project: Path) -> None:
    """It is there and inside; only its permissions are wrong, which is no mistake of the job."""
    (project / "pictures" / "mug.png").chmod(0)
    with pytest.raises(OurSide, match=r"mug\.png: cannot be read \(Permission denied\); check its permissions"):
        files("../pictures/mug.png")


def test_without_a_store_nothing_is_copied(files: InputFiles, project: Path) -> None:
    """A check only hashes."""
    before = {path for path in project.parent.rglob("*") if path.is_file()}
    files("../pictures/mug.png")
    assert {path for path in project.parent.rglob("*") if path.is_file()} == before


def test_with_a_store_what_was_hashed_is_held(project: Path) -> None:
    """The bytes that are sent later are those the plan names, even if the file changes or goes during the run."""
    store = Blobs(project.parent / "blobs")
    files = InputFiles(project / "jobs", project, store)
    before = files("../pictures/mug.png")
    (project / "pictures" / "mug.png").write_bytes(draw("blue"))
    assert files("../pictures/mug.png") == before == name_of(draw())
    (project / "pictures" / "mug.png").unlink()
    assert files("../pictures/mug.png") == before
    assert store.read(before.removeprefix("blob:")) == draw()


def test_the_next_run_sees_the_change(project: Path) -> None:
    """A plan is fixed for one run only."""
    before = InputFiles(project / "jobs", project)("../pictures/mug.png")
    (project / "pictures" / "mug.png").write_bytes(draw("blue"))
    assert InputFiles(project / "jobs", project)("../pictures/mug.png") == name_of(draw("blue")) != before


def test_what_was_refused_is_looked_at_again(files: InputFiles, project: Path) -> None:
    """Only what was found is remembered."""
    with pytest.raises(ValueError, match="there is no file"):
        files("late.png")
    (project / "jobs" / "late.png").write_bytes(draw())
    assert files("late.png") == name_of(draw())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from(["..", ".", "", "/", "jobs", "pictures", "mug.png", "secret.png", "project", "\0", "~"]) | st.text(),
        max_size=6,
    )
)
def test_whatever_a_row_says_nothing_outside_is_read(files: InputFiles, parts: list[str]) -> None:
    """A path gives the one picture of the project, or says why not."""
    path = "/".join(parts)
    try:
        said = files(path)
    except ValueError as wrong:
        said = str(wrong)
    assert said == name_of(draw()) or "there is no file" in said or "lies outside" in said
