"""A table of the job's own columns."""

from __future__ import annotations

from pathlib import Path

from runner.exports.columns import column_lines
from tests.exports.readings import BASE, done, read


def test_the_columns_are_the_jobs_in_its_order(tmp_path: Path) -> None:
    """Texts, paths and addresses; names of columns are cells too."""
    cells = "'=b': '{{ steps.scene.file }}', a: '{{ steps.scene.url }}', n: '{{ variant }}', t: '{{ steps.copy.text }}'"
    export, entries = read(tmp_path, f"format: csv, {BASE}, columns: {{{cells}}}", [done("r2|size=l|1", "-5 %, now", ["x y.png"])])
    assert b"".join(column_lines(export, entries)).decode() == (
        "'=b,a,n,t\nx y.png,https://cdn.example.com/x%20y.png,1,\"'-5 %, now\"\n"
    )
