"""The page: complete, closed to everything outside, and the same bytes for the same data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.errors import OurSide, Usage
from runner.report.page import (
    HERE,
    ICON,
    PAGE,
    POLICY,
    SCRIPTS,
    STYLES,
    TEMPLATE,
    Folder,
    SingleFile,
    dump,
    island,
    render_page,
    write_file,
)

INDEX: dict[str, Any] = {"about": {"job": {"name": "<b>small</b>", "path": 'jobs/"x".yaml', "mode": "live"}}, "count": 0}
NASTY = {"__proto__": "</script><script>alert(1)</script><!--", "half": "\ud800", "line": "\u2028\u2029", "big": 2**70}


def test_every_file_of_the_page_is_named() -> None:
    """No script or style lies about that the page does not load."""
    assert {path.name for path in HERE.iterdir() if path.is_file()} == {TEMPLATE, ICON, *STYLES, *SCRIPTS}


@pytest.mark.parametrize("name", [TEMPLATE, *STYLES, *SCRIPTS])
def test_the_page_names_nothing_outside(name: str) -> None:
    """No address, no eval, no markup from text: what the policy forbids is not even tried."""
    text = (HERE / name).read_text("utf-8")
    assert not re.search(
        r"https?://|//cdn|@import|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|\bon[a-z]+=", text
    )


def test_the_page_says_its_policy_and_escapes_what_it_is_told() -> None:
    """Nothing is allowed but what it names; a job's name is text."""
    page = render_page(INDEX, "stamp", POLICY.format(scripts="'self'", styles="'self'", media="'self'", connect="'self'"))
    assert "<b>small</b>" not in page
    assert "&lt;b&gt;small&lt;/b&gt;" in page
    assert "default-src &#39;none&#39;" in page
    assert "unsafe" not in page


def test_an_island_cannot_be_left() -> None:
    """Whatever the data holds, nothing in it ends the script that carries it; and it is read as it was."""
    text = island(NASTY)
    assert "<" not in text
    assert ">" not in text
    assert json.loads(text) == NASTY


def test_a_data_file_is_one_call_with_one_text(tmp_path: Path) -> None:
    """The file hands over JSON as a text, so that no key of it is ever a name in a program."""
    folder = Folder(tmp_path / "report")
    folder.open()
    folder.write_chunk(3, NASTY)
    text = (tmp_path / "report/data/chunk-3.js").read_text("utf-8")
    found = re.fullmatch(r'adbatch\.take\("chunk-3",(".*")\);\n', text, re.DOTALL)
    assert found is not None
    assert json.loads(json.loads(found[1])) == NASTY
    assert json.loads(dump(NASTY)) == NASTY


def test_a_single_file_allows_exactly_what_stands_in_it(tmp_path: Path) -> None:
    """The digests in the policy are those of the one style and the one script, and no address is allowed."""
    single = SingleFile(tmp_path / "a.html")
    single.write_chunk(0, NASTY)
    single.close(INDEX, "stamp")
    page = (tmp_path / "a.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy[1].replace("&#39;", "'").replace("&#43;", "+")
    assert "'self'" not in policy[1]
    assert "file:" not in policy[1]
    assert json.loads(re.findall(r'id="data-chunk-0">(.*?)</script>', page, re.DOTALL)[0]) == NASTY


def test_a_folder_is_written_over_and_tidied(tmp_path: Path) -> None:
    """Chunks that are no more are removed, what is right is not touched, and the stamp says what is there."""
    folder = Folder(tmp_path / "report", hidden=True)
    assert folder.stamp() is None
    folder.open()
    for number in (0, 1):
        folder.write_chunk(number, {"variants": []})
    folder.close(INDEX, "one")
    assert folder.stamp() == "one"
    before = (tmp_path / "report/data/chunk-0.js").stat().st_mtime_ns
    again = Folder(tmp_path / "report", hidden=True)
    again.open()
    again.write_chunk(0, {"variants": []})
    again.close(INDEX, "two")
    assert sorted(path.name for path in (tmp_path / "report/data").iterdir()) == ["chunk-0.js", "index.js"]
    assert (tmp_path / "report/data/chunk-0.js").stat().st_mtime_ns == before
    assert (again.stamp(), (tmp_path / "report/.gitignore").read_text()) == ("two", "*\n")


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    """A folder with something else in it, a file, and a link are refused; one that an interrupted gallery left is not."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    for name in ("full", "file", "link"):
        with pytest.raises(Usage, match="--out"):
            Folder(tmp_path / name).open()
    (tmp_path / "half/data").mkdir(parents=True)
    Folder(tmp_path / "half").open()
    assert not (tmp_path / "half" / PAGE).exists()


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(OurSide, match="cannot be written"):
        write_file(tmp_path / "a/b.html", b"x")
