"""Fonts of the project: found, confined, hashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.fonts import bring_fonts

FONT = Path(__file__).parents[2] / "templates" / "fonts" / "Inter-Medium.otf"


def test_a_font_is_what_it_holds(tmp_path: Path) -> None:
    """The same bytes are the same font wherever they lie, and they are kept."""
    (tmp_path / "a.otf").write_bytes(FONT.read_bytes())
    (tmp_path / "b.otf").write_bytes(FONT.read_bytes())
    store = Blobs(tmp_path / "blobs")
    (one, other), problems = bring_fonts(tmp_path, ["a.otf", "b.otf"], store)
    assert (one, problems) == (other, [])
    assert store.has(one.removeprefix("blob:"))
    assert bring_fonts(tmp_path, ["a.otf"])[0] == [one]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.otf", "there is no font"),
        ("../out.otf", "lies outside the project"),
        ("text.otf", "is not a TrueType or OpenType font"),
    ],
)
def test_what_is_no_font_of_the_project_is_told(tmp_path: Path, name: str, told: str) -> None:
    """With its place in the project file and the remedy."""
    (tmp_path / "text.otf").write_text("hello")
    [], [problem] = bring_fonts(tmp_path, [name])
    assert problem.path == ("fonts", 0)
    assert told in problem.message
