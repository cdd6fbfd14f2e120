"""`export:` as a job writes it, and every mistake in one sentence."""

from __future__ import annotations

import pytest

from runner.errors import Invalid
from runner.job.export_form import Export
from runner.job.load import read_job
from tests.projects import said

JOB = "version: 1\nname: j\nfeed: {path: f.csv}\noutput: {dir: out}\nsteps: {a: {use: a/b}}\nexport:\n  shop: "


def read(text: str) -> Export:
    """The export that says this."""
    return read_job(f"{JOB}{text}\n".encode(), "job.yaml")[0].export["shop"]


@pytest.mark.parametrize(
    "text",
    [
        '{format: merchant, base_url: "https://cdn.example.com/ads"}',
        '{format: meta, images: [], title: "{{ steps.a.text }}"}',
        '{format: csv, columns: {id: "{{ row.id }}", n: "{{ variant }}"}, where: variant == 1}',
    ],
)
def test_each_format_needs_little(text: str) -> None:
    """What is needed, and no more."""
    assert read(text).format in text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{}", "export.shop.format: is missing"),
        ("{format: xml}", "export.shop.format: "),
        ("{format: merchant}", "export.shop: needs base_url"),
        ("{format: meta, images: []}", "export.shop: has neither images, title nor description"),
        ("{format: csv}", "export.shop: has no columns"),
        ("{format: csv, columns: {}}", "export.shop: has no columns"),
        ("{format: csv, columns: {a: b}, title: x}", "export.shop.title: is for merchant and meta"),
        ('{format: meta, base_url: "https://x.example", columns: {a: b}}', "export.shop.columns: is for format: csv"),
        ('{format: meta, base_url: "http://cdn.example.com"}', "export.shop.base_url: plain http is for this machine only"),
        ('{format: csv, columns: {a: " "}}', "export.shop.columns.a: is empty"),
        ('{format: csv, columns: {a: b}, where: ""}', "export.shop.where: is empty"),
        ("{format: csv, columns: {a: b}, colums: 1}", "export.shop.colums: "),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, wrong: str) -> None:
    """What is missing, and what does not belong to the format."""
    with pytest.raises(Invalid) as raised:
        read(text)
    [told] = said(raised.value)
    assert told.startswith("job.yaml:7:")
    assert told.partition(" ")[2].startswith(wrong)


def test_a_name_is_that_of_a_file() -> None:
    """Letters, digits and _, so that it is one on every system."""
    with pytest.raises(Invalid) as raised:
        read_job(JOB.replace("shop", "../shop").encode() + b"{format: csv, columns: {a: b}}\n", "job.yaml")
    assert "a name begins with a letter" in said(raised.value)[0]
