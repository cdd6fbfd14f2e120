"""The comparison as pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from runner.comparison.comparing import Comparison
from runner.comparison.measuring import Distance
from runner.comparison.sheet import A_PAGE, HERE, Sheet, said, shown_value
from runner.comparison.sides import Side, Sides
from runner.errors import Usage
from tests.comparison.lines import file_of, line, write_lines
from tests.report.conftest import Watched

HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202e'\""


class Tags(HTMLParser):
    """What a browser would make of a page: its tags, and the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()
        self.named: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that begins."""
        self.met.add(tag)
        self.named.update(name for name, _ in attrs)


def write(root: Path, comparison: Comparison) -> str:
    """The first page."""
    sheet = Sheet(root, comparison)
    for difference in comparison.differences():
        sheet.add(difference)
    return sheet.close().read_text("utf-8")


def of_lines(folder: Path, then: list[dict[str, Any]], now: list[dict[str, Any]]) -> Comparison:
    """A comparison of two files."""
    one, other = (write_lines(folder / name / "results.jsonl", lines) for name, lines in (("a", then), ("b", now)))
    return Comparison(Side(HOSTILE, one, one.parent, None), Side("b", other, other.parent, None))


def test_before_and_after_stand_beside_each_other(twice: Path, tmp_path: Path) -> None:
    """Both pictures are in the folder, with size and words for who does not see them, and a slider between."""
    with Sides(twice) as house:
        page = write(tmp_path / "pages", Comparison(*house.open(["before", "out"])))
    shown = re.findall(r'<img src="(files/[0-9a-f]{64}\.\w+)" alt="([^"]+)"', page)
    assert [alt for _, alt in shown] == [
        "scene of mug|1, before",
        "scene of mug|1, after",
        "scene of hat|1, before",
        "scene of cup|1, after",
    ]
    assert all((tmp_path / "pages" / path).is_file() for path, _ in shown)
    assert page.count('type="range"') == 1
    assert re.search(r"<figcaption>before · \d+ × \d+ · \d{1,3} kB<", page)
    assert "<ins>Blue mug</ins>" in page or "<ins>Blue </ins>" in page
    assert "of the pixels differ" in page


def test_a_person_looks_through_it_by_keys_and_slider(twice: Path, tmp_path: Path, visit: Callable[..., Watched]) -> None:
    """From the disk, under its policy: j and k, the slider dragged and moved by arrows, kinds hidden, light and dark kept."""
    with Sides(twice) as house:
        write(tmp_path / "pages", Comparison(*house.open(["before", "out"])))
    seen = visit((tmp_path / "pages/index.html").as_uri())
    page, focused = seen.page, "document.activeElement.getAttribute('aria-label')"
    cut = "Math.round(parseFloat(getComputedStyle(document.querySelector('.slides .after img')).clipPath.split(' ').pop()))"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate(focused) == "mug|1, changed"
    page.keyboard.press("s")
    page.keyboard.press("ArrowRight")
    slider = page.locator(".slider")
    assert (slider.input_value(), page.evaluate(cut)) == ("55", 55)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert 15 < int(slider.input_value()) < 25
    assert page.evaluate(cut) == int(slider.input_value())
    captions = [page.locator(f".slides .{when} figcaption").bounding_box() for when in ("before", "after")]
    assert captions[0]["y"] + captions[0]["height"] <= captions[1]["y"] + 1, "one below the other"
    page.locator("button[data-how=changed]").click()
    assert page.locator(".change:visible").count() == 2
    page.keyboard.press("t")
    page.reload()
    assert page.evaluate("[document.documentElement.dataset.theme, document.querySelector('.slider').hidden]") == ["dark", False]
    assert seen.is_clean()


def test_nothing_hostile_becomes_markup(tmp_path: Path) -> None:
    """Keys, texts, reasons and names are text; the policy lets nothing else run."""
    then = [line(f"{HOSTILE}|1", **{HOSTILE: {"text": "x", "why": "y"}})]
    now = [line(f"{HOSTILE}|1", **{HOSTILE: {"text": HOSTILE, "why": HOSTILE}})]
    now[0]["steps"][HOSTILE]["files"] = [file_of(f"{HOSTILE}.png", b"x", HOSTILE)]
    page = write(tmp_path / "pages", of_lines(tmp_path, then, now))
    assert re.findall(r"<script[^>]*>", page) == ['<script defer src="page/diff.js">']
    tags = Tags()
    tags.feed(page)
    assert "img" not in tags.met
    assert not {name for name in tags.named if name.startswith("on") or name == "style"}
    assert "default-src &#39;none&#39;" in page
    assert "7*7" in page


def test_the_page_asks_no_network() -> None:
    """No address in page, style or script leads out of the folder."""
    for path in HERE.iterdir():
        assert not re.search(r"https?://|//\w+\.\w|url\(|@import|innerHTML|eval\(", path.read_text("utf-8")), path.name


def test_many_differences_make_many_pages(tmp_path: Path) -> None:
    """Each leads to the next; fewer differences later leave no page of before behind."""
    many = of_lines(tmp_path, [], [line(f"{n}|1", copy={"text": "a"}) for n in range(2 * A_PAGE + 1)])
    page = write(tmp_path / "pages", many)
    assert 'rel="next" href="page-2.html"' in page
    assert "page 1 of 3" in page
    assert 'href="index.html"' in (tmp_path / "pages/page-2.html").read_text("utf-8")
    assert (tmp_path / "pages/page-3.html").read_text("utf-8").count("<article") == 1
    assert "Nothing is different." in write(tmp_path / "pages", of_lines(tmp_path, [], []))
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["index.html", "page"]


def test_a_step_that_variants_share_is_shown_once(tmp_path: Path) -> None:
    """The others say with whom."""
    then, now = ([line(f"{n}|1", copy={"text": text, "request": text * 64}) for n in range(3)] for text in "ab")
    page = write(tmp_path / "pages", of_lines(tmp_path, then, now))
    assert page.count("<del>a</del>") == 1
    assert page.count("as for <bdi>0|1</bdi>") == 2


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    """A comparison writes into a folder of its own."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for place in ("mine", "link", "mine/notes.txt"):
        with pytest.raises(Usage, match="--html"):
            Sheet(tmp_path / place, of_lines(tmp_path, [], []))


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path) -> None:
    """A folder that came with a clone: nothing is written or tidied up where a link in it points."""
    root, precious = tmp_path / "pages", tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    write(root, of_lines(tmp_path, [], []))
    (root / "files").symlink_to(precious)
    with pytest.raises(Usage, match="--html"):
        write(root, of_lines(tmp_path, [], []))
    assert (precious / "letter").read_text() == "dear"


def test_distances_and_values_are_said_for_people() -> None:
    """Percent, bits, and a dash for what is not there."""
    assert said(Distance(0.125, 0.0312, 9)) == "12.5% of the pixels differ, by 3.1% on average; 9 of 64 bits of the look (dHash)"
    assert said(Distance(None, None, 3)) == "another size; 3 of 64 bits of the look (dHash)"
    assert [shown_value(value) for value in (None, 7, "x" * 3000)] == ["—", "7", "x" * 2000 + "…"]
