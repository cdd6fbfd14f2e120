"""The index and the chunks of a gallery."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.desk import load_files, open_desk
from runner.feed import read_rows
from runner.report.dataset import CHUNK, Dataset, label_of, read_amount
from runner.report.entries import read_entries
from tests.projects import COPY, write_project
from tests.report.runs import asked, file_fields, history, line, price, step


def built(lines: list[dict[str, Any]], **known: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Index and chunks of these lines."""
    dataset = Dataset("small", ("copy", "scene"), {"mug": "Enamel Mug"})
    chunks = list(dataset.chunks(read_entries(lines, lambda ids: {name: known[name] for name in ids if name in known}, price)))
    return dataset.index(), chunks


def test_the_index_says_where_everything_belongs() -> None:
    """Rows with their titles, axes with their values, and for each variant its places and the status of its steps."""
    request = asked("x")
    small, large = {"name": "mpu", "width": 300}, {"name": "wide", "width": 728}
    lines = [
        line("mug", {"copy": {"status": "skipped"}, "scene": step(request)}, {"size": small}),
        line("mug", {"scene": step(asked("y"), "failed")}, {"size": large}, number=2, status="failed"),
        line("hat", {"copy": {"status": "blocked"}, "scene": step(request)}),
    ]
    index, chunks = built(lines)
    assert index["rows"] == [["mug", "Enamel Mug"], ["hat", ""]]
    assert (index["row"], index["numbers"]) == ([0, 0, 1], [1, 2, 1])
    assert (index["axes"], index["cells"]) == ([{"name": "size", "values": ["mpu", "wide"], "wide": []}], [[0, 1, -1]])
    assert [(one["name"], one["status"]) for one in index["steps"]] == [("copy", "s-b"), ("scene", "dfd")]
    assert index["counts"] == {"done": 2, "failed": 1}
    assert [variant["key"] for variant in chunks[0]["variants"]] == ["mug|size=mpu|1", "mug|size=wide|2", "hat|1"]


def test_who_asked_the_same_is_known() -> None:
    """Of a request that is shared the index says how many variants back it was asked first; another result is another card."""
    shared = asked("x")
    files = [file_fields(b"a", "a.png")]
    lines = [
        line("1", {"scene": step(shared, files=files)}),
        line("2", {"scene": step(asked("y"))}),
        line("3", {"scene": step(shared, files=files)}),
        line("4", {"scene": step(shared, "failed")}),
    ]
    assert built(lines)[0]["steps"][1]["back"] == [0, 0, 2, 0]


def test_where_banners_are_is_known() -> None:
    """A step, and a value of an axis, with a picture much wider than high gets room in the page; others do not."""
    sizes = {"mpu": (300, 250), "top": (728, 90)}
    files = {name: [file_fields(name.encode(), f"{name}.png", size)] for name, size in sizes.items()}
    steps = {name: {"copy": step(asked("c")), "scene": step(asked(name), files=files[name])} for name in sizes}
    index, _ = built([line("mug", steps[name], {"size": name}) for name in sizes])
    assert [one["wide"] for one in index["steps"]] == [False, True]
    assert index["axes"] == [{"name": "size", "values": ["mpu", "top"], "wide": [1]}]


def test_a_step_that_came_later_is_aligned() -> None:
    """A step that only some lines have, and that the job does not know, is a column like any other."""
    index, _ = built([line("1", {"copy": {"status": "done"}}), line("2", {"old": {"status": "queued"}})])
    assert [(one["name"], one["status"]) for one in index["steps"]] == [("copy", "d-"), ("scene", "--"), ("old", "-q")]


def test_variants_go_into_chunks() -> None:
    """So many in each, the requests of each beside them."""
    request = asked("x")
    lines = [line(str(number), {"scene": step(request)}) for number in range(CHUNK + 1)]
    index, chunks = built(lines, **{request.id: history(request)})
    assert [len(chunk["variants"]) for chunk in chunks] == [CHUNK, 1]
    assert [list(chunk["requests"]) for chunk in chunks] == [[request.id], [request.id]]
    assert index["count"] == CHUNK + 1


def test_cost_is_added_up_for_each_variant() -> None:
    """What its requests cost together; unknown where nobody knows any of their prices."""
    scene, copy = asked("x"), asked("y", "jivox/text")
    lines = [line("1", {"scene": step(scene), "copy": step(copy)}), line("2", {"copy": step(copy)})]
    index, _ = built(lines, **{one.id: history(one) for one in (scene, copy)})
    assert (index["cost"], index["currency"]) == ([0.04, None], "USD")


def test_several_parts_and_flags_are_marked() -> None:
    """Only the variants with more than one part, and those with a check that failed, take room."""
    two = [file_fields(b"a", "a.png"), file_fields(b"b", "b.png")]
    bad = [{"name": "format", "ok": False}]
    index, _ = built(
        [line("1", {"scene": step(asked("x"), files=two)}), line("2", {"scene": step(asked("y"), files=two[:1], checks=bad)})]
    )
    assert (index["steps"][1]["parts"], index["steps"][1]["flags"]) == ({"0": 2}, [1])


def test_the_seed_is_the_plans(tmp_path: Path) -> None:
    """A variant without a cell and one with a cell have the seeds a run gives them."""
    for top in ("output: {dir: out}\n", "output: {dir: out}\nmatrix: {locale: [en, de]}\n"):
        desk = open_desk(load_files(write_project(tmp_path, COPY, top)))
        variants = list(desk.plan.variants(read_rows(desk.source((tmp_path / "feed.csv",), ("feed.csv",)))))
        lines = [line(one.row.key, {"copy": {"status": "done"}}, one.cell, one.number) for one in variants]
        _, chunks = built(lines)
        assert [one["seed"] for one in chunks[0]["variants"]] == [one.seed for one in variants]


@pytest.mark.parametrize(
    ("value", "label"),
    [("en", "en"), ({"name": "mpu", "w": 1}, "mpu"), ({"w": 1}, '{"w":1}'), (7, "7"), (None, "null"), (["a"], '["a"]')],
)
def test_a_value_of_an_axis_has_a_word(value: Any, label: str) -> None:
    """Its name where it has one, else its JSON."""
    assert label_of(value) == label


@pytest.mark.parametrize(("text", "amount"), [("0.04", Decimal("0.04")), ("", Decimal(0)), ("abc", Decimal(0))])
def test_an_amount_is_read(text: str, amount: Decimal) -> None:
    """What is no number costs nothing."""
    assert read_amount(text) == amount
