from __future__ import annotations

import pytest
from jinja2.exceptions import TemplateSyntaxError

from runner.job.fence import Fence
from runner.job.names import ROOTS, Known, Reading, readings, wrong_name
from runner.job.templates import Templates

KNOWN = Known(
    frozenset({"locale", "size"}),
    frozenset({"brand"}),
    {"head": "text", "cut": "file", "ads": "files", "facts": "json", "order": "task", "odd": None},
)


def names(text: str) -> set[str]:
    """The names `text` reads."""
    fence = Fence()
    return {reading.name for reading in readings(fence, fence.parse(text))}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("plain", set()),
        ("{{ row.title }}", {"row.title"}),
        ("{{ row['Product name'] }}", {"row.Product name"}),
        ("{{ row.price.amount }}", {"row.price"}),
        ("{{ row }}", {"row"}),
        ("{{ row[vars.column] }}", {"row", "vars.column"}),
        ("{{ matrix.size.width * 2 }}", {"matrix.size"}),
        ("{{ seed }}{{ variant }}", {"seed", "variant"}),
        ("{{ steps.cut.file }}", {"steps.cut.file"}),
        ("{{ steps.ads.files[0] }}", {"steps.ads.files"}),
        ("{{ steps.facts.json.title }}", {"steps.facts.json"}),
        ("{% if row.a %}{{ row.b }}{% else %}{{ row.c }}{% endif %}", {"row.a", "row.b", "row.c"}),
        ("{% for t in row.tags %}{{ t.x }}{{ loop.index }}{% endfor %}", {"row.tags"}),
        ("{% set x = row.a %}{{ x.y }}", {"row.a"}),
        ("{{ range(3) | list }}", set()),
        ("{% macro m(a) %}{{ a }}{{ row.b }}{% endmacro %}{{ m(row.c) }}", {"row.b", "row.c"}),
        ("{{ 'row.a' }}", set()),
    ],
)
def test_what_a_text_reads_is_seen_in_its_syntax(text, read):
    """Names with dots, through conditions, loops and macros; a name that is computed reads all."""
    assert names(text) == read


def test_files_are_followed(tmp_path):
    """What an included, imported or extended file reads, the text reads; each reading knows its file and line."""
    (tmp_path / "a.j2").write_text("{% extends 'b.j2' %}{% block x %}{{ row.a }}{% endblock %}", encoding="utf-8")
    (tmp_path / "b.j2").write_text(
        "\n{{ row.b }}{% block x %}{% endblock %}{% from 'c.j2' import m with context %}", encoding="utf-8"
    )
    (tmp_path / "c.j2").write_text("{% macro m() %}{{ row.c }}{% endmacro %}", encoding="utf-8")
    fence = Fence(Templates(tmp_path, "templates"))
    found = list(readings(fence, fence.parse("{% include 'a.j2' %}")))
    assert {(reading.name, reading.file, reading.line) for reading in found} == {
        ("row.a", "a.j2", 1),
        ("row.b", "b.j2", 2),
        ("row.c", "c.j2", 1),
    }


def test_a_circle_of_files_is_refused(tmp_path):
    """Files that include each other are an error naming the circle."""
    (tmp_path / "a.j2").write_text("{% include 'b.j2' %}", encoding="utf-8")
    (tmp_path / "b.j2").write_text("{% include 'a.j2' %}", encoding="utf-8")
    fence = Fence(Templates(tmp_path, "templates"))
    with pytest.raises(TemplateSyntaxError, match=r"a\.j2 → b\.j2 → a\.j2 is a circle"):
        list(readings(fence, fence.parse_file("a.j2"), "a.j2", ("a.j2",)))


def test_a_template_is_never_named_by_data():
    """An include whose name is computed is refused."""
    fence = Fence()
    with pytest.raises(TemplateSyntaxError, match="write its name in quotes"):
        list(readings(fence, fence.parse("{% include row.template %}")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ rwo.a }}", "there is no rwo here; did you mean row?"),
        ("{{ env.KEY }}", "there is no env here; it takes job, matrix, row, seed, steps, variant, vars"),
        ("{{ matrix.lokale }}", "matrix has no lokale; did you mean locale?"),
        ("{{ vars.brnd }}", "vars has no brnd; did you mean brand?"),
        ("{{ job.nam }}", "job has no nam; did you mean name?"),
        ("{{ steps.haed.text }}", "there is no step haed; did you mean head?"),
        ("{{ steps }}", "steps must be read by name, such as steps.NAME.text, so that their order is known"),
        ("{{ steps[row.x] }}", "steps must be read by name, such as steps.NAME.text, so that their order is known"),
        ("{{ steps.cut.text }}", "steps.cut gives a file, not .text; write steps.cut.file"),
        ("{{ steps.head.file }}", "steps.head gives text, not .file; write steps.head.text"),
        ("{{ steps.ads.text }}", "steps.ads gives files, not .text; write steps.ads.files"),
        ("{{ steps.order.file }}", "steps.order gives only a task id (as .json), not .file; write steps.order.json"),
        ("{{ steps.facts.file }}", "steps.facts gives JSON, not .file; write steps.facts.json"),
        ("{{ steps.head.json.x }}", None),
        ("{{ steps.ads.file }}", None),
        ("{{ steps.odd.anything }}", None),
        ("{{ steps.head is defined }}", None),
        ("{{ matrix.lokale is defined }}", None),
        ("{{ vars.brnd | default('x') }}", None),
        ("{{ row.anything }}", None),
    ],
)
def test_names_are_judged_without_a_row(text, message):
    """What a job declares is known: axes, vars, steps and what they give. Names that may be missing on purpose are let through."""
    fence = Fence()
    found = [wrong_name(reading, ROOTS, KNOWN) for reading in readings(fence, fence.parse(text))]
    assert found[0] == message


def test_names_that_exist_may_still_not_be_here():
    """`where` reads the row only; the message says what it may read."""
    reading = Reading(("matrix", "locale"), None, 1)
    assert wrong_name(reading, frozenset({"row", "vars"}), KNOWN) == "there is no matrix here; it takes row, vars"


def test_a_file_is_read_once_however_often_it_is_included(tmp_path):
    """Ten files that each include the next ten times are eleven readings, not ten thousand million."""
    for number in range(10):
        (tmp_path / f"f{number}.j2").write_text(f"{{% include 'f{number + 1}.j2' %}}" * 10)
    (tmp_path / "f10.j2").write_text("{{ row.title }}")
    fence = Fence(Templates(tmp_path, "templates"))
    found = list(readings(fence, fence.parse("{% include 'f0.j2' %}{% include 'f0.j2' %}")))
    assert [(reading.name, reading.file) for reading in found] == [("row.title", "f10.j2")]
