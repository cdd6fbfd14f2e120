"""The supplemental feed for Google Merchant Center."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.exports.merchant import merchant_lines, structured
from tests.exports.readings import BASE, done, read


def test_a_line_for_each_product_with_what_the_export_names(tmp_path: Path) -> None:
    """The columns are Google's, the texts are told as made by a model, and ten pictures are the most."""
    lines = [done("r1|size=s|1", "Now:\nbuy", [f"r1/{n}, a.png" for n in range(12)]), done("r2|size=l|1", "Two", ["r2.png"])]
    export, entries = read(
        tmp_path, f"format: merchant, {BASE}, id: 'shop-{{{{ row.id }}}}', description: '{{{{ steps.copy.text }}}}'", lines
    )
    head, one, two = [line.decode().rstrip("\n").split("\t") for line in merchant_lines(export, entries)]
    assert head == ["id", "additional_image_link", "structured_description"]
    assert one[0] == "shop-r1"
    assert one[1].split(",") == [f"https://cdn.example.com/r1/{n}%2C%20a.png" for n in range(10)]
    assert one[2] == 'trained_algorithmic_media:"Now: buy"'
    assert two == ["shop-r2", "https://cdn.example.com/r2.png", 'trained_algorithmic_media:"Two"']


def test_a_feed_may_have_texts_alone(tmp_path: Path) -> None:
    """The id is the row's key where nothing else is said."""
    export, entries = read(tmp_path, "format: merchant, images: [], title: '{{ steps.copy.text }}'", [done("r2|size=s|1", "Hi")])
    assert b"".join(merchant_lines(export, entries)) == b'id\tstructured_title\nr2\ttrained_algorithmic_media:"Hi"\n'


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", ""),
        (" \n", ""),
        ('12" pan: new', 'trained_algorithmic_media:"12"" pan: new"'),
        ("=1", 'trained_algorithmic_media:"=1"'),
    ],
)
def test_quotes_are_paired_and_nothing_runs(text: str, cell: str) -> None:
    """As Google's help has it; a cell that begins with a word is no formula."""
    assert structured(text) == cell
