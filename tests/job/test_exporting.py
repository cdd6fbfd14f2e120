"""Exports compiled, and tried on every row before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import Invalid
from runner.job.check import check
from runner.job.exporting import answer_of, link_to
from runner.job.plan import Plan
from runner.records import Row
from tests.fakes import make_plan, make_rows
from tests.projects import said

STEPS = (
    "  copy: {use: pen/text, with: {prompt: '{{ row.title }}'}}\n"
    "  scene: {use: pen/picture, with: {prompt: '{{ steps.copy.text }}'}}\n"
)
BASE = "base_url: 'https://cdn.example.com/a/'"


def plan_with(folder: Path, export: str, top: str = "") -> Plan:
    """A plan of a text and a picture, with this export."""
    return make_plan(folder, STEPS, f"{top}export:\n  shop: {export}\n")


def columns(folder: Path, **cells: str) -> Plan:
    """A plan with a table of these columns."""
    told = ", ".join(f"{name}: '{cell}'" for name, cell in cells.items())
    return plan_with(folder, f"{{format: csv, {BASE}, columns: {{{told}}}}}")


def complaints(plan: Plan, rows: list[Row]) -> list[str]:
    """What a check finds, without the place."""
    return [complaint.partition(" ")[2] for complaint in said(Invalid(check(plan, lambda: rows).complaints))]


def test_the_steps_with_pictures_are_the_images(tmp_path: Path) -> None:
    """Where nobody says which; a table has none."""
    [merchant] = plan_with(tmp_path, f"{{format: merchant, {BASE}}}").exports
    assert (merchant.images, merchant.needs, merchant.file) == (("scene",), frozenset(), "shop.tsv")
    [table] = columns(tmp_path, a="{{ steps.copy.text }}").exports
    assert (table.images, table.needs, table.file) == ((), frozenset({"copy"}), "shop.csv")


@pytest.mark.parametrize(
    ("export", "wrong"),
    [
        ("{format: csv, columns: {a: '{{ steps.cpy.text }}'}}", "export.shop.columns.a: there is no step cpy; did you mean copy?"),
        ("{format: csv, columns: {a: '{{ steps.scene.text }}'}}", "export.shop.columns.a: steps.scene gives a file, not .text"),
        ("{format: csv, columns: {a: '{{ steps.copy.url }}'}}", "export.shop.columns.a: steps.copy gives text, not .url"),
        ("{format: csv, columns: {a: '{{ steps.scene.url }}'}}", "export.shop.columns.a: reads an address; say with base_url:"),
        ("{format: csv, columns: {a: '{{ rwo.id }}'}}", "export.shop.columns.a: there is no rwo here"),
        ("{format: csv, columns: {a: '{{ vars.x }}'}}", "export.shop.columns.a: vars has no x"),
        ("{format: csv, columns: {a: b}, where: 'row.id =='}", "export.shop.where: "),
        (f"{{format: meta, {BASE}, images: [copy]}}", "export.shop.images[0]: steps.copy gives no picture"),
        (f"{{format: meta, {BASE}, images: [scen]}}", "export.shop.images[0]: there is no step scen; did you mean scene?"),
        ("{format: csv, columns: {a: b}}\n  Shop: {format: csv, columns: {a: b}}", "export.Shop: would be one file with shop"),
    ],
)
def test_what_no_row_can_mend_is_told_at_once(tmp_path: Path, export: str, wrong: str) -> None:
    """Names, steps and addresses, each at its line."""
    with pytest.raises(Invalid) as raised:
        plan_with(tmp_path, export)
    [told] = said(raised.value)
    assert told.startswith("job.yaml:")
    assert told.partition(" ")[2].startswith(wrong)


def test_every_cell_is_tried_on_every_row(tmp_path: Path) -> None:
    """A column that some rows lack is told before anything is sent, with the row and how many there are."""
    rows = [*make_rows(2, price="1"), *(Row(f"x{n}", {"id": f"x{n}", "title": "x"}, "feed.csv", 10 + n) for n in range(3))]
    plan = columns(tmp_path, a="{{ row.price }}", b="{{ steps.scene.urls | join }} {{ steps.copy.json.name }}")
    [told] = complaints(plan, rows)
    assert told.startswith("export.shop.columns.a: row has no price")
    assert check(plan, lambda: rows).complaints[0].count == 3
    assert complaints(plan, rows[:2]) == []


def test_a_cell_that_reads_no_row_is_tried_once_for_each_cell_of_the_matrix(tmp_path: Path) -> None:
    """Where an axis lacks a name, its value is told; the others are right."""
    plan = plan_with(
        tmp_path,
        "{format: csv, columns: {a: '{{ matrix.size.name }}', s: '{{ seed }}'}}",
        "matrix: {size: [{name: s}, {label: l}]}\n",
    )
    assert len(complaints(plan, make_rows(3))) >= 1
    assert "export.shop.columns.a: matrix.size has no name" in complaints(plan, make_rows(3))[0]


def test_the_feeds_guard_knows_what_exports_read(tmp_path: Path) -> None:
    """Columns that only an export reads are among those of the job."""
    assert {"price", "title"} <= columns(tmp_path, a="{{ row.price }}").columns()


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({}, None),
        ({"status": "failed", "text": "x"}, None),
        ({"status": "done"}, None),
        ({"status": "done", "held": [{"sha256": "0"}]}, None),
        ({"status": "done", "text": "hi"}, {"text": "hi"}),
        ({"status": "done", "text": '{"a": 1}'}, {"text": '{"a": 1}', "json": {"a": 1}}),
        ({"status": "done", "json": ["é"]}, {"json": ["é"], "text": '["é"]'}),
        (
            {"status": "done", "files": [{"path": "a b/ü,1.png"}, {"path": "c.png"}]},
            {
                "file": "a b/ü,1.png",
                "files": ["a b/ü,1.png", "c.png"],
                "url": "https://x.example/a%20b/%C3%BC%2C1.png",
                "urls": ["https://x.example/a%20b/%C3%BC%2C1.png", "https://x.example/c.png"],
            },
        ),
    ],
)
def test_a_step_offers_what_it_gave(step: dict[str, Any], told: dict[str, Any] | None) -> None:
    """Texts, values, paths and addresses; nothing where it is not done or not published."""
    assert answer_of(step, "https://x.example", reads_json=True) == told


def test_an_address_is_one_word_without_commas() -> None:
    """Lists of addresses are separated by commas, so none may hold one."""
    assert link_to("https://x.example/a/", "b/c, d?.png") == "https://x.example/a/b/c%2C%20d%3F.png"
