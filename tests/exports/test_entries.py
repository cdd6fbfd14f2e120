"""What a feed can tell of rows and results."""

from __future__ import annotations

from pathlib import Path

from runner.exports.entries import MOST_REASONS, Entry
from runner.report.parts import digest_of_text
from tests.exports.readings import BASE, done, read, reading
from tests.fakes import make_rows

TABLE = "format: csv, columns: {id: '{{ row.id }}', size: '{{ matrix.size }}', copy: '{{ steps.copy.text }}'}"


def test_only_what_is_done_is_told(tmp_path: Path) -> None:
    """A variant that failed, or that no line speaks of, is not there; a step that is not read may be missing."""
    lines = [done("r1|size=s|1", "One"), done("r1|size=l|1", None), done("r3|size=l|1", "Three")]
    _, entries = read(tmp_path, TABLE, lines)
    assert [tuple(entry.cells.values()) for entry in entries] == [("r1", "s", "One"), ("r3", "l", "Three")]


def test_where_chooses_variants_by_row_matrix_and_answer(tmp_path: Path) -> None:
    """An expression over all of them."""
    lines = [done(f"r{n}|size={size}|1", f"Text {n}") for n in (1, 2, 3) for size in "sl"]
    where = """, where: "matrix.size == 's' and '2' not in steps.copy.text and row.id != 'r3'" """
    _, entries = read(tmp_path, TABLE + where, lines)
    assert [entry.row for entry in entries] == ["r1"]


def test_a_product_has_the_pictures_of_all_its_variants(tmp_path: Path) -> None:
    """Each once, in plan order, and the cells of the first; a product without pictures is left out."""
    lines = [
        done("r1|size=s|1", "Small", ["r1/s.png", "r1/both.png"]),
        done("r1|size=l|1", "Large", ["r1/both.png", "r1/l.png"]),
        done("r2|size=s|1", "None"),
    ]
    _, entries = read(tmp_path, f"format: meta, {BASE}, title: '{{{{ steps.copy.text }}}}'", lines)
    urls = tuple(f"https://cdn.example.com/r1/{name}.png" for name in ("s", "both", "l"))
    assert entries == [Entry("r1", {"title": "Small"}, urls)]


def test_words_that_are_not_approved_are_not_told(tmp_path: Path) -> None:
    """Where only what is approved is published: a text stands in the results, but no feed may carry it."""
    reader = reading(tmp_path, TABLE)
    reader.plan.approves = lambda key, step, sha256: (step, sha256) == ("copy", digest_of_text("Good"))
    lines = [done("r1|size=s|1", "Good"), done("r1|size=l|1", "Bad")]
    assert [entry.cells["copy"] for entry in reader.entries(make_rows(1), lines)] == ["Good"]


def test_what_an_answer_lacks_is_left_out_and_remarked_on(tmp_path: Path) -> None:
    """With the line of the job; the others are told."""
    reader = reading(tmp_path, "format: csv, columns: {name: '{{ steps.copy.json.name }}'}")
    lines = [done("r1|size=s|1", '{"name": "a"}'), done("r1|size=l|1", '{"nam": 1}'), done("r2|size=s|1", "no json")]
    assert [entry.cells["name"] for entry in reader.entries(make_rows(2), lines)] == ["a"]
    assert sum(reader.unsaid.values()) == 2
    assert all("job.yaml:7: export.shop.columns.name: steps.copy" in reason for reason in reader.unsaid)


def test_reasons_are_told_in_a_few_lines(tmp_path: Path) -> None:
    """Where each row has its own, some are told by name and the others counted together: nothing is lost."""
    reader = reading(tmp_path, "format: csv, columns: {name: '{{ steps.copy.json[steps.copy.text] }}'}")
    lines = [done(f"r{n}|size=s|1", f'{{"n": {n}}}') for n in range(1, 31)]
    assert list(reader.entries(make_rows(30), lines)) == []
    assert (len(reader.unsaid), sum(reader.unsaid.values())) == (MOST_REASONS + 1, 30)
