from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from jinja2.exceptions import TemplateNotFound

from runner.job.fence import Fence
from runner.job.templates import LARGEST_FILE, Templates


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    """A folder with a file, a file it includes, and a file beside the folder."""
    folder = tmp_path / "templates"
    (folder / "parts").mkdir(parents=True)
    (folder / "headline.j2").write_text("{% include 'parts/brand.j2' %}: {{ t }}\n", encoding="utf-8")
    (folder / "parts" / "brand.j2").write_text("Acmé\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return Templates(folder, "templates")


def test_a_file_and_what_it_includes_are_read_and_digested(templates):
    """Rendering reads files below the folder; their digests are those of the bytes on disk."""
    assert Fence(templates).get_template("headline.j2").render(t="Mug") == "Acmé: Mug"
    disk = {name: hashlib.sha256((templates.folder / name).read_bytes()).hexdigest() for name in ("headline.j2", "parts/brand.j2")}
    assert templates.digests == disk


def test_a_file_is_read_once(templates):
    """What is rendered later in the run is what was digested, even if the file changes meanwhile."""
    first = templates.get_source(Fence(templates), "parts/brand.j2")[0]
    (templates.folder / "parts" / "brand.j2").write_text("Other", encoding="utf-8")
    assert templates.get_source(Fence(templates), "parts/brand.j2")[0] == first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("headlin.j2", "there is no templates/headlin.j2; did you mean headline.j2?"),
        ("../secret.txt", "is not a name below templates/"),
        ("parts/../../secret.txt", "is not a name below templates/"),
        ("/etc/passwd", "is not a name below templates/"),
        ("C:\\x", "is not a name below templates/"),
        ("a\0b", "is not a name below templates/"),
        ("", "is not a name below templates/"),
        ("parts", "there is no templates/parts"),
        ("x" * 5000, "there is no templates/xxx"),
        ("x/" * 3000 + "y", "there is no templates/x/x"),
    ],
)
def test_only_names_below_the_folder_are_found(templates, name, message):
    """Absolute, upward and unknown names are refused with what was meant."""
    with pytest.raises(TemplateNotFound) as raised:
        templates.get_source(Fence(templates), name)
    assert message in str(raised.value.message)
    assert templates.digests == {}


def test_a_link_that_leads_out_is_refused(templates, tmp_path):
    """A symlink inside the folder to a file outside is not followed; one that stays inside is."""
    (templates.folder / "out.j2").symlink_to(tmp_path / "secret.txt")
    (templates.folder / "in.j2").symlink_to(templates.folder / "parts" / "brand.j2")
    with pytest.raises(TemplateNotFound) as raised:
        templates.get_source(Fence(templates), "out.j2")
    assert "leads out" in str(raised.value.message)
    assert templates.get_source(Fence(templates), "in.j2")[0] == "Acmé\n"


def test_size_and_encoding_are_checked(templates):
    """A file that is too large, or not UTF-8, is refused with the remedy."""
    (templates.folder / "big.j2").write_bytes(b"x" * (LARGEST_FILE + 1))
    (templates.folder / "old.j2").write_bytes("Größe".encode("latin-1"))
    for name, message in (("big.j2", "at most 65,536"), ("old.j2", "is not UTF-8")):
        with pytest.raises(TemplateNotFound) as raised:
            templates.get_source(Fence(templates), name)
        assert message in str(raised.value.message)


def test_a_place_has_its_line_and_column(templates):
    """The place of a name in a file is where it stands in its line."""
    templates.get_source(Fence(templates), "headline.j2")
    place = templates.place("headline.j2", 1, "t }}")
    assert (place.file, place.line, place.column) == ("templates/headline.j2", 1, 36)
    assert place.text.startswith("{% include")
    assert templates.place("headline.j2", 99).text == ""
