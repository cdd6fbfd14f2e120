"""The supplementary feed for a Meta catalogue."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from runner.exports.meta import LONGEST_LIST, listed, meta_lines
from tests.exports.readings import BASE, done, read


def test_a_line_for_each_product_safe_to_open(tmp_path: Path) -> None:
    """The columns are Meta's; a text that would run in a spreadsheet does not."""
    lines = [done("r1|size=s|1", '=1+"1"', ["a.png", "b.png"])]
    export, entries = read(tmp_path, f"format: meta, {BASE}, title: '{{{{ steps.copy.text }}}}'", lines)
    head, one = csv.reader(io.StringIO(b"".join(meta_lines(export, entries)).decode()))
    assert head == ["id", "additional_image_link", "title"]
    assert one == ["r1", "https://cdn.example.com/a.png,https://cdn.example.com/b.png", '\'=1+"1"']


def test_there_are_as_many_pictures_as_the_field_takes() -> None:
    """Twenty, and two thousand characters of all of them."""
    assert listed([f"https://x.example/{n}" for n in range(30)]).count(",") == 19
    assert len(listed([f"https://x.example/{n}/{'a' * 300}" for n in range(30)])) <= LONGEST_LIST
    assert listed(["x" * 3000]) == ""
    assert len(listed(["x" * LONGEST_LIST])) == LONGEST_LIST
