"""A gallery, whole: from results to a folder or a file, again and again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.decisions import Decision
from runner.errors import Usage
from runner.records import Row
from runner.report.gallery import Material, read_titles, write_gallery, write_single
from tests.report.runs import asked, file_fields, history, lay_out, line, picture, step

DATA = picture()


def material(folder: Path, **more: Any) -> Material:
    """Two variants with one picture."""
    request = asked("a beach")
    scene = step(request, files=[file_fields(DATA, "mug/scene.png")])
    lines = [
        line("mug", {"copy": step(asked("y", "jivox/text"), text="Hi"), "scene": scene}),
        line("hat", {"scene": step(asked("z"), "refused", why="no hats")}, status="refused"),
    ]
    return lay_out(
        folder, lines, {"mug/scene.png": DATA}, {request.id: history(request)}, titles=lambda: {"mug": "Enamel Mug"}, **more
    )


def data(file: Path) -> Any:
    """What a data file holds."""
    return json.loads(json.loads(file.read_text("utf-8").partition(",")[2].removesuffix(");\n")))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_gallery_is_one_folder(tmp_path: Path) -> None:
    """Page, data and thumbnails; the index knows what is where."""
    made = write_gallery(material(tmp_path))
    assert made.page == tmp_path / "out/report/index.html"
    assert (made.variants, made.pictures, made.current) == (2, 1, False)
    index = data(made.page.parent / "data/index.js")
    assert index["rows"] == [["mug", "Enamel Mug"], ["hat", ""]]
    part = data(made.page.parent / "data/chunk-0.js")["variants"][0]["steps"]["scene"]["parts"][0]
    assert part["href"] == "../mug/scene.png"
    assert (made.page.parent / part["thumb"]).is_file()


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    """Made twice in different places, nothing differs."""
    trees = [tree(write_gallery(material(tmp_path / name)).page.parent) for name in ("a", "b")]
    assert trees[0] == trees[1]


def test_what_has_not_changed_is_not_made_again(tmp_path: Path) -> None:
    """The second time nothing is read but the page's head; news, decisions and another page are reasons to make it."""
    given = material(tmp_path)
    write_gallery(given)
    assert write_gallery(given).current
    assert not write_gallery(replace(given, facts=2)).current
    decided = Decision(job="small", key="mug|1", step="scene", sha256="a" * 64, decision="approved")
    made = write_gallery(replace(given, facts=2, decisions=[decided]))
    assert not made.current
    assert data(made.page.parent / "data/index.js")["decisions"][0]["key"] == "mug|1"


@pytest.mark.parametrize("name", ["data", "thumbs", "thumbs/zz"])
def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path, name: str) -> None:
    """An output folder that came with a clone: nothing is written or tidied up where a link in it points."""
    precious, place = tmp_path / "precious", tmp_path / "out/report" / name
    precious.mkdir()
    for kept in ("mine.js", "mine.webp"):
        (precious / kept).write_text("mine")
    given = material(tmp_path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(precious)
    if name == "thumbs/zz":
        write_gallery(given)
    else:
        with pytest.raises(Usage, match="is a link"):
            write_gallery(given)
    assert {path.name: path.read_text() for path in precious.iterdir()} == {"mine.js": "mine", "mine.webp": "mine"}


def test_a_gallery_of_its_own_can_be_moved(tmp_path: Path) -> None:
    """With a target the whole pictures come along, and git is not kept from seeing it."""
    made = write_gallery(material(tmp_path), tmp_path / "mail")
    part = data(tmp_path / "mail/data/chunk-0.js")["variants"][0]["steps"]["scene"]["parts"][0]
    assert (made.page.parent / part["href"]).read_bytes() == DATA
    assert not (tmp_path / "mail/.gitignore").exists()


def test_a_single_file_holds_everything(tmp_path: Path) -> None:
    """One file, the same bytes each time, the picture inside."""
    made = write_single(material(tmp_path), tmp_path / "a.html")
    write_single(material(tmp_path), tmp_path / "b.html")
    assert (made.variants, made.whole) == (2, True)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert "data:image/png;base64," in (tmp_path / "a.html").read_text("utf-8")


def test_pictures_that_are_too_many_are_small_in_a_single_file(tmp_path: Path) -> None:
    """Beyond what can be mailed only thumbnails go along, and that is told."""
    scene = step(asked("x"), files=[{**file_fields(DATA, "mug/scene.png"), "bytes": 30_000_000}])
    made = write_single(lay_out(tmp_path, [line("mug", {"scene": scene})], {"mug/scene.png": DATA}), tmp_path / "a.html")
    assert not made.whole
    assert "data:image/png" not in (tmp_path / "a.html").read_text("utf-8")


def test_there_is_nothing_to_look_at_before_the_first_run(tmp_path: Path) -> None:
    """Without results the message says so."""
    given = material(tmp_path)
    (tmp_path / "out/results.jsonl").unlink()
    with pytest.raises(Usage, match="before the first run"):
        write_gallery(given)


def test_rows_have_titles_where_the_feed_has(tmp_path: Path) -> None:
    """The likeliest column that holds text wins; blank ones do not."""
    values: list[dict[str, Any]] = [{"title": " Mug ", "name": "x"}, {"name": "Hat"}, {"title": "  ", "name": None}, {"title": 7}]
    rows = [Row(str(number), one, "feed.csv", number) for number, one in enumerate(values)]
    assert read_titles(rows) == {"0": "Mug", "1": "Hat"}
