"""What goes wrong is grouped as a person would, with its place in the job and what to do next."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from runner.causes import KINDS, OTHER, TOLD, Cause, Causes, advise, cause_of, causes_in, gist, locate, remedy
from runner.job.document import read_document
from runner.job.expect import Check
from runner.loom import Outcome
from runner.outcomes import GONE
from runner.records import Request, make_request

JOB = """\
steps:
  scene:
    use: vyro/text-to-image
    with:
      prompt: a mug
      style: cubist
    expect: {width: 3}
  plain: {use: jivox/text, with: {prompt: hello}}
"""


WRONG = (Check("width", 3, 4, "wide"),)
BUY = "adbatch run x.yaml --fresh scene"


def asked() -> Request:
    """Some request to vyro."""
    return make_request("vyro", "text-to-image", {"prompt": "a mug"})


def refused(why: str) -> dict[str, Outcome]:
    """A variant whose scene was refused for this reason."""
    return {"copy": Outcome("done"), "scene": Outcome("refused", asked(), why=why), "ad": Outcome("blocked", why="it reads scene")}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("422: style 'cubist' unknown", "422: style 'naive' unknown", True),
        ("500: trace 8f3a-77", "500: trace 11b0-12", True),
        ("failed after 31.5 s", "failed after 7 s", True),
        ('said "no"', 'said "never"', True),
        ("422: no", "403: no", False),
        ("422: style unknown", "422: prompt unknown", False),
    ],
)
def test_reasons_that_say_the_same_are_one(one: str, other: str, alike: bool) -> None:
    """Numbers, ids and quoted words do not count; the status code and the words do."""
    assert (gist(one) == gist(other)) == alike


def test_a_long_reason_takes_no_longer_for_its_length() -> None:
    """A page of HTML without a figure in it, as some gateways answer, is looked at once."""
    begun = process_time()
    assert gist("x" * 200_000) == "x" * 200_000
    assert process_time() - begun < 1


def test_causes_are_counted_and_the_largest_told_first() -> None:
    """The first reason of a group stands for it; what only waits for another step is no cause; a few are told."""
    causes = Causes()
    for why in ["429: rare", *(f"422: style '{number}' unknown" for number in range(37))]:
        causes.note(refused(why))
    assert causes.worst() == (
        Cause("scene", "refused", "422: style '0' unknown", "vyro", count=37),
        Cause("scene", "refused", "429: rare", "vyro"),
    )
    assert str(causes.worst(1)[0]) == "37 refused by vyro (scene): 422: style '0' unknown"
    for letter in "abcdefgh":
        causes.note(refused(f"reason {letter}"))
    assert len(causes.worst()) == TOLD


LETTERS = str.maketrans("0123456789", "abcdefghij")


def test_memory_is_bounded_however_differently_vendors_put_it() -> None:
    """Beyond so many groups the rest are one."""
    causes = Causes()
    for number in range(KINDS + 50):
        causes.note(refused(f"{number}".translate(LETTERS)))
    assert causes.worst(1) == (Cause("scene", "refused", OTHER, "vyro", count=50),)
    assert len(causes.worst(2 * KINDS)) == KINDS + 1


def test_a_cause_survives_the_journal() -> None:
    """What is noted of a cause as JSON is read as the same cause."""
    cause = Cause("scene", "done", "too wide", "vyro", "expect", True, 3)
    assert cause_of(cause.told()) == cause


@pytest.mark.parametrize(
    ("outcome", "part", "word"),
    [
        (Outcome("failed", asked(), why="timeout"), "with", "1 failed at vyro (scene): timeout"),
        (Outcome("failed", why="not sent: x"), "with", "1 failed (scene): not sent: x"),
        (Outcome("uncertain", asked(), why="reset"), "with", "1 uncertain at vyro (scene): reset"),
        (
            Outcome("failed", asked(), why="wide", checks=WRONG),
            "expect",
            "1 failed at vyro (scene): wide",
        ),
        (Outcome("done", asked(), why="wide", flagged=True), "expect", "1 kept at vyro (scene): wide"),
        (
            Outcome("failed", asked(), why="cannot be finished: small"),
            "finish",
            "1 failed at vyro (scene): cannot be finished: small",
        ),
    ],
)
def test_a_cause_says_whose_it_is_and_what_it_is_about(outcome: Outcome, part: str, word: str) -> None:
    """A vendor's refusal, our own failure, an expectation that was not met, and a picture that could not be finished."""
    [cause] = causes_in({"scene": outcome})
    assert (cause.part, str(cause)) == (part, word)


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (Cause("scene", "refused", "422: style unknown for this prompt", "vyro"), 6),
        (Cause("scene", "refused", "422: PROMPT is too long", "vyro"), 5),
        (Cause("scene", "refused", "422: stylish prompts are not for us", "vyro"), 2),
        (Cause("scene", "failed", "not as expected: width 4", "vyro", "expect"), 7),
        (Cause("scene", "failed", "cannot be finished", "vyro", "finish"), 2),
        (Cause("plain", "refused", "422: prompt", "jivox"), 8),
        (Cause("gone", "failed", "x"), 1),
    ],
)
def test_a_cause_has_its_place_in_the_job(cause: Cause, line: int) -> None:
    """The field that the reason names first as a whole word, else the part of the step, else the step."""
    assert locate(cause, read_document(JOB, "jobs/x.yaml")).line == line


@pytest.mark.parametrize(
    ("cause", "does"),
    [
        (Cause("scene", "refused", "422: no", "vyro"), "change what is asked there, then run again"),
        (Cause("scene", "uncertain", "reset", "vyro"), "it may be billed: adbatch resolve x.yaml"),
        (Cause("scene", "failed", "500", "vyro"), "ask again: adbatch retry x.yaml"),
        (Cause("scene", "failed", GONE, "vyro"), BUY),
        (Cause("scene", "failed", "not sent"), "mend the job or the row, then run again"),
        (
            Cause("scene", "failed", "wide", "vyro", "expect"),
            f"mend what is expected, or buy it again: {BUY}",
        ),
        (Cause("scene", "failed", "small", "vyro", "finish"), "mend finish: there, then run again; nothing is bought"),
    ],
)
def test_a_cause_comes_with_what_to_do(cause: Cause, does: str) -> None:
    """Each kind has its next action, as a command where there is one."""
    assert remedy(cause, "x.yaml") == does
    [advice] = advise([cause], read_document(JOB, str(Path("jobs/x.yaml"))), "x.yaml")
    assert (advice.place.startswith("jobs/x.yaml:"), advice.remedy) == (True, does)
