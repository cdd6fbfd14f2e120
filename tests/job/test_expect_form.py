"""`expect:` as a job writes it, and every mistake in one sentence."""

from __future__ import annotations

import pytest

from runner.errors import Invalid
from runner.job.expect_form import Expect, OnFail
from runner.job.load import read_job
from tests.projects import said

JOB = "version: 1\nname: j\nfeed: {path: f.csv}\noutput: {dir: out}\nsteps:\n  a:\n    use: a/b\n    expect: "


def read(text: str) -> Expect:
    """The step's `expect:` that says this."""
    found = read_job(f"{JOB}{text}\n".encode(), "job.yaml")[0].steps["a"].expect
    assert found is not None
    return found


def complaints(text: str) -> list[str]:
    """What is wrong with it, without its place."""
    with pytest.raises(Invalid) as raised:
        read(text)
    return [line.partition(" ")[2] for line in said(raised.value)]


def test_one_and_several_are_written_alike() -> None:
    """A single format, mode, ratio or word needs no list."""
    expect = read('{format: png, mode: rgb, ratio: "1:1", forbidden: best, required: [mug], facts: price}')
    assert (expect.format, expect.mode, expect.ratio) == (["png"], ["rgb"], ["1:1"])
    assert (expect.forbidden, expect.required, expect.facts) == (["best"], ["mug"], ["price"])


def test_what_becomes_of_a_failure_has_three_forms() -> None:
    """A word, or how often to ask again and what then."""
    assert read("{on_fail: keep}").on_fail == OnFail.model_construct(retry=0, then="keep")
    assert read("{on_fail: {retry: 2}}").on_fail == OnFail(retry=2)
    assert read("{on_fail: {retry: 2, then: keep}}").on_fail == OnFail(retry=2, then="keep")


def test_sizes_are_a_list_or_have_their_weight() -> None:
    """Both are kept as they are written."""
    assert read("{sizes: [300x250]}").sizes == ["300x250"]
    assert read("{sizes: {300x250: 150}}").sizes == {"300x250": 150.0}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{ratio: 1.91}", "steps.a.expect.ratio: "),
        ('{ratio: "0:1"}', 'needs width to height, such as "1.91:1"'),
        ("{sizes: [300]}", "needs width x height, such as 300x250; got the number 300"),
        ("{sizes: 300x250}", "needs sizes, such as [300x250, 728x90]"),
        ('{ratio: "1:1", tolerance: 1}', "needs a percentage below 100%, such as 1%"),
        ("{tolerance: 1%}", "steps.a.expect.tolerance: is for a ratio; write ratio: beside it"),
        ("{unlike_siblings: 65}", "needs how many of 64 bits may differ, such as 6"),
        ("{forbidden: []}", "needs a text or a list of texts"),
        ("{alpha: yes}", "needs one of required, forbidden, allowed"),
        ("{pack: google-dsplay}", "there is no pack google-dsplay; did you mean google-display?"),
        ("{role: headline}", "steps.a.expect.role: is a role of a pack; write pack: beside it"),
        ("{on_fail: again}", "needs fail, keep, or a map such as {retry: 2}"),
        ("{on_fail: {retry: 0}}", "is 0; the least allowed is 1"),
        ("{on_fail: {retry: 11}}", "is 11; the most allowed is 10"),
        ("{min_width: 9, max_width: 8}", "steps.a.expect.min_width: is 9, more than max_width (8); no answer can be both"),
        ("{min_kb: 9.5, max_kb: 9}", "steps.a.expect.min_kb: is 9.5, more than max_kb (9); no file can be both"),
        ("{max_char: 8}", "not a field of expect; did you mean max_chars?"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, wrong: str) -> None:
    """With the field's name and what it takes."""
    [line] = complaints(text)
    assert wrong in line
