"""Mistakes cut out of a job leave a job that can be inspected."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.job.document import read_document
from runner.job.mending import Mended, mend_job
from tests.job.samples import FULL, JOB


def mend(text: str) -> Mended | None:
    """What is right of the job in `text`."""
    return mend_job(read_document(text, "job.yaml"))


def test_a_right_job_stays_as_it_is() -> None:
    """Nothing is cut out of a job without mistakes."""
    mended = mend(FULL)
    assert mended is not None
    assert mended.cut == frozenset()
    assert set(mended.job.steps) == {"headline", "scene", "ad"}


@pytest.mark.parametrize(
    ("old", "new", "cut"),
    [
        ("variants: 2", "variants: 0", "variants"),
        ("limit: 50", "limit: none", "feed"),
        ("again: 2", "agian: 2", "steps"),
        ("locale: [en-US, de-DE]", "locale: []", "matrix"),
        ('cron: "0 6 * * *"', "cron: often", "refresh"),
        ("name: summer-sale", "name: 7", "name"),
        ("output: {dir: ../out/summer-sale}", "output: {folder: x}", "output"),
    ],
)
def test_a_wrong_value_is_cut_out(old: str, new: str, cut: str) -> None:
    """The rest stays, and it is said where something was cut."""
    assert old in FULL
    mended = mend(FULL.replace(old, new, 1))
    assert mended is not None
    assert mended.cut == {cut}
    assert set(mended.job.steps) == {"headline", "scene", "ad"}


def test_a_step_beyond_mending_takes_its_readers_along() -> None:
    """A step without `use`, those that read it, and those that read them."""
    lost = "  a: {with: {}}\n  b: {use: x/y, with: {p: '{{ steps.a.text }}'}}\n"
    lost += "  c: {use: x/y, with: {p: '{{ steps[\"b\"].text }}'}}\n"
    mended = mend(JOB.replace("steps:\n", f"steps:\n{lost}"))
    assert mended is not None
    assert set(mended.job.steps) == {"ad"}


@pytest.mark.parametrize(
    "text", ["[]", "x", "{}", "steps: {}", "version: 1\nname: x\nfeed: {path: a}\nsteps: {a: {}}\noutput: {dir: o}"]
)
def test_what_is_no_job_cannot_be_mended(text: str) -> None:
    """Without a feed or a step there is nothing to inspect."""
    assert mend(text) is None


WHOLE = yaml.safe_load(FULL)

junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(["version", "name", "feed", "vars", "matrix", "variants", "steps", "budget", "output", "refresh"]), junk)
def test_anything_in_place_of_anything_is_mended_or_given_up(key: str, value: Any) -> None:
    """Whatever a job holds, mending ends with a job or with nothing, never with an error."""
    data = {**WHOLE, key: value}
    try:
        document = read_document(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True), "job.yaml")
    except Invalid:
        return
    mended = mend_job(document)
    assert mended is None or mended.job.steps
